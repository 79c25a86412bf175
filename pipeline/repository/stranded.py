"""Drops that do not get on: not handed over though they should be, or handed over and never spoken of. Live mail only."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select, update

from pipeline.lifecycle import Cause, DropStatus, SlaState, Status
from pipeline.models.types import Ids
from pipeline.repository.aside import BEFORE_HAND_OVER, spoken_of
from pipeline.repository.batches import live_pieces
from pipeline.repository.moves import Alarm, alarm, select_snapshots, snapshot
from pipeline.repository.tables import batches, drops, pieces, printers

HEARD_OF_WITHIN = timedelta(days=7)
"""Drops older than this are left to the nightly reconciliation. A shop may be closed for a long weekend in between."""

_AT_PRINTER_SINCE = func.coalesce(drops.c.sent_at, drops.c.handing_over_at)
"""A printer that could not be reached at the rename may have been given the drop hours after that was first tried."""
_OUT_OF_USE = or_(printers.c.suspended_at.is_not(None), printers.c.quarantined_at.is_not(None))


def waiting_drops(tx: Connection, mode: str) -> Sequence[Row[Any]]:
    """Drops before their hand-over that failed or are being put, or whose printer is out of use."""
    tried = or_(drops.c.tries > 0, drops.c.putting_since.is_not(None))
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), drops.c.status.in_(BEFORE_HAND_OVER))
    return tx.execute(_drops().where(here, or_(tried, _OUT_OF_USE)).order_by(drops.c.due_at)).all()


def half_handed_over(tx: Connection, mode: str, since: datetime) -> Sequence[Row[Any]]:
    """Drops whose hand-over may have been made or not, and that are to be asked back or told of: those whose printer went out of
    use meanwhile, and those that have failed since line time `since`.
    """
    unasked, untold = drops.c.recall_state.is_(None), drops.c.silent_at.is_(None)
    fails = and_(drops.c.tries > 0, drops.c.handing_over_at <= since, or_(unasked, untold))
    half = and_(drops.c.status == DropStatus.HANDING_OVER, or_(and_(_OUT_OF_USE, unasked), fails))
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), half)
    return tx.execute(_drops().where(here).order_by(drops.c.due_at)).all()


def unheard_drops(tx: Connection, mode: str, at: datetime) -> Sequence[Row[Any]]:
    """Drops at a printer that has said nothing of them yet, those that wait longest first.

    Where we have not asked the printer lately, since our workers stood still, the silence is ours.
    """
    asked = or_(printers.c.poll_at > at, printers.c.tries > 0)
    # By the earlier moment, which has an index: an outage at the rename lasts no week.
    recent = drops.c.handing_over_at > at - HEARD_OF_WITHIN
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), drops.c.status == DropStatus.SENT)
    open_ = or_(drops.c.silent_at.is_(None), drops.c.recall_state.is_(None))
    return tx.execute(_drops().where(here, recent, open_, asked, ~spoken_of()).order_by(_AT_PRINTER_SINCE)).all()


def mark_silent(
    tx: Connection, drop: Row[Any], *, at: datetime, now: datetime, ids: Ids, limit: int
) -> Collection[str] | None:
    """Put up to `limit` of a silent drop's promises at risk, and note the silence once there are no more.

    Returns the pieces that were marked, or None when it was noted now.
    """
    # Of a piece that is printed again, what is `printed` was spoiled.
    waits = [Status.SENT, Status.PRINTED] if drop.revision else [Status.SENT]
    on_track = and_(live_pieces(drop), pieces.c.status.in_(waits), pieces.c.sla_state == SlaState.ON_TRACK)
    rows = tx.execute(select_snapshots().where(on_track).limit(limit)).all()
    silent = Cause("printer_silent", f"{drop.printer} has not said a word of its drop")
    alarms = [Alarm(snapshot(row), SlaState.AT_RISK, row.due_at, silent) for row in rows]
    marked = alarm(tx, alarms, at=at, now=now, ids=ids, evidence={"drop": drop.stem})
    if len(rows) == limit:
        return marked
    return None if note_silence(tx, drop.id, at) else marked


def note_silence(tx: Connection, drop_id: str, at: datetime) -> bool:
    """False where it was noted before, so that it was told of."""
    new = and_(drops.c.id == drop_id, drops.c.silent_at.is_(None))
    return bool(tx.execute(update(drops).where(new).values(silent_at=at)).rowcount)


def _drops() -> Any:
    return select(
        *(drops.c[name] for name in _DROP),
        _AT_PRINTER_SINCE.label("at_printer_since"),
        batches.c.product,
        batches.c.stock,
        batches.c.mail_class,
        printers.c.name.label("printer"),
        printers.c.profile,
        printers.c.suspended_at,
        printers.c.quarantined_at.label("printer_quarantined_at"),
    ).select_from(
        drops.join(batches, batches.c.id == drops.c.batch_id).join(printers, printers.c.id == drops.c.printer_id)
    )


_DROP = ("id", "stem", "batch_id", "printer_id", "revision", "sheets", "due_at", "frozen_at", "putting_since",
         "handing_over_at", "tries", "last_error", "recall_state", "silent_at")  # fmt: skip

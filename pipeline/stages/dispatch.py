"""Dispatch: put a drop at its printer and hand it over, so that it cannot be lost and cannot be handed over twice.

Every file but the ready file is put first. Then the ready file is written under a name of this attempt's own, `handing_over`
is committed with that name, and one rename hands the drop over. The name is written once and the rename consumes it: whoever
still finds it knows that nothing was handed over, and whoever does not find it never makes another.
"""

from collections.abc import Collection, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from pipeline.errors import InDoubt, Permanent, PortError, Transient
from pipeline.lifecycle import BatchStatus, DropStatus, Move, Status
from pipeline.models.profile import proves_by_renaming
from pipeline.ports import Lies, Printer, Storage
from pipeline.repository.aside import Aside, put_in_doubt, set_drop_aside, wake_ack_poll
from pipeline.repository.batches import advance_batch, live_pieces
from pipeline.repository.claims import FREED
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.tables import drops, pieces, printers
from pipeline.stages.stage import Context, Done, PrinterDirectory

log = structlog.get_logger()
_BULK = 1_000
"""Rows a transaction, so that other writers are not kept waiting."""
_ATTEMPTS_OF_ONE = 2
"""Claims of a drop that goes well: one imposed it, one puts it there."""


class Dispatch:
    name = "dispatch"
    table = drops
    limit = 1

    def __init__(self, context: Context, storage: Storage, directory: PrinterDirectory, *, scan_poll_s: float) -> None:
        self._context = context
        self._storage = storage
        self._directory = directory
        self._scan_poll = timedelta(seconds=scan_poll_s)

    def where(self) -> ColumnElement[bool]:
        going = drops.c.status.in_([DropStatus.IMPOSED, DropStatus.HANDING_OVER])
        # Whoever is to take it back goes first: what is still a part then never becomes a ready file.
        unasked = or_(drops.c.recall_state.is_(None), drops.c.recall_state != "asked")
        return and_(drops.c.mode == self._context.mode, going, unasked)

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (drops.c.due_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        [drop] = rows
        try:
            lies = self._deliver(drop)
        except (Transient, Permanent) as error:
            log.warning("drop.delayed", drop=drop.stem, code=error.code, reason=str(error))
            return _wait(drop, error)
        if lies is None:
            return Done(lambda _tx, _now: ())
        if lies in (Lies.READY, Lies.TAKEN):
            self._move_pieces(drop)
        return Done(lambda tx, now: self._save(tx, drop, lies, now))

    def _deliver(self, drop: Row[Any]) -> Lies | None:
        """Where the drop lies in the end; None when another worker has taken over."""
        with self._context.db.read() as tx:
            printer_row = tx.execute(select(printers).where(printers.c.id == drop.printer_id)).one()
        with self._directory.open(printer_row) as printer:
            if drop.status == DropStatus.HANDING_OVER:
                return _proven(self._cleared(printer, drop, _settle(printer, drop.stem, drop.ready_part)), printer_row)
            self._note_putting(drop)
            printer.put(drop.stem, [self._storage.fetch(file["key"]) for file in drop.files])
            part = f"{drop.stem}.{drop.attempt}-{drop.claim_token[-6:]}.ready.part"
            printer.stage_ready(part, drop.ready_body.encode())
            if not self._begin_handing_over(drop, part):
                return None
            return _proven(self._cleared(printer, drop, _hand_over(printer, drop.stem, part)), printer_row)

    def _cleared(self, printer: Printer, drop: Row[Any], lies: Lies) -> Lies:
        """What lies there, without the parts of attempts that died. If they stay, they do no harm."""
        if drop.attempt > _ATTEMPTS_OF_ONE and lies in (Lies.READY, Lies.TAKEN):
            with suppress(Transient, Permanent):
                printer.clear_parts(drop.stem)
        return lies

    def _note_putting(self, drop: Row[Any]) -> None:
        """Since when its files are put: one that takes too long is moved, though nothing fails."""
        if drop.putting_since is None:
            with self._context.db.write() as tx:
                since = update(drops).where(drops.c.id == drop.id).values(putting_since=self._line_now(tx, drop))
                tx.execute(since)

    def _begin_handing_over(self, drop: Row[Any], part: str) -> bool:
        """The line of no return, committed before the rename; False when the claim is no longer ours."""
        mine = and_(
            drops.c.id == drop.id,
            drops.c.attempt == drop.attempt,
            drops.c.claim_token == drop.claim_token,
            drops.c.status == DropStatus.IMPOSED,
        )
        with self._context.db.write() as tx:
            now = self._line_now(tx, drop)
            started = (
                update(drops).where(mine).values(status=DropStatus.HANDING_OVER, ready_part=part, handing_over_at=now)
            )
            if not tx.execute(started).rowcount:
                return False
            advance_batch(tx, drop.batch_id, BatchStatus.HANDING_OVER)
        return True

    def _move_pieces(self, drop: Row[Any]) -> None:
        """Pieces to `sent`, some at a time. A crash in between is settled by looking again, and this goes on."""
        evidence = {"drop": drop.stem, "digest": drop.digest}
        waiting = and_(live_pieces(drop), pieces.c.status == Status.BATCHED)
        while True:
            with self._context.db.write() as tx:
                rows = tx.execute(select_snapshots().where(waiting).limit(_BULK)).all()
                at = self._context.line_clock.read(tx, {row.account_id for row in rows})
                wishes = [
                    Move(
                        snapshot(row),
                        Status.SENT,
                        at[row.account_id],
                        evidence,
                        {"poll_at": at[row.account_id] + self._scan_poll},
                    )
                    for row in rows
                ]
                move(tx, wishes, now=self._context.machine_clock(), ids=self._context.ids)
            if len(rows) < _BULK:
                return

    def _save(self, tx: Connection, drop: Row[Any], lies: Lies, now: datetime) -> Collection[str]:
        status = {Lies.NOTHING: DropStatus.IN_DOUBT, Lies.RECALLED: DropStatus.RECALLED}.get(lies, DropStatus.SENT)
        ours = and_(drops.c.id == drop.id, drops.c.attempt == drop.attempt, drops.c.status == DropStatus.HANDING_OVER)
        if status is DropStatus.RECALLED:
            return (
                {drop.id} if set_drop_aside(tx, drop.id, self._recalled(tx, drop, now), ids=self._context.ids) else ()
            )
        # What was told of a hand-over that could not be ended is over: from here on the printer may be silent.
        new = {"sent_at": now, "silent_at": None} if status is DropStatus.SENT else {}
        if not tx.execute(update(drops).where(ours).values(status=status, **new, **FREED)).rowcount:
            return ()
        at = self._line_now(tx, drop)
        if status is DropStatus.SENT:
            advance_batch(tx, drop.batch_id, BatchStatus.SENT)
            wake_ack_poll(tx, drop.printer_id, at)
        elif status is DropStatus.IN_DOUBT:
            log.error("drop.in_doubt", drop=drop.stem, runbook="drop-in-doubt")
            put_in_doubt(tx, drop, at)
        return {drop.id}

    def _recalled(self, tx: Connection, drop: Row[Any], now: datetime) -> Aside:
        asked = tx.execute(select(drops.c.recall_by, drops.c.recall_reason).where(drops.c.id == drop.id)).one()
        reason = asked.recall_reason or "it lies recalled at the printer"
        return Aside(DropStatus.RECALLED, asked.recall_by or "printer", reason, self._line_now(tx, drop), now)

    def _line_now(self, tx: Connection, drop: Row[Any]) -> datetime:
        account = drop.account_id or ""
        return self._context.line_clock.read(tx, {account})[account]


def _hand_over(printer: Printer, stem: str, part: str) -> Lies:
    try:
        printer.hand_over(stem, part)
    except (InDoubt, Permanent):
        return _settle(printer, stem, part)
    return Lies.READY


def _settle(printer: Printer, stem: str, part: str) -> Lies:
    """Look at the printer's side. The part still being there proves that no rename was made, so that this one is the first."""
    lies = printer.look(stem, part)
    if lies is Lies.PART:
        printer.hand_over(stem, part)
        return Lies.READY
    return lies


def _proven(lies: Lies, printer_row: Row[Any]) -> Lies:
    """What is proved by what lies there. Where the ready file is not taken by renaming, one that was recalled may have been taken
    before: that tells nothing. A part and a ready file tell the same of every printer, since we alone make the one of the other.
    """
    return Lies.NOTHING if lies is Lies.RECALLED and not proves_by_renaming(printer_row.profile) else lies


def _wait(drop: Row[Any], error: PortError) -> Done:
    return Done(lambda _tx, _now: (), later={drop.id: error})

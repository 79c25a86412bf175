"""What the scheduler sees: counts of pieces that wait for a batch, printers and their queues, and promises that are due."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, and_, case, cast, func, literal_column, or_, select

from pipeline.lifecycle import PROMISE_OPEN, BatchStatus, Cause, SlaState, Snapshot, Standing, Status
from pipeline.repository.aside import FAILOVER
from pipeline.repository.batches import freezable
from pipeline.repository.line_clocks import LineClock
from pipeline.repository.moves import Alarm, look_at_snapshots, snapshot
from pipeline.repository.tables import acks, batches, drops, pieces, printers

COOLING = timedelta(minutes=15)
"""How long a printer that refused a drop, or from which one was moved away, is given no other."""

UNREACHABLE_TRIES = 3
"""A printer that could not be asked for acknowledgements this often in a row is given nothing until it can."""
_NOT_PRINTED = (
    BatchStatus.FROZEN, BatchStatus.IMPOSED, BatchStatus.HANDING_OVER, BatchStatus.SENT, BatchStatus.ACCEPTED,
    BatchStatus.IN_DOUBT,
)  # fmt: skip
_KEY = (pieces.c.product, pieces.c.stock, pieces.c.mail_class, pieces.c.sheets)


def accounts_waiting(tx: Connection, mode: str) -> Sequence[str]:
    """Accounts that have a piece ready for a batch, whether or not it may be frozen yet."""
    ready = select(pieces.c.account_id).where(pieces.c.mode == mode, pieces.c.status == Status.READY)
    return tx.execute(ready.distinct().order_by(pieces.c.account_id)).scalars().all()


def any_waiting(tx: Connection, mode: str) -> bool:
    """Whether any piece is ready for a batch."""
    ready = select(pieces.c.id).where(pieces.c.mode == mode, pieces.c.status == Status.READY).limit(1)
    return tx.execute(ready).first() is not None


def waiting_pieces(
    tx: Connection, mode: str, account_id: str | None, at: datetime, *, bucket_s: int
) -> Sequence[Row[Any]]:
    """Per batch key and bucket of due times: how many may be frozen at line time `at`, and since when the first has waited.

    `bucket` counts whole `bucket_s` since the epoch; buckets of a key follow each other.
    """
    waits_from = case((pieces.c.ready_at > pieces.c.freeze_from, pieces.c.ready_at), else_=pieces.c.freeze_from)
    bucket = _bucket(tx, pieces.c.due_at, bucket_s).label("bucket")
    counted = select(
        *_KEY,
        bucket,
        func.count().label("count"),
        func.min(waits_from, type_=pieces.c.due_at.type).label("waiting_since"),
    )
    grouped = counted.where(freezable(mode, account_id, at)).group_by(*_KEY, bucket).order_by(*_KEY, bucket)
    return tx.execute(grouped).all()


def _bucket(tx: Connection, moment: ColumnElement[Any], bucket_s: int) -> ColumnElement[int]:
    seconds = func.strftime("%s", moment) if tx.dialect.name == "sqlite" else func.floor(func.extract("epoch", moment))
    return cast(seconds, BigInteger).op("/")(literal_column(str(bucket_s)))


def known_printers(tx: Connection, mode: str, account_id: str | None, at: datetime) -> Sequence[Row[Any]]:
    """All printers of live mail, or of a test account, by name, as `standing` and `back_at` read them."""
    refused = select(func.max(acks.c.received_at, type_=acks.c.received_at.type)).where(
        acks.c.printer_id == printers.c.id, acks.c.state == "rejected", acks.c.received_at > at - COOLING
    )
    left = select(func.max(drops.c.set_aside_at, type_=drops.c.set_aside_at.type)).where(
        drops.c.printer_id == printers.c.id, drops.c.recall_by == FAILOVER, drops.c.set_aside_at > at - COOLING
    )
    lately = (refused.scalar_subquery().label("refused_at"), left.scalar_subquery().label("left_at"))
    owner = printers.c.account_id.is_(None) if account_id is None else printers.c.account_id == account_id
    return tx.execute(select(printers, *lately).where(printers.c.mode == mode, owner).order_by(printers.c.name)).all()


def open_printers(tx: Connection, mode: str, account_id: str | None, at: datetime) -> Sequence[Row[Any]]:
    """Printers that may be given work, by name."""
    return [row for row in known_printers(tx, mode, account_id, at) if standing(row) is Standing.OPEN]


def standing(printer: Row[Any]) -> Standing:
    """Whether a row of `known_printers` may be given work: the one rule for the plan, the board and failover."""
    if printer.suspended_at is not None:
        return Standing.SUSPENDED
    if printer.quarantined_at is not None:
        return Standing.QUARANTINED
    if printer.tries >= UNREACHABLE_TRIES:
        return Standing.UNREACHABLE
    return Standing.OPEN if back_at(printer) is None else Standing.COOLING


def back_at(printer: Row[Any]) -> datetime | None:
    """When a printer that refused a drop, or lost one to another, is given work again; None for one that did not lately."""
    lately = [at for at in (printer.refused_at, printer.left_at) if at is not None]
    return max(lately) + COOLING if lately else None


def unprinted_batches(tx: Connection, printer_ids: Collection[str]) -> Sequence[Row[Any]]:
    """What these printers have, may have, or will have to print, in the order of freezing; `handed_over_at` is for live mail."""
    first_drop = and_(drops.c.batch_id == batches.c.id, drops.c.revision == 0)
    wanted = select(
        batches.c.printer_id,
        batches.c.product,
        batches.c.status,
        batches.c.frozen_at,
        batches.c.sheets,
        func.coalesce(drops.c.sent_at, drops.c.handing_over_at).label("handed_over_at"),
    ).join_from(batches, drops, first_drop)
    here = batches.c.printer_id.in_(sorted(printer_ids))
    unprinted = wanted.where(here, batches.c.status.in_(_NOT_PRINTED))
    return list(tx.execute(unprinted.order_by(batches.c.frozen_at, batches.c.id)))


def last_printed(tx: Connection, printer_ids: Collection[str], at: datetime) -> Mapping[str, datetime]:
    """When each printer last printed a drop, by its own word of the day before line time `at`: its next one began after that."""
    said = and_(
        acks.c.printer_id.in_(sorted(printer_ids)),
        acks.c.received_at > at - timedelta(days=1),
        acks.c.state == "printed",
    )
    latest = select(acks.c.printer_id, func.max(acks.c.at, type_=acks.c.at.type).label("at")).where(said)
    rows = tx.execute(latest.where(acks.c.at.is_not(None)).group_by(acks.c.printer_id))
    return {row.printer_id: min(row.at, at) for row in rows}


def first_words(
    tx: Connection, printer_ids: Collection[str], at: datetime, *, drops_: int
) -> Mapping[str, list[tuple[datetime, datetime]]]:
    """When each printer was given a drop and said its first word of it, of its last `drops_` in the day before line time `at`.

    By the printer's own time, so that a line that was down itself makes no printer slow; nor does an outage at the rename.
    """
    said = and_(
        acks.c.printer_id.in_(sorted(printer_ids)), acks.c.received_at > at - timedelta(days=1), acks.c.at.is_not(None)
    )
    first = select(acks.c.printer_id, acks.c.drop_stem, func.min(acks.c.at, type_=acks.c.at.type).label("at"))
    words = first.where(said).group_by(acks.c.printer_id, acks.c.drop_stem).subquery()
    theirs = and_(drops.c.stem == words.c.drop_stem, drops.c.printer_id == words.c.printer_id)
    wanted = select(words.c.printer_id, words.c.at, drops.c.handing_over_at, drops.c.sent_at, drops.c.account_id)
    wanted = wanted.join_from(words, drops, theirs)
    told: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in tx.execute(wanted.where(drops.c.handing_over_at.is_not(None)).order_by(words.c.at.desc())):
        if len(told[row.printer_id]) < drops_:
            # A printer may speak of a drop before we know that it has it; and `sent_at` is no time of a sandbox's clock.
            known = row.account_id is None and row.sent_at is not None and row.sent_at <= row.at
            told[row.printer_id].append((row.sent_at if known else row.handing_over_at, row.at))
    return told


def due_alarms(tx: Connection, mode: str, line_clock: LineClock, limit: int) -> list[Alarm]:
    """Promises to be told of now: at risk first, breached at `due_at`, each of them once, with the cause that was told before."""
    reached: ColumnElement[bool] = line_clock.reached(pieces.c.alarm_at, pieces.c.account_id)
    over = line_clock.reached(pieces.c.due_at, pieces.c.account_id)
    due = and_(pieces.c.mode == mode, reached, pieces.c.status.in_(sorted(PROMISE_OPEN)))
    untold = or_(pieces.c.sla_state == SlaState.ON_TRACK, and_(pieces.c.sla_state == SlaState.AT_RISK, over))
    cause = (pieces.c.sla_cause, pieces.c.sla_detail)
    wanted = look_at_snapshots(over.label("over"), *cause).where(due, untold).order_by(pieces.c.alarm_at).limit(limit)
    return [_due_alarm(snapshot(row), *row[-3:]) for row in tx.execute(wanted).all()]


def _due_alarm(piece: Snapshot, over: bool, code: str | None, detail: str | None) -> Alarm:
    cause = None if code is None else Cause(code, detail or "")
    return Alarm(piece, SlaState.BREACHED, None, cause) if over else Alarm(piece, SlaState.AT_RISK, piece.due_at, cause)


def told_cause(row: Row[Any]) -> Cause | None:
    """Why a piece will miss, as it was last told; None where it was not."""
    return None if row.sla_cause is None else Cause(row.sla_cause, row.sla_detail)


def not_told(
    tx: Connection, key: ColumnElement[bool], due_from: datetime, count: int, code: str, *, limit: int
) -> list[Snapshot]:
    """Of the next-due `count` pieces that wait under a key and are due from then on: up to `limit` whose promise is not broken,
    and of which this cause was not told."""
    waiting = select(pieces.c.id).where(key, pieces.c.due_at >= due_from).order_by(pieces.c.due_at, pieces.c.id)
    covered = pieces.c.id.in_(waiting.limit(count).subquery().select())
    return _open(tx, and_(covered, or_(pieces.c.sla_cause.is_(None), pieces.c.sla_cause != code)), limit)


def not_told_in_batch(tx: Connection, batch_id: str, due_before: datetime, *, limit: int) -> list[Snapshot]:
    """Of the pieces of a batch that are due before then: up to `limit` of which no cause was told.

    What was to miss before it came into its batch has its cause already.
    """
    covered = and_(
        pieces.c.batch_id == batch_id, pieces.c.due_at < due_before, pieces.c.status.in_(sorted(PROMISE_OPEN))
    )
    return _open(tx, and_(covered, pieces.c.sla_cause.is_(None)), limit)


def _open(tx: Connection, which: ColumnElement[bool], limit: int) -> list[Snapshot]:
    open_ = pieces.c.sla_state.in_((SlaState.ON_TRACK, SlaState.AT_RISK))
    wanted = look_at_snapshots().where(which, open_).order_by(pieces.c.due_at).limit(limit)
    return [snapshot(row) for row in tx.execute(wanted)]

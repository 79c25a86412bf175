"""What the scheduler sees: counts of pieces that wait for a batch, printers and their queues, and promises that are due."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, select

from pipeline.lifecycle import PROMISE_OPEN, BatchStatus, SlaState, Status
from pipeline.repository.batches import freezable
from pipeline.repository.line_clocks import LineClock
from pipeline.repository.moves import select_snapshots, snapshot
from pipeline.repository.tables import acks, batches, pieces, printers

COOLING = timedelta(minutes=15)
"""How long a printer that refused a drop is given no other."""
_NOT_PRINTED = (
    BatchStatus.FROZEN, BatchStatus.IMPOSED, BatchStatus.HANDING_OVER, BatchStatus.SENT, BatchStatus.ACCEPTED,
)  # fmt: skip
_KEY = (pieces.c.product, pieces.c.stock, pieces.c.mail_class, pieces.c.sheets)


def accounts_waiting(tx: Connection, mode: str) -> Sequence[str]:
    """Accounts that have a piece ready for a batch, whether or not it may be frozen yet."""
    ready = select(pieces.c.account_id).where(pieces.c.mode == mode, pieces.c.status == Status.READY)
    return tx.execute(ready.distinct().order_by(pieces.c.account_id)).scalars().all()


def waiting_pieces(tx: Connection, mode: str, account_id: str | None, at: datetime) -> Sequence[Row[Any]]:
    """Per batch key: how many may be frozen at line time `at`, the first promise, and since when the first has waited."""
    waits_from = case((pieces.c.ready_at > pieces.c.freeze_from, pieces.c.ready_at), else_=pieces.c.freeze_from)
    counted = select(
        *_KEY,
        func.count().label("count"),
        func.min(pieces.c.due_at).label("first_due"),
        func.min(waits_from, type_=pieces.c.due_at.type).label("waiting_since"),
    )
    return tx.execute(counted.where(freezable(mode, account_id, at)).group_by(*_KEY)).all()


def open_printers(tx: Connection, mode: str, account_id: str | None, at: datetime) -> Sequence[Row[Any]]:
    """Printers that may be given work, with `queued_sheets` not yet printed."""
    refused = select(acks.c.id).where(
        acks.c.printer_id == printers.c.id, acks.c.state == "rejected", acks.c.received_at > at - COOLING
    )
    queued = (
        select(func.coalesce(func.sum(batches.c.sheets), 0))
        .where(batches.c.printer_id == printers.c.id, batches.c.status.in_(_NOT_PRINTED))
        .scalar_subquery()
    )
    usable = and_(
        printers.c.mode == mode,
        printers.c.suspended_at.is_(None),
        printers.c.quarantined_at.is_(None),
        ~refused.exists(),
    )
    owner = printers.c.account_id.is_(None) if account_id is None else printers.c.account_id == account_id
    return tx.execute(
        select(printers, queued.label("queued_sheets")).where(usable, owner).order_by(printers.c.name)
    ).all()


def due_alarms(tx: Connection, mode: str, line_clock: LineClock, limit: int) -> list[tuple[Any, Any, Any]]:
    """Promises to be looked at now, as `moves.alarm` takes them: at risk first, breached at `due_at`."""
    reached: ColumnElement[bool] = line_clock.reached(pieces.c.alarm_at, pieces.c.account_id)
    over = line_clock.reached(pieces.c.due_at, pieces.c.account_id)
    due = and_(pieces.c.mode == mode, reached, pieces.c.status.in_(sorted(PROMISE_OPEN)))
    wanted = select_snapshots(over.label("over")).where(due).order_by(pieces.c.alarm_at).limit(limit)
    return [
        (snapshot(row), SlaState.BREACHED, None) if row.over else (snapshot(row), SlaState.AT_RISK, row.due_at)
        for row in tx.execute(wanted)
    ]

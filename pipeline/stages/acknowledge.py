"""Acknowledge: read what a printer says of its drops and move pieces by it. A repeated or late file changes nothing wrongly."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from pipeline.errors import Permanent
from pipeline.lifecycle import BatchStatus
from pipeline.models.ack_format import read_acks
from pipeline.models.profile import proves_by_renaming
from pipeline.ports import AckFile, Lies, Printer
from pipeline.repository.ack_checks import MADE_TWICE, AckRecord
from pipeline.repository.acks import AckWriter, is_recorded
from pipeline.repository.claims import FREED
from pipeline.repository.tables import batches, drops, printers
from pipeline.stages.shelf import ON_THE_SHELF, take_back
from pipeline.stages.stage import Context, Done, PrinterDirectory

log = structlog.get_logger()
_FILES = 50
_OPEN_BATCHES = (
    BatchStatus.HANDING_OVER,
    BatchStatus.SENT,
    BatchStatus.ACCEPTED,
    BatchStatus.PRINTED,
    BatchStatus.IN_DOUBT,
)


REFUSED = "refused"
"""The `recall_state` of a drop that is taken off the shelf since its printer refused it."""


class Acknowledge:
    name = "acknowledge"
    table = printers
    limit = 1

    def __init__(self, context: Context, directory: PrinterDirectory, *, poll_s: float) -> None:
        self._context = context
        self._directory = directory
        self._poll = timedelta(seconds=poll_s)
        self._writer = AckWriter(context.db, context.machine_clock, context.ids)

    def where(self) -> ColumnElement[bool]:
        account = printers.c.account_id
        return and_(
            printers.c.mode == self._context.mode, self._context.line_clock.reached(printers.c.poll_at, account)
        )

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (printers.c.poll_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        [row] = rows
        with self._directory.open(row) as printer:
            files = printer.acks(_FILES)
            for file in files:
                self._take(row, printer, file)
        return Done(lambda tx, now: self._save(tx, row, now, heard=len(files)))

    def _take(self, row: Row[Any], printer: Printer, file: AckFile) -> None:
        """Record first, then move the file away: a crash in between meets a file that is known, and moves it."""
        digest = sha256(file.body).hexdigest()
        with self._context.db.read() as tx:
            good = is_recorded(tx, row.id, digest)
            now = self._line_now(tx, row)
        if good is None:
            name = _text(file.name.encode("utf-8", "replace"))
            record = AckRecord(row.id, row.mode, name, digest, _text(file.body), now)
            good = self._apply(row, record, file, printer)
        printer.settle_ack(file.name, good=good)
        log.info("ack.applied" if good else "ack.refused", printer=row.name, file=file.name)

    def _apply(self, row: Row[Any], record: AckRecord, file: AckFile, printer: Printer) -> bool:
        reading = read_acks(record.name, file.body)
        applied = self._writer.apply(record, reading, lambda drop: self._withdraw(row, printer, drop))
        if any(fault.code in MADE_TWICE for fault in applied.faults):
            log.error(
                "drop.acknowledged_after_all", printer=row.name, file=record.name, runbook="drop-acknowledged-after-all"
            )
        return applied.good

    def _withdraw(self, row: Row[Any], printer: Printer, drop: Row[Any]) -> bool:
        """Take a refused drop off the shelf; whether the printer took it after it had refused it, or still can.

        That we try is committed before the rename, so that after a crash what is taken by then tells the same.
        """
        proves, tried = proves_by_renaming(row.profile), drop.recall_state == REFUSED
        try:
            lies = printer.look(drop.stem, drop.ready_part)
            if lies in ON_THE_SHELF:
                with self._context.db.write() as tx:
                    tx.execute(update(drops).where(drops.c.id == drop.id).values(recall_state=REFUSED))
                lies, tried = take_back(printer, drop), True
        except Permanent as error:
            log.warning("drop.not_withdrawn", drop=drop.stem, code=error.code, reason=str(error))
            return proves
        if not proves or not tried or lies is Lies.RECALLED:
            return False
        log.error("drop.in_doubt", drop=drop.stem, runbook="drop-in-doubt")
        return True

    def _line_now(self, tx: Connection, row: Row[Any]) -> datetime:
        account = row.account_id or ""
        return self._context.line_clock.read(tx, {account})[account]

    def _save(self, tx: Connection, row: Row[Any], now: datetime, *, heard: int) -> Collection[str]:
        at = self._line_now(tx, row)
        open_batches = (
            select(batches.c.id).where(batches.c.printer_id == row.id, batches.c.status.in_(_OPEN_BATCHES)).limit(1)
        )
        # A sandbox clock stops at every poll, so a sandbox printer is asked only while it has work.
        idle = row.account_id is not None and tx.execute(open_batches).first() is None
        next_poll = None if idle else at if heard == _FILES else at + self._poll
        heard_at = {"last_ack_at": now} if heard else {}
        mine = and_(printers.c.id == row.id, printers.c.attempt == row.attempt)
        tx.execute(update(printers).where(mine).values(poll_at=next_poll, **heard_at, **FREED))
        return {row.id}


def _text(body: bytes) -> str:
    """Text that every database takes: PostgreSQL has no NUL in any."""
    return body.decode("utf-8", "replace").replace("\0", "\ufffd")

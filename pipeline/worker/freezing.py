"""Freezing: what waits is counted, planned, and closed into batches. Live mail is one plan, each test account one of its own."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import structlog
from sqlalchemy import Row

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, PrinterProfile
from pipeline.ports import Doorbell, Note
from pipeline.press.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import backlog
from pipeline.repository.batches import Freeze, freeze
from pipeline.sla.planner import Backlog, BatchKey, Close, Press, plan
from pipeline.stages.stage import Context

log = structlog.get_logger()


class Freezing:
    """`run` closes what the plan says to close now. What no printer can make is told once, and again when it changes."""

    def __init__(self, context: Context, doorbell: Doorbell) -> None:
        self._context = context
        self._doorbell = doorbell
        self._told: dict[str | None, set[tuple[BatchKey, str]]] = {}

    def run(self) -> dict[str, datetime]:
        """When, by the plan, the next batch of each test account closes; empty for live mail."""
        with self._context.db.read() as tx:
            accounts = backlog.accounts_waiting(tx, self._context.mode)
        scopes: Sequence[str | None] = accounts if self._context.mode == "test" else [None] if accounts else []
        closing: dict[str, datetime] = {}
        for account_id in scopes:
            next_close_at = self._run_scope(account_id)
            if account_id is not None and next_close_at is not None:
                closing[account_id] = next_close_at
        return closing

    def _run_scope(self, account_id: str | None) -> datetime | None:
        mode = self._context.mode
        with self._context.db.read() as tx:
            at = self._context.line_clock.read(tx, {account_id or ""})[account_id or ""]
            waiting = [_backlog(mode, account_id, row) for row in backlog.waiting_pieces(tx, mode, account_id, at)]
            presses = [_press(row) for row in backlog.open_printers(tx, mode, account_id, at)] if waiting else []
        planned = plan(waiting, presses, at)
        self._tell(account_id, planned.stuck)
        profiles = {press.printer_id: press.profile for press in presses}
        for close in planned.closes:
            self._close(close, profiles[close.printer_id], at)
        return planned.next_close_at

    def _close(self, close: Close, profile: PrinterProfile, at: datetime) -> None:
        key = close.key
        order = Freeze(
            mode=key.mode,
            account_id=key.account_id,
            product=key.product,
            stock=key.stock,
            mail_class=key.mail_class,
            sheets=key.sheets,
            pieces=close.pieces,
            printer_id=close.printer_id,
            profile=profile,
            at=at,
            mail_by=close.mail_by,
            reason=close.reason,
        )
        try:
            with self._context.db.write() as tx:
                batch_id = freeze(tx, order, now=self._context.machine_clock(), ids=self._context.ids)
        except Permanent as error:
            log.error("freeze.refused", printer_id=close.printer_id, code=error.code, reason=str(error))
            return
        if batch_id is not None:
            log.info("batch.frozen", batch_id=batch_id, printer_id=close.printer_id, reason=close.reason)
            self._doorbell.ring(Note("impose", key.mode))

    def _tell(self, account_id: str | None, stuck: Sequence[tuple[BatchKey, str]]) -> None:
        for key, cause in set(stuck) - self._told.get(account_id, set()):
            log.error(
                "pieces.stuck", product=key.product, mail_class=key.mail_class, account_id=account_id, cause=cause
            )
        self._told[account_id] = set(stuck)


def _backlog(mode: str, account_id: str | None, row: Row[Any]) -> Backlog:
    key = BatchKey(mode, account_id, row.product, row.stock, row.mail_class, row.sheets)
    # `count` is a method of every row.
    count: int = row._mapping["count"]
    return Backlog(key, count, row.first_due, row.waiting_since)


def _press(row: Row[Any]) -> Press:
    profile = PrinterProfile.model_validate(row.profile)
    return Press(row.id, row.account_id, profile, _slots(profile), row.queued_sheets)


def _slots(profile: PrinterProfile) -> Mapping[str, int]:
    """Pieces a sheet, by product; a product that does not fit this printer's sheet is one it cannot make."""
    counted = {name: _n_up(name, profile.imposition) for name in profile.products}
    return {name: slots for name, slots in counted.items() if slots}


@lru_cache(maxsize=1024)
def _n_up(product: str, imposition: Imposition) -> int:
    try:
        return n_up(PRODUCTS[product], imposition) if product in PRODUCTS else 0
    except Permanent as error:
        log.warning("layout.does_not_fit", product=product, reason=str(error))
        return 0

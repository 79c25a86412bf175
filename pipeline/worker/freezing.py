"""Freezing: what waits is counted, planned, and closed into batches. Live mail is one plan, each test account one of its own."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Row

from pipeline.errors import Permanent
from pipeline.lifecycle import BatchStatus
from pipeline.models.profile import Imposition, PrinterProfile
from pipeline.ports import Doorbell, Note
from pipeline.press.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import backlog
from pipeline.repository.batches import Freeze, freeze
from pipeline.sla.closing import Close
from pipeline.sla.lots import BUCKET_S, Backlog, BatchKey
from pipeline.sla.planner import Shortfall, plan
from pipeline.sla.presses import Committed, Pace, Press
from pipeline.stages.stage import Context

log = structlog.get_logger()

_UNHEARD = (BatchStatus.HANDING_OVER, BatchStatus.SENT)


class Freezing:
    """`run` closes what the plan says to close now. What will miss, or no printer can make, is told once a cause."""

    def __init__(self, context: Context, doorbell: Doorbell) -> None:
        self._context = context
        self._doorbell = doorbell
        self._told: dict[str | None, set[tuple[BatchKey, str]]] = {}

    def run(self) -> dict[str, datetime]:
        """When, by the plan, the next batch of each test account closes; empty for live mail."""
        closing: dict[str, datetime] = {}
        for account_id in self._scopes():
            next_close_at = self._run_scope(account_id)
            if account_id is not None and next_close_at is not None:
                closing[account_id] = next_close_at
        return closing

    def _scopes(self) -> Sequence[str | None]:
        """What is planned by itself and has pieces that wait."""
        mode = self._context.mode
        with self._context.db.read() as tx:
            if mode == "test":
                return backlog.accounts_waiting(tx, mode)
            return [None] if backlog.any_waiting(tx, mode) else []

    def _run_scope(self, account_id: str | None) -> datetime | None:
        mode = self._context.mode
        with self._context.db.read() as tx:
            at = self._context.line_clock.read(tx, {account_id or ""})[account_id or ""]
            counted = backlog.waiting_pieces(tx, mode, account_id, at, bucket_s=BUCKET_S)
            printers = backlog.open_printers(tx, mode, account_id, at) if counted else []
            queued = backlog.unprinted_batches(tx, {row.id for row in printers}) if printers else []
            printed = backlog.last_printed(tx, {one.printer_id for one in queued}, at) if queued else {}
        waiting = list(_backlogs(mode, account_id, counted))
        presses = [
            _press(row, [one for one in queued if one.printer_id == row.id], printed.get(row.id)) for row in printers
        ]
        planned = plan(waiting, presses, at)
        self._tell(account_id, planned.shortfalls)
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
            due_from=close.due_from,
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

    def _tell(self, account_id: str | None, shortfalls: Sequence[Shortfall]) -> None:
        """Each cause once: pieces that no printer makes or that will miss."""
        causes = {(one.key, one.cause): one for one in shortfalls}
        for found in causes.keys() - self._told.get(account_id, set()):
            one = causes[found]
            log.error(
                "pieces.stuck",
                product=one.key.product,
                mail_class=one.key.mail_class,
                account_id=account_id,
                pieces=one.pieces,
                first_due=one.first_due,
                cause=one.cause,
            )
        self._told[account_id] = set(causes)


def _backlogs(mode: str, account_id: str | None, rows: Sequence[Row[Any]]) -> Iterator[Backlog]:
    """One a key; the rows of a key follow each other."""
    for (product, stock, mail_class, sheets), group in groupby(
        rows, key=lambda row: (row.product, row.stock, row.mail_class, row.sheets)
    ):
        buckets = list(group)
        # `count` is a method of every row.
        dues = [(datetime.fromtimestamp(row.bucket * BUCKET_S, UTC), int(row._mapping["count"])) for row in buckets]
        key = BatchKey(mode, account_id, product, stock, mail_class, sheets)
        yield Backlog(key, dues, min(row.waiting_since for row in buckets))


def _press(row: Row[Any], queued: Sequence[Row[Any]], printed_at: datetime | None) -> Press:
    profile = PrinterProfile.model_validate(row.profile)
    floor = profile.floor
    silent = [one.handed_over_at for one in queued if one.status in _UNHEARD and one.handed_over_at is not None]
    return Press(
        row.id,
        row.account_id,
        profile,
        {name: Pace(n_up, floor.sheets_per_hour, floor.cost_cents_per_sheet) for name, n_up in _slots(profile).items()},
        queue=tuple(Committed(one.product, one.sheets, one.frozen_at) for one in queued),
        # A sandbox printer is asked only where its account's clock stops, and never fails.
        unacknowledged_since=min(silent, default=None) if row.account_id is None else None,
        printed_at=printed_at,
    )


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

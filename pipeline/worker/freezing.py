"""Freezing: what waits is counted, planned, and closed into batches. Live mail is one plan, each test account one of its own."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

import structlog
from sqlalchemy import Row

from pipeline.errors import Permanent
from pipeline.lifecycle import Cause
from pipeline.models.profile import PrinterProfile
from pipeline.ports import Doorbell, Note
from pipeline.repository import backlog
from pipeline.repository.batches import Freeze, NotFrozenError, freeze
from pipeline.sla.closing import Close
from pipeline.sla.lots import BUCKET_S, Backlog, BatchKey
from pipeline.sla.planner import Shortfall, plan
from pipeline.sla.presses import Press
from pipeline.stages.stage import Context
from pipeline.worker.floor import read_presses
from pipeline.worker.foresight import Foresight
from pipeline.worker.leading import Leadership, LeadLostError
from pipeline.worker.plan_notes import PlanNotes

log = structlog.get_logger()


class Freezing:
    """`run` closes what the plan says to close now, for as long as this process leads.

    What will miss, or no printer can make, is told once a cause.
    """

    def __init__(self, context: Context, doorbell: Doorbell, leadership: Leadership, foresight: Foresight) -> None:
        self._context = context
        self._doorbell = doorbell
        self._leadership = leadership
        self._told: dict[str | None, set[tuple[BatchKey, Cause]]] = {}
        self._unreadable: set[str] = set()
        self._notes = PlanNotes(context)
        self._foresight = foresight

    def run(self) -> dict[str, datetime]:
        """When, by the plan, the next batch of each test account closes; empty for live mail."""
        closing: dict[str, datetime] = {}
        scopes = self._scopes()
        # Of what waits no more, everything is told again when it comes back.
        self._told = {scope: told for scope, told in self._told.items() if scope in scopes}
        for account_id in scopes:
            self._leadership.keep()
            next_close_at = self._run_apart(account_id)
            if account_id is not None and next_close_at is not None:
                closing[account_id] = next_close_at
        return closing

    def _scopes(self) -> Sequence[str | None]:
        """What is planned by itself and has pieces that wait."""
        mode = self._context.mode
        with self._context.db.read() as tx:
            if mode == "test":
                return backlog.accounts_waiting(tx, mode)
            waiting = backlog.any_waiting(tx, mode)
        if not waiting:
            self._notes.note_nothing()
        return [None] if waiting else []

    def _run_apart(self, account_id: str | None) -> datetime | None:
        """One whose plan fails keeps no other account's mail from freezing."""
        try:
            return self._run_scope(account_id)
        except LeadLostError:
            raise
        except Exception:  # the edge of an account: the others have to go on
            fields = {"step": "freeze", "mode": self._context.mode, "account_id": account_id}
            log.exception("tick.step_failed", **fields, runbook="tick-step-failed")
            return None

    def _run_scope(self, account_id: str | None) -> datetime | None:
        mode = self._context.mode
        with self._context.db.read() as tx:
            at = self._context.line_clock.read(tx, {account_id or ""})[account_id or ""]
            counted = backlog.waiting_pieces(tx, mode, account_id, at, bucket_s=BUCKET_S)
            printers = backlog.known_printers(tx, mode, account_id, at) if counted else []
            presses = read_presses(tx, printers, at)
        self._tell_unreadable(printers, presses)
        waiting = list(_backlogs(mode, account_id, counted))
        planned = plan(waiting, presses, at)
        self._tell(account_id, planned.shortfalls)
        self._foresight.mark_waiting(account_id, planned.shortfalls, at)
        self._notes.note(waiting, planned, presses, at)
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
            fewest=close.fewest,
            printer_id=close.printer_id,
            profile=profile,
            at=at,
            mail_by=close.mail_by,
            reason=close.reason,
            due_from=close.due_from,
        )
        try:
            with self._context.db.write() as tx:
                self._leadership.prove(tx)
                batch_id = freeze(tx, order, now=self._context.machine_clock(), ids=self._context.ids)
        except NotFrozenError as error:
            # The next tick plans anew, with what is true then.
            log.warning("freeze.overtaken", printer_id=close.printer_id, code=error.code, reason=str(error))
            return
        except Permanent as error:
            log.error(
                "freeze.refused",
                printer_id=close.printer_id,
                code=error.code,
                reason=str(error),
                runbook="freeze-refused",
            )
            return
        if batch_id is not None:
            log.info("batch.frozen", batch_id=batch_id, printer_id=close.printer_id, reason=close.reason)
            self._doorbell.ring(Note("impose", key.mode))

    def _tell_unreadable(self, printers: Sequence[Row[Any]], presses: Sequence[Press]) -> None:
        """Each printer once until it can be read: the others go on without it."""
        readable = {press.printer_id for press in presses}
        broken = {row.id: row.name for row in printers if row.id not in readable}
        for printer_id in sorted(broken.keys() - self._unreadable):
            log.error("printer.profile_invalid", printer=broken[printer_id], runbook="printer-profile-invalid")
        self._unreadable = self._unreadable.union(broken) - readable

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
                cause=one.cause.detail,
                runbook="pieces-stuck",
            )
        self._told[account_id] = set(causes)


def _backlogs(mode: str, account_id: str | None, rows: Sequence[Row[Any]]) -> Iterator[Backlog]:
    """One a key; the rows of a key follow each other."""
    for (product, stock, mail_class, sheets), group in groupby(
        rows, key=lambda row: (row.product, row.stock, row.mail_class, row.sheets)
    ):
        buckets = list(group)
        # `count` is a method of every row.
        dues = [float(row.bucket * BUCKET_S) for row in buckets]
        counts = [int(row._mapping["count"]) for row in buckets]
        key = BatchKey(mode, account_id, product, stock, mail_class, sheets)
        yield Backlog(key, dues, counts, min(row.waiting_since for row in buckets))

"""What is foreseen to miss is told its sender with its cause, once a piece and cause: what no plan can keep, and what a press is
behind with. In pages over ticks, so that a hundred thousand pieces hold up no batch.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, and_

from pipeline.lifecycle import Cause, SlaState, Snapshot
from pipeline.repository.backlog import not_told, not_told_in_batch
from pipeline.repository.batches import freezable
from pipeline.repository.board import of_key
from pipeline.repository.moves import Alarm, alarm
from pipeline.repository.tables import PAGE
from pipeline.sla.lots import BatchKey
from pipeline.sla.planner import Shortfall
from pipeline.stages.stage import Context
from pipeline.worker.board import Suspect, suspects

log = structlog.get_logger()

STANDS_FOR = timedelta(minutes=1)
"""What is foreseen for so long is told: a printer that is away for a moment breaks no promise. Simulated ones never are."""

LOOKED_EVERY = timedelta(minutes=1)
_PAGES = 5
"""Of one cause in one tick."""

_Subject = tuple[str | None, BatchKey, str]


class Foresight:
    """Works by line time on what waits, and on batches, which only live mail has a board of."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._since: dict[_Subject, datetime] = {}
        self._looked: dict[_Subject, datetime] = {}
        self._suspects: dict[str, Suspect] = {}
        self._suspected_at: datetime | None = None

    def mark_waiting(self, account_id: str | None, shortfalls: Sequence[Shortfall], at: datetime) -> None:
        """Tell what these shortfalls cover, once they have stood for a while."""
        found = {(account_id, one.key, one.cause.code): one for one in shortfalls}
        gone = [one for one in self._since if one[0] == account_id and one not in found]
        for subject in gone:
            del self._since[subject]
            self._looked.pop(subject, None)
        for subject, shortfall in found.items():
            stood_for = at - self._since.setdefault(subject, at)
            stands = stood_for >= STANDS_FOR or self._context.mode == "test"
            looked = self._looked.get(subject)
            if stands and (looked is None or at - looked >= LOOKED_EVERY) and self._mark_shortfall(shortfall, at):
                self._looked[subject] = at

    def mark_batched(self) -> None:
        """Tell what is in a batch that will miss, by two looks in a row."""
        now = self._context.machine_clock()
        if self._suspected_at is not None and now - self._suspected_at < LOOKED_EVERY:
            return
        self._suspected_at = now
        with self._context.db.read() as tx:
            found = {one.batch_id: one for one in suspects(tx, now)}
        for batch_id, one in found.items():
            if batch_id in self._suspects:
                self._mark_batch(one, now)
        self._suspects = found

    def _mark_shortfall(self, one: Shortfall, at: datetime) -> bool:
        key = one.key
        waits = and_(
            freezable(key.mode, key.account_id, at), of_key(key.product, key.stock, key.mail_class, key.sheets)
        )
        return self._mark(
            lambda tx: not_told(tx, waits, one.first_due, one.pieces, one.cause.code, limit=PAGE), one.cause, at
        )

    def _mark_batch(self, one: Suspect, at: datetime) -> bool:
        return self._mark(lambda tx: not_told_in_batch(tx, one.batch_id, one.truck, limit=PAGE), one.cause, at)

    def _mark(self, find: Callable[[Connection], list[Snapshot]], cause: Cause, at: datetime) -> bool:
        """A few pages of it; whether that was all."""
        for _ in range(_PAGES):
            with self._context.db.write() as tx:
                alarms = [Alarm(piece, SlaState.AT_RISK, piece.due_at, cause) for piece in find(tx)]
                alarm(tx, alarms, at=at, now=self._context.machine_clock(), ids=self._context.ids)
            if alarms and self._context.mode == "live":
                log.warning("promises.at_risk", pieces=len(alarms), cause=cause.detail, runbook="promises-missed")
            if len(alarms) < PAGE:
                return True
        return False

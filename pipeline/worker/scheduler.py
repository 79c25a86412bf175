"""The tick of one mode: publish events, mark promises, move what a printer cannot be given, freeze batches, wake what is due, look
after claims that died.

One leader ticks, by a lease row; a second one does no harm, since every step is a compare-and-set or a doorbell, and a batch
closes only in a transaction that proves the lead. A step that fails is told of and keeps no other from running; the next tick
tries it again.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Table

from pipeline.lifecycle import SlaState
from pipeline.ports import Note
from pipeline.repository import claims
from pipeline.repository.backlog import due_alarms
from pipeline.repository.moves import alarm
from pipeline.repository.outbox import PUBLISH_AT_ONCE, publish
from pipeline.repository.promote import promote
from pipeline.repository.tables import PAGE, pieces
from pipeline.worker.failover import Failover
from pipeline.worker.foresight import Foresight
from pipeline.worker.freezing import Freezing
from pipeline.worker.holding import Holding
from pipeline.worker.leading import Leadership, LeadLostError
from pipeline.worker.line import Line
from pipeline.worker.reconciliation import Reconciliation
from pipeline.worker.sandbox_clock import move_clocks

log = structlog.get_logger()

_RECONCILE_ASKED = timedelta(minutes=1)
_ROUNDS = 20
"""Pages of one step in one tick: a flood of events does not keep batches from closing."""


class Scheduler:
    """`owner` names this process in the lease row. Without `sweeps`, nothing that was lost is looked for."""

    def __init__(self, line: Line, *, owner: str, sweep_s: float = 5.0, sweeps: bool = True) -> None:
        self._line = line
        self._context = line.context
        self._leadership = Leadership(line.context.db, line.context.mode, owner, line.context.machine_clock)
        self._sweep_every = timedelta(seconds=sweep_s)
        self._sweeps = sweeps
        self._swept_at: datetime | None = None
        self._foresight = Foresight(line.context)
        self._freezing = Freezing(line.context, line.doorbell, self._leadership, self._foresight)
        self._reconciled_at: datetime | None = None
        # Simulated printers never fail.
        self._reconciliation = Reconciliation(line.context) if line.context.mode == "live" else None
        self._holding = Holding(line.context.db, line.context.machine_clock, line.context.ids)
        self._failover = Failover(line.context, line.doorbell) if line.context.mode == "live" else None

    def tick(self) -> bool:
        """One round; False while another process leads, or once it has taken the lead in the middle of it."""
        try:
            if not self._leadership.take():
                return False
        except Exception:  # the edge of the tick: the next one tries again
            log.exception("tick.step_failed", step="lead", mode=self._context.mode, runbook="tick-step-failed")
            return False
        try:
            self._run()
        except LeadLostError:
            log.warning("leader.lost", mode=self._context.mode)
            return False
        return True

    def resign(self) -> None:
        """Let another process lead at once."""
        self._leadership.resign()

    def _run(self) -> None:
        self._try("publish", self._publish)
        self._try("mark", self._mark)
        if self._failover is not None:
            self._try("failover", self._failover.run)
        self._try("freeze", self._freeze)
        if self._context.mode == "live":  # test mail has no board, and printers that never fail
            self._try("foresee", self._foresight.mark_batched)
        if self._reconciliation is not None:
            self._try("reconcile", self._reconcile)
            self._try("suspend", self._holding.finish_suspensions)
        if self._sweeps:
            self._try("wake", self._wake)
            self._try("sweep", self._sweep)

    def _try(self, name: str, step: Callable[[], None]) -> None:
        try:
            self._leadership.keep()
            step()
        except LeadLostError:
            raise
        except Exception:  # the edge of a step: the others have to go on
            log.exception("tick.step_failed", step=name, mode=self._context.mode, runbook="tick-step-failed")

    def _publish(self) -> None:
        for _ in range(_ROUNDS):
            with self._context.db.write() as tx:
                told, deliveries = publish(
                    tx, self._context.mode, now=self._context.machine_clock(), ids=self._context.ids
                )
            if deliveries:
                self._line.doorbell.ring(Note("notify", self._context.mode))
            if told < PUBLISH_AT_ONCE:
                return

    def _mark(self) -> None:
        """Promises at risk and broken, each told once. `at` is the line time at which they were found so."""
        marked: Counter[SlaState] = Counter()
        for _ in range(_ROUNDS):
            with self._context.db.write() as tx:
                due = due_alarms(tx, self._context.mode, self._context.line_clock, PAGE)
                line_now = self._context.line_clock.read(tx, {one.piece.account_id for one in due})
                by_moment = defaultdict(list)
                for one in due:
                    by_moment[line_now[one.piece.account_id]].append(one)
                now = self._context.machine_clock()
                for at, alarms in by_moment.items():
                    done = alarm(tx, alarms, at=at, now=now, ids=self._context.ids)
                    marked.update(one.to for one in alarms if one.piece.id in done)
            if len(due) < PAGE:
                break
        if self._context.mode == "live":  # of test mail only its sender is told
            _tell_marked(marked)

    def _freeze(self) -> None:
        closing = self._freezing.run()
        if self._context.mode == "test":
            move_clocks(self._context, closing)

    def _reconcile(self) -> None:
        """Asked once a minute; the night's first call does it."""
        now = self._context.machine_clock()
        if self._reconciliation is None or (self._reconciled_at and now - self._reconciled_at < _RECONCILE_ASKED):
            return
        self._reconciled_at = now
        self._reconciliation.run()

    def _wake(self) -> None:
        """Ring every stage that has something due: what was rung for is only ever a hint."""
        now = self._context.machine_clock()
        with self._context.db.read() as tx:
            stages = self._line.stages.values()
            waiting = [one.name for one in stages if claims.any_due(tx, one.table, where=one.where(), now=now)]
        for name in waiting:
            self._line.doorbell.ring(Note(name, self._context.mode))

    def _sweep(self) -> None:
        now = self._context.machine_clock()
        if self._swept_at is not None and now - self._swept_at < self._sweep_every:
            return
        self._swept_at = now
        self._promote(now)
        for table in {stage.table for stage in self._line.stages.values()}:
            self._bury(table, now)

    def _promote(self, now: datetime) -> None:
        """Two stages that finish a piece's address and its artwork at the same moment may each miss the other's work; and
        artwork that many pieces share promotes only a page of them itself."""
        mine = pieces.c.mode == self._context.mode
        for _ in range(_ROUNDS):
            with self._context.db.write() as tx:
                ready = promote(tx, mine, self._context.line_clock, now=now, ids=self._context.ids)
            if len(ready) < PAGE:
                return
        self._swept_at = None  # there may be more: go on at the next tick

    def _bury(self, table: Table, now: datetime) -> None:
        """Ring for rows whose worker died, each group apart from the others, at every stage that could have held them."""
        with self._context.db.write() as tx:
            buried = claims.bury(tx, table, mode=self._context.mode, now=now)
        if buried.groups:
            log.warning("claims.died", table=table.name, mode=self._context.mode, groups=len(buried.groups))
        for row in buried.quarantined:
            log.error("row.quarantined", table=table.name, mode=self._context.mode, row=row, runbook="row-quarantined")
        for stage in self._line.stages.values():
            if stage.table is table:
                for group in buried.groups:
                    self._line.doorbell.ring(Note(stage.name, self._context.mode, group))


def _tell_marked(marked: Mapping[SlaState, int]) -> None:
    if at_risk := marked.get(SlaState.AT_RISK):
        log.warning("promises.at_risk", pieces=at_risk, runbook="promises-missed")
    if broken := marked.get(SlaState.BREACHED):
        log.error("promises.breached", pieces=broken, runbook="promises-missed")

"""The line and its print shops through a scenario under one policy: an event simulation over counts.

The policy sees what the line would: a batch counts as unprinted until its acknowledgement has come, and a fault is known by
the silence that follows it.
"""

import heapq
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from pipeline.sla.presses import HEARD, LINE_OVERHEAD, Committed, Press
from pipeline.sla.report import Verdict, ended
from pipeline.sla.simulation.arrivals import Arrival
from pipeline.sla.simulation.chance import binomial
from pipeline.sla.simulation.policies import Order, Policy
from pipeline.sla.simulation.pool import Pieces, Pool
from pipeline.sla.simulation.scenario import Scenario
from pipeline.sla.simulation.shop import Job, Shop

_OVERHEAD_S = LINE_OVERHEAD.total_seconds()
_SAMPLE_S = 600.0

Telling = Callable[[float], None]
"""Told how far the simulated time has come, in seconds since the epoch."""


@dataclass
class Outcome:
    """What became of the pieces under one policy. `samples`, every ten minutes: time, pieces waiting, busy presses, printed."""

    policy: str
    pieces: int
    kept: int = 0
    excused: int = 0
    printed: int = 0
    slots: int = 0
    empty: int = 0
    cost_cents: float = 0.0
    batches: int = 0
    peak_backlog: int = 0
    samples: list[tuple[float, int, int, int]] = field(default_factory=list)

    @property
    def kept_share(self) -> float:
        return self.kept / self.pieces if self.pieces else 1.0

    @property
    def sheet_waste(self) -> float:
        return self.empty / self.slots if self.slots else 0.0


@dataclass
class _Books:
    """What the line knows of one printer: drops not known to be printed, and the last one that is."""

    press: Press
    drops: list[Job] = field(default_factory=list)
    printed_at: float | None = None
    heard_after: deque[float] = field(default_factory=lambda: deque(maxlen=HEARD))

    def seen(self) -> Press:
        unheard = [job.frozen_at for job in self.drops if not job.accepted]
        return replace(
            self.press,
            queue=tuple(Committed(job.product, job.sheets, _time(job.frozen_at)) for job in self.drops),
            unacknowledged_since=_time(min(unheard) + _OVERHEAD_S) if unheard else None,
            printed_at=None if self.printed_at is None else _time(self.printed_at),
            heard_after=timedelta(seconds=max(self.heard_after)) if self.heard_after else None,
        )


class Run:
    def __init__(self, scenario: Scenario, arrivals: Sequence[Arrival], policy: Policy, seed: int) -> None:
        self._scenario = scenario
        self._policy = policy
        self._arrivals = arrivals
        self._pool = Pool(scenario.batch_keys())
        self._rng = Random(f"{seed}/shops")  # noqa: S311  # a simulation has to be repeatable
        self._shops = {one.name: Shop(one, scenario, self._rng) for one in scenario.printers}
        self._books = {one.name: _Books(one.press()) for one in scenario.printers}
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = 0
        self._asked_for: float | None = None
        self._at = scenario.starts_at.timestamp()
        self.outcome = Outcome(policy.name, sum(arrival.pieces for arrival in arrivals))

    def run(self, tell: Telling) -> Outcome:
        """Until all is mailed, at the latest `drain_hours` after the last promise."""
        last_due = max((arrival.due for arrival in self._arrivals), default=self._at)
        end = max(last_due, self._scenario.arrivals_end.timestamp()) + 3600.0 * self._scenario.drain_hours
        minute: list[Arrival] = []
        for arrival in self._arrivals:
            if minute and minute[0].ready_at != arrival.ready_at:
                self._on(minute[0].ready_at, self._arrive, minute)
                minute = []
            minute.append(arrival)
        if minute:
            self._on(minute[0].ready_at, self._arrive, minute)
        self._on(self._at, self._sample, tell)
        while self._events and self._events[0][0] <= end:
            at = self._events[0][0]
            self._at = at
            while self._events and self._events[0][0] == at:
                _, _, happen, what = heapq.heappop(self._events)
                happen(*what)
            self._decide()
        self.outcome.peak_backlog = self._pool.peak
        self._judge(self._pool.left(), None)
        return self.outcome

    def _on(self, at: float, happen: Callable[..., None], *what: Any) -> None:
        self._number += 1
        heapq.heappush(self._events, (at, self._number, happen, what))

    def _decide(self) -> None:
        if not self._pool.waiting:
            return
        orders, again = self._policy.decide(self._pool, [books.seen() for books in self._books.values()], self._at)
        for order in orders:
            self._freeze(order)
        if again is not None and again > self._at and again != self._asked_for:
            self._asked_for = again
            self._on(again, self._wake)

    def _wake(self) -> None:
        self._asked_for = None

    def _arrive(self, arrivals: Sequence[Arrival]) -> None:
        for arrival in arrivals:
            self._pool.add(arrival)

    def _freeze(self, order: Order) -> None:
        pieces = self._pool.take(order.key, order.pieces, order.due_from)
        if pieces:
            self.outcome.batches += 1
            self._drop(order.printer, order.key.product, pieces, reprint=False)

    def _drop(self, printer: str, product: str, pieces: Pieces, *, reprint: bool) -> None:
        made, pace = self._shops[printer].printer, self._shops[printer].printer.products[product]
        count = sum(number for _, _, number in pieces)
        sheets = -(-count // pace.n_up)
        self.outcome.slots += sheets * pace.n_up
        self.outcome.empty += sheets * pace.n_up - count
        self.outcome.cost_cents += sheets * pace.cents_per_sheet + made.setup_cents_per_batch
        job = Job(product, sheets, pieces, self._at, reprint)
        self._books[printer].drops.append(job)
        self._on(self._at + _OVERHEAD_S, self._handed_over, printer, job)

    def _handed_over(self, printer: str, job: Job) -> None:
        shop = self._shops[printer]
        shop.put(job)
        self._on(shop.ack_at(self._at), self._accepted, printer, job, self._at)
        self._start(printer)

    def _accepted(self, printer: str, job: Job, handed_over_at: float) -> None:
        if not job.accepted:
            job.accepted = True
            self._books[printer].heard_after.append(self._at - handed_over_at)

    def _start(self, printer: str) -> None:
        printed_at = self._shops[printer].start(self._at)
        if printed_at is not None:
            self._on(printed_at, self._printed, printer)

    def _printed(self, printer: str) -> None:
        shop = self._shops[printer]
        job, shop.busy = shop.busy, None
        assert job is not None  # noqa: S101  # a press prints what is on it
        spoiled = [(due, late, binomial(self._rng, n, shop.printer.spoilage)) for due, late, n in job.pieces]
        good = [(due, late, n - bad[2]) for (due, late, n), bad in zip(job.pieces, spoiled, strict=True)]
        self._mail(good, shop.mailed_at(self._at))
        again = [one for one in spoiled if one[2]]
        self._on(shop.ack_at(self._at), self._acknowledged, printer, job, again, self._at)
        self._start(printer)

    def _acknowledged(self, printer: str, job: Job, spoiled: Pieces, printed_at: float) -> None:
        books = self._books[printer]
        books.drops.remove(job)
        books.printed_at = max(printed_at, books.printed_at or printed_at)
        self._accepted(printer, job, job.frozen_at + _OVERHEAD_S)
        if spoiled:
            self._drop(printer, job.product, spoiled, reprint=True)

    def _mail(self, pieces: Pieces, at: float | None) -> None:
        if at is not None:
            self.outcome.printed += sum(n for _, _, n in pieces)
        self._judge(pieces, at)

    def _judge(self, pieces: Pieces, mailed_at: float | None) -> None:
        """As the report does; artwork that its sender brought late excuses a miss."""
        for due, late, n in pieces:
            verdict = ended(due, mailed_at, excused=late)
            self.outcome.kept += n if verdict is Verdict.KEPT else 0
            self.outcome.excused += n if verdict is Verdict.EXCUSED else 0

    def _sample(self, tell: Telling) -> None:
        busy = sum(shop.busy is not None for shop in self._shops.values())
        self.outcome.samples.append((self._at, self._pool.waiting, busy, self.outcome.printed))
        tell(self._at)
        if len(self._events) and self.outcome.printed < self.outcome.pieces:
            self._on(self._at + _SAMPLE_S, self._sample, tell)


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""A simulated print shop: what really happens there, faults included. Nobody sees it but through acknowledgements."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate
from random import Random

from pipeline.sla.shifts import Shifts, shifts
from pipeline.sla.simulation.pool import Pieces
from pipeline.sla.simulation.scenario import Fault, Scenario, ScenarioPrinter


@dataclass(eq=False)
class Job:
    """One drop: a batch or the reprint of what was spoiled of one. `frozen_at` is line time, in seconds since the epoch."""

    product: str
    sheets: int
    pieces: Pieces
    frozen_at: float
    reprint: bool = False
    accepted: bool = False  # the printer's word, as far as the line has it


class Shop:
    """`queue` is what lies here unprinted; a reprint goes before it. `busy` is the job on the press."""

    def __init__(self, printer: ScenarioPrinter, scenario: Scenario, rng: Random) -> None:
        self.printer = printer
        self.queue: deque[Job] = deque()
        self.busy: Job | None = None
        self._rng = rng
        faults = [fault for fault in scenario.faults if fault.printer == printer.name]
        plain = shifts(printer.press().floor, scenario.starts_at)
        self._outages = [_span(printer, scenario, fault) for fault in faults if fault.kind == "outage"]
        self._slow = [(*_span(printer, scenario, fault), fault.factor) for fault in faults if fault.kind == "slow_ack"]
        self.hours = without(plain, self._outages)
        self.departures = _departures(printer, scenario, faults, plain)

    def ack_at(self, at: float) -> float:
        """When the word on something that happens at `at` reaches the line."""
        delay = 60.0 * self._rng.uniform(*self.printer.ack_minutes)
        for start, end, factor in self._slow:
            if start <= at < end:
                delay *= factor
        said = at + delay
        for start, end in self._outages:
            if start <= said < end:
                said = end + delay
        return said

    def put(self, job: Job) -> None:
        if job.reprint:
            self.queue.appendleft(job)
        else:
            self.queue.append(job)

    def start(self, at: float) -> float | None:
        """Put the next job on the press, if it is free; returns when it will be printed."""
        if self.busy is not None or not self.queue:
            return None
        self.busy = self.queue.popleft()
        pace = self.printer.products[self.busy.product]
        work_s = 60.0 * self.printer.setup_minutes_per_batch + 3600.0 * self.busy.sheets / pace.sheets_per_hour
        return self.hours.moment(self.hours.worked(at) + work_s)

    def mailed_at(self, printed_at: float) -> float | None:
        """When what was printed then leaves; None where no truck comes any more."""
        ready = printed_at + 60.0 * self.printer.lead_minutes
        truck = bisect_left(self.departures, ready)
        return self.departures[truck] if truck < len(self.departures) else None


def without(hours: Shifts, spans: list[tuple[float, float]]) -> Shifts:
    """Opening hours less the spans in which nothing is printed."""
    windows = list(zip(hours.opens, hours.closes, strict=True))
    for start, end in spans:
        parts = [part for opens, closes in windows for part in ((opens, min(closes, start)), (max(opens, end), closes))]
        windows = [(opens, closes) for opens, closes in parts if opens < closes]
    lengths = accumulate((closes - opens for opens, closes in windows), initial=0.0)
    opens, closes = tuple(one for one, _ in windows), tuple(one for _, one in windows)
    return Shifts(opens, closes, tuple(lengths)[: len(windows)], hours.trucks)


def _span(printer: ScenarioPrinter, scenario: Scenario, fault: Fault) -> tuple[float, float]:
    floor = printer.press().floor
    day = scenario.start + timedelta(days=fault.day)
    start = datetime.combine(day, fault.from_, floor.zoneinfo).timestamp()
    return start, start + 3600.0 * fault.hours


def _departures(printer: ScenarioPrinter, scenario: Scenario, faults: list[Fault], plain: Shifts) -> list[float]:
    """When trucks really leave: some are late, some find the mail unit closed and take nothing."""
    zone = printer.press().floor.zoneinfo
    late: dict[float, float] = {}
    for fault in (fault for fault in faults if fault.kind == "late_truck"):
        day = scenario.start + timedelta(days=fault.day)
        late[datetime.combine(day, fault.truck, zone).timestamp()] = 60.0 * fault.minutes
    closed = [_span(printer, scenario, fault) for fault in faults if fault.kind == "mail_unit_closed"]
    taking = [truck for truck in plain.trucks if not any(start <= truck < end for start, end in closed)]
    return sorted(truck + late.get(truck, 0.0) for truck in taking)

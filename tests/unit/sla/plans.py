"""Backlogs and presses for tests of the plan, and a line that follows it: a Tuesday morning in New York."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.calendar import is_mailing_day
from pipeline.sla.closing import Close
from pipeline.sla.lots import Backlog, BatchKey
from pipeline.sla.presses import LINE_OVERHEAD, Committed, Pace, Press

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York
DUE = NOW + timedelta(hours=24)
LAST_TRUCK = datetime(2026, 3, 4, 1, 30, tzinfo=UTC)  # 20:30
POSTCARDS = BatchKey("live", None, "postcard_4x6", "cover_120lb", "first_class", 1)
MARKETING = BatchKey("live", None, "postcard_4x6", "cover_120lb", "marketing", 1)


def press(
    name: str = "north",
    *,
    slots: int = 8,
    postage: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    classes: tuple[str, ...] = ("first_class", "marketing"),
    **floor: Any,
) -> Press:
    """It loads a truck at 20:30, prints 6,000 sheets an hour, spoils nothing, and is well filled at 100 sheets."""
    usual = {"trucks": (time(20, 30),), "fill_sheets": 100, "max_sheets_per_batch": 600, "spoilage": 0}
    set_ = Floor.model_validate(usual | floor)
    profile = PrinterProfile(
        transport=Sandbox(),
        postage=Postage.model_validate({"mailer_id": "123456", "method": "meter"} | (postage or {})),
        classes=classes,
        floor=set_,
    )
    pace = {"postcard_4x6": Pace(slots, set_.sheets_per_hour, set_.cost_cents_per_sheet)}
    return replace(Press(name, None, profile, pace), **(more or {}))


def backlog(
    pieces: int, *, due: datetime = DUE, since: datetime = NOW, key: BatchKey = POSTCARDS, later: int = 0
) -> Backlog:
    """`later` more are due an hour after these."""
    return backlog_of({due: pieces, due + timedelta(hours=1): later}, since=since, key=key)


def backlog_of(counts: Mapping[datetime, int], *, since: datetime = NOW, key: BatchKey = POSTCARDS) -> Backlog:
    dues = sorted(due for due, count in counts.items() if count)
    return Backlog(key, [due.timestamp() for due in dues], [counts[due] for due in dues], since)


def sizes(closes: Sequence[Close]) -> list[tuple[str, int]]:
    return [(close.printer_id, close.pieces) for close in closes]


class Line:
    """A line that does what the plan says, with presses that print in the order in which they get their batches.

    Hours are counted minute by minute here, by local time, to be independent of the planner's own counting. `mailed` is each
    piece's key, due time, and the truck that took it.
    """

    def __init__(self, presses: Sequence[Press]) -> None:
        self._presses = {one.printer_id: one for one in presses}
        self._free = dict.fromkeys(self._presses, datetime.min.replace(tzinfo=UTC))
        self._queue: dict[str, list[tuple[Committed, datetime]]] = {name: [] for name in self._presses}
        for name, one in self._presses.items():
            for job in one.queue:
                speed = one.pace[job.product].sheets_per_hour if job.product in one.pace else one.floor.sheets_per_hour
                self._print(name, job, job.sheets / speed)
        self.waiting: dict[BatchKey, dict[datetime, int]] = {}
        self.mailed: list[tuple[BatchKey, datetime, datetime]] = []

    def add(self, key: BatchKey, due: datetime, pieces: int) -> None:
        counts = self.waiting.setdefault(key, {})
        counts[due] = counts.get(due, 0) + pieces

    def backlogs(self) -> list[Backlog]:
        return [backlog_of(counts, key=key) for key, counts in self.waiting.items() if counts]

    def presses(self, now: datetime) -> list[Press]:
        """With the batches that are not printed yet, and when the last one was that is."""
        return [
            replace(
                one,
                queue=tuple(job for job, done in self._queue[name] if done > now),
                printed_at=max((done for _, done in self._queue[name] if done <= now), default=None),
            )
            for name, one in self._presses.items()
        ]

    def close(self, close: Close, now: datetime) -> datetime:
        """Freeze and print one batch; returns when it is printed. Fails where the plan asks for pieces that are not there."""
        made = self._presses[close.printer_id]
        taken = self._take(close)
        sheets = -(-close.pieces // made.pace[close.key.product].n_up) * close.key.sheets
        job = Committed(close.key.product, sheets, now)
        printed = self._print(close.printer_id, job, sheets / made.pace[close.key.product].sheets_per_hour)
        leaves = next_truck(made.floor, printed + timedelta(minutes=made.floor.lead_minutes))
        self.mailed += [(close.key, due, leaves) for due, count in taken for _ in range(count)]
        return printed

    def _print(self, name: str, job: Committed, hours: float) -> datetime:
        floor = self._presses[name].floor
        work = timedelta(minutes=floor.setup_minutes, hours=hours)
        printed = open_time(floor, max(self._free[name], job.at + LINE_OVERHEAD), work)
        self._free[name] = printed
        self._queue[name].append((job, printed))
        return printed

    def forget(self, now: datetime) -> None:
        """Batches that were printed long ago."""
        since = now - timedelta(days=1)
        self._queue = {name: [one for one in jobs if one[1] > since] for name, jobs in self._queue.items()}

    def _take(self, close: Close) -> list[tuple[datetime, int]]:
        counts, left, taken = self.waiting[close.key], close.pieces, []
        for due in sorted(due for due in counts if due >= close.due_from):
            part = min(left, counts[due])
            if part:
                taken.append((due, part))
                left -= part
                counts[due] -= part
                if not counts[due]:
                    del counts[due]
        assert left == 0, f"{close} takes {left} pieces that are not there"
        return taken


def open_time(floor: Floor, start: datetime, work: timedelta) -> datetime:
    """When so much work is done that begins at `start`, going from one opening or closing to the next."""
    at = start
    while True:
        local = at.astimezone(floor.zoneinfo)
        edges = [
            datetime.combine(local.date() + timedelta(days=day), edge, floor.zoneinfo).astimezone(UTC)
            for day in (0, 1)
            for edge in (floor.opens, floor.closes)
        ]
        edge = min(edge for edge in edges if edge > at)
        if floor.opens <= local.time() < floor.closes and works(floor, local.date()):
            if at + work <= edge:
                return at + work
            work -= edge - at
        at = edge


def next_truck(floor: Floor, ready: datetime) -> datetime:
    day = ready.astimezone(floor.zoneinfo).date()
    for ahead in range(12):
        at = day + timedelta(days=ahead)
        leaving = [datetime.combine(at, truck, floor.zoneinfo).astimezone(UTC) for truck in sorted(floor.trucks)]
        for truck in leaving if is_mailing_day(at) and works(floor, at) else ():
            if truck >= ready - timedelta(milliseconds=5):
                return truck
    raise AssertionError(f"no truck within days of {ready}")


def works(floor: Floor, day: date) -> bool:
    return day.weekday() not in floor.closed_weekdays and day not in floor.closed_dates

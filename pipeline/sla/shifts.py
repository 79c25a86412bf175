"""One printer's week as numbers: when its press is open, and when its trucks leave.

Times are seconds since the epoch. *Worked* seconds count only those in which the press is open, so that a queue, a
deadline and a batch can be added and compared as plain numbers, whatever nights and weekends lie between them.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from itertools import accumulate

from pipeline.models.profile import Floor
from pipeline.sla.calendar import is_mailing_day

BEHIND_DAYS = 3
AHEAD_DAYS = 11
"""A promise made before a long weekend is due within six days; what cannot be kept still needs a truck after that."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, eq=False)
class Shifts:
    """Opening hours, in order and apart from each other; `before` is what was worked before each; `trucks` are departures."""

    opens: tuple[float, ...]
    closes: tuple[float, ...]
    before: tuple[float, ...]
    trucks: tuple[float, ...]

    def worked(self, at: float) -> float:
        """Worked seconds until `at`."""
        shift = bisect_right(self.opens, at) - 1
        return self.before[shift] + min(at, self.closes[shift]) - self.opens[shift] if shift >= 0 else 0.0

    def moment(self, worked: float) -> float:
        """The first moment by which so much has been worked."""
        shift = max(bisect_left(self.before, worked) - 1, 0)
        return self.opens[shift] + worked - self.before[shift]

    def latest(self, worked: float) -> float:
        """The last moment at which no more than that has been worked: at the end of a shift, the start of the next."""
        shift = max(bisect_right(self.before, worked) - 1, 0)
        return self.opens[shift] + worked - self.before[shift]

    def trucks_after(self, at: float) -> Sequence[float]:
        return self.trucks[bisect_right(self.trucks, at) :]


def shifts(floor: Floor, at: datetime) -> Shifts:
    """From three days before the day of `at` to eleven after it."""
    return _shifts(floor, at.astimezone(floor.zoneinfo).date())


def worked_on(floor: Floor, since: datetime, span: timedelta) -> datetime:
    """The moment by which a press has worked for so long since then: who is asked at night answers in the morning."""
    hours = shifts(floor, since)
    if not hours.opens:
        return since + span
    return datetime.fromtimestamp(hours.moment(hours.worked(since.timestamp()) + span.total_seconds()), UTC)


def worked_between(floor: Floor, start: datetime, end: datetime) -> timedelta:
    """How much of that time a press worked."""
    hours = shifts(floor, start)
    return timedelta(seconds=hours.worked(end.timestamp()) - hours.worked(start.timestamp()))


@lru_cache(maxsize=4096)
def _shifts(floor: Floor, today: date) -> Shifts:
    days = [today + n * _DAY for n in range(-BEHIND_DAYS, AHEAD_DAYS)]
    working = [day for day in days if day.weekday() not in floor.closed_weekdays and day not in floor.closed_dates]
    open_hours = _joined(sorted(hours for day in working for hours in _hours(floor, day)))
    lengths = accumulate((closes - opens for opens, closes in open_hours), initial=0.0)
    trucks = {_moment(floor, day, at) for day in working if is_mailing_day(day) for at in floor.trucks}
    return Shifts(
        tuple(opens for opens, _ in open_hours),
        tuple(closes for _, closes in open_hours),
        tuple(lengths)[: len(open_hours)],
        tuple(sorted(trucks)),
    )


def _hours(floor: Floor, day: date) -> Iterator[tuple[float, float]]:
    """A shift that closes no later than it opens ends on the next day."""
    for opens, closes in ((floor.opens, floor.closes), *floor.extra_hours):
        until = day if closes > opens else day + _DAY
        yield _moment(floor, day, opens), _moment(floor, until, closes)


def _moment(floor: Floor, day: date, at: time) -> float:
    # A local time that a change to summer time skips is taken an hour later; of one that comes twice, the first.
    return datetime.combine(day, at, floor.zoneinfo).timestamp()


def _joined(hours: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    joined: list[tuple[float, float]] = []
    for opens, closes in hours:
        if closes <= opens:
            continue  # a shift that lies wholly in the skipped hour
        if joined and opens <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closes, joined[-1][1]))
        else:
            joined.append((opens, closes))
    return joined

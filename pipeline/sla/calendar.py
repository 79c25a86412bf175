"""Days on which mail is handed over, and the promise counted over them.

A *mailing day* is not a Saturday, a Sunday or one of the 11 federal holidays (5 U.S.C. 6103), each on its observed date: a holiday
on a Saturday is observed the Friday before, on a Sunday the Monday after.
"""

from collections.abc import Collection
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

PROMISE = timedelta(hours=24)
_DAY = timedelta(days=1)
_MONDAY, _THURSDAY, _SATURDAY = 0, 3, 5


@lru_cache(maxsize=64)
def federal_holidays(year: int) -> frozenset[date]:
    """The observed dates that fall in `year`, New Year's Day of the next year included when it is observed on December 31."""
    fixed = [
        date(year, 1, 1),
        date(year, 6, 19),
        date(year, 7, 4),
        date(year, 11, 11),
        date(year, 12, 25),
        date(year + 1, 1, 1),
    ]
    floating = [
        _nth(year, 1, _MONDAY, 3),
        _nth(year, 2, _MONDAY, 3),
        _nth(year, 6, _MONDAY, 1) - 7 * _DAY,  # the last Monday of May
        _nth(year, 9, _MONDAY, 1),
        _nth(year, 10, _MONDAY, 2),
        _nth(year, 11, _THURSDAY, 4),
    ]
    return frozenset(day for day in [*map(_observed, fixed), *floating] if day.year == year)


def is_mailing_day(day: date) -> bool:
    return day.weekday() < _SATURDAY and day not in federal_holidays(day.year)


def due_at(
    start: datetime,
    zone: ZoneInfo,
    *,
    promise: str = "default",
    suspended: Collection[date] = (),
    left: timedelta = PROMISE,
) -> datetime:
    """When a piece accepted at `start` (aware) must be mailed, in UTC.

    `default` counts 24 hours, skipping local days on which nothing is mailed, those `suspended` among them; `clock` counts 24
    hours, whatever the day. `left` is how much of the count is left at `start`.
    """
    at = start.astimezone(UTC)
    if promise == "clock":
        return at + left
    while True:
        midnight = _next_midnight(at, zone)
        if _counts(at, zone, suspended):
            if at + left <= midnight:
                return at + left
            left -= midnight - at
        at = midnight


def counted(
    start: datetime,
    end: datetime,
    zone: ZoneInfo,
    *,
    promise: str = "default",
    suspended: Collection[date] = (),
) -> timedelta:
    """How much of the promise's time passes from `start` to `end`."""
    at, end = start.astimezone(UTC), end.astimezone(UTC)
    if promise == "clock":
        return max(end - at, timedelta())
    total = timedelta()
    while at < end:
        until = min(_next_midnight(at, zone), end)
        if _counts(at, zone, suspended):
            total += until - at
        at = until
    return total


def trucks_between(start: datetime, end: datetime, zone: ZoneInfo, times: tuple[time, ...]) -> list[datetime]:
    """The trucks that leave after `start` and no later than `end`, in UTC, on mailing days.

    A local time that a change to summer time skips is taken an hour later; one that comes twice is the first of the two.
    """
    day, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    trucks: list[datetime] = []
    while day <= last:
        if is_mailing_day(day):
            leaving = (datetime.combine(day, at, zone).astimezone(UTC) for at in sorted(times))
            trucks += [truck for truck in leaving if start < truck <= end]
        day += _DAY
    return trucks


def _counts(at: datetime, zone: ZoneInfo, suspended: Collection[date]) -> bool:
    day = at.astimezone(zone).date()
    return is_mailing_day(day) and day not in suspended


def _next_midnight(at: datetime, zone: ZoneInfo) -> datetime:
    return datetime.combine(at.astimezone(zone).date() + _DAY, time(), zone).astimezone(UTC)


def _nth(year: int, month: int, weekday: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (n - 1))


def _observed(day: date) -> date:
    return {5: day - _DAY, 6: day + _DAY}.get(day.weekday(), day)

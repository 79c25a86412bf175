"""Mailing days, and the promise counted over them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sla.calendar import PROMISE, due_at, federal_holidays, is_mailing_day, trucks_between

NEW_YORK = ZoneInfo("America/New_York")
ZONES = st.sampled_from(
    [ZoneInfo(name) for name in ("America/New_York", "America/Los_Angeles", "America/Phoenix", "Pacific/Guam")]
)
STARTS = st.timedeltas(timedelta(), timedelta(days=9 * 365)).map(lambda by: datetime(2024, 1, 1, tzinfo=UTC) + by)


def local(*when: int, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime(*when, tzinfo=zone)  # type: ignore[misc, arg-type]


def counted(start: datetime, end: datetime, zone: ZoneInfo) -> timedelta:
    """The time from start to end that lies on mailing days, one local day at a time: the rule in its plainest form."""
    total, day = timedelta(), start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        opens = max(start, datetime.combine(day, time(), zone).astimezone(UTC))
        closes = min(end, datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC))
        if is_mailing_day(day) and closes > opens:
            total += closes - opens
        day += timedelta(days=1)
    return total


def test_the_observed_holidays_of_2026() -> None:
    assert sorted(federal_holidays(2026)) == [
        date(2026, 1, 1),
        date(2026, 1, 19),
        date(2026, 2, 16),
        date(2026, 5, 25),
        date(2026, 6, 19),
        date(2026, 7, 3),  # the 4th is a Saturday
        date(2026, 9, 7),
        date(2026, 10, 12),
        date(2026, 11, 11),
        date(2026, 11, 26),
        date(2026, 12, 25),
    ]


def test_a_new_year_on_a_saturday_is_observed_in_the_year_before() -> None:
    assert date(2027, 12, 31) in federal_holidays(2027)
    assert date(2028, 1, 1) not in federal_holidays(2028)


def test_a_holiday_on_a_sunday_is_observed_the_day_after() -> None:
    assert date(2027, 7, 5) in federal_holidays(2027)
    assert date(2023, 1, 2) in federal_holidays(2023)
    assert date(2022, 12, 26) in federal_holidays(2022)


def test_there_are_eleven_holidays_a_year_over_a_century() -> None:
    # A year can lose its New Year's Day to the year before, and gain that of the next.
    assert sum(len(federal_holidays(year)) for year in range(2024, 2124)) in range(11 * 100 - 1, 11 * 100 + 2)


@pytest.mark.parametrize("day", [date(2026, 3, 7), date(2026, 3, 8), date(2026, 7, 3), date(2026, 11, 26)])
def test_weekends_and_holidays_are_no_mailing_days(day: date) -> None:
    assert not is_mailing_day(day)


@pytest.mark.parametrize(
    ("start", "due"),
    [
        (local(2026, 3, 3, 10), local(2026, 3, 4, 10)),  # a Tuesday
        (local(2026, 3, 13, 16), local(2026, 3, 16, 16)),  # Friday to Monday
        (local(2026, 3, 14, 9), local(2026, 3, 17)),  # on a Saturday: all of Monday
        (local(2026, 3, 16), local(2026, 3, 17)),  # a midnight
        (local(2026, 12, 24, 12), local(2026, 12, 28, 12)),  # Christmas on a Friday
        (local(2027, 12, 30, 12), local(2028, 1, 3, 12)),  # New Year's Eve observed, then a weekend
        (local(2026, 3, 6, 12), local(2026, 3, 9, 12)),  # the lost hour is on a Sunday, which does not count
        (local(2026, 10, 30, 12), local(2026, 11, 2, 12)),  # nor does the gained one
    ],
)
def test_a_day_of_mailing_time(start: datetime, due: datetime) -> None:
    assert due_at(start, NEW_YORK) == due.astimezone(UTC)


def test_the_clock_promise_counts_every_hour() -> None:
    start = local(2026, 12, 24, 12)
    assert due_at(start, NEW_YORK, promise="clock") == start.astimezone(UTC) + PROMISE


@given(STARTS, ZONES)
def test_exactly_24_hours_of_mailing_days_lie_before_due(start: datetime, zone: ZoneInfo) -> None:
    due = due_at(start, zone)
    assert due.tzinfo is UTC
    assert counted(start, due, zone) == PROMISE
    assert counted(start, due - timedelta(microseconds=1), zone) < PROMISE


@given(STARTS, st.timedeltas(timedelta(), timedelta(days=6)), ZONES)
def test_who_comes_later_is_not_due_earlier(start: datetime, later: timedelta, zone: ZoneInfo) -> None:
    assert due_at(start, zone) <= due_at(start + later, zone)


def test_trucks_leave_on_mailing_days_alone_at_local_time() -> None:
    times = (time(20, 30), time(11, 0))
    trucks = trucks_between(local(2026, 3, 6, 11), local(2026, 3, 9, 20, 30), NEW_YORK, times)
    assert trucks == [
        local(2026, 3, 6, 20, 30).astimezone(UTC),
        local(2026, 3, 9, 11).astimezone(UTC),  # an hour earlier in UTC than on the Friday
        local(2026, 3, 9, 20, 30).astimezone(UTC),
    ]
    assert [truck.hour for truck in trucks] == [1, 15, 0]


def test_a_truck_that_has_just_left_is_gone() -> None:
    truck = local(2026, 3, 3, 11)
    assert not trucks_between(truck, truck + timedelta(hours=1), NEW_YORK, (time(11),))
    assert trucks_between(truck - timedelta(seconds=1), truck, NEW_YORK, (time(11),)) == [truck.astimezone(UTC)]

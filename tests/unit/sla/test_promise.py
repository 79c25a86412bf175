"""The promise of one piece: holds, suspensions, `send_on`. 2026-03-03 is a Tuesday without holidays near it."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.repository.suspensions import Suspension, closed_days, suspended_days
from pipeline.sla.calendar import PROMISE, counted, due_at
from pipeline.sla.promise import Hold, Terms, counts_from, promised

NEW_YORK = ZoneInfo("America/New_York")
TERMS = Terms(NEW_YORK)
CLOCK = Terms(NEW_YORK, "clock")
START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def hold(start_h: float, end_h: float | None) -> Hold:
    return Hold(START + start_h * HOUR, None if end_h is None else START + end_h * HOUR)


def test_without_holds_and_suspensions_it_is_24_hours() -> None:
    assert promised(START, TERMS) == START + PROMISE


@pytest.mark.parametrize("terms", [TERMS, CLOCK])
def test_a_hold_of_the_sender_stops_the_count_for_as_long_as_it_lasts(terms: Terms) -> None:
    assert promised(START, terms, holds=[hold(2, 5)]) == START + PROMISE + 3 * HOUR


def test_two_holds_that_overlap_stop_it_once() -> None:
    assert promised(START, TERMS, holds=[hold(4, 6), hold(2, 5)]) == START + PROMISE + 4 * HOUR
    assert promised(START, TERMS, holds=[hold(1, 6), hold(2, 5)]) == START + PROMISE + 5 * HOUR


def test_while_it_is_held_there_is_no_due_time() -> None:
    assert promised(START, TERMS, holds=[hold(2, None)]) is None


def test_a_hold_after_the_time_was_up_changes_nothing() -> None:
    assert promised(START, TERMS, holds=[hold(24, None)]) == START + PROMISE
    assert promised(START, TERMS, holds=[hold(23.5, None)]) is None


def test_a_hold_before_the_count_began_changes_nothing() -> None:
    assert promised(START, TERMS, holds=[hold(-3, -1)]) == START + PROMISE
    assert promised(START, TERMS, holds=[hold(-3, 1)]) == START + PROMISE + HOUR


def test_a_hold_over_a_weekend_costs_only_what_would_have_counted() -> None:
    friday = datetime(2026, 3, 6, 15, 0, tzinfo=UTC)
    held = Hold(friday + 2 * HOUR, friday + 2 * HOUR + timedelta(days=3))
    # Two hours counted on the Friday; the other 22 begin on Monday at 13:00 in New York, an hour of summer time later.
    assert promised(friday, TERMS, holds=[held]) == friday + timedelta(days=4)


def test_a_suspended_day_does_not_count_for_the_zip_codes_it_names() -> None:
    storm = Suspension(date(2026, 3, 4), date(2026, 3, 5), zip3="837", reason="flood")
    here, there = (suspended_days([storm], zip5=zip5) for zip5 in ("83702", "94107"))
    assert promised(START, TERMS, suspended=here) == START + PROMISE + timedelta(days=2)
    assert promised(START, TERMS, suspended=there) == START + PROMISE
    assert promised(START, CLOCK, suspended=here) == START + PROMISE


def test_a_suspended_printer_closes_and_stops_no_count() -> None:
    fire = Suspension(date(2026, 3, 4), date(2026, 3, 4), printer="north")
    assert suspended_days([fire], zip5="83702") == frozenset()
    assert closed_days([fire], printer="north") == {date(2026, 3, 4)}
    assert closed_days([fire], printer="south") == frozenset()


def test_a_suspension_of_everything_does_both() -> None:
    all_ = Suspension(date(2026, 3, 4), date(2026, 3, 4))
    assert suspended_days([all_], zip5="83702") == closed_days([all_], printer="north") == {date(2026, 3, 4)}


@pytest.mark.parametrize(
    ("send_on", "begins"),
    [
        (None, START),
        (date(2026, 3, 3), START),  # today has begun already
        (date(2026, 3, 8), datetime(2026, 3, 8, 5, 0, tzinfo=UTC)),  # the day that loses an hour begins in winter time
        (date(2026, 3, 9), datetime(2026, 3, 9, 4, 0, tzinfo=UTC)),
        (date(2028, 2, 29), datetime(2028, 2, 29, 5, 0, tzinfo=UTC)),
    ],
)
def test_send_on_begins_with_its_day_in_the_zone_of_the_account(send_on: date | None, begins: datetime) -> None:
    assert counts_from(START, send_on, NEW_YORK) == begins


STARTS = st.timedeltas(timedelta(), timedelta(days=3 * 365)).map(lambda by: datetime(2026, 1, 1, tzinfo=UTC) + by)
HOLDS = st.lists(st.tuples(st.timedeltas(-30 * HOUR, 90 * HOUR), st.timedeltas(timedelta(), 60 * HOUR)), max_size=4)
DAYS = st.sets(st.integers(0, 6), max_size=3)


@given(STARTS, HOLDS, DAYS, st.sampled_from(["default", "clock"]))
def test_exactly_24_hours_that_count_lie_before_due_and_outside_every_hold(
    start: datetime, spans: list[tuple[timedelta, timedelta]], days: set[int], promise: str
) -> None:
    holds = [Hold(start + after, start + after + lasting) for after, lasting in spans]
    suspended = frozenset(start.astimezone(NEW_YORK).date() + timedelta(days=day) for day in days)
    due = promised(start, Terms(NEW_YORK, promise), holds=holds, suspended=suspended)
    assert due is not None
    edges = sorted(
        {start, due, *(edge for one in holds for edge in (one.since, one.until) if edge and start < edge < due)}
    )
    free = [
        (first, last)
        for first, last in pairwise(edges)
        if not any(one.since <= first and one.until is not None and last <= one.until for one in holds)
    ]
    total = sum(
        (counted(first, last, NEW_YORK, promise=promise, suspended=suspended) for first, last in free), timedelta()
    )
    assert total == PROMISE


@given(STARTS, st.timedeltas(timedelta(), timedelta(days=8)))
def test_what_counts_until_due_is_what_was_left(start: datetime, left: timedelta) -> None:
    due = due_at(start, NEW_YORK, left=left)
    assert counted(start, due, NEW_YORK) == left

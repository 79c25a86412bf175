"""Hours at which no truck can keep the promise, on weeks small enough to see by eye. 2026-03-02 is a Monday without holidays."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.models.profile import Floor
from pipeline.sla.pickups import times_without_pickup

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def floor(*trucks: time, lead_minutes: int = 60, opens: time = time(0), closes: time = time(0)) -> Floor:
    return Floor(zone="UTC", trucks=trucks, lead_minutes=lead_minutes, setup_minutes=0, opens=opens, closes=closes)


def unkept(*floors: Floor, promise: str = "default") -> list[str]:
    times = times_without_pickup(floors, UTC_ZONE, start=MONDAY, window=timedelta(), promise=promise)
    return [f"{at:%a %H:%M}" for at in times]


def quarters(day: str, start: float, end: float) -> list[str]:
    """From hour to hour."""
    return [f"{day} {n // 4:02d}:{n % 4 * 15:02d}" for n in range(round(4 * start), round(4 * end))]


DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri")


def test_one_truck_a_day_misses_the_hour_before_it() -> None:
    # Accepted at 16:00, the 17:00 truck is too near by the line's own five minutes, and tomorrow's leaves after 16:00.
    assert unkept(floor(time(17))) == [one for day in DAYS for one in quarters(day, 16, 17)]


def test_a_truck_at_half_past_misses_what_no_full_hour_shows() -> None:
    found = unkept(floor(time(17, 30), lead_minutes=20))
    assert found == [one for day in DAYS for one in quarters(day, 17.25, 17.5)]


def test_the_minutes_before_a_truck_are_found_that_no_quarter_shows() -> None:
    assert unkept(floor(time(17, 14), lead_minutes=0)) == [f"{day} 17:00" for day in DAYS]


def test_two_trucks_or_two_printers_leave_no_hour_out() -> None:
    assert unkept(floor(time(11), time(17))) == []
    assert unkept(floor(time(11)), floor(time(17))) == []


def test_a_press_that_closes_before_its_truck_misses_the_hours_in_between() -> None:
    # Closed from noon on: what comes then is printed tomorrow from 08:00 on, and tomorrow's truck leaves too late for it.
    closed = floor(time(17), opens=time(8), closes=time(12))
    assert unkept(closed) == [one for day in DAYS for one in quarters(day, 12, 17)]
    assert unkept(closed, floor(time(17))) == [one for day in DAYS for one in quarters(day, 16, 17)]


def test_a_promise_by_the_clock_cannot_be_kept_over_a_weekend() -> None:
    missed = unkept(floor(time(11), time(17)), promise="clock")
    assert "Sat 12:00" in missed
    assert "Mon 12:00" not in missed


def test_a_lead_longer_than_the_promise_misses_every_hour_and_no_printer_too() -> None:
    assert len(unkept(floor(time(11), time(17), lead_minutes=5 * 24 * 60))) == len(unkept()) == 7 * 24 * 4

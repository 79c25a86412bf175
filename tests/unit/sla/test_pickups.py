"""Hours at which no truck can keep the promise, on weeks small enough to see by eye. 2026-03-02 is a Monday without holidays."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.models.profile import Floor
from pipeline.sla.pickups import hours_without_pickup

UTC_ZONE = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, tzinfo=UTC)


def floor(*trucks: time, lead_minutes: int = 60, opens: time = time(0), closes: time = time(0)) -> Floor:
    return Floor(zone="UTC", trucks=trucks, lead_minutes=lead_minutes, setup_minutes=0, opens=opens, closes=closes)


def unkept(*floors: Floor, promise: str = "default") -> list[str]:
    hours = hours_without_pickup(floors, UTC_ZONE, start=MONDAY, window=timedelta(), promise=promise)
    return [f"{at:%a %H}" for at in hours]


def test_one_truck_a_day_misses_the_hour_before_it() -> None:
    # Accepted at 16:00, the 17:00 truck is too near by the line's own five minutes, and tomorrow's leaves after 16:00.
    days = ("Mon", "Tue", "Wed", "Thu", "Fri")
    assert unkept(floor(time(17))) == [f"{day} 16" for day in days]


def test_two_trucks_or_two_printers_leave_no_hour_out() -> None:
    assert unkept(floor(time(11), time(17))) == []
    assert unkept(floor(time(11)), floor(time(17))) == []


def test_a_press_that_closes_before_its_truck_misses_the_hours_in_between() -> None:
    # Closed from noon on: what comes then is printed tomorrow from 08:00 on, and tomorrow's truck leaves too late for it.
    days = ("Mon", "Tue", "Wed", "Thu", "Fri")
    closed = floor(time(17), opens=time(8), closes=time(12))
    assert unkept(closed) == [f"{day} {hour}" for day in days for hour in (12, 13, 14, 15, 16)]
    assert unkept(closed, floor(time(17))) == [f"{day} 16" for day in days]


def test_a_promise_by_the_clock_cannot_be_kept_over_a_weekend() -> None:
    missed = unkept(floor(time(11), time(17)), promise="clock")
    assert "Sat 12" in missed
    assert "Mon 12" not in missed


def test_a_lead_longer_than_the_promise_misses_every_hour_and_no_printer_too() -> None:
    assert len(unkept(floor(time(11), time(17), lead_minutes=5 * 24 * 60))) == len(unkept()) == 7 * 24

"""The board of one afternoon: a truck at five, work worked out by hand, and no green light without word from the printer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from pipeline.lifecycle import Standing
from pipeline.models.profile import Floor as Hours
from pipeline.models.profile import Postage, PrinterProfile, Sandbox
from pipeline.sla.board import Floor, Light, Miss, Shop, TruckRow, Unread, meant_for_trucks
from pipeline.sla.lots import BatchKey
from pipeline.sla.presses import Pace, Press
from pipeline.sla.work import Meant, Step, Work

NOW = datetime(2026, 3, 3, 21, 0, tzinfo=UTC)  # a Tuesday, four o'clock in New York
FIVE = NOW + timedelta(hours=1)
HALF_PAST_EIGHT = NOW + timedelta(hours=4, minutes=30)
KEY = BatchKey("live", None, "postcard_4x6", "cover_120lb", "first_class", 1)
# 6,000 sheets an hour and 8 pieces a sheet; no set-up, so that sums are easy. The truck's cut is 30 minutes before it.
HOURS: dict[str, Any] = {"trucks": (time(11), time(17), time(20, 30)), "lead_minutes": 30, "setup_minutes": 0}


def shop(
    name: str = "north",
    *,
    heard: int | None = 4,
    made: int | None = None,
    standing: Standing = Standing.OPEN,
    **more: Any,
) -> Shop:
    """A printer that was heard of so many minutes ago, and asked a moment ago."""
    profile = PrinterProfile(
        transport=Sandbox(), postage=Postage(mailer_id="123456", method="meter"), floor=Hours(**{**HOURS, **more})
    )
    press = Press(name, None, profile, {KEY.product: Pace(8, 6_000, 5.0)}, standing=standing)
    heard_at = None if heard is None else NOW - timedelta(minutes=heard)
    return Shop(name, press, heard_at, NOW - timedelta(seconds=20), made)


def work(batch_id: str = "bt_1", *, sheets: int = 1_000, minutes_ago: int = 60, **more: Any) -> Work:
    """A batch of 8 pieces a sheet for the truck at five, accepted and not printed unless told otherwise."""
    fields: dict[str, Any] = {
        "printer_id": "north",
        "key": KEY,
        "frozen_at": NOW - timedelta(minutes=minutes_ago),
        "due_at": FIVE + timedelta(minutes=30),
        "mail_by": FIVE,
        "pieces": 8 * sheets,
        "sheets": sheets,
        "steps": {Step.ACCEPTED: 8 * sheets},
    }
    return Work(batch_id, **{**fields, **more})


def rows(
    works: Sequence[Work] = (),
    shops: Sequence[Shop] = (),
    meant: Sequence[Meant] = (),
    *,
    misses: Mapping[str, Mapping[str, int]] | None = None,
    fresh: bool = True,
) -> list[TruckRow]:
    return Floor(shops or [shop()], works, meant, NOW, fresh=fresh).rows(misses or {})


def row(*args: Any, **more: Any) -> TruckRow:
    [only] = rows(*args, **more)
    return only


def test_a_truck_at_five_is_told_with_all_its_times() -> None:
    # 1,000 sheets take ten minutes: they have to begin 40 minutes before the truck.
    found = row([work()])
    assert (found.printer, found.truck, found.leaves_in_s) == ("north", FIVE, 3_600.0)
    assert found.latest_start == FIVE - timedelta(minutes=40)
    assert found.finish == NOW + timedelta(minutes=10)
    assert found.needed_per_hour == pytest.approx(8_000 / 0.5)
    assert found.steps[Step.ACCEPTED] == 8_000
    assert (found.light, found.why, found.batches) == (Light.OK, (), ("bt_1",))


def test_what_is_printed_needs_no_press() -> None:
    found = row([work(steps={Step.PRINTED: 5_000, Step.INSERTED: 2_000, Step.LOADED: 1_000})])
    assert (found.latest_start, found.finish, found.needed_per_hour, found.last_reroute) == (None, None, None, None)
    assert (found.steps[Step.PRINTED], found.steps[Step.LOADED], found.light) == (5_000, 1_000, Light.OK)


def test_batches_are_printed_one_after_the_other_and_what_waits_comes_last() -> None:
    early, later = work("bt_1"), work("bt_2", minutes_ago=30, mail_by=HALF_PAST_EIGHT)
    waiting = Meant("north", KEY, HALF_PAST_EIGHT, 16_000, HALF_PAST_EIGHT)
    first, second = rows([later, early], meant=[waiting])
    assert (first.truck, first.finish) == (FIVE, NOW + timedelta(minutes=10))
    assert (second.truck, second.finish) == (HALF_PAST_EIGHT, NOW + timedelta(minutes=40))
    assert (second.steps[Step.WAITING], second.steps[Step.ACCEPTED]) == (16_000, 8_000)
    # What has to be made for the first truck comes off the time before the second.
    assert second.latest_start == HALF_PAST_EIGHT - timedelta(minutes=30 + 40)


def test_a_batch_frozen_for_a_later_truck_but_first_in_the_queue_is_in_the_way() -> None:
    in_the_way = work("bt_1", sheets=3_000, mail_by=HALF_PAST_EIGHT)
    first, _ = rows([in_the_way, work("bt_2", minutes_ago=30)])
    assert first.finish == NOW + timedelta(minutes=40)
    assert first.light is Light.LATE
    assert "misses its cut by 10 min" in first.why


def test_less_than_a_quarter_of_an_hour_to_spare_is_a_risk() -> None:
    assert row([work(sheets=1_500)]).light is Light.OK
    tight = row([work(sheets=1_600)])
    assert (tight.light, tight.why) == (Light.RISK, ("only 14 min to spare",))


def test_a_press_that_is_slower_than_its_profile_says_is_taken_to_stay_so() -> None:
    # 12,000 pieces in half an hour are half of what it can do: ten minutes' work takes twenty.
    slow = row([work()], [shop(made=12_000)])
    assert (slow.made_per_hour, slow.finish) == (24_000.0, NOW + timedelta(minutes=20))
    # What came a moment ago tells nothing of its speed.
    fresh_batch = row([work(minutes_ago=6)], [shop(made=12_000)])
    assert fresh_batch.finish == NOW + timedelta(minutes=10)


def test_a_press_that_makes_fewer_than_it_needs_is_a_risk() -> None:
    found = row([work()], [shop(made=7_900)])
    assert (found.needed_per_hour, found.made_per_hour) == (16_000.0, 15_800.0)
    assert "makes fewer an hour than it needs" in found.why
    assert found.light is Light.LATE  # at that speed, the cut is missed


@pytest.mark.parametrize(
    ("heard", "light"), [(29, Light.OK), (31, Light.STALE), (None, Light.STALE)], ids=["heard", "silent", "never"]
)
def test_a_printer_that_was_not_heard_of_for_long_is_never_green(heard: int | None, light: Light) -> None:
    found = row([work()], [shop(heard=heard)])
    assert found.light is light
    assert bool(found.why) is (light is Light.STALE)


def test_silence_is_no_sign_from_printing_to_the_truck_as_long_as_the_printer_is_asked() -> None:
    printed = work(steps={Step.PRINTED: 8_000})
    assert row([printed], [shop(heard=300)]).light is Light.OK
    asleep = replace(shop(heard=300), asked_at=NOW - timedelta(minutes=6))
    assert row([printed], [asleep]).light is Light.STALE


@pytest.mark.parametrize("step", [Step.SENT, Step.ACCEPTED, Step.PRINTED, Step.INSERTED])
def test_what_we_did_not_ask_for_may_have_been_said(step: Step) -> None:
    asleep = replace(shop(), asked_at=NOW - timedelta(minutes=6))
    found = row([work(steps={step: 8_000})], [asleep])
    assert (found.light, found.why) == (Light.STALE, ("its acknowledgements are not asked for",))


@pytest.mark.parametrize("step", [Step.UNSENT, Step.ACCEPTED, Step.PRINTED])
def test_nothing_is_green_at_a_printer_that_cannot_be_reached(step: Step) -> None:
    found = row([work(steps={step: 8_000})], [shop(standing=Standing.UNREACHABLE)])
    assert (found.light, found.why) == (Light.RISK, ("its printer cannot be reached",))


def test_a_printer_that_cools_off_still_makes_what_it_has() -> None:
    assert row([work()], [shop(standing=Standing.COOLING)]).light is Light.OK


def test_the_trucks_of_a_printer_whose_profile_cannot_be_read_stay_on_the_board() -> None:
    lost = work(printer_id="lost", steps={Step.ACCEPTED: 5_000, Step.PRINTED: 3_000})
    [found] = Floor([shop()], [lost], [], NOW, unread=[Unread("lost", "south", NOW - timedelta(minutes=3))]).rows({})
    assert (found.printer, found.truck, found.light, found.ack_age_s) == ("south", FIVE, Light.RISK, 180.0)
    assert (found.steps[Step.ACCEPTED], found.batches) == (5_000, ("bt_1",))
    assert found.why == ("its printer has a profile that cannot be read",)


def test_nothing_is_green_while_the_plan_is_old() -> None:
    found = row([work(steps={Step.PRINTED: 8_000})], fresh=False)
    assert (found.light, found.why) == (Light.STALE, ("the plan is not fresh",))


def test_doubts_shorts_and_a_printer_out_of_use_are_risks() -> None:
    found = row([work(in_doubt=True, short=3, reprints=2)], [shop(standing=Standing.SUSPENDED)])
    assert found.light is Light.RISK
    assert found.why == ("its printer is suspended", "1 in doubt", "3 short")
    assert (found.short, found.reprints) == (3, 2)


def test_a_truck_that_left_keeps_its_row_until_all_is_said_to_be_on_it() -> None:
    left = {"mail_by": NOW - timedelta(minutes=20), "due_at": NOW + timedelta(hours=1)}
    printed = work(steps={Step.PRINTED: 8_000}, **left)
    found = row([printed])
    assert (found.leaves_in_s, found.light) == (-1_200.0, Light.RISK)
    assert found.why == ("has left, and not all is said to be on it",)
    assert row([replace(printed, mail_by=NOW - timedelta(minutes=31))]).light is Light.LATE
    assert row([replace(printed, steps={Step.LOADED: 8_000})]).light is Light.OK


# Who will miss


def suspects(works: Sequence[Work], **more: Any) -> dict[str, datetime]:
    return Floor([shop(**more)], works, [], NOW).suspects()


def test_a_batch_will_miss_where_no_truck_takes_it_before_it_is_due() -> None:
    assert suspects([work()]) == {}
    late = work(sheets=4_000)  # forty minutes, and thirty are left: the truck at half past eight takes it
    assert suspects([late]) == {"bt_1": HALF_PAST_EIGHT}
    assert suspects([replace(late, due_at=HALF_PAST_EIGHT)]) == {}


def test_what_was_printed_for_a_truck_that_left_is_believed_to_be_on_it_for_as_long_as_word_may_take() -> None:
    left = work(steps={Step.PRINTED: 8_000}, mail_by=NOW - timedelta(minutes=20), due_at=NOW + timedelta(minutes=5))
    assert suspects([left]) == {}
    assert suspects([replace(left, mail_by=NOW - timedelta(minutes=31))]) == {"bt_1": FIVE}
    assert suspects([replace(left, steps={Step.ACCEPTED: 8_000})]) == {"bt_1": FIVE}


def test_where_no_truck_is_left_at_all_everything_misses() -> None:
    [(batch_id, truck)] = suspects([work(sheets=4_000)], closed_weekdays=(0, 2, 3, 4, 5, 6), trucks=(time(17),)).items()
    assert (batch_id, truck > NOW + timedelta(days=6)) == ("bt_1", True)


def test_misses_are_told_by_account_the_most_first() -> None:
    late = [work("bt_1", sheets=4_000), work("bt_2", sheets=10)]
    found = row(late, misses={"bt_1": {"ada": 5, "bob": 9}, "bt_2": {"ada": 10}, "bt_3": {"eve": 1}})
    assert found.misses == (Miss("ada", 15), Miss("bob", 9))
    assert found.light is Light.LATE
    assert row([work()], misses={"bt_1": {"ada": 1}}).why == ("pieces will miss",)


# Going elsewhere


def test_the_last_moment_for_another_printer_is_when_it_would_have_to_freeze_it() -> None:
    other = shop("south")
    found = row([work()], [shop(), other])
    # Due at half past five: the truck at five, its lead of 30 minutes, ten minutes of printing and five to send it.
    assert found.last_reroute == FIVE - timedelta(minutes=45)


@pytest.mark.parametrize(
    "other",
    [
        shop("south", standing=Standing.SUSPENDED),
        shop("south", standing=Standing.UNREACHABLE),
        shop("south", trucks=(time(11),)),
        replace(shop("south"), press=replace(shop("south").press, pace={})),
    ],
    ids=["suspended", "unreachable", "no truck", "cannot make it"],
)
def test_there_is_no_such_moment_where_nobody_else_can_make_it_in_time(other: Shop) -> None:
    assert row([work()], [shop(), other]).last_reroute is None


def test_all_kinds_of_work_of_a_truck_have_to_find_a_place_elsewhere() -> None:
    letters = replace(work("bt_2", sheets=100), key=KEY._replace(product="letter"))
    both = {KEY.product: Pace(8, 6_000, 5.0), "letter": Pace(2, 6_000, 5.0)}
    north = replace(shop(), press=replace(shop().press, pace=both))
    assert row([work(), letters], [north, shop("south")]).last_reroute is None
    south = replace(shop("south"), press=replace(shop("south").press, pace=both))
    assert row([work(), letters], [north, south]).last_reroute is not None


# What waits, by truck


def test_what_waits_is_meant_for_the_last_truck_before_it_is_due() -> None:
    at = NOW.timestamp()
    dues = {KEY: [(at + 1_800, 10), (at + 4_000, 20), (at + 90_000, 30)]}
    trucks = {"north": [at + 3_600, at + 16_200]}
    found = meant_for_trucks(dues, [(KEY, "north", 60)], trucks)
    assert [(one.truck, one.pieces) for one in found] == [(FIVE, 30), (HALF_PAST_EIGHT, 30)]
    assert found[0].first_due == NOW + timedelta(minutes=30)


def test_what_waits_is_spread_as_the_plan_spreads_it() -> None:
    at = NOW.timestamp()
    trucks = {"north": [at + 3_600], "south": [at + 3_600], "west": []}
    waits = [(KEY, "north", 75), (KEY, "south", 25), (KEY, "west", 100)]
    found = meant_for_trucks({KEY: [(at + 4_000, 200)]}, waits, trucks)
    assert [(one.printer_id, one.pieces) for one in found] == [("north", 75), ("south", 25)]

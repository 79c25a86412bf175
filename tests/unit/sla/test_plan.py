"""The plan: scenarios whose best answer is known."""

from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any

import pytest

from pipeline.lifecycle import Standing
from pipeline.sla.closing import SPARE_TICKS
from pipeline.sla.lots import BatchKey
from pipeline.sla.planner import plan
from pipeline.sla.presses import LINE_OVERHEAD, Committed, Press
from tests.unit.sla.plans import DUE, LAST_TRUCK, MARKETING, NOW, POSTCARDS, backlog, backlog_of, press, sizes

# Set-up and lead of `press`, and the line's own minutes; a sheet takes 0.6 s more.
MAKING = timedelta(minutes=4 + 75) + LINE_OVERHEAD
SHEET = timedelta(seconds=0.6)


def test_a_few_pieces_wait_for_more_until_the_last_truck_that_keeps_the_promise() -> None:
    waiting = plan([backlog(9)], [press()], NOW)
    assert not waiting.closes
    assert waiting.next_close_at == LAST_TRUCK - MAKING - 2 * SHEET - SPARE_TICKS
    [wait] = waiting.waits
    assert (wait.printer_id, wait.pieces, wait.close_at, wait.mail_by) == (
        "north",
        9,
        waiting.next_close_at,
        LAST_TRUCK,
    )


def test_they_close_at_that_moment_and_not_before() -> None:
    at = LAST_TRUCK - MAKING - 2 * SHEET - SPARE_TICKS
    assert not plan([backlog(9)], [press()], at - timedelta(seconds=1)).closes
    [close] = plan([backlog(9)], [press()], at).closes
    assert (close.pieces, close.mail_by) == (9, LAST_TRUCK)
    assert close.reason == "last safe moment for the Tue 20:30 truck; the only open printer that takes it"


@pytest.mark.parametrize("late_s", [0.001, 0.5, 11, 59])
def test_a_tick_that_comes_late_still_keeps_the_only_truck(late_s: float) -> None:
    at = plan([backlog(9)], [press()], NOW).next_close_at
    assert at is not None
    planned = plan([backlog(9)], [press()], at + timedelta(seconds=late_s))
    assert sizes(planned.closes) == [("north", 9)]
    assert planned.closes[0].mail_by == LAST_TRUCK
    assert not planned.shortfalls


def test_one_truck_is_left_to_spare_where_there_is_one() -> None:
    presses = [press(trucks=(time(17), time(20, 30)))]
    five = LAST_TRUCK - timedelta(hours=3.5)
    at = plan([backlog(9)], presses, NOW).next_close_at
    assert at == five - MAKING - 2 * SHEET - SPARE_TICKS
    [close] = plan([backlog(9)], presses, at).closes
    told = "last safe moment for the Tue 17:00 truck, which leaves one to spare; the only open printer that takes it"
    assert close.reason == told
    after = plan([backlog(9)], presses, five)
    assert after.next_close_at == LAST_TRUCK - MAKING - 2 * SHEET - SPARE_TICKS


def test_a_press_that_spoils_sheets_begins_early_enough_to_print_them_again() -> None:
    at = plan([backlog(9)], [press(spoilage=0.015)], NOW).next_close_at
    # Two rounds of: 20 minutes until it says so, the line's five, four of set-up, and a batch of 100 sheets before it.
    assert at == LAST_TRUCK - MAKING - 2 * SHEET - 2 * timedelta(minutes=20 + 5 + 4 + 1) - SPARE_TICKS


def test_the_next_close_is_kept_when_nothing_else_happens() -> None:
    presses = [press(), press("south", more={"queue": (Committed("postcard_4x6", 500, NOW),)})]
    at = plan([backlog(9)], presses, NOW).next_close_at
    assert at is not None
    assert plan([backlog(9)], presses, at).closes


def test_full_sheets_go_to_a_press_that_is_free_and_the_rest_waits() -> None:
    planned = plan([backlog(8 * 100 + 5)], [press()], NOW)
    [close] = planned.closes
    assert (close.pieces, close.reason.split("; ")[0]) == (800, "well-filled sheets for a press that is free")
    assert planned.next_close_at is not None


def test_a_press_that_is_busy_gets_its_next_batch_shortly_before_it_is_free() -> None:
    busy = [press(more={"queue": (Committed("postcard_4x6", 6_000, NOW),)})]
    planned = plan([backlog(8_000)], busy, NOW)
    assert not planned.closes
    # Frozen now, at the printer in 5 minutes, set up in 4 and printed in an hour; the next one travels for 5 and may be 5 early.
    assert planned.next_close_at == NOW + timedelta(minutes=5 + 4 + 60 - 5 - 5)
    assert plan([backlog(8_000)], busy, planned.next_close_at).closes


def test_one_batch_takes_no_more_sheets_than_the_printer_allows() -> None:
    planned = plan([backlog(8 * 1_300)], [press(max_wait_s=0)], NOW)
    assert [close.pieces for close in planned.closes] == [4_800, 4_800, 800]


@pytest.mark.parametrize(
    "cap", [{"max_sheets_per_batch": 10}, {"max_pieces_per_batch": 80}, {"max_pieces_per_batch": 87}]
)
def test_every_cap_of_a_printer_holds(cap: dict[str, Any]) -> None:
    closes = plan([backlog(100)], [press(max_wait_s=0, **cap)], NOW).closes
    assert [close.pieces for close in closes] == [80, 20]


def test_a_batch_has_no_more_files_than_its_printer_takes() -> None:
    # 2,000 sheets a file is the imposition's own default.
    closes = plan(
        [backlog(8 * 5_000)], [press(max_wait_s=0, max_sheets_per_batch=9_000, max_files_per_batch=2)], NOW
    ).closes
    assert [close.pieces for close in closes] == [8 * 4_000, 8 * 1_000]


def test_the_last_sheet_is_filled_with_what_is_due_next() -> None:
    two_days = [backlog_of({LAST_TRUCK: 3, LAST_TRUCK + timedelta(hours=21): 40})]
    [close] = plan(two_days, [press()], LAST_TRUCK - MAKING - SHEET).closes
    assert close.pieces == 8


def test_more_whole_sheets_of_what_is_due_next_go_along_where_that_risks_nothing() -> None:
    presses = [press(trucks=(time(17), time(20, 30)))]
    two_days = [backlog_of({LAST_TRUCK: 3, LAST_TRUCK + timedelta(hours=21): 40})]
    at = plan(two_days, presses, NOW).next_close_at
    assert at is not None
    [close] = plan(two_days, presses, at).closes
    assert close.pieces == 40


def test_nobody_waits_longer_than_its_printer_allows() -> None:
    presses = [press(max_wait_s=600)]
    assert plan([backlog(3)], presses, NOW + timedelta(seconds=599)).next_close_at == NOW + timedelta(seconds=600)
    [close] = plan([backlog(3)], presses, NOW + timedelta(seconds=600)).closes
    assert (
        close.reason == "first piece waited 600 s, the longest this printer allows; the only open printer that takes it"
    )


def test_what_no_printer_makes_has_its_cause() -> None:
    letters = BatchKey("live", None, "letter", "text_70lb", "first_class", 1)
    planned = plan([backlog(3, key=letters)], [press()], NOW)
    [short] = planned.shortfalls
    assert (short.key, short.pieces, short.first_due) == (letters, 3, DUE)
    assert short.cause.detail == "no printer takes letter on text_70lb as first_class"
    assert not planned.closes
    assert planned.next_close_at is None


def test_without_a_printer_nothing_can_be_made() -> None:
    assert [one.key for one in plan([backlog(1)], [], NOW).shortfalls] == [POSTCARDS]


def test_two_printers_share_by_the_time_at_which_they_are_free() -> None:
    south = press("south", more={"queue": (Committed("postcard_4x6", 700, NOW),)}, max_wait_s=0)
    planned = plan([backlog(8 * 1_800)], [press("north", max_wait_s=0), south], NOW)
    assert sizes(planned.closes) == [("north", 4_800), ("north", 4_800), ("south", 4_800)]


def test_of_two_that_can_keep_the_promise_the_cheap_slow_one_prints() -> None:
    presses = [
        press("dear", cost_cents_per_sheet=9.0, sheets_per_hour=9_000),
        press("fair", cost_cents_per_sheet=5.0, sheets_per_hour=900),
    ]
    [wait] = plan([backlog(80)], presses, NOW).waits
    assert wait.printer_id == "fair"
    [close] = plan([backlog(80)], presses, wait.close_at).closes
    assert close.printer_id == "fair"


def test_what_a_piece_costs_beside_its_sheet_counts() -> None:
    """By hand: 8-up, 8 cents a sheet is 1 cent a piece; a printer whose sheets are free asks 2 for cutting each."""
    presses = [
        press("cut", cost_cents_per_sheet=0.0, cost_cents_per_piece=2.0),
        press("flat", cost_cents_per_sheet=8.0),
    ]
    assert [wait.printer_id for wait in plan([backlog(80)], presses, NOW).waits] == ["flat"]
    presses[0] = press("cut", cost_cents_per_sheet=0.0, cost_cents_per_piece=0.9)
    assert [wait.printer_id for wait in plan([backlog(80)], presses, NOW).waits] == ["cut"]


def test_when_the_cheap_slow_one_is_too_late_the_dear_fast_one_prints() -> None:
    presses = [
        press("dear", cost_cents_per_sheet=9.0, sheets_per_hour=9_000),
        press("fair", cost_cents_per_sheet=5.0, sheets_per_hour=60),
    ]
    at = LAST_TRUCK - MAKING - timedelta(minutes=5)
    [wait] = plan([backlog(80)], presses, at).waits
    assert wait.printer_id == "dear"


def test_what_one_press_cannot_make_in_time_is_split_over_two() -> None:
    presses = [press("north", fill_sheets=600), press("south", fill_sheets=600, cost_cents_per_sheet=9.0)]
    at = LAST_TRUCK - MAKING - 400 * SHEET
    planned = plan([backlog(8 * 800)], presses, at)
    assert sorted(sizes(planned.closes)) == [("north", 3_200), ("south", 3_200)]
    assert not planned.shortfalls


def test_what_two_cannot_make_in_time_goes_as_far_as_it_can_and_the_rest_has_its_cause() -> None:
    at = LAST_TRUCK - MAKING - 400 * SHEET
    planned = plan([backlog(8 * 900)], [press(fill_sheets=600)], at)
    [close] = planned.closes
    assert close.pieces == 3_200
    [short] = planned.shortfalls
    assert short.pieces == 4_000
    assert short.cause.detail == "more than north can print before the last truck that keeps the promise"


def test_a_piece_that_only_one_press_takes_moves_another_off_it() -> None:
    letters = BatchKey("live", None, "postcard_4x6", "text_70lb", "first_class", 1)
    both = press("both", cost_cents_per_sheet=4.0)
    both = type(both)(
        **{**vars(both), "profile": both.profile.model_copy(update={"stocks": ("cover_120lb", "text_70lb")})}
    )
    at = LAST_TRUCK - MAKING - 100 * SHEET
    planned = plan([backlog(800), backlog(800, key=letters)], [both, press("plain")], at)
    assert not planned.shortfalls
    assert {(close.key.stock, close.printer_id) for close in planned.closes} == {
        ("text_70lb", "both"),
        ("cover_120lb", "plain"),
    }


def test_a_press_is_given_nothing_that_it_prints_only_on_the_next_morning() -> None:
    closes_early = press(closes=time(17))
    at = plan([backlog(9)], [closes_early], NOW).next_close_at
    closing = datetime(2026, 3, 3, 22, 0, tzinfo=NOW.tzinfo)
    assert at == closing - timedelta(minutes=4) - LINE_OVERHEAD - 2 * SHEET - SPARE_TICKS


def test_a_promise_that_no_truck_can_keep_goes_with_the_next_one_and_has_its_cause() -> None:
    late = backlog(5, due=NOW - timedelta(hours=1))
    planned = plan([late], [press()], NOW)
    assert planned.shortfalls[0].cause.detail == "no truck of a printer that takes it leaves before it is due"
    at = planned.next_close_at
    assert at is not None
    [close] = plan([late], [press()], at).closes
    assert close.mail_by == LAST_TRUCK
    assert close.reason == "its promise is lost; the next truck is Tue 20:30; the only open printer that takes it"


def test_of_printers_that_are_all_too_late_the_first_truck_takes_it() -> None:
    late = backlog(5, due=NOW - timedelta(hours=1))
    presses = [press("evening"), press("afternoon", trucks=(time(17),))]
    assert [wait.printer_id for wait in plan([late], presses, NOW).waits] == ["afternoon"]


def test_the_first_due_are_printed_first() -> None:
    planned = plan([backlog(800, key=MARKETING), backlog(800, due=DUE - timedelta(hours=1))], [press()], NOW)
    assert planned.closes[0].key == POSTCARDS


def test_a_printer_of_an_account_prints_for_that_account_alone() -> None:
    theirs = BatchKey("test", "ac_1", "postcard_4x6", "cover_120lb", "first_class", 1)
    assert plan([backlog(800, key=theirs)], [press()], NOW).shortfalls


PERMIT = {"min_pieces_first_class": 200}


def test_fewer_than_a_permit_needs_go_to_a_printer_without_one() -> None:
    presses = [press("permit", postage=PERMIT, cost_cents_per_sheet=1.0), press("meter")]
    assert [wait.printer_id for wait in plan([backlog(199)], presses, NOW).waits] == ["meter"]
    assert [wait.printer_id for wait in plan([backlog(200)], presses, NOW).waits] == ["permit"]


def test_fewer_than_every_printer_needs_have_their_cause() -> None:
    [short] = plan([backlog(199)], [press(postage=PERMIT)], NOW).shortfalls
    assert short.cause.detail == "its printers make no first_class batch of fewer than 200 pieces, and fewer wait"


def test_no_split_leaves_fewer_than_a_permit_needs() -> None:
    closes = plan([backlog(900)], [press(postage=PERMIT, max_wait_s=0, max_sheets_per_batch=100)], NOW).closes
    assert [close.pieces for close in closes] == [700, 200]


def test_a_printer_that_is_late_to_acknowledge_gets_no_more_while_another_can_keep_the_promise() -> None:
    silent = press("silent", cost_cents_per_sheet=1.0, more={"unacknowledged_since": NOW - timedelta(minutes=30)})
    assert [close.printer_id for close in plan([backlog(800)], [silent, press("well")], NOW).closes] == ["well"]
    soon = press("silent", cost_cents_per_sheet=1.0, more={"unacknowledged_since": NOW - timedelta(minutes=29)})
    planned = plan([backlog(9)], [soon, press("well")], NOW)
    assert planned.next_close_at == NOW + timedelta(minutes=1)  # by then it is late
    assert [wait.printer_id for wait in planned.waits] == ["silent"]


def test_a_printer_that_was_given_a_drop_while_closed_is_late_only_after_it_opened() -> None:
    asleep = press(opens=time(9, 35), more={"unacknowledged_since": NOW - timedelta(hours=6)})
    assert asleep.late_at() == NOW + timedelta(minutes=5)  # half an hour after 9:35 in New York


def test_a_printer_that_was_slow_to_speak_is_given_as_long_again_and_not_thought_dead() -> None:
    handed_over = {"unacknowledged_since": NOW - timedelta(minutes=40)}
    slow = press("slow", cost_cents_per_sheet=1.0, more=handed_over | {"heard_after": timedelta(minutes=50)})
    [wait] = plan([backlog(9)], [slow, press("well")], NOW).waits
    assert wait.printer_id == "slow"
    # After an outage its last word came very late: that says nothing of how slow it is.
    down = {"unacknowledged_since": NOW - timedelta(minutes=130), "heard_after": timedelta(hours=6)}
    out = press("out", cost_cents_per_sheet=1.0, more=down)
    assert [wait.printer_id for wait in plan([backlog(9)], [out, press("well")], NOW).waits] == ["well"]


def test_a_slow_printer_needs_longer_for_a_reprint_and_begins_sooner() -> None:
    def close_at(heard_after: timedelta | None) -> datetime:
        [wait] = plan([backlog(9)], [press(spoilage=0.015, more={"heard_after": heard_after})], NOW).waits
        return wait.close_at

    assert close_at(None) == close_at(timedelta(minutes=20))
    assert close_at(None) - close_at(timedelta(minutes=50)) == 2 * timedelta(minutes=30)


def test_it_still_gets_what_no_other_can_keep() -> None:
    silent = press("silent", more={"unacknowledged_since": NOW - timedelta(minutes=30)})
    gone = press("gone", trucks=(time(9),))
    [wait] = plan([backlog(9, due=LAST_TRUCK)], [silent, gone], NOW).waits
    assert (wait.printer_id, wait.mail_by) == ("silent", LAST_TRUCK)


def test_a_printer_that_cannot_be_reached_gets_nothing() -> None:
    down = press("pr_1", more={"standing": Standing.UNREACHABLE, "name": "north"})
    idle = press("south", trucks=())
    [short] = plan([backlog(9)], [down, idle], NOW).shortfalls
    assert short.cause.detail == (
        "no printer that takes it is open: north cannot be reached, south has no truck in the days to come"
    )


def test_a_printer_that_cools_off_gets_nothing_until_it_is_back_and_keeps_what_it_then_can() -> None:
    back_at = NOW + timedelta(minutes=15)
    cooling = press(max_wait_s=0, more={"standing": Standing.COOLING, "back_at": back_at})
    planned = plan([backlog(900)], [cooling], NOW)
    assert (planned.closes, planned.shortfalls, planned.next_close_at) == ((), (), back_at)
    [wait] = planned.waits
    assert (wait.pieces, wait.mail_by) == (900, LAST_TRUCK)


def test_what_a_printer_that_cools_off_cannot_keep_when_it_is_back_has_its_cause() -> None:
    quick = press(trucks=(time(10, 17), time(20, 30)), lead_minutes=0, setup_minutes=0)
    due_soon = backlog(9, due=NOW + timedelta(minutes=20))
    assert plan([due_soon], [quick], NOW).shortfalls == ()
    cooling = replace(quick, standing=Standing.COOLING, back_at=NOW + timedelta(minutes=15))
    [short] = plan([due_soon], [cooling], NOW).shortfalls
    assert (short.pieces, short.cause.code) == (9, "no_press_in_time")


def test_another_printer_gets_what_one_that_cools_off_would_have_made() -> None:
    cooling = press(
        cost_cents_per_sheet=1.0, more={"standing": Standing.COOLING, "back_at": NOW + timedelta(minutes=15)}
    )
    assert [close.printer_id for close in plan([backlog(900)], [cooling, press("south")], NOW).closes] == ["south"]


def test_pieces_whose_first_truck_is_another_printers_are_left_for_it() -> None:
    # Only west still has a truck for those due tonight; north's press is free for what is due tomorrow.
    north = press("north", trucks=(time(11),))
    west = press("west", more={"queue": (Committed("postcard_4x6", 6_000, NOW),)})
    both = backlog_of({LAST_TRUCK: 80, DUE + timedelta(hours=2): 800})
    [close] = plan([both], [north, west], NOW).closes
    assert (close.printer_id, close.pieces, close.due_from) == ("north", 800, DUE + timedelta(hours=2))


def test_a_batch_says_why_it_went_to_this_printer() -> None:
    def why(*presses: Press, pieces: int = 800) -> str:
        close = plan([backlog(pieces)], presses, NOW).closes[-1]
        return f"{close.printer_id}: {close.reason.split('; ')[-1]}"

    cheap, dear = press("cheap", cost_cents_per_sheet=1.0), press("dear", cost_cents_per_sheet=2.0)
    assert why(cheap) == "cheap: the only open printer that takes it"
    assert why(cheap, dear) == "cheap: none that takes it is cheaper"
    busy = replace(cheap, queue=(Committed("postcard_4x6", 9_000, NOW),))
    assert why(busy, dear) == "dear: its press is free sooner than cheaper ones"
    silent = replace(cheap, unacknowledged_since=NOW - timedelta(hours=6))
    assert why(silent, dear) == "dear: cheaper ones are slow to answer or cool off"


def test_the_rest_of_a_key_whose_batch_has_closed_is_given_a_set_up_of_its_own() -> None:
    """Sheets that fill make the batch for the spared truck; three pieces are left for the last one."""
    made = press(slots=7, trucks=(time(17), time(20, 30)), sheets_per_hour=400, setup_minutes=8, lead_minutes=0)
    at = plan([backlog(458)], [made], NOW).next_close_at
    assert at is not None
    # So late that not all of them can be printed for the spared truck any more.
    planned = plan([backlog(458)], [made], at + SPARE_TICKS + timedelta(seconds=5))
    [close] = planned.closes
    assert close.pieces == 455
    [wait] = planned.waits
    assert (wait.pieces, planned.next_close_at) == (3, wait.close_at)
    assert wait.close_at == LAST_TRUCK - timedelta(minutes=8, seconds=9) - LINE_OVERHEAD - SPARE_TICKS
    [last] = plan([backlog(3)], [made], wait.close_at).closes
    assert (last.pieces, last.mail_by) == (3, LAST_TRUCK)


def test_a_batch_for_an_idle_press_leaves_no_rest_that_a_set_up_of_its_own_would_make_late() -> None:
    made = press(slots=1, trucks=(time(11, 10),), sheets_per_hour=6, setup_minutes=8, lead_minutes=10, fill_sheets=2)
    # Three take 38 minutes with one set-up, and 46 with two; from 10:05 on there are 55, from 10:15 on 45.
    late = NOW + timedelta(minutes=10)
    planned = plan([backlog(3, due=NOW + timedelta(minutes=95))], [made], late)
    assert sizes(planned.closes) == [("north", 3)]
    assert not planned.shortfalls

"""The plan: small scenarios by hand, and what no plan may ever do."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.planner import LINE_OVERHEAD, Backlog, BatchKey, Close, Press, plan

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York
DUE = NOW + timedelta(hours=24)
LAST_TRUCK = datetime(2026, 3, 4, 1, 30, tzinfo=UTC)  # 20:30
POSTCARDS = BatchKey("live", None, "postcard_4x6", "cover_120lb", "first_class", 1)
# Set-up, lead and acknowledgement of `press`, and the line's own minutes; a sheet takes 0.6 s more.
MAKING = timedelta(minutes=4 + 75 + 20) + LINE_OVERHEAD
SHEET = timedelta(seconds=0.6)


def press(name: str = "north", *, queued: int = 0, slots: int = 8, **floor: Any) -> Press:
    """One that loads trucks at 11:00 and 20:30, prints 6,000 sheets an hour and is full at 100 sheets."""
    usual = {"trucks": (time(11), time(20, 30)), "fill_sheets": 100, "max_sheets_per_batch": 600}
    profile = PrinterProfile(
        transport=Sandbox(),
        postage=Postage(mailer_id="123456", method="meter"),
        floor=Floor.model_validate(usual | floor),
    )
    return Press(name, None, profile, {"postcard_4x6": slots}, queued)


def backlog(pieces: int, *, due: datetime = DUE, since: datetime = NOW, key: BatchKey = POSTCARDS) -> Backlog:
    return Backlog(key, pieces, due, since)


def sizes(closes: tuple[Close, ...]) -> list[tuple[str, int]]:
    return [(close.printer_id, close.pieces) for close in closes]


def test_a_few_pieces_wait_for_more_until_the_last_truck_that_keeps_the_promise() -> None:
    waiting = plan([backlog(9)], [press(trucks=(time(20, 30),))], NOW)
    assert not waiting.closes
    assert waiting.next_close_at == LAST_TRUCK - MAKING - 2 * SHEET


def test_they_close_at_that_moment_and_not_before() -> None:
    presses = [press(trucks=(time(20, 30),))]
    at = LAST_TRUCK - MAKING - 2 * SHEET
    assert not plan([backlog(9)], presses, at - timedelta(seconds=1)).closes
    [close] = plan([backlog(9)], presses, at).closes
    assert (close.pieces, close.mail_by) == (9, LAST_TRUCK)
    assert close.reason == "last safe moment for the Tue 20:30 truck"


def test_the_next_close_is_kept_when_nothing_else_happens() -> None:
    presses = [press(trucks=(time(20, 30),)), press("south", queued=500)]
    at = plan([backlog(9)], presses, NOW).next_close_at
    assert at is not None
    assert plan([backlog(9)], presses, at).closes


def test_full_sheets_close_at_once_and_the_rest_waits() -> None:
    planned = plan([backlog(8 * 100 + 5)], [press()], NOW)
    [close] = planned.closes
    assert (close.pieces, close.reason) == (800, "100 full sheets")
    assert planned.next_close_at is not None


def test_one_batch_takes_no_more_sheets_than_the_printer_allows() -> None:
    planned = plan([backlog(8 * 1_300)], [press()], NOW)
    assert [close.pieces for close in planned.closes] == [4_800, 4_800, 800]


def test_at_the_deadline_too_a_batch_keeps_to_the_printers_size() -> None:
    planned = plan([backlog(20)], [press(max_sheets_per_batch=1, fill_sheets=9, max_wait_s=0)], NOW)
    assert [close.pieces for close in planned.closes] == [8, 8, 4]
    assert planned.next_close_at is None


def test_a_printer_that_lets_nothing_wait_longer_closes_by_its_own_clock() -> None:
    presses = [press(max_wait_s=600)]
    assert plan([backlog(3)], presses, NOW + timedelta(seconds=599)).next_close_at == NOW + timedelta(seconds=600)
    [close] = plan([backlog(3)], presses, NOW + timedelta(seconds=600)).closes
    assert close.reason == "first piece waited 600 s, the longest this printer allows"


def test_what_no_printer_makes_is_stuck_with_its_cause() -> None:
    letters = BatchKey("live", None, "letter", "text_70lb", "first_class", 1)
    planned = plan([backlog(3, key=letters)], [press()], NOW)
    assert planned.stuck == ((letters, "no printer takes letter on text_70lb as first_class"),)
    assert not planned.closes
    assert planned.next_close_at is None


def test_without_a_printer_everything_is_stuck() -> None:
    assert [key for key, _ in plan([backlog(1)], [], NOW).stuck] == [POSTCARDS]


def test_two_printers_share_by_the_hours_they_have_before_them() -> None:
    planned = plan([backlog(8 * 1_800)], [press("north"), press("south", queued=700)], NOW)
    assert sizes(planned.closes) == [("north", 4_800), ("north", 4_800), ("south", 4_800)]


def test_of_two_that_are_equally_free_the_cheaper_one_prints() -> None:
    presses = [press("dear", cost_cents_per_sheet=7.0), press("fair", cost_cents_per_sheet=5.0)]
    assert sizes(plan([backlog(800)], presses, NOW).closes) == [("fair", 800)]


def test_the_printer_that_can_still_make_its_truck_goes_before_the_one_that_is_free() -> None:
    gone = press("free", trucks=(time(11),), lead_minutes=120)
    busy = press("busy", trucks=(time(20, 30),), queued=3_000)
    at = plan([backlog(9, due=LAST_TRUCK)], [gone, busy], NOW).next_close_at
    assert at is not None
    assert sizes(plan([backlog(9, due=LAST_TRUCK)], [gone, busy], at).closes) == [("busy", 9)]


def test_a_promise_that_no_truck_can_keep_goes_with_the_next_one() -> None:
    late = backlog(5, due=NOW - timedelta(hours=1))
    [close] = plan([late], [press(trucks=(time(11),))], NOW).closes
    assert close.mail_by == NOW + timedelta(hours=1)


def test_of_printers_that_are_all_too_late_the_first_truck_takes_it() -> None:
    late = backlog(5, due=NOW - timedelta(hours=1))
    presses = [press("evening", trucks=(time(20, 30),)), press("noon", trucks=(time(12),))]
    assert sizes(plan([late], presses, NOW + timedelta(hours=1)).closes) == [("noon", 5)]


def test_the_first_due_are_planned_first() -> None:
    marketing = BatchKey("live", None, "postcard_4x6", "cover_120lb", "marketing", 1)
    planned = plan([backlog(800, key=marketing), backlog(800, due=DUE - timedelta(hours=1))], [press()], NOW)
    assert [close.key for close in planned.closes] == [POSTCARDS, marketing]


def test_a_printer_of_an_account_prints_for_that_account_alone() -> None:
    theirs = BatchKey("test", "ac_1", "postcard_4x6", "cover_120lb", "first_class", 1)
    assert plan([backlog(800, key=theirs)], [press()], NOW).stuck


KEYS = st.builds(
    BatchKey,
    mode=st.just("live"),
    account_id=st.none(),
    product=st.sampled_from(["postcard_4x6", "letter", "postcard_6x9"]),
    stock=st.sampled_from(["cover_120lb", "text_70lb"]),
    mail_class=st.sampled_from(["first_class", "marketing"]),
    sheets=st.integers(1, 2),
)
BACKLOGS = st.lists(
    st.builds(
        Backlog,
        key=KEYS,
        pieces=st.integers(1, 2_000),
        first_due=st.timedeltas(timedelta(hours=-30), timedelta(hours=90)).map(lambda by: NOW + by),
        waiting_since=st.timedeltas(timedelta(hours=-30), timedelta()).map(lambda by: NOW + by),
    ),
    max_size=4,
    unique_by=lambda one: one.key,
)


@st.composite
def presses_of_all_kinds(draw: st.DrawFn) -> list[Press]:
    made = []
    for number in range(draw(st.integers(0, 3))):
        floor = Floor(
            trucks=tuple(draw(st.lists(st.times(), max_size=3, unique=True))),
            lead_minutes=draw(st.integers(0, 600)),
            max_sheets_per_batch=draw(st.integers(1, 2_000)),
            fill_sheets=draw(st.integers(1, 2_000)),
            max_wait_s=draw(st.none() | st.integers(0, 100_000)),
        )
        profile = PrinterProfile(
            transport=Sandbox(),
            postage=Postage(mailer_id="123456", method="meter"),
            stocks=tuple(draw(st.sets(st.sampled_from(["cover_120lb", "text_70lb"]), min_size=1))),
            classes=tuple(draw(st.sets(st.sampled_from(["first_class", "marketing"]), min_size=1))),
            floor=floor,
        )
        n_up = draw(st.dictionaries(st.sampled_from(["postcard_4x6", "letter"]), st.integers(1, 12)))
        made.append(Press(f"pr_{number}", None, profile, n_up, draw(st.integers(0, 50_000))))
    return made


@settings(deadline=None)
@given(BACKLOGS, presses_of_all_kinds())
def test_no_plan_takes_more_than_waits_or_gives_a_printer_what_it_cannot_make(
    backlogs: list[Backlog], presses: list[Press]
) -> None:
    planned = plan(backlogs, presses, NOW)
    by_id = {one.printer_id: one for one in presses}
    for close in planned.closes:
        printer = by_id[close.printer_id]
        assert close.key.product in printer.n_up
        assert close.key.stock in printer.profile.stocks
        assert close.key.mail_class in printer.profile.classes
        slots = printer.n_up[close.key.product] * printer.profile.floor.max_sheets_per_batch
        assert 0 < close.pieces <= slots
        assert close.reason
    stuck = {key for key, _ in planned.stuck}
    for one in backlogs:
        taken = sum(close.pieces for close in planned.closes if close.key == one.key)
        assert taken <= one.pieces
        assert taken == 0 or one.key not in stuck
        if taken < one.pieces and one.key not in stuck:
            assert planned.next_close_at is not None
            assert planned.next_close_at > NOW

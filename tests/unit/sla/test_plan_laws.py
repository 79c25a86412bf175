"""What no plan may ever do, on backlogs and presses of all kinds; and that no other way of sharing tiny ones keeps more."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from heapq import heappop, heappush
from itertools import permutations, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lifecycle import Standing
from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.lots import Backlog, BatchKey, as_time
from pipeline.sla.planner import Shortfall, plan
from pipeline.sla.presses import LINE_OVERHEAD, Committed, Pace, Press
from pipeline.sla.promise import Hold, Terms, counts_from, promised
from tests.unit.sla.plans import MARKETING, NOW, POSTCARDS, Line, backlog_of, press

KEYS = st.builds(
    BatchKey,
    mode=st.just("live"),
    account_id=st.none(),
    product=st.sampled_from(["postcard_4x6", "letter", "postcard_6x9"]),
    stock=st.sampled_from(["cover_120lb", "text_70lb"]),
    mail_class=st.sampled_from(["first_class", "marketing"]),
    sheets=st.integers(1, 2),
)
DUES = st.dictionaries(
    st.integers(-120, 360).map(lambda quarters: NOW + quarters * timedelta(minutes=15)),
    st.integers(1, 3_000),
    min_size=1,
    max_size=5,
)
BACKLOGS = st.lists(
    st.builds(
        backlog_of,
        DUES,
        key=KEYS,
        since=st.timedeltas(timedelta(hours=-30), timedelta()).map(lambda by: NOW + by),
    ),
    max_size=4,
    unique_by=lambda one: one.key,
)
TIMES = st.times(max_value=time(23, 59)).map(lambda at: at.replace(second=0, microsecond=0))


@st.composite
def presses_of_all_kinds(draw: st.DrawFn) -> list[Press]:
    made = []
    for number in range(draw(st.integers(0, 3))):
        opens, closes = sorted(draw(st.tuples(TIMES, TIMES).filter(lambda two: two[0] != two[1])))
        floor = Floor(
            zone=draw(st.sampled_from(["America/New_York", "America/Los_Angeles"])),
            opens=opens,
            closes=closes,
            trucks=tuple(draw(st.lists(TIMES, max_size=3, unique=True))),
            closed_weekdays=tuple(draw(st.sets(st.integers(0, 6), max_size=2))),
            lead_minutes=draw(st.integers(0, 600)),
            setup_minutes=draw(st.integers(0, 9)),
            max_sheets_per_batch=draw(st.integers(1, 2_000)),
            max_pieces_per_batch=draw(st.none() | st.integers(1, 900)),
            fill_sheets=draw(st.none() | st.integers(1, 2_000)),
            max_wait_s=draw(st.none() | st.integers(0, 200_000)),
            spoilage=draw(st.sampled_from([0, 0.015])),
        )
        profile = PrinterProfile(
            transport=Sandbox(),
            postage=Postage(
                mailer_id="123456", method="meter", min_pieces_marketing=draw(st.sampled_from([0, 0, 200]))
            ),
            stocks=tuple(draw(st.sets(st.sampled_from(["cover_120lb", "text_70lb"]), min_size=1))),
            classes=tuple(draw(st.sets(st.sampled_from(["first_class", "marketing"]), min_size=1))),
            floor=floor,
        )
        slots = draw(st.dictionaries(st.sampled_from(["postcard_4x6", "letter"]), st.integers(1, 12)))
        pace = {name: Pace(n_up, draw(st.integers(50, 9_000)), 5.0 + number) for name, n_up in slots.items()}
        silent = draw(st.none() | st.integers(0, 90))
        queue = draw(st.lists(st.builds(Committed, st.just("letter"), st.integers(1, 4_000), st.just(NOW)), max_size=2))
        since = None if silent is None else NOW - timedelta(minutes=silent)
        standing = draw(st.sampled_from([Standing.OPEN, Standing.OPEN, Standing.UNREACHABLE, Standing.COOLING]))
        back_at = NOW + timedelta(minutes=draw(st.integers(1, 15))) if standing is Standing.COOLING else None
        known = Press(f"pr_{number}", None, profile, pace, tuple(queue), standing, since)
        made.append(replace(known, back_at=back_at))
    return made


def by_due(backlog: Backlog) -> dict[datetime, int]:
    return {as_time(due): count for due, count in zip(backlog.dues, backlog.counts, strict=True)}


@settings(max_examples=150)
@given(BACKLOGS, presses_of_all_kinds())
def test_no_piece_is_taken_twice_and_no_printer_gets_what_it_cannot_make(
    backlogs: list[Backlog], presses: list[Press]
) -> None:
    planned = plan(backlogs, presses, NOW)
    by_id = {one.printer_id: one for one in presses}
    left = {one.key: by_due(one) for one in backlogs}
    for close in planned.closes:
        printer, key = by_id[close.printer_id], close.key
        assert printer.standing is Standing.OPEN
        assert key.product in printer.pace
        assert key.stock in printer.profile.stocks
        assert key.mail_class in printer.profile.classes
        sheets = -(-close.pieces // printer.pace[key.product].n_up) * key.sheets
        assert sheets <= printer.floor.max_sheets_per_batch
        assert close.pieces <= (printer.floor.max_pieces_per_batch or close.pieces)
        assert close.pieces >= max(1, printer.profile.postage.min_pieces(key.mail_class))
        assert close.reason
        take(left[key], close.due_from, close.pieces)


def take(counts: dict[datetime, int], due_from: datetime, pieces: int) -> None:
    """As freezing does it; fails where a batch would want pieces that another has."""
    for due in sorted(due for due in counts if due >= due_from):
        part = min(pieces, counts[due])
        counts[due] -= part
        pieces -= part
    assert pieces == 0


LATEST = datetime.max.replace(tzinfo=UTC)


def first_due(one: Shortfall) -> datetime:
    return one.first_due


@settings(max_examples=150)
@given(BACKLOGS, presses_of_all_kinds())
def test_every_piece_is_closed_or_waits_for_a_press_or_has_a_cause(
    backlogs: list[Backlog], presses: list[Press]
) -> None:
    planned = plan(backlogs, presses, NOW)
    for backlog in backlogs:
        closed, waiting, short = (
            [one for one in kind if one.key == backlog.key]
            for kind in (planned.closes, planned.waits, planned.shortfalls)
        )
        assert all(one.cause and 0 <= one.unplanned <= one.pieces for one in short)
        unplanned = sum(one.unplanned for one in short)
        assert sum(one.pieces for one in closed) + sum(one.pieces for one in waiting) + unplanned == backlog.pieces
        counts = by_due(backlog)
        missing = sum(one.pieces for one in short)
        assert sum(count for due, count in counts.items() if due < NOW) <= missing <= backlog.pieces
        # No lot is told of twice, nor more of it than there is.
        firsts = sorted(one.first_due for one in short)
        assert len(firsts) == len(set(firsts))
        for one, until in zip(sorted(short, key=first_due), [*firsts, LATEST][1:], strict=True):
            assert one.pieces <= sum(count for due, count in counts.items() if one.first_due <= due < until)
    if planned.waits:
        assert planned.next_close_at is not None
        assert planned.next_close_at > NOW


@st.composite
def open_presses(draw: st.DrawFn) -> list[Press]:
    """One to three that work most of the day, some with a queue, some silent, cooling or out of reach; one at least is open."""
    made = []
    for number in range(draw(st.integers(1, 3))):
        base = press(
            f"pr_{number}",
            slots=draw(st.integers(1, 12)),
            postage={"min_pieces_marketing": draw(st.sampled_from([0, 0, 200]))},
            zone=draw(st.sampled_from(["America/New_York", "America/Los_Angeles"])),
            opens=draw(st.sampled_from([time(0, 30), time(5), time(9, 15)])),
            closes=draw(st.sampled_from([time(17), time(22), time(23, 45)])),
            trucks=tuple(draw(st.lists(st.sampled_from([time(9), time(13, 30), time(17), time(20, 30)]), min_size=1))),
            closed_weekdays=tuple(draw(st.sampled_from([(), (), (5, 6), (2,)]))),
            lead_minutes=draw(st.sampled_from([0, 30, 75, 200])),
            setup_minutes=draw(st.integers(0, 9)),
            sheets_per_hour=draw(st.sampled_from([400, 2_000, 6_000])),
            max_sheets_per_batch=draw(st.sampled_from([60, 600, 2_000])),
            fill_sheets=draw(st.sampled_from([None, 20, 100])),
        )
        sheets = draw(st.lists(st.integers(1, 3_000), max_size=2))
        queue = tuple(Committed("postcard_4x6", count, NOW) for count in sheets)
        standing = draw(st.sampled_from([Standing.OPEN] * 4 + [Standing.UNREACHABLE, Standing.COOLING]))
        silent = draw(st.sampled_from([None, None, None, 5, 90]))
        made.append(
            replace(
                base,
                queue=queue,
                standing=standing if number else Standing.OPEN,
                back_at=NOW + timedelta(minutes=9) if standing is Standing.COOLING and number else None,
                unacknowledged_since=None if silent is None else NOW - timedelta(minutes=silent),
            )
        )
    return made


SENDINGS = st.lists(
    st.tuples(st.sampled_from([POSTCARDS, MARKETING]), st.integers(16, 200), st.integers(1, 4_000)),
    min_size=1,
    max_size=8,
)
"""Batch key, in how many quarters of an hour they are due, and how many."""


def cooled(presses: Sequence[Press], now: datetime) -> list[Press]:
    """Those that have cooled off meanwhile are open again."""
    return [
        replace(one, standing=Standing.OPEN, back_at=None) if one.back_at is not None and one.back_at <= now else one
        for one in presses
    ]


@pytest.mark.hypothesis  # its examples are drawn inside
def test_what_closes_for_its_promise_is_printed_within_the_hours_and_before_its_truck() -> None:
    held = Counter[str]()

    @settings(max_examples=150)
    @given(SENDINGS, open_presses())
    def follow(sendings: list[tuple[BatchKey, int, int]], presses: list[Press]) -> None:
        line, now = Line(presses), NOW
        for key, quarters, pieces in sendings:
            line.add(key, NOW + quarters * timedelta(minutes=15), pieces)
        lead = {one.printer_id: timedelta(minutes=one.floor.lead_minutes) for one in presses}
        for _ in range(40):
            planned = plan(line.backlogs(), cooled(line.presses(now), now), now)
            late = {(one.key, one.first_due) for one in planned.shortfalls}
            for close in planned.closes:
                printed = line.close(close, now)
                if (close.key, close.due_from) in late:
                    held["late"] += 1
                else:
                    held["in time"] += 1
                    assert close.mail_by <= close.due_from
                    assert printed + lead[close.printer_id] <= close.mail_by + timedelta(milliseconds=5)
            if planned.next_close_at is None:
                break
            now = planned.next_close_at

    follow()
    assert held["in time"] > 500  # it did assert something
    assert held["late"] > 20


Lot = tuple[BatchKey, int, int]
"""Pieces of a key that are due in so many minutes."""

LOTS = st.lists(
    st.tuples(st.sampled_from([POSTCARDS, MARKETING]), st.integers(1, 3), st.sampled_from([40, 70, 95])),
    min_size=1,
    max_size=3,
    unique_by=lambda lot: (lot[0], lot[2]),
)


@st.composite
def tiny_presses(draw: st.DrawFn, *, alike: bool) -> list[Press]:
    """Three that print one piece a sheet, some with a job on them; where they are not `alike`, with set-ups too."""
    return [
        press(
            name,
            slots=1,
            trucks=tuple(map(in_minutes, draw(TINY_TRUCKS))),
            sheets_per_hour=60 // draw(st.sampled_from([5, 10, 15])),
            setup_minutes=0 if alike else draw(st.sampled_from([0, 2, 8])),
            lead_minutes=10,
            fill_sheets=draw(st.sampled_from([1, 2, 9])),
            more={"queue": draw(st.sampled_from([(), (Committed("postcard_4x6", 1, NOW - LINE_OVERHEAD),)]))},
            classes=draw(CLASSES),
        )
        for name in ("north", "south", "west")
    ]


TINY_TRUCKS = st.lists(st.sampled_from([30, 40, 60, 70, 95]), min_size=1, max_size=2, unique=True)
CLASSES = st.sampled_from([("first_class",), ("marketing",), ("first_class", "marketing")])


def in_minutes(minutes: int) -> time:
    return (NOW + timedelta(minutes=minutes)).astimezone(Floor().zoneinfo).time()


@settings(max_examples=150)
@given(LOTS, tiny_presses(alike=True))
def test_no_way_of_sharing_a_tiny_backlog_keeps_more_promises(lots: list[Lot], presses: list[Press]) -> None:
    assert kept_by_plan(lots, presses) == most_that_can_be_kept(lots, presses)


def test_set_ups_cost_no_promise_but_in_the_rarest_case() -> None:
    """With them it is a puzzle that no plan solves at once: how far it is from the best of all ways is bounded here."""
    kept = Counter[str]()

    @settings(max_examples=150, derandomize=True)
    @given(LOTS, tiny_presses(alike=False))
    def share(lots: list[Lot], presses: list[Press]) -> None:
        by_plan, most = kept_by_plan(lots, presses), most_that_can_be_kept(lots, presses)
        assert by_plan <= most
        kept.update(plan=by_plan, most=most)

    share()
    assert kept["plan"] >= 0.99 * kept["most"] > 0


def kept_by_plan(lots: list[Lot], presses: list[Press]) -> int:
    line, now = Line(presses), NOW
    for key, pieces, minutes in lots:
        line.add(key, NOW + timedelta(minutes=minutes), pieces)
    for _ in range(60):
        planned = plan(line.backlogs(), line.presses(now), now)
        for close in planned.closes:
            line.close(close, now)
        if planned.next_close_at is None or planned.next_close_at > NOW + timedelta(minutes=120):
            break
        now = planned.next_close_at
    return sum(leaves <= due for _, due, leaves in line.mailed)


def most_that_can_be_kept(lots: list[Lot], presses: list[Press]) -> int:
    """Try every way of giving pieces of each lot to the presses, and every order in which these can make them."""
    able = [
        {counts for counts in product(*(range(pieces + 1) for _, pieces, _ in lots)) if fits(lots, counts, one)}
        for one in presses
    ]
    most, wanted = 0, [pieces for _, pieces, _ in lots]
    for shares in product(*able):
        given_ = [sum(counts) for counts in zip(*shares, strict=True)]
        if all(count <= there for count, there in zip(given_, wanted, strict=True)):
            most = max(most, sum(given_))
    return most


def fits(lots: list[Lot], counts: tuple[int, ...], press_: Press) -> bool:
    """Whether a press can make so many of each lot for the truck that keeps it, in some order and some batches."""
    work = [(*lot, count) for lot, count in zip(lots, counts, strict=True) if count]
    return any(in_time(batches, press_) for order in permutations(work) for batches in batched(order))


Work = tuple[BatchKey, int, int, int]


def batched(order: Sequence[Work]) -> Iterator[list[list[Work]]]:
    """Every way of making one batch of neighbours of the same key."""
    if not order:
        yield []
        return
    for size in range(1, len(order) + 1):
        if len({work[0] for work in order[:size]}) == 1:
            yield from ([list(order[:size]), *rest] for rest in batched(order[size:]))


def in_time(made: Sequence[Sequence[Work]], press_: Press) -> bool:
    sheet = timedelta(hours=1) / press_.pace["postcard_4x6"].sheets_per_hour
    setup, lead = (timedelta(minutes=n) for n in (press_.floor.setup_minutes, press_.floor.lead_minutes))
    trucks = [
        datetime.combine(NOW.date(), truck, press_.floor.zoneinfo).astimezone(UTC) for truck in press_.floor.trucks
    ]
    at = NOW + max([LINE_OVERHEAD, *(setup + job.sheets * sheet for job in press_.queue)])
    for batch in made:
        key, pieces = batch[0][0], sum(count for *_, count in batch)
        if key.mail_class not in press_.profile.classes:
            return False
        at += setup + pieces * sheet
        due = NOW + timedelta(minutes=min(minutes for _, _, minutes, _ in batch))
        if not any(at + lead <= truck <= due for truck in trucks):
            return False
    return True


@pytest.mark.long
@pytest.mark.parametrize("year", [2026, 2028])
def test_a_year_over_every_holiday_and_change_of_clocks_leaves_no_piece_behind(year: int) -> None:
    """The second one is a leap year. Senders hold pieces and name days; presses and the whole post stand still on some."""
    all_still, east_still = date(year, 9, 15), (date(year, 3, 10), date(year, 7, 14))  # mailing days of both years
    presses = [
        press("east", trucks=(time(11), time(20, 30)), fill_sheets=40, closed_dates=(*east_still, all_still)),
        press(
            "west",
            trucks=(time(17),),
            fill_sheets=40,
            zone="America/Los_Angeles",
            closed_weekdays=(5, 6),
            closed_dates=(all_still,),
        ),
        press(
            "night",
            trucks=(time(2, 30), time(16)),
            fill_sheets=40,
            zone="America/Chicago",
            opens=time(1),
            closes=time(9),
            closed_dates=(all_still,),
        ),
    ]
    terms, still = Terms(presses[0].floor.zoneinfo), frozenset({all_still})
    line, short, added = Line(presses), 0, 0
    later: list[tuple[datetime, BatchKey, datetime, int]] = []
    for hour in range(366 * 24):
        now = datetime(year, 1, 1, tzinfo=UTC) + hour * timedelta(hours=1)
        for key, pieces in ((POSTCARDS, hour * 7 % 61), (MARKETING, hour * 5 % 23)):
            if pieces:
                freed, due = terms_of(now, hour, terms, still)
                heappush(
                    later, (freed, key, due.replace(minute=due.minute // 15 * 15, second=0, microsecond=0), pieces)
                )
                added += pieces
        while later and later[0][0] <= now:
            _, key, due, pieces = heappop(later)
            line.add(key, due, pieces)
        until = now + timedelta(hours=1)
        while now < until:
            planned = plan(line.backlogs(), line.presses(now), now)
            short += sum(one.pieces for one in planned.shortfalls)
            for close in planned.closes:
                line.close(close, now)
            line.forget(now)
            now = min(planned.next_close_at or until, until)
    left = sum(sum(counts.values()) for counts in line.waiting.values()) + sum(pieces for *_, pieces in later)
    assert left < 4_000  # the last days'
    assert len(line.mailed) + left == added
    assert short == 0
    assert all(leaves <= due for _, due, leaves in line.mailed)


def terms_of(now: datetime, hour: int, terms: Terms, still: frozenset[date]) -> tuple[datetime, datetime]:
    """When pieces that are accepted now may be frozen and are due: some are held for ten hours, some are for a later day."""
    freed, start, holds = now, now, []
    if hour % 10 == 0:
        freed = now + timedelta(hours=10)
        holds = [Hold(now + timedelta(hours=1), freed)]
    elif hour % 10 == 5:
        day = now.astimezone(terms.zone).date() + timedelta(days=2)
        freed = start = counts_from(now, day, terms.zone)
    due = promised(start, terms, holds=holds, suspended=still)
    assert due is not None
    return freed, due

"""The report's numbers, derived a second time: by the lifecycle's own rules, and by sorting what the report only counts."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.lifecycle import REACHED_FROM, Cause, Move, SlaState, Snapshot, Status, promise_after
from pipeline.repository.history import History, Made, Moved
from pipeline.sla.durations import Durations, rounded_s
from pipeline.sla.report import MOST_MISSES, STAGES, Report, Verdict, first_scan_lag, judge, stage_times

START = datetime(2026, 11, 24, 15, 0, tzinfo=UTC)
DUE = START + timedelta(hours=24)
UTC_ZONE = ZoneInfo("UTC")
_LATE_EVIDENCE = {Status.PRINTED, Status.MAILED, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.DELIVERED}
_VERDICTS = {
    SlaState.KEPT: Verdict.KEPT,
    SlaState.BREACHED: Verdict.MISSED,
    SlaState.VOID: Verdict.VOID,
    SlaState.ON_TRACK: Verdict.OPEN,
}


@dataclass(frozen=True)
class Walk:
    """A piece's moves as they were learned: `learned[n]` is when the line heard of `moves[n]`."""

    moves: tuple[Moved, ...]
    learned: tuple[datetime, ...]
    now: datetime


@st.composite
def walks(draw: st.DrawFn) -> Walk:
    """A random walk through the lifecycle; acknowledgements and scans may come later than what they tell of."""
    status, at = Status.CREATED, START
    moves, learned = [Moved(status, at)], [at]
    for _ in range(draw(st.integers(0, 10))):
        ahead = [to for to, sources in REACHED_FROM.items() if status in sources]
        if not ahead:
            break
        to = draw(st.sampled_from(ahead))
        at += timedelta(seconds=draw(st.integers(1, 40_000)))
        late = timedelta(seconds=draw(st.integers(0, 40_000))) if to in _LATE_EVIDENCE else timedelta()
        back = to is Status.READY and status in (Status.BATCHED, Status.SENT)
        moves.append(Moved(to, at - late, "out of stock" if back and draw(st.booleans()) else None))
        learned.append(at)
        status = to
    return Walk(tuple(moves), tuple(learned), at + timedelta(seconds=draw(st.integers(0, 100_000))))


@st.composite
def histories(draw: st.DrawFn) -> History:
    walk = draw(walks())
    return history(
        *walk.moves,
        now=walk.now,
        account=draw(st.sampled_from(["ada", "bob"])),
        printer=draw(st.sampled_from([None, "acme", "zenith"])),
        excuse=draw(st.sampled_from([None, "blizzard"])),
        freeze_from=START + timedelta(seconds=draw(st.integers(0, 7200))),
    )


def history(
    *moves: Moved,
    now: datetime = DUE + timedelta(days=9),
    account: str = "ada",
    printer: str | None = "acme",
    excuse: str | None = None,
    freeze_from: datetime = START,
) -> History:
    return History("ml_1", account, "postcard_4x6", printer, freeze_from, DUE, now, moves, excuse)


def at(hours: float, status: Status, refusal: str | None = None) -> Moved:
    return Moved(status, START + timedelta(hours=hours), refusal)


LINE = (at(0, Status.CREATED), at(0.1, Status.READY), at(2, Status.BATCHED), at(2.5, Status.SENT))


@given(walks())
@settings(max_examples=500)
def test_a_verdict_is_what_the_lifecycle_says_of_the_same_moves(walk: Walk) -> None:
    state = SlaState.ON_TRACK
    for moved, learned in zip(walk.moves, walk.learned, strict=True):
        if state is SlaState.ON_TRACK and learned > DUE:
            state = SlaState.BREACHED  # the alarm rings at the due time, before anything later is learned
        piece = Snapshot("ml_1", "ac_1", "live", 1, 0, Status.CREATED, state, DUE)
        state, _ = promise_after(Move(piece, moved.status, moved.at, {}))
    if state is SlaState.ON_TRACK and walk.now > DUE:
        state = SlaState.BREACHED
    assert judge(history(*walk.moves, now=walk.now))[0] is _VERDICTS[state]


@given(st.lists(histories(), max_size=30))
def test_counts_add_up_in_every_dimension(many: list[History]) -> None:
    report = Report(UTC_ZONE)
    misses = [miss for miss in map(report.add, many) if miss is not None]
    verdicts = Counter(judge(one)[0] for one in many)
    assert +report.total.verdicts == verdicts
    for name, tallies in report.groups.items():
        assert sum((tally.verdicts for tally in tallies.values()), Counter()) == verdicts, name
    assert {key: +tally.verdicts for key, tally in report.groups["account"].items()} == {
        account: Counter(judge(one)[0] for one in many if one.account == account)
        for account in {one.account for one in many}
    }
    assert len(misses) == verdicts[Verdict.MISSED] + verdicts[Verdict.EXCUSED] == report.causes.total()
    assert {miss.excuse is None for miss in misses} == {
        one.excuse is None for one in many if judge(one)[0] in (Verdict.MISSED, Verdict.EXCUSED)
    }


@given(st.lists(histories(), min_size=1, max_size=30))
def test_stage_times_are_those_of_the_moves_laid_end_to_end(many: list[History]) -> None:
    report = Report(UTC_ZONE)
    for one in many:
        report.add(one)
    for stage in STAGES:
        exact = sorted(seconds for one in many if (seconds := _time_in(one, stage)) is not None)
        assert report.stages[stage].count == len(exact)
        _assert_close(report.stages[stage], exact)


@given(st.lists(st.integers(0, 10**7), min_size=1, max_size=300), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_within_half_a_percent_of_the_exact_one(seconds: list[int], percent: int) -> None:
    durations = Durations()
    for one in seconds:
        durations.add(rounded_s(timedelta(seconds=one)))
    exact = sorted(seconds)[math.ceil(len(seconds) * percent / 100) - 1]
    found = durations.percentile_s(percent)
    assert found is not None
    assert abs(found - exact) <= max(0.5, exact * 0.005)


def test_durations_take_little_memory_whatever_their_number() -> None:
    assert len({rounded_s(timedelta(seconds=n)) for n in range(999_000)}) <= 1_000 + 3 * 900


def test_a_piece_mailed_in_its_last_second_kept_its_promise() -> None:
    assert judge(history(*LINE, Moved(Status.MAILED, DUE))) == (Verdict.KEPT, DUE)
    late = DUE + timedelta(seconds=1)
    assert judge(history(*LINE, Moved(Status.MAILED, late))) == (Verdict.MISSED, late)


def test_a_scan_from_before_the_due_time_corrects_a_late_acknowledgement() -> None:
    moves = (*LINE, at(30, Status.MAILED), at(23, Status.IN_TRANSIT))
    assert judge(history(*moves)) == (Verdict.KEPT, START + timedelta(hours=23))


def test_a_recorded_reason_excuses_a_miss_and_not_more() -> None:
    assert judge(history(*LINE, at(30, Status.MAILED), excuse="blizzard"))[0] is Verdict.EXCUSED
    assert judge(history(*LINE, at(20, Status.MAILED), excuse="blizzard"))[0] is Verdict.KEPT


def test_a_cancellation_voids_the_promise_only_while_it_runs() -> None:
    assert judge(history(LINE[0], at(1, Status.CANCELED)))[0] is Verdict.VOID
    assert judge(history(LINE[0], at(25, Status.CANCELED)))[0] is Verdict.MISSED


def test_what_its_sender_holds_is_open_however_long_and_void_when_it_is_called_off() -> None:
    held = (*LINE[:2], at(3, Status.HELD))
    stopped = replace(history(*held), stopped_at=START + timedelta(hours=3))
    assert judge(stopped) == (Verdict.OPEN, None)
    assert judge(history(*held))[0] is Verdict.MISSED  # by an operator
    assert judge(replace(stopped, stopped_at=DUE + timedelta(hours=1)))[0] is Verdict.MISSED  # too late by then
    assert judge(replace(stopped, moves=(*held, at(50, Status.CANCELED))))[0] is Verdict.VOID


def test_each_miss_has_the_cause_for_which_it_waited_when_its_time_was_up() -> None:
    def cause(*moves: Moved) -> str:
        miss = Report(UTC_ZONE).add(history(*moves))
        assert miss is not None
        return miss.cause

    mailed = at(40, Status.MAILED)
    assert cause(LINE[0], at(25, Status.READY), at(26, Status.BATCHED), mailed) == "not_ready"
    assert cause(LINE[0], at(1, Status.HELD)) == "held"
    assert cause(*LINE[:2], at(30, Status.BATCHED), mailed) == "not_batched"
    assert cause(*LINE[:3], at(30, Status.SENT), mailed) == "not_sent"
    assert cause(*LINE, at(30, Status.PRINTED), mailed) == "not_printed"
    assert cause(*LINE, at(20, Status.PRINTED), mailed) == "not_mailed"
    refused, moved = at(3, Status.READY, "out of stock"), replace(at(3, Status.READY), taken_back="it was silent")
    assert cause(*LINE, refused, at(30, Status.BATCHED), mailed) == "refused"
    assert cause(*LINE, moved, at(30, Status.BATCHED), mailed) == "taken_back"


def test_a_refusal_is_not_why_a_piece_missed_that_was_batched_again_but_it_is_told() -> None:
    refused = at(3, Status.READY, "out of stock")
    miss = Report(UTC_ZONE).add(history(*LINE, refused, at(4, Status.BATCHED), at(40, Status.MAILED)))
    assert miss is not None
    assert (miss.cause, miss.detail) == (
        "not_sent",
        "its drop was not at the printer; before that, its printer refused the drop: out of stock",
    )


def test_what_was_foreseen_is_the_cause_while_it_holds() -> None:
    def cause(code: str, *moves: Moved) -> str:
        miss = Report(UTC_ZONE).add(replace(history(*moves), cause=Cause(code, "why")))
        assert miss is not None
        return miss.cause

    mailed = at(40, Status.MAILED)
    assert cause("over_capacity", *LINE[:2], at(30, Status.BATCHED), mailed) == "over_capacity"
    assert cause("over_capacity", *LINE, mailed) == "over_capacity"
    assert cause("printer_silent", *LINE, mailed) == "printer_silent"
    assert cause("printer_silent", *LINE, at(20, Status.PRINTED), mailed) == "not_mailed"
    assert cause("press_behind", *LINE, at(20, Status.PRINTED), mailed) == "not_mailed"


def test_a_refusal_after_the_due_time_is_not_what_made_it_late() -> None:
    miss = Report(UTC_ZONE).add(history(*LINE, at(30, Status.READY, "out of stock")))
    assert miss is not None
    assert miss.cause == "not_printed"


def test_time_before_a_piece_may_be_frozen_is_not_waiting_for_a_batch() -> None:
    one = history(*LINE, freeze_from=START + timedelta(hours=1.5))
    assert stage_times(one)[Status.READY] == timedelta(hours=0.5)


@given(st.lists(histories(), max_size=30))
def test_the_first_scan_is_timed_from_the_printers_word_to_the_carriers(many: list[History]) -> None:
    report = Report(UTC_ZONE)
    for one in many:
        report.add(one)
    for printer in {one.printer or "none" for one in many}:
        exact = [_scan_lag_s(one) for one in many if (one.printer or "none") == printer]
        _assert_close(report.scan_lags[printer], sorted(lag for lag in exact if lag is not None))


def test_a_piece_scanned_and_never_said_to_be_mailed_has_no_lag() -> None:
    assert first_scan_lag(history(*LINE, at(20, Status.IN_TRANSIT))) is None
    assert first_scan_lag(history(*LINE, at(20, Status.MAILED))) is None
    assert first_scan_lag(history(*LINE, at(20, Status.MAILED), at(26, Status.IN_TRANSIT))) == timedelta(hours=6)


def test_spoilage_is_told_of_each_printer_that_said_something() -> None:
    report = Report(UTC_ZONE, {"acme": Made(200, 3)})
    report.add(history(*LINE, at(20, Status.MAILED), at(21, Status.IN_TRANSIT), printer="zenith"))
    shown = report.as_dict()["printers"]
    assert {name: (one["made"], one["spoiled"], one["spoiled_share"]) for name, one in shown.items()} == {
        "acme": (200, 3, 0.015),
        "zenith": (0, 0, None),
    }


def _scan_lag_s(one: History) -> int | None:
    """By walking through the moves, which is not how the report finds it."""
    mailed = scanned = None
    for move in one.moves:
        if move.status is Status.MAILED and mailed is None:
            mailed = move.at
        if move.status in {
            Status.IN_TRANSIT,
            Status.OUT_FOR_DELIVERY,
            Status.DELIVERED,
            Status.RETURNED,
            Status.REROUTED,
        }:
            scanned = move.at if scanned is None or move.at < scanned else scanned
    return None if mailed is None or scanned is None else max(0, round((scanned - mailed).total_seconds()))


def test_hours_are_those_of_the_zone() -> None:
    report = Report(ZoneInfo("America/New_York"))
    report.add(history(*LINE, at(20, Status.MAILED)))
    assert set(report.groups["hour"]) == {"10:00"}


def test_misses_are_all_counted_and_the_first_listed() -> None:
    report = Report(UTC_ZONE)
    for _ in range(MOST_MISSES + 3):
        report.add(history(*LINE))
    shown = report.as_dict()
    assert (len(shown["misses"]), shown["misses_left_off"]) == (MOST_MISSES, 3)
    assert shown["total"]["missed"] == shown["causes"]["not_printed"] == MOST_MISSES + 3


def _time_in(one: History, stage: Status) -> float | None:
    """Seconds in a stage: each stay on its own, from its entry, or from when it counts, to the next move."""
    stays = [
        max(0.0, (then.at - max(entry.at, one.freeze_from if stage is Status.READY else entry.at)).total_seconds())
        for entry, then in _pairs(one.moves)
        if entry.status is stage
    ]
    return sum(stays) if stays else None


def _pairs(moves: Sequence[Moved]) -> list[tuple[Moved, Moved]]:
    return [(moves[n], moves[n + 1]) for n in range(len(moves) - 1)]


def _assert_close(durations: Durations, exact: list[float]) -> None:
    for percent in (50, 90, 99):
        found = durations.percentile_s(percent)
        if not exact:
            assert found is None
        else:
            wanted = exact[math.ceil(len(exact) * percent / 100) - 1]
            assert found is not None
            assert abs(found - wanted) <= max(0.5, wanted * 0.005)

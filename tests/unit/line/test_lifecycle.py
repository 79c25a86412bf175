"""Which moves there are, and how a promise stands after one."""

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.lifecycle import (
    BATCH_ORDER,
    ENDED,
    EVENT_TYPES,
    PROMISE_KEPT_BY,
    PROMISE_OPEN,
    PROMISE_VOIDED_BY,
    REACHED_FROM,
    BatchStatus,
    Move,
    SlaState,
    Snapshot,
    Status,
    event_type,
    promise_after,
)

DUE = datetime(2026, 3, 4, 15, 0, tzinfo=UTC)
LINE = list(Status)[: list(Status).index(Status.DELIVERED) + 1]


def moved(to: Status, *, by: timedelta = timedelta(), state: SlaState = SlaState.ON_TRACK) -> Move:
    """A move of evidence from `by` after the promise was due."""
    piece = Snapshot("ml_1", "ac_1", "live", 5, 2, Status.SENT, state, DUE)
    return Move(piece, to, DUE + by, {})


def test_every_status_but_the_first_can_be_reached_and_every_piece_is_promised_kept_or_void() -> None:
    assert set(REACHED_FROM) == set(Status) - {Status.CREATED}
    assert set(Status) == PROMISE_OPEN | PROMISE_KEPT_BY | PROMISE_VOIDED_BY
    assert not PROMISE_OPEN & PROMISE_KEPT_BY


def test_backward_moves_are_held_to_ready_and_a_void_batch_to_ready_alone() -> None:
    order = [status for status in LINE if status is not Status.HELD]
    backward = {
        (origin, to)
        for to, origins in REACHED_FROM.items()
        for origin in origins
        if to in order and origin in order and order.index(to) <= order.index(origin)
    }
    assert backward == {(origin, Status.READY) for origin in (Status.BATCHED, Status.SENT, Status.PRINTED)}


@pytest.mark.parametrize("status", sorted(ENDED - {Status.DELIVERED}))
def test_nothing_leads_on_from_an_end(status: Status) -> None:
    assert not [to for to, origins in REACHED_FROM.items() if status in origins]


def test_a_delivered_piece_may_still_come_back_or_be_sent_on() -> None:
    assert {to for to, origins in REACHED_FROM.items() if Status.DELIVERED in origins} == {
        Status.RETURNED,
        Status.REROUTED,
    }


def test_nothing_that_is_frozen_can_be_canceled() -> None:
    assert REACHED_FROM[Status.CANCELED] == {Status.CREATED, Status.READY, Status.HELD}


def test_senders_are_told_of_everything_but_ready_and_batched() -> None:
    told = {event_type(status) for status in Status if status not in (Status.READY, Status.BATCHED)}
    alarms = {f"mail.sla_{name}" for name in ("at_risk", "breached", "corrected", "rescheduled")}
    assert told | alarms == EVENT_TYPES


def test_a_batch_goes_one_way() -> None:
    assert BATCH_ORDER[0] is BatchStatus.FROZEN
    assert BATCH_ORDER[-1] is BatchStatus.MAILED


@pytest.mark.parametrize("to", sorted(PROMISE_KEPT_BY))
def test_evidence_of_the_mail_by_the_due_moment_keeps_the_promise(to: Status) -> None:
    assert promise_after(moved(to)) == (SlaState.KEPT, None)
    assert promise_after(moved(to, state=SlaState.AT_RISK)) == (SlaState.KEPT, None)


@pytest.mark.parametrize("to", sorted(PROMISE_KEPT_BY))
def test_evidence_from_after_the_due_moment_is_a_breach_told_once(to: Status) -> None:
    late = timedelta(microseconds=1)
    assert promise_after(moved(to, by=late)) == (SlaState.BREACHED, "mail.sla_breached")
    assert promise_after(moved(to, by=late, state=SlaState.BREACHED)) == (SlaState.BREACHED, None)


def test_a_breach_that_is_disproved_is_corrected() -> None:
    assert promise_after(moved(Status.MAILED, state=SlaState.BREACHED)) == (SlaState.KEPT, "mail.sla_corrected")


def test_a_kept_promise_stays_kept() -> None:
    assert promise_after(moved(Status.DELIVERED, by=timedelta(days=3), state=SlaState.KEPT)) == (SlaState.KEPT, None)


@pytest.mark.parametrize("to", sorted(PROMISE_VOIDED_BY))
def test_a_piece_that_ends_before_the_mail_voids_its_promise_unless_that_was_broken(to: Status) -> None:
    assert promise_after(moved(to)) == (SlaState.VOID, None)
    assert promise_after(moved(to, state=SlaState.BREACHED)) == (SlaState.BREACHED, None)


@pytest.mark.parametrize("to", [Status.READY, Status.BATCHED, Status.SENT, Status.PRINTED, Status.HELD])
def test_steps_on_the_line_leave_the_promise_as_it_stands(to: Status) -> None:
    assert promise_after(moved(to, by=timedelta(days=1), state=SlaState.AT_RISK)) == (SlaState.AT_RISK, None)

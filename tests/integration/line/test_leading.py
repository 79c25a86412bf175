"""A leader that was paused, or that another one overlaps, closes nothing by a plan that is not true any more."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.batches import NotFrozenError, freeze
from pipeline.repository.tables import batches, leases, pieces, printers, serials
from pipeline.sla.planner import Plan
from pipeline.worker import freezing
from pipeline.worker.leading import LEASE_S, Leadership, LeadLostError
from tests.integration.line.test_freezing import order
from tests.integration.line.world import START, World


def between_plan_and_freeze(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen, once, when a plan has something to close and nothing of it is frozen yet."""
    real, left = freezing.plan, [happens]

    def plan(*of: Any) -> Plan:
        planned = real(*of)
        if left and planned.closes:
            left.pop()()
        return planned

    monkeypatch.setattr(freezing, "plan", plan)


def leader(world: World) -> tuple[str, int]:
    [row] = world.rows(leases, leases.c.name == "tick-live")
    return row.owner, row.epoch


def test_a_paused_leader_that_wakes_closes_nothing_by_its_old_plan(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = world.add_printer()
    south = world.add_printer(name="south", cost_cents_per_sheet=20.0)
    world.add_ready(8)
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")
    later: list[str] = []

    def pause() -> None:
        world.clock.advance(timedelta(minutes=30))
        world.set(printers, north, suspended_at=world.clock())
        assert second.tick()
        later.extend(world.add_ready(8))

    between_plan_and_freeze(monkeypatch, pause)
    with capture_logs() as logs:
        assert not first.tick()
    assert [one["event"] for one in logs if one["log_level"] == "warning"] == ["leader.lost"]
    assert [(one.printer_id, one.pieces) for one in world.rows(batches)] == [(south, 8)]
    assert world.statuses(later) == {"ready": 8}
    assert leader(world) == ("second", 2)
    assert second.tick()
    assert world.statuses(later) == {"batched": 8}


def test_a_leader_whose_lease_ran_out_plans_anew_though_nobody_followed_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_printer()
    ids = world.add_ready(8)
    between_plan_and_freeze(monkeypatch, lambda: world.clock.advance(timedelta(minutes=30)))
    first = world.scheduler("live", "first")
    assert not first.tick()
    assert world.statuses(ids) == {"ready": 8}
    assert first.tick()
    assert world.statuses(ids) == {"batched": 8}


def test_a_printer_that_was_suspended_after_the_plan_gets_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    north = world.add_printer()
    south = world.add_printer(name="south", cost_cents_per_sheet=20.0)
    world.add_ready(8)
    between_plan_and_freeze(monkeypatch, lambda: world.set(printers, north, suspended_at=START))
    with capture_logs() as logs:
        world.tick()
    assert world.count(batches) == 0
    assert [one["code"] for one in logs if one["event"] == "freeze.overtaken"] == ["printer_out_of_use"]
    world.tick()
    assert [one.printer_id for one in world.rows(batches)] == [south]


@pytest.mark.parametrize("column", ["suspended_at", "quarantined_at"])
def test_no_freeze_is_for_a_printer_that_is_out_of_use(world: World, column: str) -> None:
    printer = world.add_printer()
    ids = world.add_ready(8)
    world.set(printers, printer, **{column: START})
    with pytest.raises(NotFrozenError) as refused, world.db.write() as tx:
        freeze(tx, order(world, 8, printer), now=START, ids=world.ids)
    assert refused.value.code == "printer_out_of_use"
    assert world.statuses(ids) == {"ready": 8}


def test_the_lease_is_renewed_between_pieces_of_work_and_with_every_close(world: World) -> None:
    mine = Leadership(world.db, "live", "mine", world.clock)
    other = Leadership(world.db, "live", "other", world.clock)
    assert mine.take()
    for _ in range(3):
        world.clock.advance(timedelta(seconds=LEASE_S - 1))
        mine.keep()
        assert not other.take()
        world.clock.advance(timedelta(seconds=LEASE_S - 1))
        with world.db.write() as tx:
            mine.prove(tx)
        assert not other.take()
    world.clock.advance(timedelta(seconds=LEASE_S))
    assert other.take()
    with pytest.raises(LeadLostError), world.db.write() as tx:
        mine.prove(tx)
    with pytest.raises(LeadLostError):
        mine.keep()


def test_who_led_before_somebody_else_proves_nothing_by_leading_again(world: World) -> None:
    mine = Leadership(world.db, "live", "mine", world.clock)
    other = Leadership(world.db, "live", "other", world.clock)
    assert mine.take()
    world.clock.advance(timedelta(seconds=LEASE_S))
    assert other.take()
    other.resign()
    # The same process under the same name, as another thread of it might: the epoch is another.
    assert Leadership(world.db, "live", "mine", world.clock).take()
    with pytest.raises(LeadLostError), world.db.write() as tx:
        mine.prove(tx)


def cancel(world: World, piece_ids: Sequence[str]) -> None:
    for piece_id in piece_ids:
        world.set(pieces, piece_id, status="canceled", revision=9)


def freeze_elsewhere(world: World, count: int, printer: str) -> None:
    with world.db.write() as tx:
        assert freeze(tx, order(world, count, printer), now=world.clock(), ids=world.ids)


def codes(logs: Sequence[Any]) -> list[str]:
    return [one["code"] for one in logs if one["event"] == "freeze.overtaken"]


def test_what_another_leader_left_of_a_plan_makes_no_tiny_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever let two of them work at once: the close holds to what its plan counted."""
    printer = world.add_printer(max_wait_s=None, fill_sheets=100, spoilage=0)
    ids = world.add_ready(805)
    between_plan_and_freeze(monkeypatch, lambda: freeze_elsewhere(world, 800, printer))
    with capture_logs() as logs:
        world.tick()
        world.tick()
    assert [one.pieces for one in world.rows(batches)] == [800]
    assert world.statuses(ids) == {"batched": 800, "ready": 5}
    assert codes(logs) == ["too_few_pieces"]


def test_two_leaders_that_overlap_close_what_the_plan_says_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_printer(max_wait_s=None, fill_sheets=100, spoilage=0)
    ids = world.add_ready(805)
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")

    def overlap() -> None:
        world.clock.advance(timedelta(seconds=LEASE_S + 1))
        assert second.tick()

    between_plan_and_freeze(monkeypatch, overlap)
    assert not first.tick()
    assert [one.pieces for one in world.rows(batches)] == [800]
    assert world.statuses(ids) == {"batched": 800, "ready": 5}


def test_a_few_that_are_canceled_meanwhile_stop_no_batch(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_printer(max_wait_s=None, fill_sheets=100, spoilage=0)
    ids = world.add_ready(800)
    between_plan_and_freeze(monkeypatch, lambda: cancel(world, ids[:5]))
    world.tick()
    assert [one.pieces for one in world.rows(batches)] == [795]


def test_at_the_last_moment_whatever_is_left_is_closed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_printer(max_wait_s=None, fill_sheets=100, spoilage=0)
    ids = world.add_ready(20)
    between_plan_and_freeze(monkeypatch, lambda: cancel(world, ids[:15]))
    closes_at = datetime(2026, 3, 3, 20, 35, tzinfo=UTC)  # for the 17:00 truck in New York
    world.clock.advance(closes_at - START)
    world.tick()
    assert [(one.pieces, one.reason[:16]) for one in world.rows(batches)] == [(5, "last safe moment")]


def with_a_minimum(world: World, printer: str, fewest: int) -> None:
    [row] = world.rows(printers, printers.c.id == printer)
    postage = {**row.profile["postage"], "min_pieces_first_class": fewest}
    world.set(printers, printer, profile={**row.profile, "postage": postage})


def test_a_class_minimum_is_held_where_a_piece_is_canceled_before_the_freeze(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_a_minimum(world, world.add_printer(), 200)
    ids = world.add_ready(200)
    between_plan_and_freeze(monkeypatch, lambda: cancel(world, ids[:1]))
    with capture_logs() as logs:
        world.tick()
    assert world.count(batches) == 0
    assert world.statuses(ids) == {"canceled": 1, "ready": 199}
    assert codes(logs) == ["too_few_pieces"]


def test_a_freeze_below_its_minimum_takes_nothing_and_no_serial(world: World) -> None:
    printer = world.add_printer()
    ids = world.add_ready(9)
    with pytest.raises(NotFrozenError) as refused, world.db.write() as tx:
        freeze(tx, order(world, 20, printer, fewest=10), now=START, ids=world.ids)
    assert refused.value.code == "too_few_pieces"
    assert world.statuses(ids) == {"ready": 9}
    assert (world.count(batches), world.count(serials)) == (0, 0)

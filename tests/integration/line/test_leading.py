"""A leader that was paused, or that another one overlaps, closes nothing by a plan that is not true any more."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.batches import NotFrozenError, freeze
from pipeline.repository.tables import batches, leases, printers
from pipeline.sla.planner import Plan
from pipeline.worker import freezing
from pipeline.worker.leading import LEASE_S, Leadership, LeadLostError
from tests.integration.line.test_freezing import order
from tests.integration.line.world import START, World


def between_plan_and_freeze(monkeypatch: pytest.MonkeyPatch, happens: Callable[[], object]) -> None:
    """Let something happen, once, when a plan is made and nothing of it is frozen yet."""
    real, left = freezing.plan, [happens]

    def plan(*of: Any) -> Plan:
        planned = real(*of)
        if left:
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

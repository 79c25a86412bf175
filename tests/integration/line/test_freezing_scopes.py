"""What the freeze step tells of pieces that are stuck, and that one test account keeps no other from freezing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.tables import pieces, printers
from pipeline.sla.lots import Backlog
from pipeline.sla.planner import Plan
from pipeline.worker import freezing
from tests.integration.line.world import START, World


def stuck(logs: Sequence[Any]) -> list[int]:
    """How many pieces each alarm was of."""
    return [one["pieces"] for one in logs if one["event"] == "pieces.stuck"]


def test_pieces_that_are_stuck_are_told_of_again_after_nothing_waited(world: World) -> None:
    printer = world.add_printer()
    world.set(printers, printer, suspended_at=START)
    [first] = world.add_ready(1)
    with capture_logs() as logs:
        world.tick()
        world.tick()
    assert stuck(logs) == [1]
    world.set(pieces, first, status="canceled", revision=9)
    world.tick()
    world.clock.advance(timedelta(hours=5))
    world.add_ready(3)
    with capture_logs() as logs:
        world.tick()
        world.tick()
    assert stuck(logs) == [3]


def test_an_account_whose_plan_fails_keeps_no_other_from_freezing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = [world.account, world.add_account("bob"), world.add_account("cy")]
    mail = {}
    for name in accounts:
        world.add_printer("test", name=name, account=name)
        mail[name] = world.add_ready(1, "test", account_id=name)
    bad = sorted(accounts)[0]  # the first of those that are planned
    real = freezing.plan

    def plan(backlogs: Sequence[Backlog], *more: Any) -> Plan:
        if backlogs[0].key.account_id == bad:
            raise ZeroDivisionError
        return real(backlogs, *more)

    monkeypatch.setattr(freezing, "plan", plan)
    with capture_logs() as logs:
        world.tick("test")
    assert {name: world.statuses(ids) for name, ids in mail.items()} == {
        name: {"ready": 1} if name == bad else {"batched": 1} for name in accounts
    }
    failed = [(one["step"], one["account_id"]) for one in logs if one["event"] == "tick.step_failed"]
    assert failed == [("freeze", bad)]

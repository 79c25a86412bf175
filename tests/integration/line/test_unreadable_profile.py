"""A printer whose profile cannot be read gets nothing and is told of once; all others go on."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.repository.printers import Deed
from pipeline.repository.tables import printers
from pipeline.stages.recall import Recall
from pipeline.worker.board import look
from pipeline.worker.rerouting import CannotRerouteError, Rerouting
from tests.integration.line.world import World

RUNBOOKS = Path(__file__).parents[3] / "ops" / "runbooks"


def spoil(world: World, printer_id: str) -> None:
    [row] = world.rows(printers, printers.c.id == printer_id)
    world.set(printers, printer_id, profile={**row.profile, "postage": {}})


def mend(world: World, printer_id: str, like: str) -> None:
    [row] = world.rows(printers, printers.c.id == like)
    world.set(printers, printer_id, profile=row.profile)


def test_the_other_printers_go_on_and_it_is_told_once_until_it_is_mended(world: World) -> None:
    bad, good = world.add_printer(name="bad", cost_cents_per_sheet=1), world.add_printer(name="good")
    spoil(world, bad)
    with capture_logs() as logs:
        for _ in range(3):
            ids = world.add_ready(8)
            world.tick()
            assert world.statuses(ids) == {"batched": 8}
        mend(world, bad, good)
        world.add_ready(8)
        world.tick()
        spoil(world, bad)
        world.add_ready(8)
        world.tick()
    told = [one for one in logs if one["log_level"] == "error"]
    assert [(one["event"], one["printer"]) for one in told] == [("printer.profile_invalid", "bad")] * 2
    assert (RUNBOOKS / f"{told[0]['runbook']}.md").exists()


def test_alone_it_makes_its_pieces_stuck_and_the_board_says_why(world: World) -> None:
    spoil(world, world.add_printer())
    ids = world.add_ready(8)
    with capture_logs() as logs:
        world.tick()
    assert world.statuses(ids) == {"ready": 8}
    assert {one["event"] for one in logs if one["log_level"] == "error"} == {"printer.profile_invalid", "pieces.stuck"}
    with world.db.read() as tx:
        assert [(one.name, one.state) for one in look(tx, world.clock()).printers] == [("north", "invalid")]


def test_no_batch_is_sent_to_it_by_hand(world: World) -> None:
    world.add_printer(cost_cents_per_sheet=1)
    south = world.add_printer(name="south")
    world.add_ready(8)
    world.tick()
    spoil(world, south)
    desk = Rerouting(world.contexts["live"], Recall(world.contexts["live"], world.printers), world.bell)
    with pytest.raises(CannotRerouteError) as refused:
        desk.reroute(world.batch().id, "south", Deed("cli:joe", world.clock(), "because"))
    assert refused.value.code == "printer_profile_invalid"

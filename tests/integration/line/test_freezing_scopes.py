"""What the freeze step tells of pieces that are stuck, and that one test account keeps no other from freezing."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from structlog.testing import capture_logs

from pipeline.repository.tables import pieces, printers
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

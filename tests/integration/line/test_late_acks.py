"""Acknowledgements of drops that stand otherwise than their printer believes: never handed over, or set aside meanwhile."""

from datetime import timedelta

import pytest

from pipeline.errors import Transient
from pipeline.repository.printers import Deed
from pipeline.repository.tables import pieces
from pipeline.stages.recall import Recall
from tests.integration.line.marks import ack, scan
from tests.integration.line.test_acknowledge import faults, hear, told
from tests.integration.line.world import World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


@pytest.fixture
def desk(world: World) -> Recall:
    return Recall(world.contexts["live"], world.printers)


def deed(world: World) -> Deed:
    return Deed("cli:ada", world.clock(), "nothing on the floor")


def test_of_a_reprint_that_was_never_handed_over_nothing_is_believed_though_its_piece_is_in_the_mail(
    world: World, ids: list[str], desk: Recall
) -> None:
    """The first copy was not spoiled after all: the carrier has scanned it."""
    told(world, "printed")
    world.printer().traps["put", "before"] = Transient("down", "no route")
    told(world, "spoiled", pieces=ids[:1])
    imb = world.piece(ids[0]).imb
    world.carrier.told[imb] = [scan(imb, world.clock(), "Phase 1a")]
    world.set(pieces, ids[0], poll_at=world.clock())
    world.run("track")
    desk.recall(world.batch().id, deed(world))
    assert (world.piece(ids[0]).status, world.drop(1).status) == ("in_transit", "void")
    ack(world, world.drop(1).stem, "accepted")
    hear(world)
    assert faults(world) == ["drop_not_handed_over"]
    assert len(world.printer().refused) == 1

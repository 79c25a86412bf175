"""What was sent is what was printed and spoiled, or the difference has a name."""

from datetime import timedelta

import pytest

from pipeline.repository.counts import PLACES, revision_counts
from pipeline.repository.tables import printers
from tests.integration.line.marks import ack
from tests.integration.line.world import World


@pytest.fixture
def ids(world: World) -> list[str]:
    ids = world.freeze_and_send(6)
    world.clock.advance(timedelta(hours=1))
    return ids


def told(world: World, state: str, *, revision: int = 0, **more: object) -> list[dict[str, int]]:
    """What is counted by revision once the printer has said so, without what is nothing."""
    ack(world, world.drop(revision).stem, state, **more)
    world.set(printers, world.rows(printers)[0].id, poll_at=world.clock())
    world.run_until_quiet()
    with world.db.read() as tx:
        counts = revision_counts(tx, world.batch().id)
    for one in counts:
        assert one["placed"] == sum(one[name] for name in PLACES)
    return [
        {name: found for name, found in one.items() if found and name not in ("live", "revision")} for one in counts
    ]


def test_a_drop_that_is_only_accepted_waits(world: World, ids: list[str]) -> None:
    assert told(world, "accepted") == [{"placed": 6, "waiting": 6}]


def test_what_is_passed_over_is_short_until_it_is_found_or_spoiled(world: World, ids: list[str]) -> None:
    assert told(world, "printed", pieces=ids[:4]) == [{"placed": 6, "printed": 4, "short": 2}]
    assert told(world, "mailed", pieces=ids[:4]) == [{"placed": 6, "mailed": 4, "short": 2}]
    assert told(world, "printed", pieces=ids[4:5]) == [{"placed": 6, "mailed": 4, "printed": 1, "short": 1}]
    assert told(world, "spoiled", pieces=ids[5:]) == [
        {"placed": 6, "mailed": 4, "printed": 1, "spoiled": 1},
        {"placed": 1, "waiting": 1},
    ]


def test_neighbours_on_a_reprint_are_counted_apart(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "spoiled", pieces=ids[:1])
    told(world, "printed", revision=1)
    assert told(world, "destroyed", revision=1, pieces=ids[1:4]) == [
        {"placed": 6, "printed": 5, "spoiled": 1},
        {"placed": 1, "printed": 1, "neighbours": 3},
    ]
    assert told(world, "destroyed", revision=1, pieces=ids[4:]) == [
        {"placed": 6, "printed": 5, "spoiled": 1},
        {"placed": 1, "printed": 1, "neighbours": 5},
    ]
    for minutes in (1, 2):
        later = world.clock() + timedelta(minutes=minutes)
        assert told(world, "destroyed", revision=1, pieces=ids[1:], at=later)[1]["neighbours"] == 5


def test_what_went_back_is_freed(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:2])
    world.set(printers, world.rows(printers)[0].id, suspended_at=world.clock())
    assert told(world, "rejected") == [{"placed": 6, "printed": 2, "freed": 4}]

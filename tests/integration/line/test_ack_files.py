"""What one acknowledgement file says, and several that lie there together: in which order it counts, whatever the shop's order."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from pipeline.repository.acks import AckWriter
from pipeline.repository.tables import acks, drops, placements
from tests.integration.line.fakes import KilledError
from tests.integration.line.test_acknowledge import faults, hear, line, told_csv
from tests.integration.line.world import LEASE_S, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


def both_ways(lines: list[str]) -> list[list[str]]:
    return [lines, lines[::-1]]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("bad", ["spoiled", "destroyed"])
def test_the_whole_drop_is_all_but_what_the_same_file_spoils_whichever_comes_first(
    world: World, ids: list[str], bad: str, first: int
) -> None:
    lines = both_ways([line(world, bad, ids[0]), line(world, "mailed")])[first]
    told_csv(world, *lines)
    assert world.statuses(ids) == {"sent": 1, "mailed": 2}
    assert (world.drop(1).pieces, world.drop(1).status, faults(world)) == (1, "sent", [])
    [again] = world.rows(placements, placements.c.live, placements.c.revision == 1)
    assert again.piece_id == ids[0]


@pytest.mark.parametrize("first", [0, 1])
def test_a_refusal_is_of_all_but_what_the_same_file_has_printed(world: World, ids: list[str], first: int) -> None:
    lines = both_ways([line(world, "printed", ids[0]), line(world, "rejected")])[first]
    told_csv(world, *lines)
    kept = world.rows(placements, placements.c.live, placements.c.outcome == "printed")
    assert [row.piece_id for row in kept] == ids[:1]
    assert (world.piece(ids[0]).status, faults(world)) == ("printed", [])


def test_a_piece_that_a_file_mails_and_spoils_is_a_fault_by_the_order_of_its_lines(
    world: World, ids: list[str]
) -> None:
    told_csv(world, line(world, "mailed", ids[0]), line(world, "spoiled", ids[0]))
    assert (world.statuses(ids), faults(world)) == ({"sent": 2, "mailed": 1}, ["already_mailed"])
    told_csv(world, line(world, "spoiled", ids[1]), line(world, "mailed", ids[1]), name="y.ack.csv")
    assert world.statuses(ids) == {"sent": 2, "mailed": 1}
    assert sorted(faults(world)) == ["already_mailed", "spoiled_already"]
    assert world.drop(1).pieces == 1


def test_the_record_keeps_what_a_file_says_last(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "accepted"), line(world, "printed", ids[0]))
    assert world.rows(acks)[0].state == "printed"


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_worker_that_dies_between_two_words_changes_nothing_in_the_end(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    settle, calls = AckWriter._settle_drop, itertools.count(1)

    def die_at(*args: Any) -> None:
        if next(calls) == call:
            raise KilledError
        settle(*args)

    monkeypatch.setattr(AckWriter, "_settle_drop", die_at)
    with pytest.raises(KilledError):
        told_csv(world, line(world, "spoiled", ids[0]), line(world, "printed"), line(world, "mailed"))
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    hear(world)
    assert (world.statuses(ids), world.count(acks), world.count(drops)) == ({"sent": 1, "mailed": 2}, 1, 2)
    assert (world.event_types(ids[1]).count("mailed"), faults(world)) == (1, [])

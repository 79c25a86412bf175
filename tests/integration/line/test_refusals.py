"""Drops that a printer refuses while they still lie on its shelf: they are taken away before their pieces are made elsewhere."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Permanent, Transient
from pipeline.ports import Lies
from pipeline.repository.printers import Deed
from pipeline.repository.tables import drops, pieces, placements, printers
from pipeline.stages.recall import Recall
from tests.integration.line.fakes import FakePrinter, KilledError
from tests.integration.line.marks import ack
from tests.integration.line.test_acknowledge import faults
from tests.integration.line.world import ACK_POLL_S, LEASE_S, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces in a drop on the shelf of `north`, beside a printer `south`."""
    ids = world.freeze_and_send(3)
    world.add_printer(name="south")
    return ids


def north(world: World) -> FakePrinter:
    [row] = world.rows(printers, printers.c.name == "north")
    return world.printers[row.id]


def lies(world: World, drop: Any) -> Lies:
    return north(world).look(drop.stem, drop.ready_part)


def first_drop(world: World) -> Any:
    return world.rows(drops)[0]


def hear(world: World) -> None:
    for row in world.rows(printers):
        world.set(printers, row.id, poll_at=world.clock())
    world.run_until_quiet()


def hear_north(world: World) -> None:
    """It alone: of several that are due at once, any may be the first."""
    [row] = world.rows(printers, printers.c.name == "north")
    world.set(printers, row.id, poll_at=world.clock())
    assert world.run("acknowledge", only=[row.id]) == 1


def refuse(world: World, **more: Any) -> None:
    world.clock.advance(timedelta(minutes=5))
    ack(world, first_drop(world).stem, "rejected", printer=north(world), **more)
    hear(world)


def makers(world: World) -> set[str]:
    """The names of the printers that have the live placements."""
    where = (placements.c.live, drops.c.batch_id == placements.c.batch_id, printers.c.id == drops.c.printer_id)
    return {row.name for row in world.rows(printers, *where)}


def test_what_lies_on_the_shelf_is_taken_away_before_it_is_made_elsewhere(world: World, ids: list[str]) -> None:
    refuse(world, reason="press down")
    drop = first_drop(world)
    assert (drop.status, lies(world, drop)) == ("refused", Lies.RECALLED)
    assert (makers(world), world.statuses(ids), faults(world)) == ({"south"}, {"sent": 3}, [])


def test_what_was_taken_before_it_was_refused_is_free(world: World, ids: list[str]) -> None:
    north(world).take(first_drop(world).stem)
    refuse(world)
    assert (first_drop(world).status, makers(world)) == ("refused", {"south"})


def take_at(world: World, step: tuple[str, str]) -> None:
    stem, printer = first_drop(world).stem, north(world)
    printer.traps[step] = lambda: printer.take(stem)


def assert_in_doubt(world: World, ids: list[str]) -> None:
    drop = first_drop(world)
    assert (drop.status, world.rows(drops)[-1].id, world.batch().status) == ("in_doubt", drop.id, "in_doubt")
    assert (world.statuses(ids), makers(world)) == ({"sent": 3}, {"north"})


def test_what_is_taken_after_it_was_refused_is_in_doubt(world: World, ids: list[str]) -> None:
    take_at(world, ("recall", "before"))
    with capture_logs() as logs:
        refuse(world)
    assert ("drop.in_doubt", "drop-in-doubt") in {(one["event"], one.get("runbook")) for one in logs}
    assert_in_doubt(world, ids)


def test_a_crash_after_the_printer_was_first_ends_in_the_same_doubt(world: World, ids: list[str]) -> None:
    printer = north(world)

    def take_and_die() -> None:
        printer.take(first_drop(world).stem)
        raise KilledError

    printer.traps["recall", "before"] = take_and_die
    with pytest.raises(KilledError):
        refuse(world)
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    hear(world)
    assert_in_doubt(world, ids)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_crash_at_the_rename_frees_the_pieces_once(world: World, ids: list[str], when: str) -> None:
    north(world).traps["recall", when] = KilledError()
    with pytest.raises(KilledError):
        refuse(world)
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    hear(world)
    assert (first_drop(world).status, makers(world), faults(world)) == ("refused", {"south"}, [])
    assert world.count(drops) == 2


@pytest.mark.usefixtures("ids", "doubt")
class TestEndingTheDoubt:
    @pytest.fixture
    def doubt(self, world: World) -> None:
        take_at(world, ("recall", "before"))
        refuse(world)

    def test_a_second_refusal_of_what_it_took_is_believed(self, world: World) -> None:
        refuse(world, reason="put aside, as you asked")
        assert (first_drop(world).status, makers(world)) == ("refused", {"south"})

    def test_any_other_word_says_that_it_has_it(self, world: World, ids: list[str]) -> None:
        ack(world, first_drop(world).stem, "printed", printer=north(world))
        hear(world)
        assert (first_drop(world).status, world.statuses(ids), makers(world)) == ("sent", {"printed": 3}, {"north"})

    def test_an_operator_may_say_that_it_has(self, world: World) -> None:
        desk = Recall(world.contexts["live"], world.printers)
        deed = Deed("cli:ada", world.clock(), "Jo has it")
        assert [one.state for one in desk.settle(first_drop(world).batch_id, deed, taken=True)] == ["settled"]
        assert first_drop(world).status == "sent"


def test_while_it_cannot_be_taken_away_it_is_not_made_elsewhere(world: World, ids: list[str]) -> None:
    north(world).traps["recall", "before"] = Transient("down", "no route")
    world.clock.advance(timedelta(minutes=5))
    ack(world, first_drop(world).stem, "rejected", printer=north(world))
    hear_north(world)
    assert (first_drop(world).status, makers(world), len(north(world).outbox)) == ("sent", {"north"}, 1)
    assert not north(world).traps
    world.clock.advance(timedelta(seconds=ACK_POLL_S))
    hear(world)
    assert (first_drop(world).status, makers(world)) == ("refused", {"south"})


def test_where_it_may_never_be_taken_away_it_is_in_doubt(world: World, ids: list[str]) -> None:
    north(world).traps["recall", "before"] = Permanent("printer_permission", "no renaming in in/")
    refuse(world)
    assert_in_doubt(world, ids)


@pytest.mark.parametrize("trap", [None, Permanent("printer_permission", "no renaming in in/")])
def test_a_printer_that_only_reads_is_believed_and_its_shelf_cleared_where_it_can_be(
    world: World, ids: list[str], trap: Exception | None
) -> None:
    [row] = world.rows(printers, printers.c.name == "north")
    world.set(printers, row.id, profile={**row.profile, "takes_by_renaming": False})
    if trap:
        north(world).traps["recall", "before"] = trap
    refuse(world)
    drop = first_drop(world)
    assert (drop.status, makers(world)) == ("refused", {"south"})
    assert lies(world, drop) is (Lies.READY if trap else Lies.RECALLED)


def test_a_part_of_a_hand_over_that_is_held_up_is_taken_away_too(world: World) -> None:
    """The worker goes on after the refusal, and finds nothing to rename."""
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    world.run("impose")
    world.add_printer(name="south")
    stem = first_drop(world).stem

    def refuse_first() -> None:
        ack(world, stem, "rejected", printer=north(world))
        hear_north(world)

    north(world).traps["hand_over", "before"] = refuse_first
    world.run("dispatch")
    assert (first_drop(world).status, north(world).handed_over) == ("refused", [])
    world.run_until_quiet()
    assert (makers(world), world.statuses(ids)) == ({"south"}, {"sent": 3})
    assert world.count(pieces, pieces.c.imb.is_not(None)) == 3

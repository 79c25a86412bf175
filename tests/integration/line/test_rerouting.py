"""An operator sends a batch elsewhere, or splits it: free before the hand-over, by a won recall after it, and never twice."""

from collections.abc import Callable

import pytest

from pipeline.errors import Transient
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, batches, drops, pieces, placements, printers
from pipeline.stages.recall import Recall
from pipeline.worker.rerouting import CannotRerouteError, Rerouted, Rerouting
from tests.integration.line.world import START, World


@pytest.fixture
def desk(world: World) -> Rerouting:
    return Rerouting(world.contexts["live"], Recall(world.contexts["live"], world.printers), world.bell)


def deed(world: World) -> Deed:
    return Deed("cli:joe", world.clock(), "the truck is full")


def frozen(world: World, count: int = 10) -> tuple[str, list[str]]:
    """Pieces in a batch at `north` that is not handed over; `south` is there too, and dearer."""
    world.add_printer(cost_cents_per_sheet=1)
    world.add_printer(name="south", cost_cents_per_sheet=9)
    ids = world.add_ready(count)
    world.tick()
    return world.batch().id, ids


def sent(world: World, count: int = 10) -> tuple[str, list[str]]:
    batch_id, ids = frozen(world, count)
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": count}
    return batch_id, ids


def where(world: World) -> dict[str, int]:
    """Pieces with a live place in an open batch, by printer."""
    names = {row.id: row.name for row in world.rows(printers)}
    found: dict[str, int] = {}
    for batch in world.rows(batches):
        live = world.count(placements, placements.c.batch_id == batch.id, placements.c.live)
        if live:
            found[names[batch.printer_id]] = found.get(names[batch.printer_id], 0) + live
    return found


def refusal(work: Callable[[], Rerouted]) -> str:
    with pytest.raises(CannotRerouteError) as refused:
        work()
    return refused.value.code


def test_before_the_hand_over_a_batch_goes_to_another_printer_freely(world: World, desk: Rerouting) -> None:
    batch_id, ids = frozen(world)
    done = desk.reroute(batch_id, "south", deed(world))
    assert [one.state for one in done.outcomes] == ["void"]
    assert [(one.printer, one.pieces) for one in done.frozen] == [("south", 10)]
    assert done.left == 0
    assert where(world) == {"south": 10}
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 10}
    [new] = world.rows(batches, batches.c.id == done.frozen[0].batch_id)
    assert new.reason == "by cli:joe: the truck is full"
    assert world.event_types(ids[0])[2:] == ["batched", "ready", "batched", "sent"]


def test_after_the_hand_over_a_recall_has_to_be_won(world: World, desk: Rerouting) -> None:
    batch_id, ids = sent(world)
    done = desk.reroute(batch_id, "south", deed(world))
    assert [(one.state, one.pieces) for one in done.outcomes] == [("recalled", 10)]
    world.run_until_quiet()
    assert (where(world), world.statuses(ids)) == ({"south": 10}, {"sent": 10})
    rows = world.rows(audit)
    assert [row.action for row in rows] == ["batch.recall", "batch.reroute"]
    assert (rows[1].who, rows[1].subject, rows[1].reason) == ("cli:joe", batch_id, "the truck is full")
    assert (rows[1].data["from"], rows[1].data["to"], rows[1].data["pieces"]) == ("north", ["south"], 10)


def test_what_the_printer_has_taken_stays_there(world: World, desk: Rerouting) -> None:
    batch_id, ids = sent(world)
    [drop] = world.rows(drops)
    world.printers[drop.printer_id].take(drop.stem)
    done = desk.reroute(batch_id, "south", deed(world))
    assert [one.state for one in done.outcomes] == ["lost"]
    assert (done.frozen, done.left) == ((), 0)
    assert (where(world), world.statuses(ids)) == ({"north": 10}, {"sent": 10})


def test_a_printer_that_does_not_answer_is_asked_again_and_nothing_is_frozen_twice(
    world: World, desk: Rerouting
) -> None:
    batch_id, ids = sent(world)
    [drop] = world.rows(drops)
    world.printers[drop.printer_id].traps["recall", "before"] = Transient("printer_unreachable", "no answer")
    done = desk.reroute(batch_id, "south", deed(world))
    assert [one.state for one in done.outcomes] == ["asked"]
    assert done.frozen == ()
    assert where(world) == {"north": 10}
    world.run_until_quiet()
    assert sum(where(world).values()) == len(ids)


def test_a_split_keeps_the_next_due_and_sends_the_others_away(world: World, desk: Rerouting) -> None:
    batch_id, ids = sent(world)
    done = desk.split(batch_id, 4, "south", deed(world))
    assert [(one.printer, one.pieces) for one in done.frozen] == [("north", 4), ("south", 6)]
    kept = world.rows(pieces, pieces.c.batch_id == done.frozen[0].batch_id)
    assert sorted(row.id for row in kept) == sorted(ids)[:4]
    world.run_until_quiet()
    assert (where(world), world.statuses(ids)) == ({"north": 4, "south": 6}, {"sent": 10})
    assert [row.action for row in world.rows(audit)] == ["batch.recall", "batch.split"]


def test_what_a_split_leaves_over_waits_for_the_plan(world: World, desk: Rerouting) -> None:
    batch_id, ids = frozen(world)
    done = desk.split(batch_id, 4, None, deed(world))
    assert [(one.printer, one.pieces) for one in done.frozen] == [("north", 4)]
    assert (done.left, world.statuses(ids)) == (6, {"batched": 4, "ready": 6})


def test_a_printers_caps_make_several_batches_and_its_minimum_none(world: World, desk: Rerouting) -> None:
    batch_id, _ = frozen(world, 20)
    [south] = world.rows(printers, printers.c.name == "south")
    floor = {**south.profile["floor"], "max_pieces_per_batch": 8}
    world.set(printers, south.id, profile={**south.profile, "floor": floor})
    done = desk.reroute(batch_id, "south", deed(world))
    assert [one.pieces for one in done.frozen] == [8, 8, 4]
    postage = {**south.profile["postage"], "min_pieces_first_class": 200}
    world.set(printers, south.id, profile={**south.profile, "postage": postage})
    few = desk.reroute(done.frozen[0].batch_id, "north", deed(world))
    again = desk.reroute(few.frozen[0].batch_id, "south", deed(world))
    assert (again.frozen, again.left) == ((), 8)


def test_what_cannot_be_rerouted_is_refused_before_anything_is_taken_back(world: World, desk: Rerouting) -> None:
    batch_id, ids = sent(world)
    by = deed(world)
    assert refusal(lambda: desk.reroute("bt_none", "south", by)) == "no_such_batch"
    assert refusal(lambda: desk.reroute(batch_id, "north", by)) == "same_printer"
    assert refusal(lambda: desk.reroute(batch_id, "west", by)) == "no_such_printer"
    assert refusal(lambda: desk.split(batch_id, 10, "south", by)) == "nothing_to_split"
    assert refusal(lambda: desk.split(batch_id, 0, "south", by)) == "nothing_to_split"
    [south] = world.rows(printers, printers.c.name == "south")
    world.set(printers, south.id, profile={**south.profile, "classes": ["marketing"]})
    assert refusal(lambda: desk.reroute(batch_id, "south", by)) == "printer_cannot"
    world.set(printers, south.id, suspended_at=START)
    assert refusal(lambda: desk.reroute(batch_id, "south", by)) == "printer_out_of_use"
    world.set(batches, batch_id, status="mailed")
    assert refusal(lambda: desk.reroute(batch_id, "south", by)) == "batch_is_over"
    assert (world.statuses(ids), world.rows(audit)) == ({"sent": 10}, [])

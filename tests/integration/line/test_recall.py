"""Recalling and settling: one rename decides, what is lost changes nothing, and an override says who, why and of which pieces."""

from datetime import timedelta

import pytest

from pipeline.errors import Transient
from pipeline.lifecycle import DropStatus
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, batches, drops, pieces, placements, printers
from pipeline.stages.recall import Recall, ask_recall
from tests.integration.line.fakes import KilledError
from tests.integration.line.marks import ack
from tests.integration.line.test_dispatch import lose
from tests.integration.line.world import LEASE_S, START, World


@pytest.fixture
def desk(world: World) -> Recall:
    return Recall(world.contexts["live"], world.printers)


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces in a drop that lies at the only printer, which is given nothing more."""
    ids = world.freeze_and_send(3)
    suspend(world)
    return ids


def suspend(world: World) -> None:
    world.set(printers, world.rows(printers)[0].id, suspended_at=START)


def deed(world: World, reason: str = "the artwork was the wrong one") -> Deed:
    return Deed("cli:ada", world.clock(), reason)


def recover(world: World) -> None:
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    world.run_until_quiet()


def assert_free(world: World, ids: list[str], status: str) -> None:
    assert (world.drop().status, world.batch().status) == (status, status)
    assert world.statuses(ids) == {"ready": len(ids)}
    assert world.count(placements, placements.c.live) == 0
    assert {(row.batch_id, row.imb, row.poll_at) for row in world.rows(pieces)} == {(None, None, None)}


def test_a_won_recall_frees_the_pieces_with_its_evidence(world: World, ids: list[str], desk: Recall) -> None:
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert (outcome.state, outcome.pieces) == ("recalled", 3)
    assert_free(world, ids, "recalled")
    assert [name for name in world.printer().inbox if "." in name and name.endswith("ed")] == [
        f"{world.drop().stem}.recalled"
    ]
    last = world.events(ids[0])[-1]
    assert (last.type, last.evidence) == (
        "mail.ready",
        {"drop": world.drop().stem, "recalled": "the artwork was the wrong one", "by": "cli:ada"},
    )
    [kept] = world.rows(audit)
    assert (kept.action, kept.subject, kept.who) == ("batch.recall", world.batch().id, "cli:ada")


def test_a_recalled_piece_is_made_by_another_printer_with_a_new_barcode(
    world: World, ids: list[str], desk: Recall
) -> None:
    old = {row.imb for row in world.rows(pieces)}
    desk.recall(world.batch().id, deed(world))
    south = world.add_printer(name="south")
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 3}
    assert {row.printer_id for row in world.rows(drops, drops.c.status == "sent")} == {south}
    assert not old & {row.imb for row in world.rows(pieces)}


def test_a_lost_recall_says_so_and_changes_nothing(world: World, ids: list[str], desk: Recall) -> None:
    world.printer().take(world.drop().stem)
    before = [world.piece(one) for one in ids]
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert outcome.state == "lost"
    assert [world.piece(one) for one in ids] == before
    assert (world.drop().status, world.drop().recall_state, world.batch().status) == ("sent", "lost", "sent")
    ack(world, world.drop().stem, "mailed")
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert world.statuses(ids) == {"mailed": 3}


@pytest.mark.parametrize("imposed", [False, True])
def test_before_the_hand_over_a_recall_simply_voids(world: World, desk: Recall, imposed: bool) -> None:
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    if imposed:
        world.run("impose")
    suspend(world)
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["void"]
    assert_free(world, ids, "void")
    recover(world)
    assert world.printer().handed_over == []
    assert world.statuses(ids) == {"ready": 3}


def test_a_worker_before_the_line_of_no_return_finds_its_drop_void(world: World, desk: Recall) -> None:
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    world.run("impose")
    suspend(world)
    world.printer().traps["stage_ready", "after"] = lambda: desk.recall(world.batch().id, deed(world))
    world.run("dispatch")
    assert_free(world, ids, "void")
    assert world.printer().handed_over == []


def test_a_recall_between_the_rename_and_its_saving_wins_for_good(world: World, desk: Recall) -> None:
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    world.run("impose")
    suspend(world)
    world.printer().traps["hand_over", "after"] = lambda: desk.recall(world.batch().id, deed(world))
    world.run("dispatch")
    recover(world)
    assert_free(world, ids, "recalled")


def test_a_recall_whose_worker_died_after_the_rename_is_finished_by_the_next(
    world: World, ids: list[str], desk: Recall
) -> None:
    with world.db.write() as tx:
        assert ask_recall(tx, world.drop().id, "cli:ada", "late")
    world.printer().recall(world.drop().stem, world.drop().ready_part)
    recover(world)
    assert_free(world, ids, "recalled")
    assert desk.recall(world.batch().id, deed(world)) == []


def test_a_recall_that_cannot_reach_the_printer_is_tried_again_by_the_workers(
    world: World, ids: list[str], desk: Recall
) -> None:
    world.printer().traps["recall", "before"] = Transient("down", "no route")
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert (outcome.state, world.drop().recall_state) == ("asked", "asked")
    assert world.statuses(ids) == {"sent": 3}
    world.run_until_quiet()
    assert_free(world, ids, "recalled")


def test_a_killed_recall_is_repeated(world: World, ids: list[str], desk: Recall) -> None:
    world.printer().traps["recall", "after"] = KilledError()
    with pytest.raises(KilledError):
        desk.recall(world.batch().id, deed(world))
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["recalled"]
    assert_free(world, ids, "recalled")


def test_a_recall_is_not_lost_while_the_ready_file_still_lies_there(
    world: World, ids: list[str], desk: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its server does not let it be renamed, for now."""
    with monkeypatch.context() as stuck:
        stuck.setattr(world.printer(), "recall", lambda _stem, _part: False)
        assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["asked"]
        recover(world)
        assert (world.drop().recall_state, world.drop().last_error) == ("asked", "still_on_the_shelf")
        assert world.statuses(ids) == {"sent": 3}
    recover(world)
    assert_free(world, ids, "recalled")


def doubt(world: World) -> list[str]:
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    world.run("impose")
    suspend(world)
    lose(world)
    assert world.drop().status == DropStatus.IN_DOUBT
    return ids


def test_taken_counts_as_sent(world: World, desk: Recall) -> None:
    ids = doubt(world)
    [outcome] = desk.settle(world.batch().id, deed(world, "J. at the press has it"), taken=True)
    assert (outcome.state, outcome.pieces) == ("settled", 3)
    assert (world.drop().status, world.batch().status, world.statuses(ids)) == ("sent", "sent", {"sent": 3})
    assert world.events(ids[0])[-1].evidence["settled"] == "J. at the press has it"
    assert world.events(ids[0])[-1].evidence["by"] == "cli:ada"
    assert {row.poll_at for row in world.rows(pieces)} == {world.clock()}
    assert desk.settle(world.batch().id, deed(world), taken=False) == []


def test_not_taken_makes_possible_duplicates_that_say_who_and_why(world: World, desk: Recall) -> None:
    ids = doubt(world)
    [outcome] = desk.settle(world.batch().id, deed(world, "nothing on the floor"), taken=False)
    assert (outcome.state, outcome.pieces) == ("void", 3)
    assert_free(world, ids, "void")
    for one in ids:
        assert world.events(one)[-1].evidence == {
            "drop": world.drop().stem, "void": "nothing on the floor", "by": "cli:ada", "possible_duplicate": True,
        }  # fmt: skip
    [kept] = world.rows(audit)
    assert (kept.action, kept.reason) == ("batch.settle", "nothing on the floor")
    assert sorted(kept.data["possible_duplicates"]) == sorted(ids)
    assert desk.settle(world.batch().id, deed(world), taken=True) == []


def test_what_is_not_in_doubt_cannot_be_settled(world: World, ids: list[str], desk: Recall) -> None:
    assert desk.settle(world.batch().id, deed(world), taken=False) == []
    assert world.statuses(ids) == {"sent": 3}
    assert world.count(audit) == 0


def test_a_recalled_reprint_frees_the_spoiled_pieces_and_no_other(world: World, ids: list[str], desk: Recall) -> None:
    ack(world, world.drop().stem, "printed")
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    ack(world, world.drop().stem, "spoiled", pieces=ids[:1])
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["lost", "recalled"]
    assert world.piece(ids[0]).status == "ready"
    assert world.statuses(ids) == {"ready": 1, "printed": 2}
    assert world.rows(batches)[0].status == "printed"

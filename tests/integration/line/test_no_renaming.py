"""Printers that do not take drops by renaming: a won rename proves nothing, so the line never takes anything back by itself."""

from datetime import timedelta
from typing import Any

import pytest

from pipeline.errors import InDoubt, Permanent, Transient
from pipeline.models.profile import PrinterProfile
from pipeline.repository.printers import Deed, edit_printer
from pipeline.repository.tables import audit, drops, pieces, placements, printers
from pipeline.stages.recall import Recall, ask_recall
from tests.integration.line.fakes import KilledError
from tests.integration.line.marks import ack, scan
from tests.integration.line.test_failover import SILENT, hold_down, sent_to
from tests.integration.line.world import LEASE_S, START, World

JO = {"name": "Jo Press", "phone": "208-555-0142"}
AL = {"name": "Al Owner", "phone": "208-555-0143", "after_minutes": 45}


@pytest.fixture
def desk(world: World) -> Recall:
    return Recall(world.contexts["live"], world.printers)


@pytest.fixture
def north(world: World) -> str:
    north = world.add_printer(name="north")
    reads_only(world, north)
    return north


@pytest.fixture
def ids(world: World, north: str) -> list[str]:
    """Three pieces in a drop that is imposed, and not handed over."""
    ids = world.add_ready(3)
    world.tick()
    world.run("impose")
    return ids


@pytest.fixture
def sent(world: World, ids: list[str]) -> list[str]:
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 3}
    return ids


def reads_only(world: World, printer_id: str, **changes: Any) -> None:
    """From here on the printer reads `.ready` and leaves it."""
    [row] = world.rows(printers, printers.c.id == printer_id)
    world.set(
        printers, printer_id, profile={**row.profile, "takes_by_renaming": False, "escalation": [JO, AL], **changes}
    )


def deed(world: World, reason: str = "the artwork was the wrong one") -> Deed:
    return Deed("cli:ada", world.clock(), reason)


def recover(world: World) -> None:
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    world.run_until_quiet()


def shelf(world: World, printer_id: str) -> list[str]:
    return sorted(
        name.rpartition(".")[2] for name in world.printers[printer_id].inbox if "ready" in name or "reca" in name
    )


def test_an_operators_recall_withdraws_the_ready_file_and_leaves_a_doubt(
    world: World, north: str, sent: list[str], desk: Recall
) -> None:
    world.add_printer(name="south")
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert (outcome.state, outcome.pieces) == ("in_doubt", 0)
    assert "ask Jo Press, 208-555-0142, then settle" in outcome.detail
    assert shelf(world, north) == ["recalled"]
    for _ in range(3):
        world.clock.advance(SILENT)
        world.run_until_quiet()
    assert (world.drop().status, world.drop().recall_state, world.batch().status) == ("in_doubt", "lost", "in_doubt")
    assert (world.statuses(sent), sent_to(world)) == ({"sent": 3}, set())
    [kept] = world.rows(audit)
    assert (kept.action, kept.who, kept.reason) == ("batch.recall", "cli:ada", "the artwork was the wrong one")


def test_after_a_longer_silence_the_next_on_the_list_is_asked(world: World, sent: list[str], desk: Recall) -> None:
    world.clock.advance(timedelta(minutes=46))
    assert "ask Al Owner, 208-555-0143" in desk.recall(world.batch().id, deed(world))[0].detail


def test_not_taken_is_the_operators_word_and_makes_possible_duplicates(
    world: World, north: str, sent: list[str], desk: Recall
) -> None:
    desk.recall(world.batch().id, deed(world))
    world.set(printers, north, suspended_at=START)
    south = world.add_printer(name="south")
    [outcome] = desk.settle(world.batch().id, deed(world, "Jo found nothing"), taken=False)
    assert (outcome.state, outcome.pieces) == ("void", 3)
    last = world.events(sent[0])[-1]
    assert (last.type, last.evidence["possible_duplicate"], last.evidence["by"]) == ("mail.ready", True, "cli:ada")
    world.run_until_quiet()
    assert (world.statuses(sent), sent_to(world)) == ({"sent": 3}, {south})
    assert world.count(placements, placements.c.live) == 3


def test_taken_is_the_operators_word_and_nothing_moves(world: World, sent: list[str], desk: Recall) -> None:
    desk.recall(world.batch().id, deed(world))
    [outcome] = desk.settle(world.batch().id, deed(world, "Jo has it"), taken=True)
    assert outcome.state == "settled"
    assert (world.drop().status, world.batch().status, world.statuses(sent)) == ("sent", "sent", {"sent": 3})
    assert world.event_types(sent[0]).count("sent") == 1


@pytest.mark.parametrize(("state", "status"), [("accepted", "sent"), ("printed", "printed"), ("mailed", "mailed")])
def test_the_printers_word_ends_the_doubt(world: World, sent: list[str], desk: Recall, state: str, status: str) -> None:
    desk.recall(world.batch().id, deed(world))
    ack(world, world.drop().stem, state)
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert (world.drop().status, world.statuses(sent)) == ("sent", {status: 3})
    assert desk.settle(world.batch().id, deed(world), taken=False) == []


def test_the_printers_refusal_frees_the_pieces_without_possible_duplicates(
    world: World, north: str, sent: list[str], desk: Recall
) -> None:
    desk.recall(world.batch().id, deed(world))
    world.set(printers, north, suspended_at=START)
    ack(world, world.drop().stem, "rejected")
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert (world.drop().status, world.statuses(sent)) == ("refused", {"ready": 3})
    assert all("possible_duplicate" not in event.evidence for event in world.events(sent[0]))


def test_a_scan_ends_the_doubt(world: World, sent: list[str], desk: Recall) -> None:
    imb = world.piece(sent[0]).imb
    desk.recall(world.batch().id, deed(world))
    world.carrier.told[imb] = [scan(imb, START + timedelta(hours=4), "Phase 1a")]
    world.clock.advance(timedelta(hours=5))
    world.run_until_quiet()
    assert (world.piece(sent[0]).status, world.drop().status, world.batch().status) == ("in_transit", "sent", "sent")


def test_a_printer_that_has_spoken_keeps_its_drop(world: World, sent: list[str], desk: Recall) -> None:
    ack(world, world.drop().stem, "accepted")
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["lost"]
    assert (world.drop().status, world.batch().status) == ("sent", "accepted")


def test_one_that_renames_for_once_has_it(world: World, sent: list[str], desk: Recall) -> None:
    world.printer().take(world.drop().stem)
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["lost"]
    assert (world.drop().status, world.batch().status) == ("sent", "sent")


def test_silence_is_told_and_nothing_is_taken_back(world: World, north: str, sent: list[str]) -> None:
    world.add_printer(name="south")
    for _ in range(4):
        world.clock.advance(SILENT)
        world.run_until_quiet()
    assert {world.piece(one).sla_state for one in sent} == {"at_risk"}
    assert (world.drop().status, world.drop().recall_state, sent_to(world)) == ("sent", None, {north})
    assert shelf(world, north) == ["ready"]


def test_a_recall_that_the_line_had_asked_for_before_is_not_made(world: World, north: str, sent: list[str]) -> None:
    with world.db.write() as tx:
        assert ask_recall(tx, world.drop().id, "failover", "silent")
    world.run_until_quiet()
    assert (world.drop().status, world.drop().recall_state, shelf(world, north)) == ("sent", "lost", ["ready"])


def test_before_the_hand_over_it_is_moved_freely(world: World, north: str, ids: list[str]) -> None:
    south = world.add_printer(name="south")
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 3})


def test_a_recall_before_the_hand_over_is_void(world: World, ids: list[str], desk: Recall) -> None:
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["void"]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [KilledError, lambda: InDoubt("no_answer", "the rename was not answered")])
def test_a_crash_at_the_rename_is_settled_by_the_part_and_the_ready_file(
    world: World, north: str, ids: list[str], when: str, error: Any
) -> None:
    printer = world.printers[north]
    printer.traps["hand_over", when] = error()
    try:
        world.run("dispatch")
    except KilledError:
        recover(world)
    assert printer.handed_over == [world.drop().stem]
    assert (world.drop().status, world.statuses(ids), shelf(world, north)) == ("sent", {"sent": 3}, ["ready"])


@pytest.fixture
def half(world: World, north: str, ids: list[str]) -> list[str]:
    """Its worker died before the rename: the part lies there."""
    world.printers[north].traps["hand_over", "before"] = KilledError()
    with pytest.raises(KilledError):
        world.run("dispatch")
    assert world.drop().status == "handing_over"
    return ids


def test_what_was_provably_not_handed_over_goes_elsewhere_when_its_printer_is_suspended(
    world: World, north: str, half: list[str]
) -> None:
    south = world.add_printer(name="south")
    world.set(printers, north, suspended_at=START)
    recover(world)
    assert (world.printers[north].handed_over, shelf(world, north)) == ([], ["recalled"])
    assert (sent_to(world), world.statuses(half)) == ({south}, {"sent": 3})
    assert "possible_duplicate" not in world.events(half[0])[3].evidence


def test_what_may_have_been_handed_over_stays_when_its_printer_is_suspended(
    world: World, north: str, half: list[str]
) -> None:
    world.printers[north].hand_over(world.drop().stem, world.drop().ready_part)
    world.add_printer(name="south")
    world.set(printers, north, suspended_at=START)
    recover(world)
    assert (sent_to(world), world.drop().recall_state, shelf(world, north)) == ({north}, "lost", ["ready"])


def test_an_operators_recall_of_what_was_provably_not_handed_over_is_won(
    world: World, north: str, half: list[str], desk: Recall
) -> None:
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert (outcome.state, outcome.pieces, shelf(world, north)) == ("recalled", 3, ["recalled"])
    assert world.statuses(half) == {"ready": 3}


@pytest.mark.parametrize("left", ["recalled", "nothing"])
def test_what_the_printers_side_cannot_tell_after_a_crash_is_in_doubt(
    world: World, north: str, ids: list[str], left: str
) -> None:
    printer, stem = world.printers[north], world.drop().stem
    world.add_printer(name="south")

    def read_and_die() -> None:
        body = printer.inbox.pop(f"{stem}.ready")
        if left == "recalled":
            printer.inbox[f"{stem}.recalled"] = body
        raise KilledError

    printer.traps["hand_over", "after"] = read_and_die
    with pytest.raises(KilledError):
        world.run("dispatch")
    recover(world)
    world.clock.advance(timedelta(hours=2))
    world.run_until_quiet()
    assert (world.drop().status, world.batch().status, world.statuses(ids)) == ("in_doubt", "in_doubt", {"batched": 3})
    assert printer.handed_over == [stem]


@pytest.mark.parametrize("step", [("recall", "before"), ("recall", "after")])
def test_a_recall_that_was_killed_ends_in_the_same_doubt(
    world: World, north: str, sent: list[str], desk: Recall, step: tuple[str, str]
) -> None:
    world.printers[north].traps[step] = KilledError()
    with pytest.raises(KilledError):
        desk.recall(world.batch().id, deed(world))
    recover(world)
    assert (world.drop().status, world.statuses(sent), shelf(world, north)) == ("in_doubt", {"sent": 3}, ["recalled"])


def test_a_recall_that_meets_the_hand_over_is_tried_again(
    world: World, north: str, sent: list[str], desk: Recall
) -> None:
    """It finds neither file renamed nor to be renamed: the hand-over passed between its two looks."""
    printer, stem = world.printers[north], world.drop().stem

    def hand_over_late() -> None:
        printer.inbox[f"{stem}.ready"] = printer.inbox.pop(f"{stem}.recalled")

    printer.traps["recall", "after"] = hand_over_late
    [outcome] = desk.recall(world.batch().id, deed(world))
    assert (outcome.state, world.drop().recall_state) == ("asked", "asked")
    recover(world)
    assert (world.drop().status, shelf(world, north)) == ("in_doubt", ["recalled"])


def test_a_printer_that_cannot_be_reached_is_asked_again(
    world: World, north: str, sent: list[str], desk: Recall
) -> None:
    hold_down(world, north, Transient("printer_unreachable", "no route"))
    assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["asked"]
    world.printers[north].traps = {}
    recover(world)
    assert world.drop().status == "in_doubt"


class TestChangingThePromise:
    """What was handed over to a printer that only read must not be judged by renaming later."""

    def edit(self, world: World, north: str, *, renames: bool) -> bool:
        [row] = world.rows(printers, printers.c.id == north)
        profile = PrinterProfile.model_validate({**row.profile, "takes_by_renaming": renames})
        with world.db.write() as tx:
            return edit_printer(tx, row, profile, deed(world), ids=world.ids)

    @pytest.mark.usefixtures("sent")
    def test_it_is_refused_while_drops_are_not_spoken_of(self, world: World, north: str) -> None:
        with pytest.raises(Permanent, match="recall and settle") as refused:
            self.edit(world, north, renames=True)
        assert (refused.value.code, world.drop().stem in str(refused.value)) == ("drops_unspoken_of", True)
        assert world.rows(printers)[0].revision == 1
        ack(world, world.drop().stem, "accepted")
        world.clock.advance(timedelta(minutes=2))
        world.run_until_quiet()
        assert self.edit(world, north, renames=True)

    @pytest.mark.usefixtures("sent")
    def test_the_other_way_is_free_and_holds_at_once(self, world: World, north: str, desk: Recall) -> None:
        reads_only(world, north, takes_by_renaming=True)
        assert self.edit(world, north, renames=False)
        assert [one.state for one in desk.recall(world.batch().id, deed(world))] == ["in_doubt"]
        assert {row.status for row in world.rows(drops)} == {"in_doubt"}
        assert {row.status for row in world.rows(pieces)} == {"sent"}

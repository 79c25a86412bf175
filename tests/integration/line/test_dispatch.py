"""Imposing and handing over: digests once, one rename, and nothing lost or handed over twice, whatever crashes."""

from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest

from pipeline.errors import InDoubt, Permanent, Transient
from pipeline.repository.tables import batches, drops, pieces, printers
from tests.integration.line.fakes import FakePrinter, KilledError
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import LEASE_S, SCAN_POLL_S, START, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces frozen into one batch, whose drop is imposed but not on its way."""
    world.add_printer()
    ids = world.add_ready(3)
    world.tick()
    assert world.run("impose") == 1
    return ids


def recover(world: World) -> None:
    """Let the dead worker's lease run out, and the line go on."""
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    world.run_until_quiet()


def in_inbox(printer: FakePrinter, suffix: str) -> list[str]:
    return [name for name in printer.inbox if name.endswith(suffix)]


def test_a_drop_has_its_files_and_digests_recorded(world: World, ids: list[str]) -> None:
    drop = world.drop()
    assert (drop.status, world.batch().status, drop.pieces, drop.sheets) == ("imposed", "imposed", 3, 1)
    assert [file["name"] for file in drop.files] == [f"{drop.stem}.pdf", f"{drop.stem}.csv"]
    for file in drop.files:
        body = world.storage.fetch(file["key"]).read_bytes()
        assert (file["size"], file["sha256"]) == (len(body), sha256(body).hexdigest())
        assert file["sha256"] in drop.ready_body
    assert drop.digest == sha256(drop.ready_body.encode()).hexdigest()
    [job] = world.imposer.jobs
    assert {one.piece_id for one in job.pieces} == set(ids)
    assert job.frozen_at == START


def test_imposing_again_changes_nothing(world: World, ids: list[str]) -> None:
    before = world.drop()
    world.imposer.edition = 2
    assert world.run("impose") == 0
    assert world.drop() == before


def test_an_imposer_that_comes_too_late_leaves_the_recorded_bytes_alone(world: World) -> None:
    world.add_printer()
    world.add_ready(1)
    world.tick()
    world.bell.take()
    stages = {stage.name: stage for stage in world.stages("live")}

    def overtaken(job: Any, folder: Any) -> Any:
        world.imposer.edition = 1
        world.set(drops, world.drop().id, lease_until=START - timedelta(seconds=1))
        assert world.run("impose", only=[world.drop().id]) == 1
        world.imposer.edition = 2
        return world.imposer(job, folder)

    slow = stages["impose"]
    slow._imposer = overtaken  # type: ignore[attr-defined]
    world.make_line("live", [slow]).run("impose")
    for file in world.drop().files:
        assert sha256(world.storage.fetch(file["key"]).read_bytes()).hexdigest() == file["sha256"]


def test_a_drop_is_handed_over_whole_and_its_pieces_are_sent(world: World, ids: list[str]) -> None:
    world.run("dispatch")
    drop, printer = world.drop(), world.printer()
    assert sorted(printer.inbox) == sorted([f"{drop.stem}.pdf", f"{drop.stem}.csv", f"{drop.stem}.ready"])
    assert printer.inbox[f"{drop.stem}.ready"].decode() == drop.ready_body
    assert (drop.status, drop.sent_at, drop.handing_over_at) == ("sent", START, START)
    assert world.batch().status == "sent"
    assert world.statuses(ids) == {"sent": 3}
    assert world.events(ids[0])[-1].evidence == {"drop": drop.stem, "digest": drop.digest}
    assert {row.poll_at for row in world.rows(pieces)} == {START + timedelta(seconds=SCAN_POLL_S)}
    assert world.rows(printers)[0].poll_at == START


STEPS = [("put", "before"), ("put", "after"), ("stage_ready", "before"), ("stage_ready", "after"),
         ("hand_over", "before"), ("hand_over", "after")]  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("error", [KilledError, lambda: Transient("gone", "the connection is gone")])
def test_a_drop_that_broke_off_at_any_step_is_handed_over_once(
    world: World, ids: list[str], step: tuple[str, str], error: Any
) -> None:
    printer = world.printer()
    printer.traps[step] = error()
    try:
        world.run("dispatch")
    except KilledError:
        assert world.drop().claim_token is not None
    recover(world)
    stem = world.drop().stem
    assert printer.handed_over == [stem]
    assert (world.drop().status, world.statuses(ids)) == ("sent", {"sent": 3})
    assert [name for name in printer.inbox if not name.endswith(".part")] == [
        f"{stem}.pdf",
        f"{stem}.csv",
        f"{stem}.ready",
    ]
    assert all(world.event_types(one)[-1] == "sent" for one in ids)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_rename_whose_answer_never_came_is_settled_by_looking(world: World, ids: list[str], when: str) -> None:
    world.printer().traps["hand_over", when] = InDoubt("no_answer", "the rename was not answered")
    world.run("dispatch")
    assert world.printer().handed_over == [world.drop().stem]
    assert world.statuses(ids) == {"sent": 3}


def test_a_drop_that_was_taken_meanwhile_is_sent(world: World, ids: list[str]) -> None:
    printer, stem = world.printer(), world.drop().stem

    def take_and_die() -> None:
        printer.take(stem)
        raise KilledError

    printer.traps["hand_over", "after"] = take_and_die
    with pytest.raises(KilledError):
        world.run("dispatch")
    recover(world)
    assert printer.handed_over == [stem]
    assert world.statuses(ids) == {"sent": 3}


def lose(world: World) -> None:
    """The rename was made, the worker died, and the printer put everything away before anybody looked."""
    printer = world.printer()

    def vanish() -> None:
        printer.inbox.clear()
        raise KilledError

    printer.traps["hand_over", "after"] = vanish
    with pytest.raises(KilledError):
        world.run("dispatch")
    recover(world)


def test_what_cannot_be_told_is_in_doubt_and_never_sent_again(world: World, ids: list[str]) -> None:
    lose(world)
    assert (world.drop().status, world.batch().status) == ("in_doubt", "in_doubt")
    assert world.statuses(ids) == {"batched": 3}
    world.clock.advance(timedelta(hours=3))
    world.run_until_quiet()
    assert world.printer().handed_over == [world.drop().stem]
    assert world.printer().inbox == {}


def test_an_acknowledgement_ends_the_doubt_and_the_pieces_are_tracked(world: World, ids: list[str]) -> None:
    lose(world)
    ack(world, world.drop().stem, "printed")
    world.clock.advance(timedelta(minutes=5))
    world.run_until_quiet()
    assert (world.drop().status, world.batch().status) == ("sent", "printed")
    assert [world.event_types(one)[-2:] for one in ids] == [["sent", "printed"]] * 3
    for row in world.rows(pieces):
        world.carrier.told[row.imb] = [scan(row.imb, world.clock(), "Phase 1a")]
    world.clock.advance(timedelta(seconds=SCAN_POLL_S))
    world.run_until_quiet()
    assert world.statuses(ids) == {"in_transit": 3}


def test_a_scan_ends_the_doubt_and_keeps_the_promise(world: World, ids: list[str]) -> None:
    lose(world)
    imb = world.piece(ids[0]).imb
    world.carrier.told[imb] = [scan(imb, START + timedelta(hours=4), "Phase 1a")]
    world.clock.advance(timedelta(hours=5))
    world.run_until_quiet()
    piece = world.piece(ids[0])
    assert (piece.status, piece.sla_state, piece.mailed_at) == ("in_transit", "kept", START + timedelta(hours=4))
    assert piece.mailed_basis == "scan"
    assert (world.drop().status, world.batch().status) == ("sent", "sent")


def test_a_part_that_is_gone_is_looked_for_and_never_made_again(world: World, ids: list[str]) -> None:
    printer = world.printer()

    def tidy_up() -> None:
        for name in in_inbox(printer, ".part"):
            del printer.inbox[name]

    printer.traps["hand_over", "before"] = tidy_up
    world.run("dispatch")
    assert world.drop().status == "in_doubt"
    assert printer.handed_over == []


def test_a_worker_that_was_overtaken_before_the_line_of_no_return_renames_nothing(world: World, ids: list[str]) -> None:
    printer, drop_id = world.printer(), world.drop().id

    def overtaken() -> None:
        world.clock.advance(timedelta(seconds=LEASE_S + 1))
        assert world.run("dispatch", only=[drop_id]) == 1

    printer.traps["stage_ready", "after"] = overtaken
    world.run("dispatch")
    assert printer.handed_over == [world.drop().stem]
    assert (world.drop().status, world.drop().attempt) == ("sent", 3)
    assert in_inbox(printer, ".ready.part") == []


def test_a_worker_that_was_overtaken_at_the_rename_finds_it_made(world: World, ids: list[str]) -> None:
    printer, drop_id = world.printer(), world.drop().id

    def overtaken() -> None:
        world.clock.advance(timedelta(seconds=LEASE_S + 1))
        assert world.run("dispatch", only=[drop_id]) == 1

    printer.traps["hand_over", "before"] = overtaken
    world.run("dispatch")
    assert printer.handed_over == [world.drop().stem]
    assert world.statuses(ids) == {"sent": 3}
    assert all(world.event_types(one).count("sent") == 1 for one in ids)


def test_a_drop_that_lies_recalled_frees_its_pieces(world: World, ids: list[str]) -> None:
    printer, stem = world.printer(), world.drop().stem
    world.set(printers, world.rows(printers)[0].id, suspended_at=START)

    def recall_and_die() -> None:
        assert printer.recall(stem, "")
        raise KilledError

    printer.traps["hand_over", "after"] = recall_and_die
    with pytest.raises(KilledError):
        world.run("dispatch")
    recover(world)
    assert (world.drop().status, world.batch().status) == ("recalled", "recalled")
    assert world.statuses(ids) == {"ready": 3}


def test_a_printer_that_acknowledges_before_we_are_done_leaves_no_claim_behind(world: World, ids: list[str]) -> None:
    printer, stem = world.printer(), world.drop().stem

    def hasty() -> None:
        printer.take(stem)
        ack(world, stem, "printed", printer=printer)
        world.set(printers, world.rows(printers)[0].id, poll_at=START)
        assert world.run("acknowledge") == 1
        raise KilledError

    printer.traps["hand_over", "after"] = hasty
    with pytest.raises(KilledError):
        world.run("dispatch")
    for _ in range(4):
        recover(world)
    assert world.statuses(ids) == {"printed": 3}
    drop = world.drop()
    assert (drop.status, drop.claim_token, drop.solo_deaths, drop.quarantined_at) == ("sent", None, 0, None)
    assert {row.poll_at is not None for row in world.rows(pieces)} == {True}


def test_one_printer_that_is_down_waits_alone(world: World) -> None:
    first = world.add_printer(name="north", max_sheets_per_batch=1)
    world.add_printer(name="south", max_sheets_per_batch=1)
    ids = world.add_ready(16)
    world.tick()
    world.printers[first].traps["put", "before"] = Transient("down", "no route")
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 8, "batched": 8}
    [waiting] = world.rows(drops, drops.c.status == "imposed")
    assert (waiting.printer_id, waiting.last_error) == (first, "down")
    assert waiting.next_attempt_at == START + timedelta(seconds=2)
    world.clock.advance(timedelta(seconds=2))
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 16}
    assert {row.status for row in world.rows(batches)} == {"sent"}


def test_waits_are_longer_by_chance_and_never_shorter(world: World, ids: list[str]) -> None:
    lucky, drop_id = iter((0.0, 1.0)), world.drop().id
    world.chance = lambda: next(lucky)
    world.lines = {mode: world.make_line(mode) for mode in ("live", "test")}
    for asked, wait_s in ((Transient("down", "no route"), 2.0), (Permanent("printer_auth_failed", "no"), 120 * 1.25)):
        world.printer().traps["put", "before"] = asked
        assert world.run("dispatch", only=[drop_id]) == 1
        assert world.drop().next_attempt_at == world.clock() + timedelta(seconds=wait_s)
        world.clock.advance(timedelta(seconds=wait_s))

"""Acknowledgements of drops that stand otherwise than their printer believes: never handed over, or set aside meanwhile."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from pipeline.errors import Transient
from pipeline.repository.acks import AckWriter
from pipeline.repository.printers import Deed
from pipeline.repository.tables import acks, batches, drops, events, pieces, printers
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


@pytest.mark.parametrize("state", ["accepted", "printed", "mailed"])
def test_what_is_settled_while_its_acknowledgement_is_read_is_an_alarm(
    world: World, ids: list[str], desk: Recall, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    drop = world.drop()
    world.set(drops, drop.id, status="in_doubt")
    world.set(batches, drop.batch_id, status="in_doubt")
    world.set(printers, drop.printer_id, suspended_at=world.clock())
    move = AckWriter._move

    def settle_first(*args: Any) -> None:
        assert [one.state for one in desk.settle(drop.batch_id, deed(world), taken=False)] == ["void"]
        move(*args)

    monkeypatch.setattr(AckWriter, "_move", settle_first)
    ack(world, drop.stem, state)
    with capture_logs() as logs:
        hear(world)
    assert "drop.acknowledged_after_all" in {one["event"] for one in logs}
    assert (faults(world), world.drop().status, world.statuses(ids)) == (["drop_set_aside"], "void", {"ready": 3})
    assert len(world.printer().refused) == 1


def test_a_doubt_that_begins_while_an_acknowledgement_is_read_ends_with_it(
    world: World, ids: list[str], desk: Recall, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop = world.drop()
    profile = {**world.rows(printers)[0].profile, "takes_by_renaming": False}
    world.set(printers, drop.printer_id, profile=profile, suspended_at=world.clock())
    move = AckWriter._move

    def recall_first(*args: Any) -> None:
        assert [one.state for one in desk.recall(drop.batch_id, deed(world))] == ["in_doubt"]
        move(*args)

    monkeypatch.setattr(AckWriter, "_move", recall_first)
    told(world, "accepted")
    assert (world.drop().status, world.batch().status, world.statuses(ids)) == ("sent", "accepted", {"sent": 3})


@pytest.mark.parametrize("state", ["accepted", "rejected", "mailed"])
def test_a_file_that_another_worker_records_meanwhile_counts_once(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    """The other one was taken to be dead, or took us to be."""
    ack(world, world.drop().stem, state)
    apply, others = AckWriter._apply, []

    def second(writer: AckWriter, *args: Any) -> Any:
        if not others:
            others.append(None)
            others[0] = apply(writer, *args)
            settled.append((world.drop().status, world.statuses(ids), len(world.rows(events))))
        return apply(writer, *args)

    settled: list[Any] = []
    monkeypatch.setattr(AckWriter, "_apply", second)
    with capture_logs() as logs:
        hear(world)
    assert [(world.drop().status, world.statuses(ids), len(world.rows(events)))] == settled
    assert (len(world.rows(acks)), others[0].good) == (1, True)
    assert "drop.acknowledged_after_all" not in {one["event"] for one in logs}
    assert len(world.printer().done) == 1


def test_a_recall_that_won_while_the_printers_word_is_saved_waits_and_hears_it(
    concurrent_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It accepted what it had not taken: the ready file is ours again, and its word says that it prints all the same."""
    world = concurrent_world
    ids = world.freeze_and_send(3)
    settle, saving = AckWriter._settle_drop, threading.Event()
    ack(world, world.drop().stem, "accepted")
    world.set(printers, world.drop().printer_id, poll_at=world.clock())
    other = threading.Thread(target=world.run, args=("acknowledge",))

    def when_the_recall_waits(*args: Any) -> None:
        saving.set()
        while not blocked(world):
            threading.Event().wait(0.005)
        settle(*args)

    def hear_at_once() -> None:
        other.start()
        assert saving.wait(30)

    monkeypatch.setattr(AckWriter, "_settle_drop", when_the_recall_waits)
    world.printer().traps["recall", "after"] = hear_at_once
    outcomes = Recall(world.contexts["live"], world.printers).recall(world.batch().id, deed(world))
    other.join(timeout=30)
    assert [(one.state, one.pieces) for one in outcomes] == [("lost", 0)]
    assert (world.drop().status, faults(world), world.statuses(ids)) == ("sent", [], {"sent": 3})


def blocked(world: World) -> int:
    with world.db.read() as tx:
        waiting = (
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        )
        return int(tx.execute(text(waiting)).scalar_one())

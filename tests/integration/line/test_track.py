"""Scans: late, repeated and out of order, they change nothing wrongly."""

from datetime import datetime, timedelta

import pytest

from pipeline.lifecycle import Move, Status
from pipeline.repository.moves import move
from pipeline.repository.tables import pieces, scans
from pipeline.stages.track import GIVE_UP
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import DUE, SCAN_POLL_S, START, World

WALK = {
    "origin": ("Phase 1a", "891", "A"),
    "destination": ("Phase 2b", "894", "A"),
    "walk": ("Phase 3c", "918", "A"),
    "delivery": ("Phase 4c", "DLV", "L"),
    "detour": ("PARS", "746", "A"),
}


@pytest.fixture
def piece_id(world: World) -> str:
    """A piece that was mailed two hours after its acceptance."""
    [piece_id] = world.freeze_and_send(1)
    world.clock.advance(timedelta(hours=2))
    ack(world, world.drop().stem, "mailed")
    world.run_until_quiet()
    return piece_id


def seen(world: World, piece_id: str, *marks: tuple[str, float]) -> None:
    """Scans of a piece, each so many hours after acceptance."""
    imb = world.piece(piece_id).imb
    for what, hours in marks:
        phase, code, handling = WALK[what]
        world.carrier.told[imb].append(scan(imb, START + timedelta(hours=hours), phase, code=code, handling=handling))


def look(world: World, at: datetime | None = None) -> None:
    """Ask the carrier once, now or at a later moment."""
    world.clock.advance((at - world.clock()) if at else timedelta(seconds=SCAN_POLL_S))
    world.run_until_quiet()


def types(world: World, piece_id: str) -> list[str]:
    """The events since the mailing."""
    return world.event_types(piece_id)[5:]


def test_a_piece_is_followed_to_its_delivery_and_asked_for_no_more(world: World, piece_id: str) -> None:
    for mark in (("origin", 3.0), ("walk", 28.0), ("delivery", 34.0)):
        seen(world, piece_id, mark)
        look(world)
    piece = world.piece(piece_id)
    assert types(world, piece_id) == ["in_transit", "out_for_delivery", "delivered"]
    assert (piece.delivered_basis, piece.poll_at, piece.mailed_basis) == ("scan", None, "printer")
    assert world.events(piece_id)[-1].at == START + timedelta(hours=34)
    world.carrier.asked.clear()
    look(world, START + timedelta(days=10))
    assert world.carrier.asked == []


def test_everything_told_at_once_is_told_on_in_order(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("delivery", 34), ("walk", 28), ("origin", 3), ("destination", 20))
    look(world)
    assert types(world, piece_id) == ["in_transit", "out_for_delivery", "delivered"]
    assert [event.at for event in world.events(piece_id)][5:] == [START + timedelta(hours=h) for h in (3, 28, 34)]


def test_scans_that_are_told_again_are_kept_once_and_move_nothing(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("origin", 3), ("origin", 3), ("walk", 28))
    for _ in range(3):
        look(world)
    assert types(world, piece_id) == ["in_transit", "out_for_delivery"]
    assert world.count(scans) == 2


def test_an_earlier_scan_that_comes_late_is_kept_and_moves_nothing(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("walk", 28))
    look(world)
    seen(world, piece_id, ("origin", 3))
    look(world)
    assert types(world, piece_id) == ["out_for_delivery"]
    assert world.count(scans) == 2


def test_a_detour_and_the_way_on_are_told_once_each(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("origin", 3), ("detour", 20))
    look(world)
    seen(world, piece_id, ("walk", 40))
    for _ in range(4):
        look(world)
    assert types(world, piece_id) == ["in_transit", "rerouted", "out_for_delivery"]
    seen(world, piece_id, ("delivery", 46))
    look(world)
    assert types(world, piece_id)[-1] == "delivered"


def test_a_detour_after_the_walk_stands_until_something_later_is_seen(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("walk", 28), ("detour", 30))
    for _ in range(4):
        look(world)
    assert world.piece(piece_id).status == "rerouted"
    assert types(world, piece_id).count("rerouted") == 1


def test_nothing_is_said_of_a_piece_that_nobody_has_seen(world: World, piece_id: str) -> None:
    before = world.event_types(piece_id)
    for _ in range(5):
        look(world)
    assert world.event_types(piece_id) == before
    assert world.piece(piece_id).status == "mailed"
    assert world.piece(piece_id).delivered_basis is None


def test_scans_that_show_nothing_are_kept_and_move_nothing(world: World, piece_id: str) -> None:
    imb = world.piece(piece_id).imb
    world.carrier.told[imb].append(scan(imb, START + timedelta(hours=3), "Something else"))
    look(world)
    assert types(world, piece_id) == []
    assert world.count(scans) == 1


def test_after_a_long_silence_the_carrier_is_asked_no_more(world: World, piece_id: str) -> None:
    look(world, START + GIVE_UP)
    assert world.piece(piece_id).poll_at is not None
    look(world)
    assert world.piece(piece_id).poll_at is None
    assert world.piece(piece_id).status == "mailed"


def test_a_piece_may_come_back_after_it_was_delivered(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("origin", 3), ("delivery", 34))
    look(world)
    with world.db.write() as tx:
        back = Move(world.snapshot(piece_id), Status.RETURNED, world.clock(), {"acs": "moved, left no address"})
        assert move(tx, [back], now=world.clock(), ids=world.ids) == {piece_id}
    look(world)
    assert types(world, piece_id) == ["in_transit", "delivered", "returned"]


@pytest.mark.parametrize("mark", [("origin", 5.0), ("detour", 5.0), ("walk", 5.0)])
def test_a_scan_before_any_acknowledgement_shows_that_the_promise_was_kept(
    world: World, mark: tuple[str, float]
) -> None:
    [piece_id] = world.freeze_and_send(1)
    seen(world, piece_id, mark)
    look(world, START + timedelta(hours=6))
    piece = world.piece(piece_id)
    assert (piece.sla_state, piece.mailed_basis, piece.mailed_at) == ("kept", "scan", START + timedelta(hours=5))
    ack(world, world.drop().stem, "mailed")
    look(world, START + timedelta(hours=8))
    assert world.piece(piece_id).mailed_at == START + timedelta(hours=5)
    assert "mailed" not in world.event_types(piece_id)


def test_a_first_scan_after_the_due_moment_is_a_breach(world: World) -> None:
    [piece_id] = world.freeze_and_send(1, alarm_at=None)
    seen(world, piece_id, ("origin", 25))
    look(world, START + timedelta(hours=26))
    assert world.event_types(piece_id)[-2:] == ["in_transit", "sla_breached"]


def test_an_earlier_scan_that_turns_up_later_corrects_the_breach_once(world: World) -> None:
    [piece_id] = world.freeze_and_send(1, alarm_at=None)
    seen(world, piece_id, ("destination", 25))
    look(world, START + timedelta(hours=26))
    assert world.piece(piece_id).sla_state == "breached"
    seen(world, piece_id, ("origin", 23))
    for _ in range(3):
        look(world)
    assert world.event_types(piece_id)[-3:] == ["in_transit", "sla_breached", "sla_corrected"]
    piece = world.piece(piece_id)
    assert (piece.sla_state, piece.mailed_at, piece.status) == ("kept", START + timedelta(hours=23), "in_transit")
    assert world.events(piece_id)[-1].evidence["due_at"] == DUE.isoformat()
    assert [event.sequence for event in world.events(piece_id)] == list(range(1, 8))


def test_a_carrier_that_is_down_is_asked_later(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("origin", 3))
    world.carrier.down = True
    look(world)
    assert (world.piece(piece_id).tries, world.piece(piece_id).last_error) == (1, "carrier_unavailable")
    world.carrier.down = False
    look(world, world.clock() + timedelta(seconds=2))
    assert types(world, piece_id) == ["in_transit"]


def test_a_worker_that_lost_its_lease_moves_nothing(world: World, piece_id: str) -> None:
    seen(world, piece_id, ("origin", 3))
    world.clock.advance(timedelta(seconds=SCAN_POLL_S))
    ask = world.carrier.scans

    def overtaken(imbs: object) -> object:
        world.set(pieces, piece_id, attempt=9, claim_token="cl_other")
        return ask(imbs)  # type: ignore[arg-type]

    world.carrier.scans = overtaken  # type: ignore[method-assign, assignment]
    world.run("track")
    piece = world.piece(piece_id)
    assert (piece.status, piece.claim_token, piece.attempt) == ("mailed", "cl_other", 9)

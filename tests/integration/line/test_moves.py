"""The one writer of status: compare-and-set, gapless events, and the promise told once."""

import threading
from datetime import timedelta

import pytest

from pipeline.lifecycle import Move, SlaState, Status
from pipeline.repository.backlog import due_alarms
from pipeline.repository.moves import Alarm, alarm, correct, move
from pipeline.repository.tables import deliveries, events, pieces
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import DUE, START, World


def move_now(world: World, *wishes: Move) -> set[str]:
    with world.db.write() as tx:
        return move(tx, wishes, now=world.clock(), ids=world.ids)


def wish(world: World, piece_id: str, to: Status, **sets: object) -> Move:
    return Move(world.snapshot(piece_id), to, world.clock(), {"because": "test"}, sets)


def mark_due(world: World, mode: str = "live") -> set[str]:
    """What the tick does with alarms, on its own."""
    with world.db.write() as tx:
        due = due_alarms(tx, mode, world.contexts[mode].line_clock, 500)
        return alarm(tx, due, at=world.clock(), now=world.clock(), ids=world.ids)


def test_a_move_writes_status_columns_and_the_event_that_says_so(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    assert move_now(world, wish(world, piece_id, Status.READY, ready_at=START)) == {piece_id}
    piece, event = world.piece(piece_id), world.events(piece_id)[-1]
    assert (piece.status, piece.revision, piece.ready_at) == ("ready", 2, START)
    assert (event.type, event.sequence, event.at, event.evidence) == ("mail.ready", 2, START, {"because": "test"})
    assert (event.account_id, event.mode, event.told, event.position) == (world.account, "live", False, None)


def test_a_move_frees_the_claim(world: World) -> None:
    [piece_id] = world.add_pieces(1, claim_token="cl_1", lease_until=DUE, tries=3, solo_deaths=1)
    move_now(world, wish(world, piece_id, Status.READY))
    piece = world.piece(piece_id)
    assert (piece.claim_token, piece.lease_until, piece.tries, piece.solo_deaths) == (None, None, 0, 0)


@pytest.mark.parametrize("changed", [{"revision": 7}, {"attempt": 1}, {"status": "canceled"}])
def test_a_piece_that_changed_meanwhile_does_not_move(world: World, changed: dict[str, object]) -> None:
    [piece_id] = world.add_pieces(1)
    stale = wish(world, piece_id, Status.READY)
    world.set(pieces, piece_id, **changed)
    before = world.piece(piece_id)
    assert move_now(world, stale) == set()
    assert world.piece(piece_id) == before
    assert world.event_types(piece_id) == ["created"]


def test_an_illegal_move_does_nothing_and_leaves_its_neighbours_alone(world: World) -> None:
    first, second = world.add_pieces(2)
    wishes = [wish(world, first, Status.DELIVERED), wish(world, second, Status.READY)]
    assert move_now(world, *wishes) == {second}
    assert world.event_types(first) == ["created"]


def test_many_pieces_move_in_one_go_each_with_its_own_values(world: World) -> None:
    ids = world.add_pieces(1_100)
    wishes = [wish(world, piece_id, Status.READY, imb=f"imb-{piece_id}") for piece_id in ids[:1_050]]
    wishes += [wish(world, piece_id, Status.CANCELED) for piece_id in ids[1_050:]]
    assert move_now(world, *wishes) == set(ids)
    assert world.statuses(ids) == {"ready": 1_050, "canceled": 50}
    assert all(row.imb in (None, f"imb-{row.id}") for row in world.rows(pieces))
    assert world.count(events) == 2_200


def test_columns_that_become_empty_are_emptied(world: World) -> None:
    ids = world.add_pieces(2, status="batched", batch_id="bt_1", imb="1", poll_at=DUE, mailed_at=DUE)
    move_now(world, *(wish(world, one, Status.READY, batch_id=None, imb=None, poll_at=None) for one in ids))
    assert {(row.batch_id, row.imb, row.poll_at, row.mailed_at) for row in world.rows(pieces)} == {
        (None, None, None, DUE)
    }


def test_of_two_workers_that_move_the_same_piece_one_wins(concurrent_world: World) -> None:
    world = concurrent_world
    ids = world.add_pieces(40)
    wishes = {to: [wish(world, one, to) for one in ids] for to in (Status.READY, Status.CANCELED)}
    won: dict[Status, set[str]] = {}
    together = threading.Barrier(2)

    def work(to: Status) -> None:
        together.wait()
        won[to] = move_now(world, *wishes[to])

    threads = [threading.Thread(target=work, args=(to,)) for to in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won[Status.READY] | won[Status.CANCELED] == set(ids)
    assert not won[Status.READY] & won[Status.CANCELED]
    assert all(event.sequence in (1, 2) for event in world.rows(events))
    assert world.count(events) == 80


def test_a_promise_is_told_at_risk_and_broken_once_each(world: World) -> None:
    [piece_id] = world.add_ready(1)
    assert mark_due(world) == set()
    world.clock.advance(timedelta(hours=18))
    assert mark_due(world) == {piece_id}
    assert mark_due(world) == set()
    assert (world.piece(piece_id).sla_state, world.piece(piece_id).alarm_at) == ("at_risk", DUE)
    world.clock.advance(timedelta(hours=6))
    assert mark_due(world) == {piece_id}
    assert mark_due(world) == set()
    piece = world.piece(piece_id)
    assert (piece.sla_state, piece.alarm_at, piece.status) == ("breached", None, "ready")
    assert world.event_types(piece_id) == ["created", "ready", "sla_at_risk", "sla_breached"]
    assert [event.sequence for event in world.events(piece_id)] == [1, 2, 3, 4]
    assert all(event.told for event in world.events(piece_id)[2:])


def test_an_alarm_for_a_piece_that_moved_meanwhile_is_not_told(world: World) -> None:
    [piece_id] = world.add_ready(1)
    stale = world.snapshot(piece_id)
    move_now(world, wish(world, piece_id, Status.HELD))
    with world.db.write() as tx:
        assert not alarm(tx, [Alarm(stale, SlaState.AT_RISK, DUE)], at=DUE, now=DUE, ids=world.ids)
    assert world.event_types(piece_id)[-1] == "held"


def test_a_piece_mailed_in_time_keeps_its_promise_and_is_looked_at_no_more(world: World) -> None:
    [piece_id] = world.freeze_and_send(1)
    world.clock.advance(timedelta(hours=2))
    ack(world, world.drop().stem, "mailed")
    world.run_until_quiet()
    piece = world.piece(piece_id)
    assert (piece.sla_state, piece.alarm_at, piece.mailed_basis) == ("kept", None, "printer")
    world.clock.advance(timedelta(days=3))
    assert mark_due(world) == set()


def test_a_piece_mailed_too_late_breaches_and_is_told_so_after_the_mailing(world: World) -> None:
    [piece_id] = world.freeze_and_send(1, alarm_at=None)
    world.clock.advance(timedelta(hours=25))
    ack(world, world.drop().stem, "mailed")
    world.run_until_quiet()
    assert world.event_types(piece_id)[-2:] == ["mailed", "sla_breached"]
    assert [event.sequence for event in world.events(piece_id)] == list(range(1, 7))
    assert world.piece(piece_id).sla_state == "breached"


def test_a_canceled_piece_has_no_promise(world: World) -> None:
    [piece_id] = world.add_ready(1)
    move_now(world, wish(world, piece_id, Status.CANCELED))
    assert (world.piece(piece_id).sla_state, world.piece(piece_id).alarm_at) == ("void", None)
    world.clock.advance(timedelta(days=3))
    assert mark_due(world) == set()


def breach(world: World) -> str:
    """A sent piece whose promise was told broken."""
    [piece_id] = world.freeze_and_send(1)
    world.clock.advance(timedelta(hours=25))
    assert mark_due(world) == {piece_id}
    return piece_id


def test_an_acknowledgement_that_comes_late_corrects_a_breach_once(world: World) -> None:
    piece_id = breach(world)
    ack(world, world.drop().stem, "mailed", at=START + timedelta(hours=3))
    world.run_until_quiet()
    ack(world, world.drop().stem, "mailed", at=START + timedelta(hours=3), reason="again")
    world.clock.advance(timedelta(hours=1))
    world.run_until_quiet()
    assert world.event_types(piece_id)[-3:] == ["sla_breached", "mailed", "sla_corrected"]
    assert world.piece(piece_id).sla_state == "kept"
    assert world.events(piece_id)[-1].evidence == {
        "due_at": DUE.isoformat(),
        "mailed_at": (START + timedelta(hours=3)).isoformat(),
    }


def test_an_acknowledgement_of_a_piece_that_scans_moved_on_still_corrects(world: World) -> None:
    piece_id = breach(world)
    imb = world.piece(piece_id).imb
    world.carrier.told[imb] = [scan(imb, world.clock(), "Phase 1a")]
    world.run_until_quiet()
    assert (world.piece(piece_id).status, world.piece(piece_id).sla_state) == ("in_transit", "breached")
    ack(world, world.drop().stem, "mailed", at=START + timedelta(hours=3))
    world.clock.advance(timedelta(hours=1))
    world.run_until_quiet()
    assert world.event_types(piece_id)[-2:] == ["in_transit", "sla_corrected"]
    piece = world.piece(piece_id)
    assert (piece.status, piece.sla_state, piece.mailed_at) == ("in_transit", "kept", START + timedelta(hours=3))


def test_a_correction_of_a_piece_that_changed_meanwhile_does_nothing(world: World) -> None:
    piece_id = breach(world)
    stale = world.snapshot(piece_id)
    move_now(world, wish(world, piece_id, Status.PRINTED))
    with world.db.write() as tx:
        assert not correct(tx, [(stale, START, {})], now=DUE, ids=world.ids)


def test_senders_hear_of_every_move_in_sequence(world: World) -> None:
    world.add_endpoint()
    piece_id = breach(world)
    ack(world, world.drop().stem, "mailed", at=START + timedelta(hours=3))
    world.run_until_quiet()
    heard = [one.event_type for one in world.webhooks.sent]
    assert heard == ["mail.created", "mail.sent", "mail.sla_breached", "mail.mailed", "mail.sla_corrected"]
    assert world.count(deliveries, deliveries.c.status == "delivered") == 5
    assert world.piece(piece_id).revision == 7

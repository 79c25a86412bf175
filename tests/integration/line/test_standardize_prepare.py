"""From created to ready: the address settled, the artwork accepted, whichever comes last."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from pipeline.repository.accounts import Sender
from pipeline.repository.holds import HoldWish
from pipeline.repository.promote import promote
from pipeline.repository.tables import PAGE, creatives, holds, pieces, recipients
from pipeline.worker.holding import Held, Holding
from tests.integration.line.fakes import KilledError
from tests.integration.line.test_holding import ASKED, OURS
from tests.integration.line.world import DUE, START, World

UNCHECKED = {"status": "checked", "normalized_key": None}


def test_an_address_is_kept_as_the_post_wants_it_and_the_piece_is_ready(world: World) -> None:
    ids = world.add_pieces(3)
    world.run("standardize")
    assert world.statuses(ids) == {"ready": 3}
    person = next(row for row in world.rows(recipients) if row.piece_id == ids[0])
    assert person.standardized["line1"] == "1 MAIN ST"
    assert (person.zip5, person.routing, person.corrections) == ("83702", "83702170525", ["street_abbreviated"])
    piece = world.piece(ids[0])
    assert (piece.ready_at, piece.address_state, piece.claim_token) == (START, "done", None)
    assert world.events(ids[0])[-1].evidence == {"address": "standardized", "policy": "normal"}


def test_an_undeliverable_address_rejects_its_piece_with_the_reasons_and_no_other(world: World) -> None:
    ids = world.add_pieces(3, names=["Ada", "Undeliverable", "Grace"])
    world.run("standardize")
    rejected = world.piece(ids[1])
    assert world.statuses(ids) == {"ready": 2, "rejected": 1}
    [error] = rejected.errors
    assert (error["code"], error["pointer"], error["remedy"]) == ("unknown_street", "/to/line1", "correct the street")
    assert world.events(ids[1])[-1].evidence["errors"] == rejected.errors
    assert (rejected.sla_state, rejected.alarm_at) == ("void", None)


def test_a_relaxed_piece_goes_on_and_the_policy_is_recorded(world: World) -> None:
    [piece_id] = world.add_pieces(1, names=["Undeliverable"], deliverability="relaxed")
    world.run("standardize")
    assert world.piece(piece_id).status == "ready"
    assert world.events(piece_id)[-1].evidence["policy"] == "relaxed"


def strict(world: World, *names: str, **more: str) -> list[str]:
    return world.add_pieces(len(names), names=names, deliverability="strict", **more)


def test_a_strict_piece_whose_address_says_something_else_now_waits_for_its_sender(world: World) -> None:
    [swapped, spelled, nowhere] = strict(world, "Swapped", "Ada", "Undeliverable")
    [normal] = world.add_pieces(1, names=["Swapped"])
    world.run("standardize")
    assert [world.piece(one).status for one in (swapped, spelled, nowhere, normal)] == [
        "held",
        "ready",
        "rejected",
        "ready",
    ]
    held = world.events(swapped)[-1]
    assert (held.type, held.evidence["code"], held.evidence["by"]) == ("mail.held", "address_corrected", "sender")
    assert held.evidence["note"].endswith("in more than its spelling: lines_reordered")
    assert (world.piece(swapped).alarm_at, world.piece(swapped).address_state) == (None, "done")
    world.clock.advance(timedelta(hours=3))
    holding = Holding(world.db, world.clock, world.ids)
    assert holding.release(swapped, "request:req_1", sender=Sender(world.account, "live")) is Held.DONE
    piece = world.piece(swapped)
    assert (piece.status, piece.due_at) == ("ready", DUE + timedelta(hours=3))
    [ready] = [one.evidence for one in world.events(swapped) if one.type == "mail.ready"]
    assert ready == {"released": "sender", "code": "address_corrected"}


def test_a_strict_piece_waits_from_then_on_though_its_artwork_is_not_ready(world: World) -> None:
    [piece_id] = strict(world, "Swapped", creative=world.add_creative(**UNCHECKED))
    world.run("standardize")
    assert (world.piece(piece_id).status, world.piece(piece_id).alarm_at) == ("created", None)
    world.run("prepare")
    assert world.piece(piece_id).status == "held"


@pytest.mark.parametrize(("wish", "code"), [(ASKED, "address_corrected"), (OURS, "duplicate")])
def test_a_strict_piece_that_is_held_already_has_one_hold_in_the_end(world: World, wish: HoldWish, code: str) -> None:
    [piece_id] = strict(world, "Swapped")
    Holding(world.db, world.clock, world.ids).hold(piece_id, wish)
    world.run("standardize")
    [hold] = world.rows(holds)
    assert (hold.code, hold.by, hold.until) == (code, wish.by, None)
    assert (world.piece(piece_id).status, world.events(piece_id)[-1].evidence["code"]) == ("held", code)


def test_a_standardizer_that_is_down_makes_the_chunk_wait_as_long_as_it_asks(world: World) -> None:
    ids = world.add_pieces(2, names=["Down"])
    world.run("standardize")
    assert world.statuses(ids) == {"created": 2}
    assert {row.next_attempt_at for row in world.rows(pieces)} == {START + timedelta(seconds=90)}
    assert world.run("standardize") == 0


def test_a_poisonous_address_ends_in_quarantine_and_everybody_else_is_done(world: World) -> None:
    ids = world.add_pieces(8, names=["Ada", "Ada", "Ada", "Ada", "Ada", "Poison", "Ada", "Ada"])

    def work() -> None:
        world.tick()
        for note in world.bell.take():
            if note.stage == "standardize":
                try:
                    world.run("standardize", only=note.only)
                except KilledError:
                    continue

    for _ in range(12):
        work()
        world.clock.advance(timedelta(seconds=31))
    rows = {row.id: row for row in world.rows(pieces)}
    assert [rows[one].status for one in ids if one != ids[5]] == ["ready"] * 7
    assert rows[ids[5]].status == "created"
    assert rows[ids[5]].quarantined_at is not None
    assert world.event_types(ids[5]) == ["created"]


def test_a_worker_that_lost_its_lease_writes_neither_address_nor_status(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    original = world.standardizer.standardize

    def slow(addresses: object) -> object:
        world.set(pieces, piece_id, attempt=5, claim_token="cl_other")
        return original(addresses)  # type: ignore[arg-type]

    world.standardizer.standardize = slow  # type: ignore[method-assign, assignment]
    world.run("standardize")
    assert (world.piece(piece_id).status, world.piece(piece_id).claim_token) == ("created", "cl_other")
    assert world.rows(recipients)[0].corrections == []


def test_artwork_that_pieces_share_is_prepared_once_and_takes_them_along(world: World) -> None:
    creative = world.add_creative(body=b"flyer", **UNCHECKED)
    ids = world.add_pieces(5, creative=creative)
    world.run("standardize")
    assert world.statuses(ids) == {"created": 5}
    assert world.run("prepare") == 1
    assert world.run("prepare") == 0
    [row] = world.rows(creatives)
    assert world.statuses(ids) == {"ready": 5}
    assert world.storage.fetch(row.normalized_key).read_bytes() == b"normalized flyer"
    assert world.storage.fetch(row.proof_key).read_bytes() == b"proof of normalized flyer"
    assert len(row.normalized_sha256) == 64


def test_artwork_that_cannot_be_made_rejects_its_pieces_and_says_which_side(world: World) -> None:
    good, bad = world.add_creative(**UNCHECKED), world.add_creative(body=b"bad", **UNCHECKED)
    [front] = world.add_pieces(1, creative=bad)
    [back] = world.add_pieces(1, creative=good, back_creative_id=bad)
    [fine] = world.add_pieces(1, creative=good)
    world.run("standardize")
    world.run("prepare")
    assert [error["pointer"] for error in world.piece(front).errors] == ["/front"]
    assert [error["pointer"] for error in world.piece(back).errors] == ["/back"]
    assert world.piece(fine).status == "ready"
    row = next(row for row in world.rows(creatives) if row.id == bad)
    assert (row.status, row.report["rejected"]) == ("rejected", "unreadable_artwork")
    assert row.report["faults"][0]["remedy"] == "export it again"


def test_a_piece_whose_artwork_was_rejected_before_is_rejected_when_its_address_is_settled(world: World) -> None:
    bad = world.add_creative(body=b"bad", **UNCHECKED)
    world.run("prepare")
    [piece_id] = world.add_pieces(1, creative=bad)
    world.run("standardize")
    assert world.piece(piece_id).status == "rejected"


def test_a_file_that_was_lost_waits_for_an_operator_and_blames_nobody(world: World) -> None:
    lost, good = world.add_creative(**UNCHECKED), world.add_creative(**UNCHECKED)
    [piece_id] = world.add_pieces(1, creative=lost)
    world.storage.delete(next(row.source_key for row in world.rows(creatives) if row.id == lost))
    world.run("standardize")
    world.run("prepare")
    rows = {row.id: row for row in world.rows(creatives)}
    assert rows[good].status == "accepted"
    assert (rows[lost].status, rows[lost].last_error, rows[lost].tries) == ("checked", "missing_file", 1)
    assert world.piece(piece_id).status == "created"


def test_artwork_shared_by_more_pieces_than_a_page_is_caught_up_by_the_sweep(world: World) -> None:
    creative = world.add_creative(**UNCHECKED)
    ids = world.add_pieces(2 * PAGE + 200, creative=creative)
    while world.run("standardize"):
        pass
    world.run("prepare")
    assert world.statuses(ids) == {"created": PAGE + 200, "ready": PAGE}
    world.tick()
    assert world.statuses(ids) == {"ready": 2 * PAGE + 200}


def test_address_and_artwork_that_are_settled_at_the_same_moment_miss_each_other_and_are_swept(
    concurrent_world: World,
) -> None:
    world = concurrent_world
    creative = world.add_creative(**UNCHECKED)
    [piece_id] = world.add_pieces(1, creative=creative)
    line_clock = world.contexts["live"].line_clock
    mine = pieces.c.id == piece_id

    with world.db.write() as address, world.db.write() as artwork:
        address.execute(update(pieces).where(mine).values(address_state="done"))
        artwork.execute(update(creatives).values(status="accepted"))
        assert not promote(address, mine, line_clock, now=START, ids=world.ids)
        assert not promote(artwork, mine, line_clock, now=START, ids=world.ids)
    assert world.piece(piece_id).status == "created"
    world.tick()
    assert world.piece(piece_id).status == "ready"
    assert world.event_types(piece_id) == ["created", "ready"]


@pytest.mark.parametrize("first", ["standardize", "prepare"])
def test_the_order_of_address_and_artwork_does_not_matter(world: World, first: str) -> None:
    [piece_id] = world.add_pieces(1, creative=world.add_creative(**UNCHECKED))
    for stage in (first, {"standardize": "prepare", "prepare": "standardize"}[first]):
        assert world.piece(piece_id).status == "created"
        world.run(stage)
    assert world.event_types(piece_id) == ["created", "ready"]

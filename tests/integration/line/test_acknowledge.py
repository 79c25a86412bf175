"""What printers say: applied once, the good lines without the bad, and no piece made twice."""

import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Transient
from pipeline.repository.batches import reprint
from pipeline.repository.printers import Deed
from pipeline.repository.tables import acks, drops, neighbours, pieces, placements, printers
from pipeline.stages.recall import Recall
from tests.integration.line.fakes import KilledError
from tests.integration.line.marks import ack, scan
from tests.integration.line.test_dispatch import lose
from tests.integration.line.world import ACK_POLL_S, LEASE_S, START, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Four pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(4)
    world.clock.advance(timedelta(hours=1))
    return ids


def hear(world: World) -> None:
    """Ask the printer, whenever it was asked last."""
    [row] = world.rows(printers)
    world.set(printers, row.id, poll_at=world.clock())
    world.run_until_quiet()


def told(world: World, state: str, **more: Any) -> None:
    ack(world, world.drop().stem, state, **more)
    hear(world)


def faults(world: World) -> list[str]:
    return [fault["code"] for row in world.rows(acks) for fault in row.faults]


def test_a_drop_is_accepted_printed_and_mailed(world: World, ids: list[str]) -> None:
    for state, status in (("accepted", "sent"), ("printed", "printed"), ("mailed", "mailed")):
        told(world, state)
        assert world.statuses(ids) == {status: 4}
        assert world.batch().status == state
    piece = world.piece(ids[0])
    assert (piece.mailed_at, piece.mailed_basis, piece.sla_state) == (world.clock(), "printer", "kept")
    evidence = world.events(ids[0])[-1].evidence
    assert (evidence["drop"], evidence["basis"]) == (world.drop().stem, "printer")
    assert evidence["ack"] in {row.digest for row in world.rows(acks)}
    assert len(world.printer().done) == 3
    assert world.printer().outbox == {}


def test_mailed_says_printed_too(world: World, ids: list[str]) -> None:
    told(world, "mailed")
    told(world, "printed")
    assert world.statuses(ids) == {"mailed": 4}
    assert world.batch().status == "mailed"


def test_a_file_that_comes_again_changes_nothing(world: World, ids: list[str]) -> None:
    told(world, "printed")
    before = [world.piece(one) for one in ids]
    ack(world, world.drop().stem, "printed")
    name = next(iter(world.printer().outbox))
    world.printer().outbox["again.ack.json"] = world.printer().outbox.pop(name)
    hear(world)
    assert [world.piece(one) for one in ids] == before
    assert world.count(acks) == 1
    assert "again.ack.json" in world.printer().done


def test_a_list_is_of_the_listed_pieces_alone_and_the_batch_follows_the_last(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:3])
    assert world.statuses(ids) == {"printed": 3, "sent": 1}
    assert world.batch().status == "accepted"
    told(world, "printed", pieces=ids[3:])
    assert world.batch().status == "printed"


def test_unknown_pieces_are_quarantined_and_the_good_ones_applied(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=[ids[0], "ml_nobody", ids[1]])
    assert world.statuses(ids) == {"printed": 2, "sent": 2}
    [row] = world.rows(acks)
    assert [(fault["code"], fault["pointer"]) for fault in row.faults] == [("unknown_piece", "/pieces/1")]
    assert (row.state, len(world.printer().done)) == ("printed", 1)


def test_a_file_with_no_good_line_is_put_aside(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=["ml_nobody", "ml_nobody", "ml_noone"])
    assert world.statuses(ids) == {"sent": 4}
    assert len(world.printer().refused) == 1
    assert world.rows(acks)[0].state is None


def test_a_list_longer_than_any_statement_is_read_all_the_same(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=[f"ml_{n}" for n in range(40_000)] + ids)
    assert world.statuses(ids) == {"printed": 4}
    assert len(world.rows(acks)[0].faults) == 1_000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"drop": "bt_nobody_r00"}, "unknown_drop"),
        ({"digest": "0" * 64}, "digest_mismatch"),
        ({"state": "spoiled"}, "pieces_missing"),
        ({"state": "mailed", "pieces": []}, "pieces_missing"),
        ({"state": "rejected", "pieces": ["ml_1"]}, "pieces_not_allowed"),
        ({"state": "burnt"}, "ack_field"),
        ({"at": "2026-03-03T16:00:00"}, "ack_field"),
        ({"drop": "../../etc/passwd"}, "ack_field"),
        ({"pieces": ["ml_\x00"]}, "ack_field"),
        ({"reason": "\x00", "state": "rejected"}, "ack_field"),
    ],
)
def test_what_cannot_be_true_is_put_aside_with_its_fault(
    world: World, ids: list[str], change: dict[str, Any], code: str
) -> None:
    body = {"drop": world.drop().stem, "state": "printed", "at": world.clock().isoformat(), **change}
    world.printer().outbox["x.ack.json"] = json.dumps(body).encode()
    hear(world)
    assert faults(world) == [code]
    assert world.printer().refused == {"x.ack.json"}
    assert world.statuses(ids) == {"sent": 4}


@pytest.mark.parametrize("body", [b"", b"{", b"\x00\xff\xfe", b"[" * 100_000, b"9" * 5_000, b"null", b'"\\ud800"'])
def test_a_file_that_is_no_acknowledgement_is_put_aside(world: World, ids: list[str], body: bytes) -> None:
    world.printer().outbox["torn.ack.json"] = body
    told(world, "printed")
    hear(world)  # what looks cut off is looked at twice
    assert world.printer().refused == {"torn.ack.json"}
    assert world.statuses(ids) == {"printed": 4}
    assert world.count(acks) == 2
    [row] = world.rows(printers)
    assert (row.solo_deaths, row.lease_until, row.tries) == (0, None, 0)


def test_the_matching_digest_is_taken(world: World, ids: list[str]) -> None:
    told(world, "printed", digest=world.drop().digest)
    assert world.statuses(ids) == {"printed": 4}


@pytest.mark.parametrize("off", [timedelta(minutes=7), timedelta(days=-30), timedelta(days=400)])
def test_a_printers_clock_that_runs_wrong_is_not_believed(world: World, ids: list[str], off: timedelta) -> None:
    told(world, "mailed", at=world.clock() + off)
    assert world.piece(ids[0]).mailed_at == world.clock()
    assert world.events(ids[0])[-1].evidence["printer_time"] == (world.clock() + off).isoformat()


def test_a_printers_clock_is_believed_between_sending_and_receipt(world: World, ids: list[str]) -> None:
    told(world, "mailed", at=START + timedelta(minutes=20))
    assert world.piece(ids[0]).mailed_at == START + timedelta(minutes=20)


def test_another_printers_drop_is_unknown_here(world: World, ids: list[str]) -> None:
    south = world.add_printer(name="south")
    ack(world, world.drop().stem, "printed", printer=world.printers[south])
    world.set(printers, south, poll_at=world.clock())
    world.run_until_quiet()
    assert faults(world) == ["unknown_drop"]
    assert world.statuses(ids) == {"sent": 4}


def test_a_drop_that_was_never_handed_over_cannot_be_acknowledged(world: World) -> None:
    world.add_printer()
    ids = world.add_ready(1)
    world.tick()
    world.run("impose")
    ack(world, world.drop().stem, "mailed")
    world.set(printers, world.rows(printers)[0].id, poll_at=START)
    world.run("acknowledge")
    assert faults(world) == ["drop_not_handed_over"]
    assert world.statuses(ids) == {"batched": 1}


@pytest.mark.parametrize("state", ["spoiled", "destroyed"])
def test_spoilage_is_printed_again_in_the_next_revision_with_the_same_barcode(
    world: World, ids: list[str], state: str
) -> None:
    imbs = {row.id: row.imb for row in world.rows(pieces)}
    told(world, "printed")
    told(world, state, pieces=ids[:2])
    again = world.drop(1)
    assert (again.stem, again.pieces, again.status) == (f"{world.batch().id}_r01", 2, "sent")
    assert world.printer().handed_over == [world.drop(0).stem, again.stem]
    live = world.rows(placements, placements.c.live)
    assert {row.piece_id: row.imb for row in live} == imbs
    assert {row.piece_id for row in live if row.revision == 1} == set(ids[:2])
    assert {row.outcome for row in world.rows(placements, ~placements.c.live)} == {state}
    ack(world, world.drop(0).stem, "mailed")
    ack(world, again.stem, "mailed")
    hear(world)
    assert world.statuses(ids) == {"mailed": 4}
    assert world.batch().status == "mailed"
    assert all(world.event_types(one).count("mailed") == 1 for one in ids)


def test_spoilage_that_is_told_twice_is_printed_again_once(world: World, ids: list[str]) -> None:
    told(world, "spoiled", pieces=ids[:1])
    told(world, "spoiled", pieces=ids[:1], reason="told by another shift")
    assert world.count(drops) == 2
    assert world.count(acks) == 2


def test_a_reprint_that_is_spoiled_again_goes_into_a_third_revision(world: World, ids: list[str]) -> None:
    told(world, "spoiled", pieces=ids[:1])
    ack(world, world.drop(1).stem, "spoiled", pieces=ids[:1])
    hear(world)
    assert world.drop(2).pieces == 1
    [place] = world.rows(placements, placements.c.live, placements.c.piece_id == ids[0])
    assert place.revision == 2


def test_a_piece_in_the_mail_is_never_made_again(world: World, ids: list[str]) -> None:
    imb = world.piece(ids[1]).imb
    told(world, "mailed", pieces=ids[:1])
    world.carrier.told[imb] = [scan(imb, world.clock(), "Phase 1a")]
    world.clock.advance(timedelta(hours=1))
    world.run_until_quiet()
    told(world, "destroyed", pieces=ids[:3])
    assert faults(world) == ["already_mailed", "already_mailed"]
    assert world.drop(1).pieces == 1
    assert world.statuses(ids) == {"mailed": 1, "in_transit": 1, "sent": 2}


def test_a_reprint_itself_leaves_out_what_is_in_the_mail(world: World, ids: list[str]) -> None:
    told(world, "mailed", pieces=ids[:1])
    with world.db.write() as tx:
        again = reprint(tx, world.drop(), ids[:2], outcome="spoiled", at=world.clock(), ids=world.ids)
    assert again == [ids[1]]
    [place] = world.rows(placements, placements.c.piece_id == ids[0])
    assert (place.live, place.revision) == (True, 0)


def test_a_refused_drop_frees_its_pieces_for_another_printer(world: World, ids: list[str]) -> None:
    south = world.add_printer(name="south")
    north = next(row for row in world.rows(printers) if row.id != south)
    ack(world, world.drop().stem, "rejected", printer=world.printers[north.id], reason="no stock")
    world.set(printers, north.id, poll_at=world.clock())
    old = {row.imb for row in world.rows(pieces)}
    world.run_until_quiet()
    assert {row.status for row in world.rows(drops, drops.c.printer_id == north.id)} == {"refused"}
    [drop] = world.rows(drops, drops.c.printer_id == south)
    assert (drop.status, drop.pieces) == ("sent", 4)
    assert world.statuses(ids) == {"sent": 4}
    assert not old & {row.imb for row in world.rows(pieces)}
    assert world.count(placements, placements.c.live) == 4
    assert world.event_types(ids[0])[2:] == ["batched", "sent", "ready", "batched", "sent"]
    assert world.events(ids[0])[4].evidence["refused"] == "no stock"


def test_a_printer_that_refused_is_left_alone_for_a_while(world: World, ids: list[str]) -> None:
    told(world, "rejected")
    assert world.statuses(ids) == {"ready": 4}
    world.clock.advance(timedelta(minutes=14, seconds=59))
    world.run_until_quiet()
    assert world.statuses(ids) == {"ready": 4}
    world.clock.advance(timedelta(seconds=1))
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 4}


def test_what_is_printed_already_is_not_freed_by_a_late_refusal(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:1])
    world.set(printers, world.rows(printers)[0].id, suspended_at=START)
    told(world, "rejected")
    assert world.statuses(ids) == {"printed": 1, "ready": 3}
    [place] = world.rows(placements, placements.c.live)
    assert place.piece_id == ids[0]


@pytest.mark.parametrize("error", [KilledError(), Transient("gone", "the connection is gone")])
def test_a_crash_between_recording_and_moving_the_file_meets_a_known_file(
    world: World, ids: list[str], error: Exception
) -> None:
    printer = world.printer()
    printer.traps["settle_ack", "before"] = error
    ack(world, world.drop().stem, "printed")
    [row] = world.rows(printers)
    world.set(printers, row.id, poll_at=world.clock())
    try:
        world.run("acknowledge")
    except KilledError:
        assert printer.outbox
    world.clock.advance(timedelta(seconds=max(LEASE_S, ACK_POLL_S) + 1))
    world.run_until_quiet()
    assert world.count(acks) == 1
    assert len(printer.done) == 1
    assert all(world.event_types(one).count("printed") == 1 for one in ids)


def test_a_printer_is_asked_again_after_a_while_and_at_once_while_it_has_more(world: World, ids: list[str]) -> None:
    hear(world)
    assert world.rows(printers)[0].poll_at == world.clock() + timedelta(seconds=ACK_POLL_S)
    for n in range(60):
        world.printer().outbox[f"{n:02d}.ack.json"] = b"{}" + b" " * n
    hear(world)
    assert world.printer().outbox == {}
    assert world.rows(printers)[0].last_ack_at == world.clock()


HEADER = "drop,state,at,piece,reason,digest"


def told_csv(world: World, *lines: str, name: str = "x.ack.csv", header: str = HEADER) -> None:
    world.printer().outbox[name] = "\r\n".join([header, *lines, ""]).encode()
    hear(world)


def line(world: World, state: str, piece: str = "", *, revision: int = 0, at: str = "") -> str:
    return f"{world.drop(revision).stem},{state},{at or world.clock().isoformat()},{piece},,"


def outcomes(world: World) -> dict[str, str | None]:
    return {row.piece_id: row.outcome for row in world.rows(placements, placements.c.revision == 0)}


def test_a_csv_file_says_as_much_as_a_json_one(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "accepted"), line(world, "printed", ids[0]), line(world, "printed", ids[1]))
    assert world.statuses(ids) == {"printed": 2, "sent": 2}
    assert [outcomes(world)[one] for one in ids] == ["printed", "printed", None, None]
    told_csv(world, line(world, "mailed"), name="y.ack.csv")
    assert world.statuses(ids) == {"mailed": 4}
    assert world.printer().done == {"x.ack.csv", "y.ack.csv"}


def test_the_good_lines_of_a_csv_file_are_applied_and_the_bad_ones_kept_with_their_places(
    world: World, ids: list[str]
) -> None:
    told_csv(
        world,
        line(world, "printed", ids[0]),
        line(world, "burnt", ids[1]),
        line(world, "printed", "ml_nobody"),
        line(world, "spoiled"),
        line(world, "printed", ids[2], at="2026-03-03T16:00:61Z"),
        line(world, "spoiled", ids[3]),
    )
    assert world.statuses(ids) == {"printed": 1, "sent": 3}
    [row] = world.rows(acks)
    assert [(fault["code"], fault["pointer"]) for fault in row.faults] == [
        ("ack_field", "/lines/3/state"),
        ("ack_field", "/lines/6/at"),
        ("unknown_piece", "/pieces/1"),
        ("pieces_missing", "/pieces"),
    ]
    assert world.drop(1).pieces == 1
    assert world.printer().done == {"x.ack.csv"}


@pytest.mark.parametrize(
    "body",
    [b"", b"drop,state\r\nx,printed\r\n", b"\xff\xfe", HEADER.encode(), b"drop,state,at\n" + b'"' + b"x" * 200_000],
)
def test_a_csv_file_that_cannot_be_read_is_put_aside(world: World, ids: list[str], body: bytes) -> None:
    world.printer().outbox["x.ack.csv"] = body
    hear(world)
    hear(world)  # what looks cut off is looked at twice
    assert world.printer().refused == {"x.ack.csv"}
    assert faults(world) == ["ack_unreadable"]
    assert world.statuses(ids) == {"sent": 4}


def test_columns_may_come_in_any_order_behind_a_byte_order_mark(world: World, ids: list[str]) -> None:
    body = f"piece,at,shift,drop,state\n{ids[0]},{world.clock().isoformat()},B,{world.drop().stem},printed\n"
    world.printer().outbox["x.ack.csv"] = b"\xef\xbb\xbf" + body.encode()
    hear(world)
    assert world.statuses(ids) == {"printed": 1, "sent": 3}


def test_inserted_is_counted_and_moves_no_status(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "inserted", pieces=ids[:3])
    assert world.statuses(ids) == {"printed": 4}
    assert sorted(str(one) for one in outcomes(world).values()) == ["inserted", "inserted", "inserted", "printed"]
    told(world, "printed", reason="told again by the night shift")
    assert sorted(str(one) for one in outcomes(world).values()) == ["inserted", "inserted", "inserted", "printed"]


def test_neighbours_on_a_reprinted_sheet_are_counted_and_not_made_again(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "spoiled", pieces=ids[:1])
    ack(world, world.drop(1).stem, "printed")
    ack(world, world.drop(1).stem, "destroyed", pieces=ids[1:])
    hear(world)
    assert world.count(drops) == 2
    assert world.statuses(ids) == {"printed": 4}
    assert {row.piece_id for row in world.rows(neighbours)} == set(ids[1:])
    assert faults(world) == []


def test_what_is_acknowledged_after_it_was_recalled_is_an_alarm(world: World, ids: list[str]) -> None:
    suspended = world.rows(printers)[0].id
    world.set(printers, suspended, suspended_at=START)
    desk = Recall(world.contexts["live"], world.printers)
    desk.recall(world.batch().id, Deed("cli:ada", world.clock(), "the wrong artwork"))
    ack(world, world.drop().stem, "printed")
    with capture_logs() as logs:
        hear(world)
    [alarm] = [one for one in logs if one["event"] == "drop.acknowledged_after_all"]
    assert (alarm["log_level"], alarm["runbook"]) == ("error", "drop-acknowledged-after-all")
    assert faults(world) == ["drop_set_aside"]
    assert world.statuses(ids) == {"ready": 4}


def spoil_the_first(world: World, ids: list[str], *, mailed: bool) -> None:
    """One of four is spoiled and lies at its printer as a reprint; of the others the last word is `printed`, or `mailed`."""
    told(world, "printed")
    told(world, "spoiled", pieces=ids[:1])
    if mailed:
        told(world, "mailed", pieces=ids[1:])


def reject_the_reprint(world: World) -> None:
    ack(world, world.drop(1).stem, "rejected", reason="no such stock any more")
    hear(world)


@pytest.mark.parametrize("mailed", [False, True])
def test_a_rejected_reprint_frees_its_pieces_and_its_batch_goes_on_without_them(
    world: World, ids: list[str], mailed: bool
) -> None:
    spoil_the_first(world, ids, mailed=mailed)
    good = [world.piece(one) for one in ids[1:]]
    reject_the_reprint(world)
    assert (world.drop(0).status, world.drop(1).status) == ("sent", "refused")
    assert (world.piece(ids[0]).status, world.piece(ids[0]).batch_id) == ("ready", None)
    assert world.events(ids[0])[-1].evidence["refused"] == "no such stock any more"
    assert [world.piece(one) for one in ids[1:]] == good
    assert world.batch().status == ("mailed" if mailed else "printed")


def test_a_rejected_reprint_is_made_elsewhere_with_a_new_barcode(world: World, ids: list[str]) -> None:
    spoil_the_first(world, ids, mailed=True)
    [north], old = world.rows(printers), world.piece(ids[0]).imb
    south = world.add_printer(name="south")
    ack(world, world.drop(1).stem, "rejected", printer=world.printers[north.id])
    world.set(printers, north.id, poll_at=world.clock())
    world.run_until_quiet()
    [drop] = world.rows(drops, drops.c.printer_id == south)
    assert (drop.status, drop.pieces, drop.revision) == ("sent", 1, 0)
    assert world.piece(ids[0]).imb != old
    ack(world, drop.stem, "mailed", printer=world.printers[south])
    world.clock.advance(timedelta(minutes=2))
    world.run_until_quiet()
    assert world.statuses(ids) == {"mailed": 4}


def test_a_batch_whose_every_piece_was_spoiled_and_rejected_is_refused(world: World, ids: list[str]) -> None:
    told(world, "spoiled", pieces=ids)
    reject_the_reprint(world)
    assert world.statuses(ids) == {"ready": 4}
    assert world.batch().status == "refused"


def test_what_was_printed_before_a_refusal_is_still_followed_to_the_mail(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:2])
    told(world, "rejected")
    assert (world.statuses(ids), world.batch().status) == ({"printed": 2, "ready": 2}, "printed")
    told(world, "mailed", pieces=ids[:2])
    assert faults(world) == []
    assert (world.statuses(ids), world.batch().status) == ({"mailed": 2, "ready": 2}, "mailed")


def test_what_was_freed_by_a_refusal_and_printed_after_all_is_an_alarm(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:2])
    told(world, "rejected")
    with capture_logs() as logs:
        told(world, "mailed", pieces=ids[1:3])
    assert [fault["code"] for row in world.rows(acks) for fault in row.faults] == ["drop_set_aside"]
    assert "drop-acknowledged-after-all" in {one.get("runbook") for one in logs}
    assert world.statuses(ids) == {"mailed": 1, "printed": 1, "ready": 2}


def test_of_a_whole_drop_that_was_refused_in_part_the_rest_is_an_alarm(world: World, ids: list[str]) -> None:
    told(world, "printed", pieces=ids[:2])
    told(world, "rejected")
    told(world, "mailed")
    assert faults(world) == ["drop_set_aside"]
    assert world.statuses(ids) == {"mailed": 2, "ready": 2}


def test_a_spoiled_piece_that_is_mailed_all_the_same_is_an_alarm(world: World, ids: list[str]) -> None:
    told(world, "spoiled", pieces=ids[:1])
    with capture_logs() as logs:
        told(world, "mailed", pieces=ids[:2])
    assert faults(world) == ["spoiled_already"]
    assert "drop-acknowledged-after-all" in {one.get("runbook") for one in logs}
    assert world.statuses(ids) == {"sent": 3, "mailed": 1}
    told(world, "mailed", pieces=ids[1:])
    assert world.statuses(ids) == {"sent": 1, "mailed": 3}


def test_a_reprint_in_doubt_keeps_its_batch_in_doubt_whatever_is_said_of_the_first(
    world: World, ids: list[str]
) -> None:
    told(world, "printed")
    ack(world, world.drop().stem, "spoiled", pieces=ids[:1])
    [row] = world.rows(printers)
    world.set(printers, row.id, poll_at=world.clock())
    world.run("acknowledge")
    world.run("impose")
    lose(world)
    assert (world.drop(1).status, world.batch().status) == ("in_doubt", "in_doubt")
    told(world, "mailed", pieces=ids[1:])
    assert world.batch().status == "in_doubt"
    ack(world, world.drop(1).stem, "mailed")
    hear(world)
    assert (world.statuses(ids), world.batch().status) == ({"mailed": 4}, "mailed")

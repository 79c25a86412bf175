"""What a later file says of the whole drop is not said of pieces in a refused line of an earlier one, until the shop names them."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.counts import revision_counts
from pipeline.repository.printers import Deed
from pipeline.repository.tables import acks, pieces, placements, printers
from pipeline.worker.failing import FailedAs, Failing
from tests.integration.line.marks import ack, scan
from tests.integration.line.test_ack_faults import alarms
from tests.integration.line.test_ack_files import keep, lay
from tests.integration.line.test_acknowledge import faults, hear, line, outcomes, told, told_csv
from tests.integration.line.world import World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


WRONG = "0" * 64


def refused_line(world: World, state: str, piece: str) -> str:
    """Of another ready file than the one that was handed over."""
    return f"{world.drop().stem},{state},{world.clock().isoformat()},{piece},,{WRONG}"


def refused(world: World, state: str, pieces: list[str]) -> None:
    told(world, state, pieces=pieces, digest=WRONG)


@pytest.mark.parametrize("state", ["printed", "inserted", "mailed"])
@pytest.mark.parametrize("bad", ["spoiled", "destroyed", "printed"])
def test_a_piece_of_a_refused_line_is_left_out_of_what_a_later_file_says_of_the_drop(
    world: World, ids: list[str], bad: str, state: str
) -> None:
    refused(world, bad, ids[:1])
    with capture_logs() as logs:
        told(world, state)
    assert [outcomes(world)[one] for one in ids] == [None, state, state]
    assert (faults(world), alarms(logs)) == (["digest_mismatch", "pieces_unclear"], ["ack.faults"])
    assert ids[0] in world.rows(acks)[1].faults[0]["detail"]
    assert world.piece(ids[0]).status == "sent"
    assert world.batch().status in ("sent", "accepted")
    assert counted(world)["unclear"] == 1


@pytest.mark.parametrize(
    "body",
    [
        '{{"drop": "{drop}", "state": "spoilt", "at": "{at}", "pieces": ["{piece}"]}}',
        '{{"drop": "{drop}", "state": "spoiled", "at": "{at}", "piece_id": "{piece}"}}',
        '{{"drop": "{drop}", "state": "rejected", "at": "{at}", "pieces": ["{piece}"]}}',
    ],
)
def test_so_is_one_in_a_file_of_which_nothing_can_be_read(world: World, ids: list[str], body: str) -> None:
    name = f"{world.drop().stem}.1.ack.json"
    text = body.format(drop=world.drop().stem, at=world.clock().isoformat(), piece=ids[0])
    world.printer().outbox[name] = text.encode()
    hear(world)
    told(world, "mailed")
    assert world.statuses(ids) == {"sent": 1, "mailed": 2}


def test_so_are_all_in_a_csv_file_whose_first_line_is_wrong(world: World, ids: list[str]) -> None:
    at, stem = world.clock().isoformat(), world.drop().stem
    lines = [f"{stem},spoiled,{at},{ids[0]}", f"{stem},printed,{at},{ids[1]}"]
    world.printer().outbox["x.ack.csv"] = "\n".join(["drop,state,at,piece_id", *lines, ""]).encode()
    hear(world)
    told(world, "mailed")
    assert world.statuses(ids) == {"sent": 2, "mailed": 1}
    right = "\n".join(["drop,state,at,piece", *lines, ""])
    world.printer().outbox["y.ack.csv"] = right.encode()
    hear(world)
    told(world, "mailed", reason="again")
    assert (world.statuses(ids), world.drop(1).pieces) == ({"sent": 1, "mailed": 2}, 1)


UNREADABLE = {
    "x.ack.json": '{{"drop": "{drop}", "state": "destroyed", "at": "{at}", "pieces": ["{piece}"],}}',
    "bt_0_r00.1.ack.json": '{{"drop": "{drop}", "state": "destroyed", "at": "{at}", "pieces": ["{piece}"],}}',
    "x.ack.csv": "Drop,State,At,Piece\n{drop},destroyed,{at},{piece}\n",
    "y.ack.csv": "drop;state;at;piece\n{drop};destroyed;{at};{piece}\n",
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_so_is_one_in_a_file_that_does_not_tell_which_word_is_its_drop(world: World, ids: list[str], name: str) -> None:
    lay_unreadable(world, name, ids[0])
    hear(world)
    hear(world)  # JSON may be unfinished: it is taken once two polls have read the same
    told(world, "mailed")
    assert (world.statuses(ids), counted(world)["unclear"]) == ({"sent": 1, "mailed": 2}, 1)


@pytest.mark.parametrize("name", [name for name in UNREADABLE if name.endswith(".csv")])
def test_such_a_file_counts_in_its_own_poll_too(world: World, ids: list[str], name: str) -> None:
    lay_unreadable(world, name, ids[0])
    rows = [line(world, "printed", ids[1]), line(world, "mailed")]
    told_csv(world, *rows, name="z.ack.csv")  # is taken first, as it says something of single pieces
    assert (world.statuses(ids), counted(world)["unclear"]) == ({"sent": 1, "mailed": 2}, 1)


def lay_unreadable(world: World, name: str, piece: str) -> None:
    """What one of the files above says of a piece."""
    text = UNREADABLE[name].format(drop=world.drop().stem, at=world.clock().isoformat(), piece=piece)
    world.printer().outbox[name] = text.encode()


@pytest.mark.parametrize("state", ["printed", "inserted", "mailed"])
def test_a_shop_that_names_the_piece_in_a_later_line_is_heard(world: World, ids: list[str], state: str) -> None:
    refused(world, "destroyed", ids[:1])
    told(world, state, pieces=ids[:1])
    told(world, "mailed")
    assert (world.statuses(ids), faults(world)) == ({"mailed": 3}, ["digest_mismatch"])
    assert (world.batch().status, counted(world)["unclear"]) == ("mailed", 0)


def test_so_is_one_that_names_it_beside_what_it_says_of_the_drop(world: World, ids: list[str]) -> None:
    refused(world, "destroyed", ids[:2])
    told_csv(world, line(world, "printed", ids[0]), line(world, "spoiled", ids[1]), line(world, "mailed"))
    assert (world.statuses(ids), faults(world)) == ({"sent": 1, "mailed": 2}, ["digest_mismatch"])
    assert world.drop(1).pieces == 1


def test_to_be_accepted_is_no_word_of_what_became_of_a_piece(world: World, ids: list[str]) -> None:
    refused(world, "destroyed", ids[:1])
    told(world, "accepted")
    told(world, "accepted", pieces=ids[:1])
    assert faults(world) == ["digest_mismatch"]
    told(world, "mailed")
    assert world.statuses(ids) == {"sent": 1, "mailed": 2}


def test_a_good_line_before_it_in_the_same_file_does_not_make_a_refused_one_good(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "printed", ids[0]), refused_line(world, "destroyed", ids[0]))
    told(world, "mailed")
    assert (world.piece(ids[0]).status, world.statuses(ids)) == ("printed", {"printed": 1, "mailed": 2})


def test_a_drop_is_not_rejected_later_either_until_its_pieces_are_spoken_of(world: World, ids: list[str]) -> None:
    refused(world, "mailed", ids[:1])
    told(world, "rejected")
    assert (faults(world), world.drop().status) == (["digest_mismatch", "pieces_unclear"], "sent")
    told(world, "mailed", pieces=ids[:1])
    told(world, "rejected", reason="the press broke down")
    assert (world.drop().status, world.statuses(ids)) == ("refused", {"mailed": 1, "ready": 2})


def test_what_cannot_be_read_in_one_file_is_left_out_of_another_of_the_same_poll(world: World, ids: list[str]) -> None:
    lay(world, "x.1.ack.json", "spoilt", pieces=ids[:1])
    lay(world, "x.2.ack.json", "mailed")
    hear(world)
    assert (world.statuses(ids), faults(world)) == ({"sent": 1, "mailed": 2}, ["ack_field"])


@pytest.mark.parametrize("bad", ["printed", "inserted", "mailed", "destroyed", "rejected"])
def test_so_is_what_cannot_be_believed(world: World, ids: list[str], bad: str) -> None:
    rows = [line(world, "printed", ids[2]), line(world, "mailed")]
    lay(world, "y.ack.json", bad, at=world.clock() + timedelta(minutes=5), pieces=ids[:1], digest=WRONG)
    told_csv(world, *rows)  # is taken first, by its time
    assert (world.statuses(ids), faults(world)) == ({"sent": 1, "mailed": 2}, ["digest_mismatch"])
    assert counted(world)["unclear"] == 1


@pytest.mark.parametrize("bad", ["spoilt", "spoiled"])
def test_where_files_stay_in_the_outbox_a_piece_that_was_set_right_is_heard(
    world: World, ids: list[str], bad: str
) -> None:
    keep(world.printer())
    lay(world, "x.1.ack.json", bad, pieces=ids[:1], digest=WRONG)
    hear(world)
    lay(world, "x.2.ack.json", "printed", pieces=ids[:1])
    hear(world)
    lay(world, "x.3.ack.json", "mailed")
    hear(world)
    assert world.statuses(ids) == {"mailed": 3}


def test_what_is_in_the_mail_or_printed_again_is_unclear_no_more(world: World, ids: list[str]) -> None:
    told(world, "mailed", pieces=ids[:1])
    told(world, "spoiled", pieces=ids[1:2])
    refused(world, "destroyed", ids[:2])
    assert counted(world)["unclear"] == 0
    told(world, "mailed")
    assert faults(world) == ["digest_mismatch"]


def test_a_carriers_scan_ends_what_was_unclear(world: World, ids: list[str]) -> None:
    refused(world, "destroyed", ids[:1])
    assert counted(world)["unclear"] == 1
    scanned(world, ids[0])
    assert (world.piece(ids[0]).status, counted(world)["unclear"]) == ("in_transit", 0)
    with capture_logs() as logs:
        told(world, "printed")
        told(world, "rejected", reason="the press broke down before the rest was inserted")
    assert (faults(world), alarms(logs)) == (["digest_mismatch"], [])
    assert world.drop().status == "refused"


def test_so_does_an_operator_who_gives_the_piece_up(world: World, ids: list[str]) -> None:
    refused(world, "destroyed", ids[:1])
    deed = Deed("cli:ada", world.clock(), "the shop cannot tell")
    assert Failing(world.db, world.clock, world.ids).fail(ids[0], deed).ended is FailedAs.DONE
    with capture_logs() as logs:
        told(world, "mailed")
    assert (faults(world), alarms(logs)) == (["digest_mismatch"], [])
    assert (world.statuses(ids), counted(world)["unclear"]) == ({"failed": 1, "mailed": 2}, 0)
    assert world.batch().status == "mailed"


def scanned(world: World, piece: str) -> None:
    """The carrier has the piece, and tells so when it is asked next."""
    [place] = world.rows(placements, placements.c.piece_id == piece, placements.c.live)
    world.carrier.told[place.imb] = [scan(place.imb, world.clock(), "Phase 1a")]
    world.set(pieces, piece, poll_at=world.clock())
    world.run_until_quiet()


def test_another_printers_word_makes_nothing_unclear(world: World, ids: list[str]) -> None:
    told(world, "accepted")
    world.add_printer(name="south")
    [north, south] = sorted(world.rows(printers), key=lambda row: row.name)
    ack(world, world.drop().stem, "spoiled", printer=world.printers[south.id], pieces=ids)
    for row in (south, north):
        world.set(printers, row.id, poll_at=world.clock())
    world.run_until_quiet()
    assert (faults(world), counted(world)["unclear"]) == (["unknown_drop"], 0)


def counted(world: World) -> dict[str, Any]:
    """Of the first revision."""
    with world.db.read() as tx:
        return revision_counts(tx, world.batch().id)[0]

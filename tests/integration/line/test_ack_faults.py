"""What is wrong in an acknowledgement: told once, kept with its drop, and never made good by what is said of the rest."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.ack_reading import acks_of_batch, list_acks
from pipeline.repository.pages import Page
from pipeline.repository.printers import Deed
from pipeline.repository.tables import acks, printers
from pipeline.stages.recall import Recall
from tests.integration.line.marks import ack
from tests.integration.line.test_ack_files import lay
from tests.integration.line.test_acknowledge import faults, hear, line, outcomes, told, told_csv
from tests.integration.line.world import START, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


def alarms(logs: Any) -> list[str]:
    """Of acknowledgements: what else is wrong meanwhile has alarms of its own."""
    return [one["event"] for one in logs if one["log_level"] == "error" and one["event"].startswith(("ack", "drop"))]


def test_a_bad_line_in_a_good_file_is_an_alarm_once(world: World, ids: list[str]) -> None:
    with capture_logs() as logs:
        told_csv(
            world, line(world, "printed", ids[0]), line(world, "spoilt", ids[1]), line(world, "mailed", "ml_nobody")
        )
        told_csv(
            world, line(world, "printed", ids[0]), line(world, "spoilt", ids[1]), line(world, "mailed", "ml_nobody")
        )
    [alarm] = [one for one in logs if one["log_level"] == "error"]
    assert (alarm["event"], alarm["runbook"], alarm["file"]) == ("ack.faults", "ack-faults", "x.ack.csv")
    assert (alarm["codes"], alarm["found"], alarm["drops"]) == (["ack_field", "unknown_piece"], 2, [world.drop().stem])


@pytest.mark.parametrize("state", ["printed", "inserted", "mailed"])
def test_a_piece_in_a_line_that_cannot_be_read_is_left_out_of_what_is_said_of_the_drop(
    world: World, ids: list[str], state: str
) -> None:
    told_csv(world, line(world, state), line(world, "spoilt", ids[0]))
    assert [outcomes(world)[one] for one in ids] == [None, state, state]
    assert world.piece(ids[0]).status == "sent"
    told_csv(world, line(world, "spoiled", ids[0]), name="y.ack.csv")
    assert (outcomes(world)[ids[0]], world.drop(1).pieces) == ("spoiled", 1)


def test_a_piece_in_a_line_that_cannot_be_believed_is_left_out_too(world: World, ids: list[str]) -> None:
    other = f"{world.drop().stem},spoiled,{world.clock().isoformat()},{ids[0]},,{'0' * 64}"
    told_csv(world, line(world, "mailed"), other)
    assert (faults(world), world.statuses(ids)) == (["digest_mismatch"], {"sent": 1, "mailed": 2})
    assert world.batch().status != "mailed"


def test_a_drop_is_not_rejected_while_something_else_is_said_of_its_pieces(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "mailled", ids[0]), line(world, "rejected"))
    assert (sorted(faults(world)), world.drop().status) == (["ack_field", "pieces_unclear"], "sent")
    told_csv(world, line(world, "mailed", ids[0]), line(world, "rejected"), name="y.ack.csv")
    assert (world.drop().status, world.statuses(ids)) == ("refused", {"mailed": 1, "ready": 2})


def test_a_bad_line_of_no_piece_leaves_the_others_alone(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "packed"), line(world, "mailed"))
    assert (faults(world), world.statuses(ids), world.rows(acks)[0].state) == (["ack_field"], {"mailed": 3}, "mailed")


def test_a_refused_file_is_kept_with_the_drop_that_it_names_and_speaks_of_none(world: World, ids: list[str]) -> None:
    printer, batch = world.rows(printers)[0].id, world.batch().id
    world.set(printers, printer, suspended_at=START)
    Recall(world.contexts["live"], world.printers).recall(batch, Deed("cli:ada", world.clock(), "north is dark"))
    ack(world, world.drop().stem, "printed", printer=world.printers[printer])
    with capture_logs() as logs:
        hear(world)
    assert alarms(logs) == ["drop.acknowledged_after_all"]
    [row] = world.rows(acks)
    assert (row.drop_stem, row.named_stem, row.fault_count) == (None, world.drop().stem, 1)
    with world.db.read() as tx:
        assert [one.id for one in acks_of_batch(tx, batch)] == [row.id]
    assert world.statuses(ids) == {"ready": 3}


@pytest.mark.usefixtures("ids")
def test_what_was_refused_is_listed_by_printer(world: World) -> None:
    told(world, "accepted")
    told(world, "mailed", pieces=["ml_nobody"])
    world.printer().outbox["bt_9_r00.1.ack.json"] = b'{"drop": 9}'
    hear(world)
    printer_id = world.rows(printers)[0].id
    with world.db.read() as tx:
        everything = list_acks(tx, printer_id, Page(10), faulty=False)
        refused = list_acks(tx, printer_id, Page(10), faulty=True)
    assert len(everything) == 3
    assert [one.named_stem for one in refused] == ["bt_9_r00", world.drop().stem]
    assert [one.faults[0]["code"] for one in refused] == ["ack_field", "unknown_piece"]


def test_a_clock_that_goes_back_after_a_piece_was_spoiled_does_not_mail_it(world: World, ids: list[str]) -> None:
    lay(world, "x.1.ack.json", "spoiled", at=world.clock() - timedelta(minutes=10), pieces=ids[:1])
    lay(world, "x.2.ack.json", "mailed", at=world.clock() - timedelta(minutes=30))
    hear(world)
    assert (world.statuses(ids), faults(world), world.drop(1).pieces) == ({"sent": 1, "mailed": 2}, [], 1)


def test_what_one_file_spoils_no_other_of_the_same_poll_mails_with_the_rest(world: World, ids: list[str]) -> None:
    early, late = (world.clock() - timedelta(minutes=one) for one in (30, 10))
    lay(world, "x.1.ack.json", "spoiled", at=late, pieces=ids[:1])
    rows = [line(world, "spoiled", ids[1], at=early.isoformat()), line(world, "mailed", at=early.isoformat())]
    told_csv(world, *rows, name="y.ack.csv")
    assert (world.statuses(ids), faults(world)) == ({"sent": 2, "mailed": 1}, [])
    assert [outcomes(world)[one] for one in ids] == ["spoiled", "spoiled", "mailed"]


def test_what_is_mailed_by_itself_stays_so_though_a_later_word_spoils_it(world: World, ids: list[str]) -> None:
    lay(world, "x.1.ack.json", "mailed", at=world.clock() - timedelta(minutes=30), pieces=ids[:1])
    lay(world, "x.2.ack.json", "spoiled", at=world.clock() - timedelta(minutes=10), pieces=ids[:1])
    with capture_logs() as logs:
        hear(world)
    assert (world.piece(ids[0]).status, faults(world), alarms(logs)) == ("mailed", ["already_mailed"], ["ack.faults"])

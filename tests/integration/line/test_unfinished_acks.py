"""Acknowledgements that are read while their shop still writes them: nothing of them is lost, and no half of a line is believed."""

import json
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.tables import acks, drops, printers
from pipeline.stages.waiting_acks import LONGEST
from tests.integration.line.fakes import FakePrinter
from tests.integration.line.marks import ack
from tests.integration.line.test_ack_files import keep
from tests.integration.line.test_acknowledge import HEADER, faults, hear, line, outcomes, told
from tests.integration.line.world import ACK_POLL_S, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


def poll(world: World, body: str, name: str = "x.ack.csv") -> None:
    """What lies there at one poll."""
    world.printer().outbox[name] = body.encode()
    hear(world)


def test_a_line_that_is_cut_before_its_piece_is_not_the_whole_drop(world: World, ids: list[str]) -> None:
    whole = f"{HEADER}\r\n{line(world, 'mailed', ids[0])}"
    poll(world, whole[: whole.index(ids[0])])
    assert (world.statuses(ids), world.count(acks), list(world.printer().outbox)) == ({"sent": 3}, 0, ["x.ack.csv"])
    poll(world, f"{whole}\r\n")
    assert (world.statuses(ids), faults(world), world.printer().done) == ({"sent": 2, "mailed": 1}, [], {"x.ack.csv"})
    assert world.rows(printers)[0].waiting_acks is None


@pytest.mark.parametrize("name", ["x.ack.csv", "x.ack.json"])
def test_what_looks_cut_off_twice_alike_is_as_it_is(world: World, ids: list[str], name: str) -> None:
    body = f"{HEADER}\n{line(world, 'mailed', ids[0])}" if name.endswith("csv") else '{"drop": "bt_'
    with capture_logs() as logs:
        poll(world, body, name)
        assert (list(world.printer().outbox), world.count(acks)) == ([name], 0)
        world.clock.advance(timedelta(seconds=ACK_POLL_S))
        world.run_until_quiet()
    assert (world.printer().outbox, world.count(acks)) == ({}, 1)
    if name.endswith("csv"):
        assert (world.statuses(ids), world.printer().done) == ({"sent": 2, "mailed": 1}, {name})
    else:
        assert (faults(world), world.printer().refused) == (["ack_unreadable"], {name})
        assert [one["file"] for one in logs if one["event"] == "ack.faults"] == [name]


def test_what_looks_cut_off_elsewhere_each_time_waits(world: World, ids: list[str]) -> None:
    body = f"{HEADER}\n{line(world, 'mailed', ids[0])}\n{line(world, 'mailed', ids[1])}"
    for end in range(len(body) - 40, len(body), 10):
        poll(world, body[:end])
    assert (world.statuses(ids), world.count(acks)) == ({"sent": 3}, 0)


def test_a_file_that_has_grown_since_it_was_read_is_read_again_before_it_is_moved(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = f"{HEADER}\n{line(world, 'printed', ids[0])}\n"
    whole = f"{first}{line(world, 'spoiled', ids[1])}\n{line(world, 'mailed')}\n".encode()
    read = FakePrinter.acks

    def read_and_grow(printer: FakePrinter, limit: int, **more: Any) -> list[object]:
        found = read(printer, limit, **more)
        if "x.ack.csv" in printer.outbox:
            printer.outbox["x.ack.csv"] = whole
        return list(found)

    monkeypatch.setattr(FakePrinter, "acks", read_and_grow)
    poll(world, first)
    assert (world.statuses(ids), list(world.printer().outbox)) == ({"printed": 1, "sent": 2}, ["x.ack.csv"])
    hear(world)
    assert (world.statuses(ids), faults(world), world.printer().done) == ({"sent": 1, "mailed": 2}, [], {"x.ack.csv"})


def test_json_that_is_written_anew_under_its_name_is_read_again_before_it_is_moved(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (spoiled(world, world.drop().stem, one) for one in ids[:2])
    read = FakePrinter.acks

    def read_and_replace(printer: FakePrinter, limit: int, **more: Any) -> list[object]:
        found = read(printer, limit, **more)
        printer.outbox.update({name: second.encode() for name in printer.outbox})
        return list(found)

    monkeypatch.setattr(FakePrinter, "acks", read_and_replace)
    poll(world, first, "x.ack.json")
    hear(world)
    assert ([outcomes(world)[one] for one in ids], world.printer().outbox) == (["spoiled", "spoiled", None], {})


def test_files_that_wait_do_not_keep_back_those_behind_them(world: World, ids: list[str]) -> None:
    for number in range(60):
        world.printer().outbox[f"a{number:02}.ack.json"] = b"{"
    poll(world, f"{HEADER}\n{line(world, 'mailed', ids[0])}\n")
    assert (world.statuses(ids), len(world.printer().outbox)) == ({"sent": 2, "mailed": 1}, 60)


def test_what_is_cut_off_and_can_never_be_moved_away_is_told_once_and_found_out_once(
    world: World, ids: list[str]
) -> None:
    """Nor does what was taken before it, and lies there too, wait for it again."""
    keep(world.printer())
    with capture_logs() as logs:
        told(world, "printed")
        for _ in range(4):
            poll(world, '{"drop": "bt_', "x.ack.json")
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["acks.left", "ack.faults"]
    ack(world, world.drop().stem, "mailed")
    hear(world)
    assert world.statuses(ids) == {"mailed": 3}
    poll(world, '{"drop": "bt_06', "x.ack.json")
    assert list(world.rows(printers)[0].waiting_acks) == ["x.ack.json"]


def spoiled(world: World, stem: str, piece: str) -> str:
    return json.dumps({"drop": stem, "state": "spoiled", "at": world.clock().isoformat(), "pieces": [piece]})


def another_drop(world: World) -> tuple[list[str], str, str]:
    """Two pieces sent in a drop of their own; its stem follows that of the first one."""
    first = world.drop().stem
    told(world, "accepted")
    others = world.freeze_and_send(2)
    [second] = [drop.stem for drop in world.rows(drops) if drop.stem != first]
    return others, first, second


@pytest.mark.parametrize("name", ["x.ack.json", "{stem}.1.ack.json", "x.ack.csv"])
def test_what_is_said_of_the_whole_drop_waits_until_what_is_cut_off_is_written(
    world: World, ids: list[str], name: str
) -> None:
    stem = world.drop().stem
    whole = spoiled(world, stem, ids[0])
    if name.endswith(".csv"):
        whole = f"{HEADER}\n{line(world, 'spoiled', ids[0])}\n"
    written = whole[:5] if "{stem}" in name else whole[:-1]
    name = name.format(stem=stem)
    world.printer().outbox[name] = written.encode()
    told(world, "mailed")
    assert (world.statuses(ids), world.count(acks), len(world.printer().outbox)) == ({"sent": 3}, 0, 2)
    poll(world, whole, name)
    assert (world.statuses(ids), outcomes(world)[ids[0]]) == ({"sent": 1, "mailed": 2}, "spoiled")
    assert (world.printer().outbox, faults(world), world.rows(printers)[0].waiting_acks) == ({}, [], None)


def test_nor_is_a_drop_rejected_of_which_a_piece_may_be_mailed(world: World, ids: list[str]) -> None:
    mailed = json.dumps({**json.loads(spoiled(world, world.drop().stem, ids[0])), "state": "mailed"})
    world.printer().outbox["x.ack.json"] = mailed[:-1].encode()
    told(world, "rejected")
    assert (world.statuses(ids), world.drop().status) == ({"sent": 3}, "sent")
    poll(world, mailed, "x.ack.json")
    assert world.piece(ids[0]).status == "mailed"


def test_what_stays_cut_off_is_refused_and_its_piece_left_out(world: World, ids: list[str]) -> None:
    world.printer().outbox["x.ack.json"] = spoiled(world, world.drop().stem, ids[0])[:-1].encode()
    told(world, "mailed")
    assert world.statuses(ids) == {"sent": 3}
    hear(world)
    assert (world.statuses(ids), world.printer().outbox) == ({"sent": 1, "mailed": 2}, {})
    assert world.printer().refused == {"x.ack.json"}


def test_where_it_cannot_be_told_of_which_drop_all_wait_and_no_longer_than_a_poll(world: World, ids: list[str]) -> None:
    world.printer().outbox["x.ack.json"] = b'{"drop": "bt_'
    told(world, "mailed")
    assert (world.statuses(ids), len(world.printer().outbox)) == ({"sent": 3}, 2)
    hear(world)
    assert (world.statuses(ids), world.printer().outbox) == ({"mailed": 3}, {})


def test_what_is_said_of_other_drops_and_of_single_pieces_does_not_wait(world: World, ids: list[str]) -> None:
    others, first, second = another_drop(world)
    world.printer().outbox["x.ack.json"] = spoiled(world, first, ids[0])[:-1].encode()
    ack(world, first, "printed", pieces=ids[1:2])
    ack(world, first, "mailed")
    ack(world, second, "mailed")
    hear(world)
    assert (world.statuses(ids), world.statuses(others)) == ({"sent": 2, "printed": 1}, {"mailed": 2})
    assert len(world.printer().outbox) == 2


@pytest.mark.parametrize(("name", "others_status"), [("{stem}.1.ack.csv", "mailed"), ("x.ack.csv", "sent")])
def test_csv_keeps_back_all_drops_unless_it_is_named_after_one(
    world: World, ids: list[str], name: str, others_status: str
) -> None:
    others, first, second = another_drop(world)
    begun = f"{HEADER}\n{first},spoiled,{world.clock().isoformat()},{ids[0]}"
    world.printer().outbox[name.format(stem=first)] = begun.encode()
    ack(world, first, "mailed")
    ack(world, second, "mailed")
    hear(world)
    assert (world.statuses(ids), world.statuses(others)) == ({"sent": 3}, {others_status: 2})


def test_that_a_drop_is_accepted_does_not_wait(world: World, ids: list[str]) -> None:
    world.printer().outbox["x.ack.json"] = b"{"
    told(world, "accepted")
    assert world.batch().status == "accepted"


def test_a_file_of_several_drops_waits_with_what_it_says_of_one(world: World, ids: list[str]) -> None:
    others, first, second = another_drop(world)
    world.printer().outbox["x.ack.json"] = spoiled(world, first, ids[0])[:-1].encode()
    at = world.clock().isoformat()
    poll(world, f"{HEADER}\n{first},mailed,{at},,,\n{second},mailed,{at},,,\n", "y.ack.csv")
    assert (world.statuses(ids), world.statuses(others)) == ({"sent": 3}, {"mailed": 2})
    assert len(world.printer().outbox) == 2
    poll(world, spoiled(world, first, ids[0]), "x.ack.json")
    assert (outcomes(world)[ids[0]], world.statuses(ids[1:])) == ("spoiled", {"mailed": 2})
    assert (faults(world), world.printer().outbox) == ([], {})


@pytest.mark.parametrize("name", ["x.ack.json", "{number}.ack.json"])
def test_nothing_waits_for_ever_for_files_that_are_other_ones_each_time(
    world: World, ids: list[str], name: str
) -> None:
    claim = ack(world, world.drop().stem, "mailed")
    polls = 0
    while claim not in world.printer().done:
        poll(world, "{" * (100 - polls), name.format(number=polls))
        polls += 1
        world.clock.advance(timedelta(seconds=ACK_POLL_S))
    assert (world.statuses(ids), polls) == ({"mailed": 3}, 1 + LONGEST.total_seconds() / ACK_POLL_S)

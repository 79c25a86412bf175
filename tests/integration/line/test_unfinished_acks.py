"""Acknowledgements that are read while their shop still writes them: nothing of them is lost, and no half of a line is believed."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from pipeline.repository.tables import acks, printers
from tests.integration.line.fakes import FakePrinter
from tests.integration.line.test_acknowledge import HEADER, faults, hear, line
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
    assert world.rows(printers)[0].unfinished_acks is None


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

    def read_and_grow(printer: FakePrinter, limit: int) -> list[object]:
        found = read(printer, limit)
        if "x.ack.csv" in printer.outbox:
            printer.outbox["x.ack.csv"] = whole
        return list(found)

    monkeypatch.setattr(FakePrinter, "acks", read_and_grow)
    poll(world, first)
    assert (world.statuses(ids), list(world.printer().outbox)) == ({"printed": 1, "sent": 2}, ["x.ack.csv"])
    hear(world)
    assert (world.statuses(ids), faults(world), world.printer().done) == ({"sent": 1, "mailed": 2}, [], {"x.ack.csv"})


def test_files_that_wait_do_not_keep_back_those_behind_them(world: World, ids: list[str]) -> None:
    for number in range(60):
        world.printer().outbox[f"a{number:02}.ack.json"] = b"{"
    poll(world, f"{HEADER}\n{line(world, 'mailed')}\n")
    assert (world.statuses(ids), len(world.printer().outbox)) == ({"mailed": 3}, 60)

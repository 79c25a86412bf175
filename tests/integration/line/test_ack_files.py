"""What one acknowledgement file says, and several that lie there together: in which order it counts, whatever the shop's order."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Permanent, Transient
from pipeline.repository.acks import AckWriter
from pipeline.repository.tables import acks, batches, drops, placements, printers
from tests.integration.line.fakes import FakePrinter, KilledError
from tests.integration.line.test_acknowledge import faults, hear, line, told_csv
from tests.integration.line.world import ACK_POLL_S, LEASE_S, World


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces sent in one drop, an hour ago."""
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(hours=1))
    return ids


def both_ways(lines: list[str]) -> list[list[str]]:
    return [lines, lines[::-1]]


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("bad", ["spoiled", "destroyed"])
def test_the_whole_drop_is_all_but_what_the_same_file_spoils_whichever_comes_first(
    world: World, ids: list[str], bad: str, first: int
) -> None:
    lines = both_ways([line(world, bad, ids[0]), line(world, "mailed")])[first]
    told_csv(world, *lines)
    assert world.statuses(ids) == {"sent": 1, "mailed": 2}
    assert (world.drop(1).pieces, world.drop(1).status, faults(world)) == (1, "sent", [])
    [again] = world.rows(placements, placements.c.live, placements.c.revision == 1)
    assert again.piece_id == ids[0]


@pytest.mark.parametrize("first", [0, 1])
def test_a_refusal_is_of_all_but_what_the_same_file_has_printed(world: World, ids: list[str], first: int) -> None:
    lines = both_ways([line(world, "printed", ids[0]), line(world, "rejected")])[first]
    told_csv(world, *lines)
    kept = world.rows(placements, placements.c.live, placements.c.outcome == "printed")
    assert [row.piece_id for row in kept] == ids[:1]
    assert (world.piece(ids[0]).status, faults(world)) == ("printed", [])


def test_a_piece_that_a_file_mails_and_spoils_is_a_fault_by_the_order_of_its_lines(
    world: World, ids: list[str]
) -> None:
    told_csv(world, line(world, "mailed", ids[0]), line(world, "spoiled", ids[0]))
    assert (world.statuses(ids), faults(world)) == ({"sent": 2, "mailed": 1}, ["already_mailed"])
    told_csv(world, line(world, "spoiled", ids[1]), line(world, "mailed", ids[1]), name="y.ack.csv")
    assert world.statuses(ids) == {"sent": 2, "mailed": 1}
    assert sorted(faults(world)) == ["already_mailed", "spoiled_already"]
    assert world.drop(1).pieces == 1


def test_the_record_keeps_what_a_file_says_last(world: World, ids: list[str]) -> None:
    told_csv(world, line(world, "accepted"), line(world, "printed", ids[0]))
    assert world.rows(acks)[0].state == "printed"


@pytest.mark.parametrize("call", [1, 2, 3])
def test_a_worker_that_dies_between_two_words_changes_nothing_in_the_end(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch, call: int
) -> None:
    settle, calls = AckWriter._settle_drop, itertools.count(1)

    def die_at(*args: Any) -> None:
        if next(calls) == call:
            raise KilledError
        settle(*args)

    monkeypatch.setattr(AckWriter, "_settle_drop", die_at)
    with pytest.raises(KilledError):
        told_csv(world, line(world, "spoiled", ids[0]), line(world, "printed"), line(world, "mailed"))
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    hear(world)
    assert (world.statuses(ids), world.count(acks), world.count(drops)) == ({"sent": 1, "mailed": 2}, 1, 2)
    assert (world.event_types(ids[1]).count("mailed"), faults(world)) == (1, [])


def lay(world: World, name: str, state: str, *, at: datetime | None = None, **more: Any) -> None:
    body = {"drop": world.drop().stem, "state": state, "at": (at or world.clock()).isoformat(), **more}
    world.printer().outbox[name] = json.dumps(body).encode()


def test_files_that_lie_together_count_in_the_order_in_which_they_were_said(world: World, ids: list[str]) -> None:
    """By name, `….1000` is before `….999`."""
    lay(world, "x.1000.ack.json", "mailed")
    lay(world, "x.999.ack.json", "spoiled", at=world.clock() - timedelta(minutes=5), pieces=ids[:1])
    hear(world)
    assert (world.statuses(ids), faults(world), world.drop(1).pieces) == ({"sent": 1, "mailed": 2}, [], 1)


NOT_ALLOWED = Permanent("printer_permission", "renaming in out/ is not allowed")


def keep(printer: FakePrinter, *names: str, error: Exception = NOT_ALLOWED) -> None:
    """These files, or all, cannot be moved away."""
    settle = type(printer).settle_ack

    def refuse(name: str, *, good: bool) -> None:
        if not names or name in names:
            raise error
        settle(printer, name, good=good)

    printer.settle_ack = refuse  # type: ignore[method-assign]


@pytest.mark.parametrize("error", [NOT_ALLOWED, Transient("failure", "the server says no more than that")])
def test_a_file_that_cannot_be_moved_away_keeps_back_no_other(world: World, ids: list[str], error: Exception) -> None:
    keep(world.printer(), "a.ack.json", error=error)
    lay(world, "a.ack.json", "accepted")
    lay(world, "b.ack.json", "printed")
    hear(world)
    assert (world.statuses(ids), list(world.printer().outbox)) == ({"printed": 3}, ["a.ack.json"])
    lay(world, "c.ack.json", "mailed")
    world.clock.advance(timedelta(seconds=ACK_POLL_S))
    world.run_until_quiet()
    assert (world.statuses(ids), world.count(acks), world.printer().done) == (
        {"mailed": 3},
        3,
        {"b.ack.json", "c.ack.json"},
    )
    [row] = world.rows(printers)
    assert (row.tries, row.poll_at) == (0, world.clock() + timedelta(seconds=ACK_POLL_S))


def hear_of_one_behind(world: World, many: int) -> None:
    """A new file, `mailed`, behind so many that were read and stay."""
    keep(world.printer())
    for number in range(many):
        lay(world, f"a{number:03}.ack.json", "accepted", reason=str(number))
    hear(world)
    lay(world, "b.ack.json", "mailed")
    hear(world)


def test_more_files_than_a_poll_reads_may_lie_before_the_new_one(world: World, ids: list[str]) -> None:
    hear_of_one_behind(world, 130)
    assert (world.statuses(ids), world.count(acks), len(world.printer().outbox)) == ({"mailed": 3}, 131, 131)


def test_large_files_that_cannot_be_moved_away_keep_back_nothing_behind_them(
    world: World, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    read = FakePrinter.acks
    monkeypatch.setattr(FakePrinter, "acks", lambda printer, limit, **more: read(printer, min(limit, 4), **more))
    hear_of_one_behind(world, 9)
    assert (world.statuses(ids), world.count(acks)) == ({"mailed": 3}, 10)


def test_what_can_never_be_moved_away_is_told_once(world: World, ids: list[str]) -> None:
    keep(world.printer())
    lay(world, "a.ack.json", "accepted")
    with capture_logs() as logs:
        for _ in range(3):
            hear(world)
    [alarm] = [one for one in logs if one["event"] == "acks.left"]
    assert (alarm["log_level"], alarm["files"], alarm["runbook"]) == ("error", 1, "acks-left")
    assert world.rows(printers)[0].last_ack_at == world.clock()
    del world.printer().settle_ack  # type: ignore[attr-defined]
    hear(world)
    assert (world.printer().done, world.rows(printers)[0].last_error) == ({"a.ack.json"}, None)
    assert world.statuses(ids) == {"sent": 3}


@pytest.mark.parametrize("name", ["x.ack.json", "x.ack.csv"])
def test_what_is_named_with_signs_that_no_database_keeps_is_refused_like_the_rest(
    world: World, ids: list[str], name: str
) -> None:
    at, stem = world.clock().isoformat(), world.drop().stem
    said = {"drop": stem, "state": "mailed", "at": at, "pi\0eces": []}
    body = json.dumps(said) if name.endswith("json") else f"drop,state,at,pi\0ece\n{stem},mailed,{at},{ids[0]}\n"
    world.printer().outbox[name] = body.encode()
    hear(world)
    assert (faults(world), world.printer().refused, world.statuses(ids)) == (["ack_field"], {name}, {"sent": 3})


@pytest.fixture
def two(world: World) -> list[str]:
    """The stems of two drops at one printer, of two pieces each, sent five minutes ago."""
    world.freeze_and_send(2)
    world.freeze_and_send(2)
    world.clock.advance(timedelta(minutes=5))
    return sorted(row.stem for row in world.rows(drops))


def told_of(world: World, *lines: tuple[str, str, str]) -> None:
    told_csv(world, *(f"{stem},{state},{world.clock().isoformat()},{piece},," for stem, state, piece in lines))


def test_one_file_of_two_drops_is_the_word_for_both(world: World, two: list[str]) -> None:
    told_of(world, (two[0], "accepted", ""), (two[1], "accepted", ""))
    assert [row.status for row in world.rows(batches)] == ["accepted", "accepted"]
    assert {row.drop_stem for row in world.rows(acks)} == set(two)
    world.clock.advance(timedelta(minutes=40))
    world.run_until_quiet()
    assert [row.silent_at for row in world.rows(drops)] == [None, None]
    assert world.printer().done == {"x.ack.csv"}


def test_what_is_wrong_of_one_drop_stands_with_it_and_keeps_nothing_of_the_other_back(
    world: World, two: list[str]
) -> None:
    told_of(world, (two[0], "mailed", ""), (two[1], "mailed", "ml_nobody"), ("../x", "mailed", ""), ("", "mailed", ""))
    assert [row.status for row in world.rows(batches)] == ["mailed", "sent"]
    assert sorted((row.state or "", tuple(fault["code"] for fault in row.faults)) for row in world.rows(acks)) == [
        ("", ("ack_field",)),
        ("", ("ack_field",)),
        ("", ("unknown_piece",)),
        ("mailed", ()),
    ]
    assert world.printer().done == {"x.ack.csv"}


def test_a_file_of_two_drops_that_comes_again_changes_nothing(world: World, two: list[str]) -> None:
    lines = ((two[0], "printed", ""), (two[1], "printed", ""))
    told_of(world, *lines)
    world.printer().outbox["y.ack.csv"] = b""
    told_of(world, *lines)
    hear(world)  # nothing at all looks cut off, and is looked at twice
    assert world.count(acks) == 3
    assert world.count(acks, acks.c.state == "printed") == 2


@pytest.mark.usefixtures("two")
def test_a_file_of_more_drops_than_a_shop_has_is_one_file(world: World) -> None:
    told_of(world, *((f"bt_{number}_r00", "printed", "") for number in range(1_001)))
    [row] = world.rows(acks)
    assert ({fault["code"] for fault in row.faults}, row.state) == ({"unknown_drop"}, None)

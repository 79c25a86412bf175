"""Drops, acknowledgements and scans that do not belong together are told once a night, by printer, with a runbook."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.repository.tables import drops, printers
from pipeline.worker.reconciliation import Reconciliation, mailing_days_before, next_night
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import SCAN_POLL_S, START, World

RUNBOOKS = Path(__file__).parents[3] / "ops" / "runbooks"


def reconcile(world: World) -> list[tuple[str, int]]:
    """What a night's reconciliation tells; its runbooks are there."""
    with capture_logs() as logs:
        assert Reconciliation(world.contexts["live"]).run()
    assert all((RUNBOOKS / f"{one['runbook']}.md").exists() and one["printer"] == "north" for one in logs)
    return [(one["event"].removeprefix("reconcile."), one["found"]) for one in logs]


def hear(world: World) -> None:
    world.set(printers, world.rows(printers)[0].id, poll_at=world.clock())
    world.run("acknowledge")


def say(world: World, state: str, **more: Any) -> None:
    ack(world, world.drop().stem, state, **more)
    hear(world)


def test_a_drop_without_a_word_is_told_after_a_day(world: World) -> None:
    world.freeze_and_send(2)
    world.clock.advance(timedelta(hours=23))
    assert reconcile(world) == []
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == [("drops_unacknowledged", 1)]


def test_refused_files_and_short_pieces_are_counted(world: World) -> None:
    ids = world.freeze_and_send(4)
    say(world, "mailed", pieces=ids[:3])
    world.printer().outbox["odd.ack.json"] = b"{}"
    hear(world)
    world.clock.advance(timedelta(days=1, hours=1))
    assert reconcile(world) == [("acks_refused", 1), ("pieces_short", 1)]


def test_mail_that_no_carrier_has_seen_is_told_after_three_mailing_days(world: World) -> None:
    ids = world.freeze_and_send(3)
    say(world, "mailed")
    world.carrier.told[world.piece(ids[0]).imb] = [scan(world.piece(ids[0]).imb, world.clock(), "Phase 1a")]
    world.clock.advance(timedelta(seconds=SCAN_POLL_S))
    world.run("track")
    world.clock.advance(timedelta(days=2))
    assert reconcile(world) == []
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == [("never_scanned", 2)]


def test_one_call_a_night_does_it_whoever_leads(world: World) -> None:
    world.freeze_and_send(1)  # its ticks have reconciled
    assert not Reconciliation(world.contexts["live"]).run()
    world.clock.advance(next_night(START) - START)
    assert Reconciliation(world.contexts["live"]).run()
    assert not Reconciliation(world.contexts["live"]).run()


@pytest.mark.parametrize(
    ("at", "before"),
    [
        (datetime(2026, 3, 6, 8, tzinfo=UTC), datetime(2026, 3, 3, 8, tzinfo=UTC)),
        (datetime(2026, 3, 10, 8, tzinfo=UTC), datetime(2026, 3, 5, 8, tzinfo=UTC)),  # over a weekend
    ],
)
def test_mailing_days_are_counted_back(at: datetime, before: datetime) -> None:
    assert mailing_days_before(at) == before


def test_each_printer_is_told_of_apart(world: World) -> None:
    by_printer = {}
    for name in ("north", "south"):
        for row in world.rows(printers):
            world.set(printers, row.id, suspended_at=START)
        printer = world.add_printer(name=name)
        ids = world.add_ready(len(by_printer) + 1)
        world.run_until_quiet()
        [stem] = world.printers[printer].handed_over
        ack(world, stem, "mailed", printer=world.printers[printer])
        world.set(printers, printer, poll_at=world.clock())
        world.run_until_quiet()
        assert world.statuses(ids) == {"mailed": len(ids)}
        by_printer[name] = len(ids)
    world.clock.advance(timedelta(days=3))
    with capture_logs() as logs:
        assert Reconciliation(world.contexts["live"]).run()
    told = {one["printer"]: (one["event"], one["found"]) for one in logs}
    assert told == {name: ("reconcile.never_scanned", count) for name, count in by_printer.items()}


def test_a_piece_that_was_scanned_at_last_is_told_of_no_more(world: World) -> None:
    [one] = world.freeze_and_send(1)
    say(world, "mailed")
    world.clock.advance(timedelta(days=3))
    assert reconcile(world) == [("never_scanned", 1)]
    world.carrier.told[world.piece(one).imb] = [scan(world.piece(one).imb, world.clock(), "Phase 1a")]
    world.run("track")
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == []


@pytest.mark.parametrize("word", ["accepted", "printed"])
def test_what_was_accepted_and_never_mailed_is_told_a_day_after_its_truck(world: World, word: str) -> None:
    ids = world.freeze_and_send(3)
    say(world, word)
    mail_by = world.batch().mail_by
    world.clock.advance(mail_by + timedelta(hours=23) - world.clock())
    assert reconcile(world) == []
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == [("never_mailed", 3)]
    world.carrier.told[world.piece(ids[0]).imb] = [scan(world.piece(ids[0]).imb, world.clock(), "Phase 1a")]
    world.run("track")
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == [("never_mailed", 2)]
    say(world, "mailed")
    world.clock.advance(timedelta(days=1))
    assert reconcile(world) == []


def test_what_stays_behind_when_the_others_are_mailed_is_short_or_never_mailed_and_told_once(world: World) -> None:
    """One is printed and left behind; of another nothing was ever said."""
    ids = world.freeze_and_send(4)
    say(world, "printed", pieces=ids[:3])
    say(world, "mailed", pieces=ids[:2])
    world.clock.advance(world.batch().mail_by + timedelta(days=1, hours=1) - world.clock())
    assert reconcile(world) == [("pieces_short", 1), ("never_mailed", 1)]


@pytest.mark.parametrize("status", ["in_doubt", "handing_over"])
def test_a_drop_that_is_in_doubt_for_a_day_is_told_each_night(world: World, status: str) -> None:
    world.freeze_and_send(1)
    world.set(drops, world.drop().id, status=status)
    world.clock.advance(timedelta(hours=23))
    assert reconcile(world) == []
    for _ in range(2):
        world.clock.advance(timedelta(days=1))
        assert reconcile(world) == [("drops_in_doubt", 1)]

"""Holds and suspensions on real tables: nobody freezes what is held, and only what its sender asked for puts a promise off."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pipeline.repository.accounts import Sender
from pipeline.repository.history import Span, histories
from pipeline.repository.holds import HoldWish
from pipeline.repository.printers import Deed
from pipeline.repository.suspensions import Suspension, end_suspension, list_suspensions, read_suspensions
from pipeline.repository.tables import audit, events, holds, pieces, recipients, sandbox_clocks, suspensions
from pipeline.sla.report import judge
from pipeline.worker import holding as module
from pipeline.worker.holding import Held, Holding
from tests.integration.line.world import DUE, START, World

ASKED = HoldWish("asked", "key:ky_1", "wait for the proof", stops_count=True)
OURS = HoldWish("duplicate", "cli:joe", "same address twice")


def holding(world: World) -> Holding:
    return Holding(world.db, world.clock, world.ids)


def deed(world: World, reason: str = "looked into it") -> Deed:
    return Deed("cli:joe", world.clock(), reason)


def sender(world: World, mode: str = "live", account: str | None = None) -> Sender:
    return Sender(account or world.account, mode)


def pass_(world: World, **span: float) -> None:
    world.clock.advance(timedelta(**span))


def evidence(world: World, piece_id: str, type_: str) -> list[dict[str, Any]]:
    return [event.evidence for event in world.events(piece_id) if event.type == f"mail.{type_}"]


def test_a_piece_that_is_held_is_frozen_once_it_is_released(world: World) -> None:
    world.add_printer()
    [kept, other] = world.add_ready(2)
    assert holding(world).hold(kept, OURS, deed=deed(world)) is Held.DONE
    world.run_until_quiet()
    assert (world.piece(kept).status, world.piece(other).status) == ("held", "sent")
    assert holding(world).release(kept, "cli:joe", deed=deed(world)) is Held.DONE
    world.run_until_quiet()
    assert world.piece(kept).status == "sent"
    assert world.event_types(kept) == ["created", "ready", "held", "ready", "batched", "sent"]
    [held] = evidence(world, kept, "held")
    assert (held["code"], held["by"]) == ("duplicate", "operator")
    assert "joe" not in str([event.evidence for event in world.events(kept)])
    assert [(row.action, row.who, row.subject) for row in world.rows(audit)] == [
        ("mail.hold", "cli:joe", kept),
        ("mail.release", "cli:joe", kept),
    ]


def test_a_hold_of_ours_stops_no_count(world: World) -> None:
    [piece] = world.add_ready()
    holding(world).hold(piece, OURS)
    pass_(world, hours=10)
    holding(world).release(piece, "cli:joe")
    assert (world.piece(piece).due_at, world.piece(piece).alarm_at) == (DUE, DUE - timedelta(hours=6))
    assert "sla_rescheduled" not in world.event_types(piece)


def test_a_hold_that_the_sender_asked_for_puts_the_promise_off_by_as_long(world: World) -> None:
    [piece] = world.add_ready()
    pass_(world, hours=2)
    assert holding(world).hold(piece, ASKED, sender=sender(world)) is Held.DONE
    assert world.piece(piece).alarm_at is None
    pass_(world, hours=10)
    assert holding(world).release(piece, "key:ky_1", sender=sender(world)) is Held.DONE
    row = world.piece(piece)
    assert (row.status, row.due_at, row.sla_state) == ("ready", DUE + timedelta(hours=10), "on_track")
    assert row.alarm_at == row.due_at - timedelta(hours=22) / 4
    [told] = evidence(world, piece, "sla_rescheduled")
    assert (told["due_before"], told["due_at"]) == (DUE.isoformat(), row.due_at.isoformat())
    [event] = [event for event in world.events(piece) if event.type == "mail.sla_rescheduled"]
    assert (event.told, event.sequence) == (True, row.revision)


def test_two_holds_add_up_and_a_weekend_counts_for_neither(world: World) -> None:
    [piece] = world.add_ready()
    for _ in range(2):
        holding(world).hold(piece, ASKED)
        pass_(world, hours=3)
        holding(world).release(piece, "x")
    assert world.piece(piece).due_at == DUE + timedelta(hours=6)
    holding(world).hold(piece, ASKED)
    pass_(world, days=3, hours=1)  # from Tuesday evening to Friday evening in New York
    holding(world).release(piece, "x")
    # All 24 hours are left: seven of Friday, and 17 of Monday, which is in summer time.
    assert world.piece(piece).due_at == datetime(2026, 3, 9, 21, 0, tzinfo=UTC)


def test_no_alarm_rings_while_its_sender_holds_a_piece(world: World) -> None:
    held, other = world.add_ready(2)
    holding(world).hold(held, ASKED)
    pass_(world, hours=30)
    world.tick()
    assert (world.piece(held).sla_state, world.piece(other).sla_state) == ("on_track", "breached")


def test_a_promise_that_is_broken_already_is_not_put_off(world: World) -> None:
    [piece] = world.add_ready()
    pass_(world, hours=25)
    world.tick()
    holding(world).hold(piece, ASKED)
    pass_(world, hours=5)
    holding(world).release(piece, "x")
    assert (world.piece(piece).due_at, world.piece(piece).sla_state) == (DUE, "breached")


def test_a_breach_is_not_told_again_when_a_hold_on_it_ends(world: World) -> None:
    [piece] = world.add_ready()
    pass_(world, hours=25)
    world.tick()
    holding(world).hold(piece, ASKED)
    pass_(world, hours=5)
    holding(world).release(piece, "x")
    for _ in range(3):
        world.tick()
        pass_(world, hours=1)
    assert world.event_types(piece)[2:] == ["sla_breached", "held", "ready"]
    assert world.piece(piece).alarm_at is None


def test_a_promise_at_risk_that_is_held_for_a_moment_is_told_of_next_when_it_is_broken(world: World) -> None:
    [piece] = world.add_ready()
    pass_(world, hours=19)
    world.tick()
    holding(world).hold(piece, ASKED)
    holding(world).release(piece, "x")
    pass_(world, hours=4)
    world.tick()
    # No printer makes it, which is told once that has stood for a while: another matter.
    assert world.event_types(piece)[2:] == ["sla_at_risk", "held", "ready", "sla_at_risk"]
    assert [one["cause"] for one in evidence(world, piece, "sla_at_risk")[1:]] == ["no_printer"]
    pass_(world, hours=2)
    world.tick()
    world.tick()
    assert world.event_types(piece)[6:] == ["sla_breached"]


@pytest.mark.parametrize(("state", "told"), [("at_risk", []), ("breached", []), ("on_track", ["sla_at_risk"])])
def test_what_was_told_is_not_told_again_whenever_it_is_looked_at(world: World, state: str, told: list[str]) -> None:
    [piece] = world.add_ready(sla_state=state, alarm_at=START)
    world.tick()
    assert world.event_types(piece)[2:] == told


def test_a_hold_on_a_piece_that_is_not_ready_yet_keeps_it_when_it_would_be(world: World) -> None:
    world.add_printer()
    [piece] = world.add_pieces()
    assert holding(world).hold(piece, ASKED) is Held.DONE
    assert world.piece(piece).status == "created"
    pass_(world, hours=1)
    world.run_until_quiet()
    assert (world.piece(piece).status, world.piece(piece).alarm_at) == ("held", None)
    [held] = evidence(world, piece, "held")
    assert (held["since"], held["by"]) == (START.isoformat(), "sender")
    pass_(world, hours=1)
    holding(world).release(piece, "x")
    world.run_until_quiet()
    assert (world.piece(piece).status, world.piece(piece).due_at) == ("sent", DUE + timedelta(hours=2))


def test_a_hold_that_ends_before_the_piece_is_ready_is_as_if_it_had_not_been_but_for_its_time(world: World) -> None:
    world.add_printer()
    [piece] = world.add_pieces()
    holding(world).hold(piece, ASKED)
    pass_(world, hours=1)
    assert holding(world).release(piece, "x") is Held.DONE
    world.run_until_quiet()
    assert "held" not in world.event_types(piece)
    assert (world.piece(piece).status, world.piece(piece).due_at) == ("sent", DUE + timedelta(hours=1))


def test_what_cannot_be_held_or_released_says_why(world: World) -> None:
    hold = holding(world)
    [piece] = world.add_ready()
    assert hold.release(piece, "x") is Held.NOT_HELD
    assert hold.hold("ml_none", OURS) is Held.MISSING
    assert hold.release("ml_none", "x") is Held.MISSING
    stranger = sender(world, account=world.add_account("eve"))
    assert hold.hold(piece, ASKED, sender=stranger) is Held.MISSING
    assert hold.hold(piece, ASKED, sender=sender(world, "test")) is Held.MISSING
    assert hold.hold(piece, OURS) is Held.DONE
    assert hold.hold(piece, ASKED, sender=sender(world)) is Held.HELD_ALREADY
    assert hold.release(piece, "x", sender=sender(world)) is Held.NOT_YOURS
    [sent] = world.freeze_and_send(1)
    assert hold.hold(sent, OURS) is Held.TOO_LATE
    assert len(world.rows(holds)) == 1


def test_a_test_piece_is_held_by_its_accounts_own_clock(world: World) -> None:
    [piece] = world.add_ready(1, "test")
    world.set(sandbox_clocks, world.account, line_now=START + timedelta(hours=1))
    holding(world).hold(piece, ASKED)
    world.set(sandbox_clocks, world.account, line_now=START + timedelta(hours=5))
    holding(world).release(piece, "x")
    assert world.piece(piece).due_at == DUE + timedelta(hours=4)


def test_a_piece_for_a_later_day_counts_from_that_day_on(world: World) -> None:
    friday = date(2026, 3, 6)
    start = START.replace(day=6, hour=5)  # midnight in New York
    [piece] = world.add_ready(send_on=friday, freeze_from=start, due_at=start + timedelta(days=3))
    holding(world).hold(piece, ASKED)
    pass_(world, hours=40)  # still before Friday
    holding(world).release(piece, "x")
    assert "sla_rescheduled" not in world.event_types(piece)


# Suspensions

WEDNESDAY, THURSDAY = date(2026, 3, 4), date(2026, 3, 5)


@pytest.mark.parametrize(("zip3", "touched"), [("837", True), ("941", False), (None, True)])
def test_a_suspended_day_puts_off_the_pieces_for_its_zip_codes(world: World, zip3: str | None, touched: bool) -> None:
    [piece] = world.add_ready()
    flood = Suspension(WEDNESDAY, WEDNESDAY, zip3=zip3, reason="flood")
    _, moved = holding(world).suspend(flood, deed(world, "flood"))
    assert moved == int(touched)
    # Accepted on Tuesday at ten: all of Wednesday does not count.
    assert world.piece(piece).due_at == DUE + timedelta(days=1 if touched else 0)
    assert ("sla_rescheduled" in world.event_types(piece)) is touched
    assert [row.action for row in world.rows(audit)] == ["suspension.add"]


def test_a_batch_is_due_with_the_first_of_its_pieces_that_is_still_open(world: World) -> None:
    soon, later = world.add_ready(2)
    world.set(pieces, later, due_at=DUE + timedelta(hours=1), accepted_at=START + timedelta(hours=1))
    world.add_printer()
    world.run_until_quiet()
    assert (world.batch().due_at, world.drop().due_at) == (DUE, DUE)
    holding(world).suspend(Suspension(WEDNESDAY, WEDNESDAY, reason="flood"), deed(world))
    assert (world.batch().due_at, world.drop().due_at) == (DUE + timedelta(days=1), DUE + timedelta(days=1))
    world.set(pieces, soon, status="failed")
    holding(world).suspend(Suspension(THURSDAY, THURSDAY, reason="flood"), deed(world))
    assert world.batch().due_at == world.piece(later).due_at == DUE + timedelta(days=2, hours=1)


def test_the_zip_as_given_is_what_counts_until_the_address_is_settled(world: World) -> None:
    [piece] = world.add_ready()
    with world.db.write() as tx:
        tx.execute(recipients.update().values(zip5=""))
    _, moved = holding(world).suspend(Suspension(WEDNESDAY, WEDNESDAY, zip3="837"), deed(world))
    assert (moved, world.piece(piece).due_at) == (1, DUE + timedelta(days=1))


def test_a_suspension_reaches_every_page_of_open_pieces_and_nothing_that_is_mailed(world: World) -> None:
    world.add_ready(1_001)
    world.add_ready(1, status="mailed", revision=2)
    _, moved = holding(world).suspend(Suspension(WEDNESDAY, WEDNESDAY), deed(world))
    assert moved == 1_001
    assert world.count(pieces, pieces.c.due_at == DUE) == 1


def test_a_suspension_whose_process_dies_between_its_pages_is_finished_by_the_tick(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.add_ready(1_500)
    world.add_ready(300, "test")
    real, pages = module.reschedule, [0]

    def die_at_the_second(*args: Any, **more: Any) -> set[str]:
        pages[0] += 1
        if pages[0] == 2:
            raise SystemExit
        return real(*args, **more)

    monkeypatch.setattr(module, "reschedule", die_at_the_second)
    with pytest.raises(SystemExit):
        holding(world).suspend(Suspension(WEDNESDAY, WEDNESDAY, reason="flood"), deed(world))
    monkeypatch.undo()
    assert world.count(pieces, pieces.c.due_at > DUE) == 1_000
    world.tick()
    assert world.count(pieces, pieces.c.due_at > DUE) == 1_000  # it may be at work
    pass_(world, minutes=1)
    for _ in range(2):
        world.tick()
    assert {row.due_at for row in world.rows(pieces)} == {DUE + timedelta(days=1)}
    assert world.count(events, events.c.type == "mail.sla_rescheduled") == 1_800
    assert [row.put_off_to for row in world.rows(suspensions)] == [None]


def test_a_printer_on_a_suspended_day_is_planned_nothing_and_puts_nothing_off(world: World) -> None:
    north = world.add_printer(name="north", cost_cents_per_sheet=1)
    south = world.add_printer(name="south", cost_cents_per_sheet=9)
    today = START.date()
    _, moved = holding(world).suspend(Suspension(today, today + timedelta(days=20), printer=north), deed(world))
    [piece] = world.add_ready()
    world.run_until_quiet()
    assert moved == 0
    assert (world.batch().printer_id, world.piece(piece).due_at) == (south, DUE)


def test_a_suspension_that_ends_early_keeps_what_it_put_off(world: World) -> None:
    [piece] = world.add_ready()
    hold = holding(world)
    first, _ = hold.suspend(Suspension(WEDNESDAY, WEDNESDAY + timedelta(days=2)), deed(world))
    due = world.piece(piece).due_at
    with world.db.write() as tx:
        assert end_suspension(tx, first, WEDNESDAY + timedelta(days=1), deed(world), ids=world.ids)
        [left] = read_suspensions(tx, WEDNESDAY)
        assert (left.first, left.last) == (WEDNESDAY, WEDNESDAY)
        assert not end_suspension(tx, first, WEDNESDAY + timedelta(days=1), deed(world), ids=world.ids)
        assert not end_suspension(tx, "su_none", WEDNESDAY, deed(world), ids=world.ids)
        assert end_suspension(tx, first, WEDNESDAY, deed(world), ids=world.ids)
        assert list_suspensions(tx, START.date()) == []
    assert world.piece(piece).due_at == due
    assert world.rows(suspensions) == []


def test_the_report_does_not_count_what_its_sender_holds_until_it_is_released(world: World) -> None:
    theirs, ours = world.add_ready(2)
    hold = holding(world)
    world.clock.advance(timedelta(hours=1))
    hold.hold(theirs, ASKED)
    hold.hold(ours, HoldWish("duplicate", "cli:joe"))
    world.clock.advance(timedelta(hours=100))

    def verdicts() -> dict[str, str]:
        with world.db.read() as tx:
            span = Span("live", START, START + timedelta(days=30))
            return {one.piece_id: judge(one)[0].value for one in histories(tx, span, now=world.clock())}

    assert verdicts() == {theirs: "open", ours: "missed"}
    hold.release(theirs, "key:1")
    world.clock.advance(timedelta(days=4))
    assert verdicts()[theirs] == "missed"

"""What will miss is told its sender with its cause, as soon as that is known, once a piece and cause; and the breach repeats it."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import event

from pipeline.repository.history import Span, histories
from pipeline.repository.printers import Deed
from pipeline.repository.suspensions import Suspension
from pipeline.repository.tables import pieces, printers
from pipeline.sla.report import Report
from pipeline.worker.holding import Holding
from tests.integration.line.marks import ack
from tests.integration.line.world import DUE, START, World

FIVE = START.replace(hour=22)  # in New York


def minutes(world: World, count: int) -> None:
    """So many ticks, a minute apart."""
    for _ in range(count):
        world.clock.advance(timedelta(minutes=1))
        world.tick()


def told(world: World, piece_id: str, type_: str = "mail.sla_at_risk") -> list[dict[str, Any]]:
    return [one.evidence for one in world.events(piece_id) if one.type == type_]


def report(world: World) -> dict[str, Any]:
    counted = Report(ZoneInfo("UTC"))
    with world.db.read() as tx:
        for one in histories(tx, Span("live", START, START + timedelta(days=30)), now=world.clock()):
            counted.add(one)
    return counted.as_dict()


def test_what_no_printer_can_make_is_told_once_with_its_cause_and_the_breach_repeats_it(world: World) -> None:
    north = world.add_printer()
    world.set(printers, north, suspended_at=START)
    [piece] = world.add_ready()
    world.tick()
    assert told(world, piece) == []  # a printer may be back in a moment
    minutes(world, 5)
    [evidence] = told(world, piece)
    assert (evidence["cause"], evidence["detail"]) == (
        "printers_shut",
        "no printer that takes it is open: north is suspended",
    )
    world.clock.advance(DUE + timedelta(minutes=1) - world.clock())
    world.tick()
    assert len(told(world, piece)) == 1
    [breach] = told(world, piece, "mail.sla_breached")
    assert (breach["cause"], breach["detail"]) == (evidence["cause"], evidence["detail"])
    shown = report(world)
    assert (shown["causes"], shown["misses"][0]["detail"]) == ({"printers_shut": 1}, evidence["detail"])


def test_another_cause_is_told_too(world: World) -> None:
    north = world.add_printer()
    world.set(printers, north, suspended_at=START)
    [piece] = world.add_ready()
    minutes(world, 3)
    with world.db.write() as tx:
        tx.execute(printers.delete())
    minutes(world, 3)
    assert [one["cause"] for one in told(world, piece)] == ["printers_shut", "no_printer"]


def test_only_the_next_due_that_a_press_cannot_make_are_told(world: World) -> None:
    # 40 sheets an hour of 8 pieces: seven hours until the truck's cut are not enough for all.
    world.add_printer(max_wait_s=None, sheets_per_hour=40, setup_minutes=0, spoilage=0)
    ids = world.add_ready(3_000, due_at=FIVE + timedelta(hours=1))
    world.tick()
    minutes(world, 3)
    causes = {row.id: row.sla_cause for row in world.rows(pieces)}
    marked = [one for one in ids if causes[one] is not None]
    frozen = world.statuses(ids)["batched"]
    assert (len(marked), {causes[one] for one in marked}) == (3_000 - frozen, {"no_press_in_time"})
    assert 0 < frozen < 3_000
    assert all(len(told(world, one)) == 1 for one in marked[:3])
    assert report(world)["total"]["open"] == 3_000


def test_what_gets_a_batch_in_time_after_all_has_no_cause_left(world: World) -> None:
    north = world.add_printer()
    world.set(printers, north, suspended_at=START)
    [piece] = world.add_ready()
    minutes(world, 3)
    world.set(printers, north, suspended_at=None)
    world.run_until_quiet()
    assert (world.piece(piece).status, world.piece(piece).sla_cause) == ("sent", None)
    world.clock.advance(DUE + timedelta(minutes=1) - world.clock())
    world.tick()
    [breach] = told(world, piece, "mail.sla_breached")
    assert "cause" not in breach
    assert report(world)["causes"] == {"not_printed": 1}


def test_a_promise_that_is_put_off_has_no_cause_until_one_is_foreseen_again(world: World) -> None:
    [piece] = world.add_ready()
    minutes(world, 3)
    assert world.piece(piece).sla_cause == "no_printer"
    day = START.date() + timedelta(days=1)
    deed = Deed("cli:joe", world.clock(), "flood")
    Holding(world.db, world.clock, world.ids).suspend(Suspension(day, day, zip3="837", reason="flood"), deed)
    assert (world.piece(piece).sla_state, world.piece(piece).sla_cause) == ("on_track", None)
    minutes(world, 3)
    assert [one["cause"] for one in told(world, piece)] == ["no_printer", "no_printer"]


def test_a_batch_whose_press_is_behind_is_told_by_two_looks(world: World) -> None:
    [piece] = world.freeze_and_send(1, due_at=FIVE + timedelta(minutes=1))
    ack(world, world.drop().stem, "accepted")
    world.clock.advance(timedelta(minutes=1))
    world.run_until_quiet()
    assert world.piece(piece).sla_cause is None
    world.clock.advance(FIVE - timedelta(minutes=10) - world.clock())  # not printed, and the truck is about to leave
    minutes(world, 3)
    causes = [one.get("cause") for one in told(world, piece)]
    assert causes[-1] == "press_behind"
    assert causes.count("press_behind") == 1
    assert "north cannot have it printed in time" in world.piece(piece).sla_detail


def test_many_are_told_in_pages_with_few_statements(world: World) -> None:
    world.add_ready(6_500)
    world.tick()
    world.clock.advance(timedelta(minutes=1))
    counted = [0]

    def count(*_: Any) -> None:
        counted[0] += 1

    event.listen(world.db.engine, "before_cursor_execute", count)
    try:
        world.tick()
    finally:
        event.remove(world.db.engine, "before_cursor_execute", count)
    assert world.count(pieces, pieces.c.sla_cause == "no_printer") == 5_000
    world.tick()
    assert world.count(pieces, pieces.c.sla_cause == "no_printer") == 6_500
    assert counted[0] < 0.1 * 5_000


def test_a_moment_without_a_printer_is_told_nobody(world: World) -> None:
    def at(second: int) -> datetime:
        return START + timedelta(seconds=second)

    north = world.add_printer(max_wait_s=None)
    [piece] = world.add_ready()
    for second in range(0, 300, 30):
        world.set(printers, north, suspended_at=START if second % 60 else None)
        world.clock.advance(at(second) - world.clock())
        world.tick()
    assert told(world, piece) == []

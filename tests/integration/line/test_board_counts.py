"""The board of a real line, on both databases: what it counts is what acknowledgements, scans and holds have made of the pieces."""

from datetime import datetime, timedelta

from pipeline.repository.backlog import COOLING, UNREACHABLE_TRIES
from pipeline.repository.holds import HoldWish
from pipeline.repository.tables import accounts, batches, drops, pieces, plan_notes, printers
from pipeline.sla.board import Light, Miss, TruckRow
from pipeline.sla.work import Step
from pipeline.worker.board import Board, look
from pipeline.worker.holding import Holding
from tests.integration.line.marks import ack
from tests.integration.line.world import START, World

FIVE = START.replace(hour=22)  # in New York
ELEVEN = START.replace(day=4, hour=16)


def board(world: World) -> Board:
    with world.db.read() as tx:
        return look(tx, world.clock())


def truck(world: World) -> TruckRow:
    [row] = board(world).trucks
    return row


def steps(world: World) -> dict[Step, int]:
    return {step: count for step, count in truck(world).steps.items() if count}


def due_by(world: World, due: datetime, count: int = 10) -> list[str]:
    """Pieces in a drop at `north` for the last truck before they are due."""
    return world.freeze_and_send(count, due_at=due)


def hear(world: World, state: str, piece_ids: list[str] | None = None, *, revision: int = 0) -> None:
    """What the printer says half a minute later."""
    world.clock.advance(timedelta(seconds=30))
    listed = {} if piece_ids is None else {"pieces": piece_ids}
    ack(world, world.drop(revision).stem, state, **listed)
    world.clock.advance(timedelta(seconds=30))
    world.run_until_quiet()


def test_an_empty_line_has_an_empty_board(world: World) -> None:
    shown = board(world)
    assert (shown.trucks, shown.stuck, shown.held, shown.doubted, shown.printers) == ((), (), (), (), ())
    assert (shown.planned_at, shown.fresh, shown.waiting) == (None, False, 0)


def test_a_batch_is_followed_from_the_freeze_to_the_truck(world: World) -> None:
    world.add_printer()
    world.add_ready(10, due_at=FIVE)
    world.tick()
    assert (truck(world).truck, steps(world)) == (FIVE, {Step.UNSENT: 10})
    world.run_until_quiet()
    assert steps(world) == {Step.SENT: 10}
    for state, step in (
        ("accepted", Step.ACCEPTED),
        ("printed", Step.PRINTED),
        ("inserted", Step.INSERTED),
        ("mailed", Step.LOADED),
    ):
        hear(world, state)
        assert steps(world) == {step: 10}, state
    world.clock.advance(timedelta(hours=8))
    assert board(world).trucks == ()


def test_pieces_that_are_not_equally_far_are_counted_one_by_one(world: World) -> None:
    ids = due_by(world, FIVE)
    hear(world, "printed", ids[:6])
    hear(world, "inserted", ids[:4])
    hear(world, "mailed", ids[:1])
    assert steps(world) == {Step.ACCEPTED: 4, Step.PRINTED: 2, Step.INSERTED: 3, Step.LOADED: 1}
    assert truck(world).short == 4


def test_spoiled_pieces_are_reprints_until_they_are_made(world: World) -> None:
    ids = due_by(world, FIVE)
    hear(world, "printed")
    hear(world, "spoiled", ids[:2])
    assert (steps(world), truck(world).reprints) == ({Step.PRINTED: 8, Step.SENT: 2}, 2)
    hear(world, "printed", revision=1)
    assert (steps(world), truck(world).reprints) == ({Step.PRINTED: 10}, 0)


def test_what_the_carrier_has_is_loaded_though_the_printer_did_not_say_so(world: World) -> None:
    ids = due_by(world, FIVE)
    hear(world, "printed")
    world.clock.advance(FIVE + timedelta(minutes=10) - world.clock())
    with world.db.write() as tx:
        tx.execute(pieces.update().where(pieces.c.id.in_(ids[:7])).values(status="in_transit"))
    assert steps(world) == {Step.PRINTED: 3, Step.LOADED: 7}


def test_the_rate_is_what_was_printed_in_the_last_half_hour(world: World) -> None:
    ids = due_by(world, FIVE)
    assert truck(world).made_per_hour is None  # it has never said a thing
    hear(world, "printed", ids[:4])
    assert truck(world).made_per_hour == 8
    hear(world, "printed")
    assert truck(world).made_per_hour == 2 * (4 + 10)
    world.clock.advance(timedelta(minutes=31))
    assert truck(world).made_per_hour == 0


def test_waiting_pieces_are_counted_by_the_tick_and_meant_for_a_truck(world: World) -> None:
    world.add_printer(max_wait_s=None)
    world.add_ready(5, due_at=FIVE + timedelta(minutes=20))
    world.tick()
    shown = board(world)
    [row] = shown.trucks
    assert (shown.waiting, shown.fresh, row.truck, row.steps[Step.WAITING]) == (5, True, FIVE, 5)
    assert row.light is Light.OK
    world.clock.advance(timedelta(minutes=2))
    assert (board(world).fresh, truck(world).light) == (False, Light.STALE)


def test_a_note_is_written_again_only_where_it_says_something_new_or_is_old(world: World) -> None:
    world.tick()
    [first] = world.rows(plan_notes)
    world.clock.advance(timedelta(seconds=4))
    world.tick()
    assert world.rows(plan_notes) == [first]
    world.clock.advance(timedelta(seconds=1))
    world.tick()
    assert [row.noted_at for row in world.rows(plan_notes)] == [world.clock()]


def test_pieces_that_nobody_can_make_in_time_are_told_with_their_accounts(world: World) -> None:
    world.add_printer(max_wait_s=None)
    bob = world.add_account("bob")
    soon = START + timedelta(minutes=20)  # no truck leaves before that
    world.add_ready(3, due_at=soon)
    world.add_ready(2, due_at=soon, account_id=bob)
    world.tick()
    [stuck] = board(world).stuck
    assert (stuck.pieces, stuck.misses) == (5, (Miss("ada", 3), Miss("bob", 2)))
    assert stuck.cause.code == "no_truck"


def test_what_will_miss_is_told_by_account(world: World) -> None:
    bob = world.add_account("bob")
    world.add_printer(max_wait_s=0)
    world.add_ready(4, due_at=FIVE + timedelta(minutes=1))
    world.add_ready(3, due_at=FIVE + timedelta(minutes=2), account_id=bob)
    world.add_ready(2, due_at=ELEVEN + timedelta(minutes=2))
    world.run_until_quiet()
    assert truck(world).misses == ()
    world.clock.advance(
        FIVE - timedelta(minutes=10) - world.clock()
    )  # nothing is printed, and the truck is about to leave
    row = truck(world)
    assert (row.misses, row.light) == ((Miss("ada", 4), Miss("bob", 3)), Light.LATE)


def test_holds_doubts_and_printers_out_of_use_are_told(world: World) -> None:
    ids = due_by(world, FIVE)
    world.set(batches, world.batch().id, status="in_doubt")
    world.set(drops, world.drop().id, status="in_doubt")
    [held] = world.add_ready(1, due_at=ELEVEN)
    Holding(world.db, world.clock, world.ids).hold(held, HoldWish("asked", "request:req_1", stops_count=True))
    world.clock.advance(timedelta(hours=1))
    world.set(printers, world.rows(printers)[0].id, suspended_at=world.clock())
    shown = board(world)
    [doubted] = shown.doubted
    assert (doubted.batch_id, doubted.printer, doubted.pieces, doubted.since) == (world.batch().id, "north", 10, START)
    [hold] = shown.held
    assert (hold.code, hold.name, hold.pieces, hold.since, hold.stops_count) == ("asked", "ada", 1, START, True)
    assert [(one.name, one.state) for one in shown.printers] == [("north", "suspended")]
    [row] = shown.trucks
    assert {"1 in doubt", "its printer is suspended"} <= set(row.why)
    assert len(ids) == sum(row.steps.values())


def test_a_hold_of_a_piece_that_was_called_off_is_not_told(world: World) -> None:
    [piece] = world.add_ready()
    Holding(world.db, world.clock, world.ids).hold(piece, HoldWish("duplicate", "cli:joe"))
    [held] = board(world).held
    assert (held.name, held.stops_count) == ("cli:joe", False)
    world.set(pieces, piece, status="canceled")
    assert board(world).held == ()


def test_a_printer_whose_profile_cannot_be_read_is_told_as_such(world: World) -> None:
    world.add_printer()
    broken = world.add_printer(name="south")
    world.set(printers, broken, profile={"nonsense": 1})
    assert [(one.name, one.state) for one in board(world).printers] == [("north", "open"), ("south", "invalid")]


def test_the_trucks_of_a_printer_whose_profile_became_unreadable_are_not_lost(world: World) -> None:
    due_by(world, FIVE)
    printer = world.rows(printers)[0]
    world.set(printers, printer.id, profile={**printer.profile, "postage": {}})
    assert (truck(world).truck, truck(world).light, steps(world)) == (FIVE, Light.RISK, {Step.SENT: 10})


def test_an_unreachable_printer_is_never_green_and_no_way_out(world: World) -> None:
    due_by(world, FIVE)
    [north] = world.rows(printers)
    south = world.add_printer(name="south")
    assert (truck(world).light, truck(world).last_reroute is None) == (Light.OK, False)
    world.set(printers, south, tries=UNREACHABLE_TRIES)
    assert truck(world).last_reroute is None
    world.set(printers, north.id, tries=UNREACHABLE_TRIES)
    row = truck(world)
    assert (row.light, row.why[0]) == (Light.RISK, "its printer cannot be reached")


def test_why_nobody_makes_it_is_told_with_the_printers_names(world: World) -> None:
    north = world.add_printer()
    world.add_ready(3, due_at=FIVE)
    world.set(printers, north, suspended_at=START)
    world.tick()
    [stuck] = board(world).stuck
    assert stuck.cause.detail == "no printer that takes it is open: north is suspended"


def test_a_printer_that_cools_off_misses_only_what_its_return_cannot_keep(world: World) -> None:
    world.freeze_and_send(3, due_at=FIVE)
    ack(world, world.drop().stem, "rejected", reason="torn sheets")
    world.clock.advance(timedelta(minutes=1))
    world.run_until_quiet()
    world.add_ready(2, due_at=FIVE + timedelta(days=1))
    world.tick()
    shown = board(world)
    assert (shown.stuck, shown.printers[0].state) == ((), "cooling")
    assert sum(row.steps[Step.WAITING] for row in shown.trucks) == 5
    world.clock.advance(COOLING)
    world.tick()
    assert {row.pieces for row in world.rows(batches, batches.c.status == "frozen")} == {5}


def test_test_mail_is_on_no_board(world: World) -> None:
    world.add_printer("test")
    world.add_ready(3, "test")
    world.tick("test")
    shown = board(world)
    assert (shown.trucks, shown.printers, world.rows(plan_notes)) == ((), (), [])
    assert world.count(accounts) == 1

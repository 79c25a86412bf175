"""Freezing: places, serials and who is taken; two that freeze at once, and a sender who cancels meanwhile."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from pipeline.errors import Permanent
from pipeline.press.sheets.layout import n_up, plan_places
from pipeline.products import POSTCARD_4X6
from pipeline.repository.accounts import Sender
from pipeline.repository.backlog import first_words, open_printers, unprinted_batches
from pipeline.repository.batches import Freeze, freeze
from pipeline.repository.mail import cancel
from pipeline.repository.tables import (
    acks,
    batches,
    drops,
    insert_rows,
    pieces,
    placements,
    printers,
    recipients,
    serials,
)
from pipeline.worker.floor import read_presses
from tests.integration.line.marks import ack
from tests.integration.line.world import DUE, MAILER_ID, START, World, profile


def order(world: World, count: int, printer: str, *, at: datetime = START, **more: Any) -> Freeze:
    usual = {"mode": "live", "account_id": None, "mail_class": "first_class", "sheets": 1, "mail_by": DUE}
    return Freeze(
        product=POSTCARD_4X6.name,
        stock=POSTCARD_4X6.stock,
        pieces=count,
        printer_id=printer,
        profile=profile(),
        at=at,
        reason="because",
        **(usual | more),
    )


def freeze_now(world: World, wanted: Freeze) -> str | None:
    with world.db.write() as tx:
        return freeze(tx, wanted, now=world.clock(), ids=world.ids)


def serials_given(world: World) -> list[int]:
    return sorted(int(row.imb[11:20]) for row in world.rows(placements))


def at_once(*works: Callable[[], object]) -> None:
    together = threading.Barrier(len(works))
    raised: list[Exception] = []

    def run(work: Callable[[], object]) -> None:
        together.wait()
        try:
            work()
        except Exception as error:  # noqa: BLE001  # a thread's edge: it is asserted on below
            raised.append(error)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert raised == []


def test_pieces_lie_in_stacks_that_are_in_mailing_order(world: World) -> None:
    printer = world.add_printer()
    ids = world.add_ready(20)
    with world.db.write() as tx:
        for n, piece_id in enumerate(ids):
            zip5 = f"{90_000 - n:05d}"
            tx.execute(recipients.update().where(recipients.c.piece_id == piece_id).values(zip5=zip5, routing=zip5))
    batch_id = freeze_now(world, order(world, 20, printer))
    places = sorted(world.rows(placements), key=lambda row: row.sequence)
    assert [row.piece_id for row in places] == ids[::-1]
    assert [(row.sheet, row.slot, row.stack_position) for row in places] == plan_places(
        20, POSTCARD_4X6, profile().imposition
    )
    assert n_up(POSTCARD_4X6, profile().imposition) == 8
    stacked = sorted(places, key=lambda row: (row.slot, row.stack_position))
    assert [row.sequence for row in stacked] == list(range(20))
    batch = world.batch()
    assert (batch.id, batch.pieces, batch.sheets, batch.status, batch.due_at) == (batch_id, 20, 3, "frozen", DUE)
    drop = world.drop()
    assert (drop.stem, drop.pieces, drop.sheets, drop.printer_id) == (f"{batch_id}_r00", 20, 3, printer)
    for row in places:
        piece = world.piece(row.piece_id)
        assert (piece.imb, piece.batch_id, piece.status) == (row.imb, batch_id, "batched")
        assert row.imb.startswith(f"00310{MAILER_ID}")
        assert row.imb.endswith(str(90_000 - ids.index(row.piece_id)))


def test_the_next_due_go_first_and_the_rest_stays(world: World) -> None:
    printer = world.add_printer()
    late = world.add_ready(3)
    soon = world.add_ready(2, due_at=DUE - timedelta(hours=2))
    freeze_now(world, order(world, 4, printer))
    assert world.statuses(soon) == {"batched": 2}
    assert world.statuses(late) == {"batched": 2, "ready": 1}
    assert world.batch().due_at == DUE - timedelta(hours=2)


@pytest.mark.parametrize(
    "other",
    [
        {"freeze_from": START + timedelta(seconds=1)},
        {"mail_class": "marketing"},
        {"stock": "cover_100lb"},
        {"sheets": 2},
        {"status": "held"},
        {"status": "created"},
    ],
)
def test_what_is_not_ready_for_this_batch_is_not_taken(world: World, other: dict[str, Any]) -> None:
    printer = world.add_printer()
    [mine], [theirs] = world.add_ready(1), world.add_ready(1, **other)
    freeze_now(world, order(world, 10, printer))
    assert world.piece(mine).status == "batched"
    assert world.piece(theirs).batch_id is None


def test_nothing_to_take_makes_no_batch(world: World) -> None:
    assert freeze_now(world, order(world, 10, world.add_printer())) is None
    assert world.count(batches) == 0
    assert world.count(serials) == 0


def test_serials_go_on_where_they_stood(world: World) -> None:
    printer = world.add_printer()
    for _ in range(3):
        world.add_ready(4)
        freeze_now(world, order(world, 10, printer))
    assert serials_given(world) == list(range(12))


def test_a_freeze_that_rolls_back_gives_out_no_serial_twice(world: World) -> None:
    printer = world.add_printer()
    ids = world.add_ready(4)
    with world.db.write() as tx:
        assert freeze(tx, order(world, 10, printer), now=START, ids=world.ids)
        tx.rollback()
    assert world.statuses(ids) == {"ready": 4}
    assert world.event_types(ids[0]) == ["created", "ready"]
    freeze_now(world, order(world, 2, printer))
    freeze_now(world, order(world, 2, printer))
    assert len(set(serials_given(world))) == 4


def test_a_mailer_id_without_serials_refuses_and_freezes_nothing(world: World) -> None:
    printer = world.add_printer()
    ids = world.add_ready(3)
    with world.db.write() as tx:
        insert_rows(tx, serials, [{"mailer_id": MAILER_ID, "next_serial": 10**9 - 2}])
    with pytest.raises(Permanent) as caught:
        freeze_now(world, order(world, 3, printer))
    assert caught.value.code == "serials_exhausted"
    assert world.statuses(ids) == {"ready": 3}
    world.tick()  # the scheduler says so and lives on
    freeze_now(world, order(world, 2, printer))
    assert world.statuses(ids) == {"ready": 1, "batched": 2}


def test_one_live_placement_a_piece_is_a_constraint_of_the_database(world: World) -> None:
    printer = world.add_printer()
    [piece_id] = world.add_ready(1)
    freeze_now(world, order(world, 1, printer))
    [row] = world.rows(placements)
    again = {**row._mapping, "id": "pl_2", "revision": 1}
    with pytest.raises(IntegrityError), world.db.write() as tx:
        insert_rows(tx, placements, [again])
    world.set(placements, row.id, live=False)
    with world.db.write() as tx:
        insert_rows(tx, placements, [again])
    assert world.count(placements, placements.c.piece_id == piece_id) == 2


def test_a_canceled_piece_is_not_frozen_and_a_frozen_one_not_canceled(world: World) -> None:
    printer = world.add_printer()
    first, second = world.add_ready(2)
    sender = Sender(world.account, "live")

    def ask(piece_id: str) -> Any:
        return cancel(world.db, sender, piece_id, request_id="req_9", machine_clock=world.clock, ids=world.ids)

    assert ask(first).status == "canceled"
    freeze_now(world, order(world, 2, printer))
    assert ask(second).status == "batched"
    assert world.piece(first).status == "canceled"
    assert [row.piece_id for row in world.rows(placements)] == [second]
    assert world.events(first)[-1].evidence == {"request_id": "req_9"}


def test_senders_who_cancel_while_their_pieces_freeze_get_one_or_the_other(concurrent_world: World) -> None:
    world = concurrent_world
    printer = world.add_printer()
    ids = world.add_ready(60)
    sender = Sender(world.account, "live")

    def cancel_all() -> None:
        for piece_id in ids[::-1]:
            cancel(world.db, sender, piece_id, request_id="req_9", machine_clock=world.clock, ids=world.ids)

    def freeze_all() -> None:
        while freeze_now(world, order(world, 7, printer)):
            pass

    at_once(cancel_all, freeze_all)
    placed = {row.piece_id for row in world.rows(placements)}
    for piece_id in ids:
        status = world.piece(piece_id).status
        assert status == ("batched" if piece_id in placed else "canceled")
        assert world.event_types(piece_id) == ["created", "ready", status]
    assert sum(row.pieces for row in world.rows(batches)) == len(placed)


def test_two_that_freeze_at_once_take_every_piece_once_and_no_serial_twice(concurrent_world: World) -> None:
    world = concurrent_world
    printer = world.add_printer()
    ids = world.add_ready(100)

    def work() -> None:
        while freeze_now(world, order(world, 9, printer)):
            pass

    at_once(work, work)
    assert world.statuses(ids) == {"batched": 100}
    given = serials_given(world)
    assert len(given) == len(set(given)) == 100
    for batch in world.rows(batches):
        mine = [row for row in world.rows(placements) if row.batch_id == batch.id]
        assert sorted(row.sequence for row in mine) == list(range(batch.pieces))
    assert world.count(drops) == world.count(batches)


def test_every_test_account_has_batches_of_its_own_at_its_own_printer(world: World) -> None:
    bob = world.add_account("bob")
    world.add_printer("test", name="of-ada")
    bobs = world.add_printer("test", name="of-bob", account=bob)
    mine = world.add_ready(2, "test")
    theirs = world.add_ready(2, "test", account_id=bob)
    world.tick("test")
    by_batch: dict[str, set[str]] = {}
    for row in world.rows(pieces):
        by_batch.setdefault(row.batch_id, set()).add(row.account_id)
    assert sorted(by_batch.values(), key=sorted) == sorted([{world.account}, {bob}], key=sorted)
    [theirs_batch] = world.rows(batches, batches.c.account_id == bob)
    assert theirs_batch.printer_id == bobs
    assert world.statuses([*mine, *theirs]) == {"batched": 4}


def test_a_test_account_without_a_printer_is_told_of_once(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.add_printer("live")
    ids = world.add_ready(1, "test")
    for _ in range(3):
        world.tick("test")
    assert world.statuses(ids) == {"ready": 1}
    assert capsys.readouterr().out.count("pieces.stuck") == 1


def test_live_batches_mix_accounts(world: World) -> None:
    world.add_printer()
    bob = world.add_account("bob")
    ids = [*world.add_ready(1), *world.add_ready(1, account_id=bob)]
    world.tick()
    assert world.statuses(ids) == {"batched": 2}
    assert world.batch().account_id is None


def test_a_suspended_printer_gets_nothing(world: World) -> None:
    world.add_printer()
    ids = world.add_ready(1)
    world.set(printers, world.rows(printers)[0].id, suspended_at=START)
    world.tick()
    assert world.statuses(ids) == {"ready": 1}


def test_a_batch_in_doubt_takes_its_printers_time_for_it_may_be_there(world: World) -> None:
    printer = world.add_printer()
    world.freeze_and_send(8)
    world.set(batches, world.batch().id, status="in_doubt")
    with world.db.read() as tx:
        [queued] = unprinted_batches(tx, {printer})
    assert (queued.status, queued.sheets) == ("in_doubt", 1)


def test_a_printer_is_as_slow_as_it_was_with_the_first_word_of_its_last_drops(world: World) -> None:
    printer_id = world.add_printer()
    for minutes in (90, 10, 40, 20):
        world.freeze_and_send(8)
        [drop] = world.rows(drops, drops.c.status == "sent", drops.c.stem.not_in(words(world)))
        world.clock.advance(timedelta(minutes=minutes))
        ack(world, drop.stem, "accepted", at=world.clock())
        # Heard late, and spoken of again: neither is the printer's slowness.
        world.clock.advance(timedelta(minutes=45))
        ack(world, drop.stem, "printed", at=world.clock())
        world.set(printers, printer_id, poll_at=world.clock())
        world.run_until_quiet()
    with world.db.read() as tx:
        for last, took in ((4, [20, 40, 10, 90]), (3, [20, 40, 10])):
            [told] = first_words(tx, {printer_id}, world.clock(), drops_=last).values()
            assert [said - given for given, said in told] == [timedelta(minutes=n) for n in took]
        assert first_words(tx, {printer_id}, world.clock() + timedelta(days=2), drops_=3) == {}
        [press] = read_presses(tx, open_printers(tx, "live", None, world.clock()), world.clock())
    assert press.heard_after == timedelta(minutes=40)


def test_a_first_word_in_the_morning_makes_no_slow_printer_of_one_that_was_closed(world: World) -> None:
    world.clock.advance(timedelta(hours=17))  # 3 o'clock in New York
    world.freeze_and_send(8)
    world.clock.advance(timedelta(hours=3, minutes=10))
    ack(world, world.drop().stem, "accepted", at=world.clock())
    world.run_until_quiet()
    with world.db.read() as tx:
        [press] = read_presses(tx, open_printers(tx, "live", None, world.clock()), world.clock())
    assert press.heard_after == timedelta(minutes=10)


def words(world: World) -> list[str]:
    """Drops that were spoken of."""
    return [row.drop_stem for row in world.rows(acks)]

"""The notify stage over real receivers: one that hangs holds up nobody, loses nothing, and is tried one delivery at a time."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, select
from sqlmodel import SQLModel

from adapters.webhooks.sender import HttpWebhookSender, Limits
from pipeline.clock import ManualClock
from pipeline.models import tables as models
from pipeline.models.types import system_ids
from pipeline.ports import Note
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.tables import accounts, attempts, creatives, deliveries, endpoints, events, insert_rows, pieces
from pipeline.stages.notify import Notify
from pipeline.stages.stage import Context
from pipeline.worker.runner import Runner
from tests.contract.webhook_receiver import OK, PATIENT, Connection, Receiver, receiving, silent
from tests.waiting import until

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
SECRET = "whsec_" + "A" * 32
HASTY = Limits(total_s=1.5, connect_s=1.0, queue_s=0.3)
"""For tests that wait for the end of an attempt."""


class Silence:
    def ring(self, note: Note) -> None:
        pass


class World:
    """A notify stage on a fresh database, its clock moved by hand."""

    def __init__(self, url: str, limits: Limits) -> None:
        self.db = Database(url)
        SQLModel.metadata.create_all(self.db.engine)
        self.clock = ManualClock(START)
        self.context = Context("live", self.db, system_ids(), self.clock, LiveLineClock(self.clock))
        self.sender = HttpWebhookSender("live", allow=("127.0.0.1",), limits=limits)
        self.stage = Notify(self.context, self.sender)
        self.runner = Runner(self.context, Silence(), lease_s=30.0, chance=lambda: 0.0)
        with self.db.write() as tx:
            insert_rows(tx, accounts, [models.Account(id="ac_1", name="ada", created_at=START).model_dump()])
            creative = models.Creative(
                id="cr_1", account_id="ac_1", mode="live", product="postcard_4x6", kind="pdf", sha256="0", size_bytes=1,
                source_key="live/x", created_at=START,
            )  # fmt: skip
            insert_rows(tx, creatives, [creative.model_dump()])

    def endpoint(self, name: str, url: str) -> None:
        row = models.Endpoint(id=name, account_id="ac_1", mode="live", url=url, secrets=[SECRET], created_at=START)
        with self.db.write() as tx:
            insert_rows(tx, endpoints, [row.model_dump()])

    def deliver(self, name: str, endpoint: str) -> None:
        """A piece, its first event, and the delivery `name` of that event."""
        piece = models.Piece(
            id=f"ml_{name}", account_id="ac_1", mode="live", status="created", request_id="req",
            product="postcard_4x6", stock="cover_120lb", mail_class="first_class", front_creative_id="cr_1",
            price_cents=1, accepted_at=START, freeze_from=START, due_at=START, created_at=START,
        ).model_dump()  # fmt: skip
        piece["metadata"] = piece.pop("details")
        event = models.Event(
            id=f"ev_{name}", piece_id=piece["id"], account_id="ac_1", mode="live", type="mail.created", sequence=1,
            told=True, status="created", at=START, recorded_at=START,
        ).model_dump()  # fmt: skip
        delivery = models.Delivery(
            id=name, endpoint_id=endpoint, event_id=event["id"], piece_id=piece["id"], sequence=1, mode="live",
            ordered=True, created_at=START,
        ).model_dump()  # fmt: skip
        with self.db.write() as tx:
            for table, row in ((pieces, piece), (events, event), (deliveries, delivery)):
                insert_rows(tx, table, [row])

    def be_patient(self) -> None:
        """From now on no attempt runs out of time."""
        self.sender._limits = PATIENT

    def run(self) -> int:
        return self.runner.run(self.stage)

    def row(self, name: str) -> Row[Any]:
        with self.db.read() as tx:
            return tx.execute(select(deliveries).where(deliveries.c.id == name)).one()

    def errors(self, name: str) -> list[str]:
        with self.db.read() as tx:
            found = select(attempts.c.error).where(attempts.c.delivery_id == name).order_by(attempts.c.number)
            return list(tx.execute(found).scalars())


@contextmanager
def world_of(url: str, limits: Limits) -> Iterator[World]:
    world = World(url, limits)
    yield world
    world.sender.close()
    for thread in threading.enumerate():
        if thread.name == "notify":
            thread.join()
    world.db.dispose()


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    with world_of(database_url, PATIENT) as world:
        yield world


@pytest.fixture
def hasty(database_url: str) -> Iterator[World]:
    with world_of(database_url, HASTY) as world:
        yield world


def test_a_healthy_endpoint_is_saved_while_another_hangs(world: World) -> None:
    with receiving(silent) as dead, receiving() as alive:
        world.endpoint("we_dead", dead.url)
        world.endpoint("we_alive", alive.url)
        world.deliver("dl_1", "we_dead")
        world.deliver("dl_2", "we_alive")
        assert world.run() == 2
        until(lambda: world.row("dl_2").status == "delivered")
        held = world.row("dl_1")
        assert (held.status, held.tries) == ("pending", 0)
        assert held.lease_until == START + timedelta(seconds=30)


def test_what_ends_late_is_saved_when_it_ends(hasty: World) -> None:
    with receiving(silent) as dead:
        hasty.endpoint("we_dead", dead.url)
        hasty.deliver("dl_1", "we_dead")
        hasty.run()
        until(lambda: hasty.row("dl_1").tries == 1)
    saved = hasty.row("dl_1")
    assert (saved.status, saved.last_error, saved.lease_until) == ("pending", "timeout", None)
    assert saved.next_attempt_at == START + timedelta(seconds=5)
    assert hasty.errors("dl_1") == ["timeout"]


def test_a_slow_answer_is_delivered_and_sent_once(world: World) -> None:
    go = threading.Event()

    async def slow(connection: Connection, receiver: Receiver) -> None:
        await asyncio.to_thread(go.wait)
        connection.writer.write(OK)

    with receiving(slow) as receiver:
        world.endpoint("we_1", receiver.url)
        world.deliver("dl_1", "we_1")
        assert world.run() == 1
        assert world.run() == 0
        assert world.row("dl_1").tries == 0
        go.set()
        until(lambda: world.row("dl_1").status == "delivered")
        assert len(receiver.requests) == 1
    assert world.errors("dl_1") == [""]


def test_an_endpoint_that_hangs_is_given_nothing_more_meanwhile(world: World) -> None:
    with receiving(silent) as dead:
        world.endpoint("we_dead", dead.url)
        world.deliver("dl_1", "we_dead")
        world.run()
        world.deliver("dl_2", "we_dead")
        assert world.run() == 0
        until(lambda: dead.requests)
    assert len(dead.requests) == 1


def test_after_a_silence_it_rests_and_is_probed_with_one(hasty: World) -> None:
    with receiving(silent) as dead:
        hasty.endpoint("we_dead", dead.url)
        for n in range(3):
            hasty.deliver(f"dl_{n}", "we_dead")
        hasty.run()
        until(lambda: all(hasty.row(f"dl_{n}").tries == 1 for n in range(3)))
        assert hasty.run() == 0
        hasty.clock.advance(timedelta(seconds=5.1))
        until(lambda: hasty.run() == 3)  # its silence is over a moment after its attempts are saved
        until(lambda: all(hasty.row(f"dl_{n}").lease_until is None for n in range(3)))
    assert sum(hasty.row(f"dl_{n}").tries for n in range(3)) == 4


def test_its_first_answer_makes_it_healthy_again(hasty: World) -> None:
    mute = threading.Event()
    mute.set()

    async def moody(connection: Connection, receiver: Receiver) -> None:
        if mute.is_set():
            await silent(connection, receiver)
        connection.writer.write(OK)

    with receiving(moody) as receiver:
        hasty.endpoint("we_1", receiver.url)
        for n in range(3):
            hasty.deliver(f"dl_{n}", "we_1")
        hasty.run()
        until(lambda: all(hasty.row(f"dl_{n}").tries == 1 for n in range(3)))
        mute.clear()
        hasty.be_patient()
        hasty.clock.advance(timedelta(seconds=5.1))
        until(lambda: hasty.run() == 3)  # its silence is over a moment after its attempts are saved
        until(lambda: [hasty.row(f"dl_{n}").status for n in range(3)].count("delivered") == 1)
        assert hasty.run() == 2
        until(lambda: all(hasty.row(f"dl_{n}").status == "delivered" for n in range(3)))
    assert [hasty.row(f"dl_{n}").status for n in range(3)] == ["delivered"] * 3


def test_a_receiver_that_asks_for_a_pause_gets_it(world: World) -> None:
    async def busy(connection: Connection, receiver: Receiver) -> None:
        connection.writer.write(b"HTTP/1.1 429 X\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")

    with receiving(busy) as receiver:
        world.endpoint("we_1", receiver.url)
        world.deliver("dl_1", "we_1")
        world.run()
        until(lambda: world.row("dl_1").tries == 1)
        assert world.row("dl_1").next_attempt_at == START + timedelta(seconds=120)
        world.deliver("dl_2", "we_1")
        assert world.run() == 0
        world.clock.advance(timedelta(seconds=121))
        until(lambda: world.run() == 2)


def test_gone_disables_the_endpoint_and_cancels_the_rest(world: World) -> None:
    async def gone(connection: Connection, receiver: Receiver) -> None:
        connection.writer.write(b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")

    with receiving(gone) as receiver:
        world.endpoint("we_1", receiver.url)
        world.deliver("dl_1", "we_1")
        world.run()
        until(lambda: world.row("dl_1").tries == 1)
        world.deliver("dl_2", "we_1")
        until(lambda: world.run() == 1)
        assert len(receiver.requests) == 1
    assert world.row("dl_2").status == "canceled"
    with world.db.read() as tx:
        assert tx.execute(select(endpoints.c.disabled_reason)).scalar_one() == "answered 410 Gone"


def test_a_sender_that_stops_counts_no_attempt(world: World) -> None:
    with receiving(silent) as dead:
        world.endpoint("we_dead", dead.url)
        world.deliver("dl_1", "we_dead")
        world.run()
        world.sender.close()
        until(lambda: world.row("dl_1").lease_until is None)
    assert world.row("dl_1").tries == 0
    assert world.errors("dl_1") == []

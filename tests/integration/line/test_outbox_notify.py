"""From events to deliveries to the sender's door."""

import json
import threading
from datetime import timedelta

import pytest

from pipeline.lifecycle import Move, Status
from pipeline.repository.moves import move
from pipeline.repository.outbox import PUBLISH_AT_ONCE, publish
from pipeline.repository.tables import attempts, deliveries, endpoints, events
from pipeline.stages.notify import WAITS_S
from tests.integration.line.world import DUE, START, World


def publish_all(world: World, mode: str = "live") -> None:
    while True:
        with world.db.write() as tx:
            if not publish(tx, mode, now=world.clock(), ids=world.ids)[0]:
                return


def positions(world: World, mode: str = "live") -> list[int]:
    return sorted(row.position for row in world.rows(events, events.c.mode == mode))


def tell(world: World) -> None:
    while world.run("notify"):
        pass


def test_positions_are_gapless_and_follow_each_pieces_own_sequence(world: World) -> None:
    ids = world.add_ready(700)
    publish_all(world)
    assert positions(world) == list(range(1, 1_401))
    for piece_id in ids[:50]:
        order = [event.position for event in world.events(piece_id)]
        assert order == sorted(order)


def test_positions_go_on_where_they_stood_and_modes_count_apart(world: World) -> None:
    world.add_ready(3)
    world.add_ready(2, "test")
    publish_all(world)
    publish_all(world, "test")
    world.add_ready(1)
    publish_all(world)
    assert positions(world) == list(range(1, 9))
    assert positions(world, "test") == [1, 2, 3, 4]


def test_the_events_of_a_piece_keep_their_order_though_ids_do_not(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    world.clock.advance(timedelta(hours=-1))  # the next machine's clock is behind: its ids sort first
    for to in (Status.READY, Status.HELD, Status.READY):
        with world.db.write() as tx:
            move(tx, [Move(world.snapshot(piece_id), to, START, {})], now=world.clock(), ids=world.ids)
    ids_by_sequence = [event.id for event in world.events(piece_id)]
    assert ids_by_sequence != sorted(ids_by_sequence)
    publish_all(world)
    assert [event.position for event in world.events(piece_id)] == [1, 2, 3, 4]


def test_a_page_of_the_outbox_leaves_no_event_of_a_piece_behind(world: World) -> None:
    world.add_ready(PUBLISH_AT_ONCE)
    with world.db.write() as tx:
        told, _ = publish(tx, "live", now=START, ids=world.ids)
    assert told >= PUBLISH_AT_ONCE
    published = {row.piece_id for row in world.rows(events, events.c.position.is_not(None))}
    assert world.count(events, events.c.piece_id.in_(published), events.c.position.is_(None)) == 0


def test_two_publishers_at_once_take_turns(concurrent_world: World) -> None:
    world = concurrent_world
    world.add_ready(600)
    world.add_endpoint(events=["mail.created"])
    threads = [threading.Thread(target=publish_all, args=(world,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert positions(world) == list(range(1, 1_201))
    assert world.count(deliveries) == 600


def test_an_endpoint_hears_what_it_asked_for_of_its_own_account_and_mode(world: World) -> None:
    bob = world.add_account("bob")
    everything = world.add_endpoint()
    alarms = world.add_endpoint(url="https://b.example", events=["mail.sla_*"])
    created = world.add_endpoint(url="https://c.example", events=["mail.created", "mail.held"])
    off = world.add_endpoint(url="https://d.example", disabled_at=START)
    theirs = world.add_endpoint(url="https://e.example", account_id=bob)
    other_mode = world.add_endpoint("test", url="https://f.example")
    world.add_ready(2)
    publish_all(world)
    heard = {one: world.count(deliveries, deliveries.c.endpoint_id == one) for one in
             (everything, alarms, created, off, theirs, other_mode)}  # fmt: skip
    assert heard == {everything: 2, alarms: 0, created: 2, off: 0, theirs: 0, other_mode: 0}


def test_a_delivery_says_what_happened_the_same_way_every_time(world: World) -> None:
    world.add_endpoint(secrets=["new", "old"])
    world.webhooks.answers["https://a.example"] = 500
    [piece_id] = world.add_pieces(1, external_id="order-1001")
    publish_all(world)
    tell(world)
    world.clock.advance(timedelta(seconds=5))
    world.webhooks.answers.clear()
    tell(world)
    first, second = world.webhooks.sent
    assert first.body == second.body
    assert (first.attempt, second.attempt, first.event_id, first.secrets) == (1, 2, second.event_id, ("new", "old"))
    body = json.loads(first.body)
    assert (body["type"], body["timestamp"]) == ("mail.created", START.isoformat())
    assert body["data"] == {
        "object": "mail",
        "id": piece_id,
        "status": "created",
        "sequence": 1,
        "livemode": True,
        "external_id": "order-1001",
        "metadata": {"order": "1001"},
        "evidence": {
            "request_id": "req_1",
            "product": "postcard_4x6",
            "freeze_from": START.isoformat(),
            "due_at": DUE.isoformat(),
        },
    }
    rows = sorted(world.rows(attempts), key=lambda row: row.number)
    assert [(row.number, row.delivered, row.status_code) for row in rows] == [(1, False, 500), (2, True, 200)]


def told_of(world: World, url: str = "https://a.example") -> list[str]:
    return [one.event_type.removeprefix("mail.") for one in world.webhooks.sent if one.url == url]


def three_events(world: World) -> str:
    [piece_id] = world.add_pieces(1)
    for to in (Status.HELD, Status.CANCELED):
        with world.db.write() as tx:
            move(tx, [Move(world.snapshot(piece_id), to, START, {})], now=world.clock(), ids=world.ids)
    publish_all(world)
    return piece_id


def test_an_ordered_endpoint_hears_the_next_event_when_the_one_before_has_ended(world: World) -> None:
    world.add_endpoint()
    world.add_endpoint(url="https://loose.example", ordered=False)
    three_events(world)
    world.webhooks.answers = {"https://a.example": 503, "https://loose.example": 503}
    tell(world)
    assert told_of(world) == ["created"]
    assert sorted(told_of(world, "https://loose.example")) == ["canceled", "created", "held"]
    world.webhooks.answers = {}
    world.clock.advance(timedelta(seconds=5))
    tell(world)
    assert told_of(world) == ["created", "created", "held", "canceled"]


def test_one_piece_that_waits_does_not_hold_another(world: World) -> None:
    endpoint = world.add_endpoint()
    first = three_events(world)
    waiting = world.rows(deliveries, deliveries.c.piece_id == first, deliveries.c.sequence == 1)[0]
    world.set(deliveries, waiting.id, next_attempt_at=START + timedelta(hours=1))
    second = three_events(world)
    tell(world)
    assert world.count(deliveries, deliveries.c.piece_id == second, deliveries.c.status == "delivered") == 3
    assert world.count(deliveries, deliveries.c.piece_id == first, deliveries.c.status == "delivered") == 0
    assert endpoint == waiting.endpoint_id


def test_ten_attempts_on_the_schedule_and_no_more(world: World) -> None:
    world.add_endpoint()
    world.webhooks.answers["https://a.example"] = 500
    world.add_pieces(1)
    publish_all(world)
    for wait_s in WAITS_S:
        tell(world)
        [row] = world.rows(deliveries)
        assert (row.status, row.next_attempt_at) == ("pending", world.clock() + timedelta(seconds=wait_s))
        world.clock.advance(timedelta(seconds=wait_s - 1))
        assert world.run("notify") == 0
        world.clock.advance(timedelta(seconds=1))
    tell(world)
    [row] = world.rows(deliveries)
    assert (row.status, row.tries, world.count(attempts)) == ("exhausted", 10, 10)
    assert sorted(one.number for one in world.rows(attempts)) == list(range(1, 11))
    world.clock.advance(timedelta(days=30))
    assert world.run("notify") == 0


def test_an_exhausted_event_lets_the_next_one_go(world: World) -> None:
    world.add_endpoint()
    piece_id = three_events(world)
    first = world.rows(deliveries, deliveries.c.piece_id == piece_id, deliveries.c.sequence == 1)[0]
    world.set(deliveries, first.id, tries=9)
    world.webhooks.answers["https://a.example"] = 500
    world.run("notify")
    world.webhooks.answers.clear()
    tell(world)
    assert told_of(world) == ["created", "held", "canceled"]


@pytest.mark.parametrize(("asked_s", "waits_s"), [(3, 5), (600, 600), (10**9, 86_400)])
def test_a_receiver_that_asks_for_time_gets_it_within_reason(world: World, asked_s: float, waits_s: float) -> None:
    world.add_endpoint()
    world.webhooks.answers["https://a.example"] = 429
    world.webhooks.retry_after_s = asked_s
    world.add_pieces(1)
    publish_all(world)
    tell(world)
    assert world.rows(deliveries)[0].next_attempt_at == START + timedelta(seconds=waits_s)


def test_a_receiver_that_is_gone_is_told_nothing_more(world: World) -> None:
    endpoint = world.add_endpoint()
    three_events(world)
    world.webhooks.answers["https://a.example"] = 410
    tell(world)
    [row] = world.rows(endpoints)
    assert (row.id, row.disabled_at, row.disabled_reason) == (endpoint, START, "answered 410 Gone")
    world.clock.advance(timedelta(seconds=5))
    world.webhooks.answers.clear()
    tell(world)
    assert {row.status for row in world.rows(deliveries)} == {"canceled"}
    assert told_of(world) == ["created"]


def test_deliveries_to_an_endpoint_that_was_disabled_are_canceled_unsent(world: World) -> None:
    endpoint = world.add_endpoint()
    three_events(world)
    world.set(endpoints, endpoint, disabled_at=START)
    tell(world)
    assert {row.status for row in world.rows(deliveries)} == {"canceled"}
    assert world.webhooks.sent == []
    assert world.count(attempts) == 0


def test_a_worker_that_lost_its_lease_leaves_the_delivery_to_the_other(world: World) -> None:
    world.add_endpoint()
    world.add_pieces(1)
    publish_all(world)
    [row] = world.rows(deliveries)
    send = world.webhooks.send

    def overtaken(outgoing: object, now: object) -> object:
        world.set(deliveries, row.id, claim_token="cl_other", attempt=9)
        return send(outgoing, now)  # type: ignore[arg-type]

    world.webhooks.send = overtaken  # type: ignore[method-assign, assignment]
    world.run("notify")
    [row] = world.rows(deliveries)
    assert (row.status, row.claim_token, row.tries) == ("pending", "cl_other", 0)

"""Sending webhooks to real receivers: good ones, slow ones, hostile ones; and never to an address that is not public."""

import asyncio
import gc
import gzip
import itertools
import json
import socket
import threading
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
import standardwebhooks

from adapters.webhooks import pools
from adapters.webhooks.sender import HttpWebhookSender, Limits
from pipeline.errors import Transient
from pipeline.ports import Attempt, Outgoing
from tests.contract.webhook_receiver import OK, PATIENT, Connection, Receiver, Script, receiving, says, silent
from tests.waiting import PLENTY_S, until

NEW, OLD, OTHER = ("whsec_" + letter * 32 for letter in "ABC")
BODY = json.dumps({"type": "mail.mailed", "data": {"id": "ml_1"}}).encode()
HASTY = replace(PATIENT, total_s=0.4)
LOCAL = ("127.0.0.0/8", "hooks.example.com", "localhost")


def resolver(host: str, port: int) -> Sequence[str]:
    return ["127.0.0.1"]


@pytest.fixture
def sender() -> Iterator[HttpWebhookSender]:
    sender = HttpWebhookSender("live", allow=LOCAL, limits=PATIENT, resolver=resolver)
    yield sender
    sender.close()


@pytest.fixture
def hasty() -> Iterator[HttpWebhookSender]:
    sender = HttpWebhookSender("live", allow=LOCAL, limits=HASTY, resolver=resolver)
    yield sender
    sender.close()


def outgoing(url: str, number: int = 1, *, attempt: int = 1, secrets: tuple[str, ...] = (NEW, OLD)) -> Outgoing:
    return Outgoing(f"dl_{number}", f"ev_{number}", url, BODY, secrets, attempt, "mail.mailed")


def now() -> datetime:
    return datetime.now(UTC)


def send_one(sender: HttpWebhookSender, url: str, at: datetime | None = None) -> Attempt:
    [attempt] = sender.send([outgoing(url)], at or now())
    return attempt


def answered(sender: HttpWebhookSender, *parts: bytes, **how: object) -> Attempt:
    with receiving(says(*parts, **how)) as receiver:
        return send_one(sender, receiver.url)


def test_a_webhook_arrives_as_it_was_made(sender: HttpWebhookSender) -> None:
    with receiving() as receiver:
        at = now()
        [attempt] = sender.send([outgoing(receiver.url + "?a=b", attempt=3)], at)
    [request] = receiver.requests
    assert attempt.delivered
    assert (attempt.status_code, attempt.error, attempt.response, attempt.gone) == (200, "", "ok", False)
    assert request.line == "POST /hook?a=b HTTP/1.1"
    assert request.body == BODY
    assert request.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "ev_1"
    assert request.headers["webhook-timestamp"] == str(int(at.timestamp()))
    assert request.headers["webhook-attempt"] == "3"
    assert request.headers["webhook-event-type"] == "mail.mailed"
    assert not {"cookie", "authorization"} & request.headers.keys()


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_an_independent_library_accepts_it_with_either_secret(sender: HttpWebhookSender, secret: str) -> None:
    with receiving() as receiver:
        send_one(sender, receiver.url)
    [request] = receiver.requests
    assert standardwebhooks.Webhook(secret).verify(request.body.decode(), request.headers) == json.loads(BODY)


@pytest.mark.parametrize("what", ["body", "id", "timestamp", "secret"])
def test_an_independent_library_rejects_what_was_tampered_with(sender: HttpWebhookSender, what: str) -> None:
    with receiving() as receiver:
        send_one(sender, receiver.url)
    [request] = receiver.requests
    headers, body = dict(request.headers), request.body.decode()
    if what == "body":
        body = body.replace("ml_1", "ml_2")
    elif what == "id":
        headers["webhook-id"] = "ev_2"
    elif what == "timestamp":
        headers["webhook-timestamp"] = str(int(headers["webhook-timestamp"]) - 1)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(OTHER if what == "secret" else NEW).verify(body, headers)


def test_attempts_share_the_id_and_sign_their_own_time(sender: HttpWebhookSender) -> None:
    with receiving() as receiver:
        for wait_s in (0, 300):
            sender.send([outgoing(receiver.url)], now() + timedelta(seconds=wait_s))
    first, second = (request.headers for request in receiver.requests)
    assert first["webhook-id"] == second["webhook-id"]
    assert int(second["webhook-timestamp"]) - int(first["webhook-timestamp"]) >= 299
    assert first["webhook-signature"] != second["webhook-signature"]


def test_cookies_and_proxies_are_left_alone(sender: HttpWebhookSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with receiving(says(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n")) as receiver:
        attempts = [send_one(sender, receiver.url) for _ in range(2)]
    assert all(attempt.delivered for attempt in attempts)
    assert "cookie" not in receiver.requests[1].headers


def test_connections_are_kept_and_shared(sender: HttpWebhookSender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pools, "_KEEP_S", 600.0)
    with receiving() as receiver:
        for _ in range(3):
            assert len(sender.send([outgoing(receiver.url, n) for n in range(50)], now())) == 50
    assert len(receiver.requests) == 150
    assert receiver.connections <= Limits().per_origin


def test_many_threads_share_one_sender(sender: HttpWebhookSender) -> None:
    found: list[Attempt] = []
    with receiving() as receiver:
        work = [outgoing(receiver.url, n) for n in range(20)]
        threads = [threading.Thread(target=lambda: found.extend(sender.send(work, now()))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(found) == 160
    assert all(attempt.delivered for attempt in found)


def test_a_connection_that_was_closed_meanwhile_is_opened_again(sender: HttpWebhookSender) -> None:
    """Also where the receiver hangs up just as the next request comes: nothing tells before it is sent."""
    turn = itertools.count()

    async def hangs_up_on_the_second(connection: Connection, receiver: Receiver) -> None:
        if next(turn) == 1:
            connection.writer.transport.abort()
        else:
            connection.writer.write(OK)

    with receiving(hangs_up_on_the_second) as receiver:
        assert send_one(sender, receiver.url).delivered
        assert send_one(sender, receiver.url).delivered
        assert len(receiver.requests) == 3


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_any_2xx_is_delivered(sender: HttpWebhookSender, status: int) -> None:
    assert answered(sender, b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status).delivered


@pytest.mark.parametrize("status", [400, 401, 404, 409, 500, 502])
def test_other_statuses_are_not(sender: HttpWebhookSender, status: int) -> None:
    attempt = answered(sender, b"HTTP/1.1 %d X\r\nContent-Length: 4\r\n\r\nwhy?" % status)
    assert (attempt.delivered, attempt.status_code, attempt.error) == (False, status, "http_status")
    assert (attempt.response, attempt.gone, attempt.retry_after_s) == ("why?", False, None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(sender: HttpWebhookSender, status: int) -> None:
    with receiving() as inner:
        head = f"HTTP/1.1 {status} X\r\nLocation: {inner.url}\r\nContent-Length: 0\r\n\r\n"
        attempt = answered(sender, head.encode())
        assert inner.requests == []
    assert (attempt.delivered, attempt.status_code, attempt.error) == (False, status, "redirect")


def test_gone_says_so(sender: HttpWebhookSender) -> None:
    attempt = answered(sender, b"HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n")
    assert (attempt.delivered, attempt.gone) == (False, True)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_read_in_seconds_and_as_a_date(sender: HttpWebhookSender, status: int) -> None:
    head = b"HTTP/1.1 %d X\r\nRetry-After: %s\r\nContent-Length: 0\r\n\r\n"
    assert answered(sender, head % (status, b"7")).retry_after_s == 7
    at = now().replace(microsecond=0)
    date = (at + timedelta(minutes=10)).strftime("%a, %d %b %Y %H:%M:%S GMT").encode()
    with receiving(says(head % (status, date))) as receiver:
        assert send_one(sender, receiver.url, at).retry_after_s == 600


def test_retry_after_counts_only_where_it_has_a_meaning(sender: HttpWebhookSender) -> None:
    assert answered(sender, b"HTTP/1.1 500 X\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n").retry_after_s is None


def test_a_receiver_that_never_answers_is_cut_at_the_deadline(hasty: HttpWebhookSender) -> None:
    with receiving(silent) as receiver:
        attempt = send_one(hasty, receiver.url)
    assert (attempt.error, attempt.status_code, attempt.delivered) == ("timeout", None, False)
    assert attempt.duration_ms >= 400


def test_a_receiver_that_drips_its_headers_is_cut_at_the_deadline(hasty: HttpWebhookSender) -> None:
    drops = [b"HTTP/1.1 200 OK\r\n", *(b"X-%d: y\r\n" % n for n in range(1_000))]
    attempt = answered(hasty, *drops, pause_s=0.02)
    assert (attempt.error, attempt.delivered) == ("timeout", False)


def test_a_status_counts_though_its_body_never_ends() -> None:
    drops = [b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", *([b"x"] * 1_000)]
    for total_s in (0.4, 4.0, 40.0):  # a status that a slow machine does not read in time may come in the next
        sender = HttpWebhookSender("live", allow=LOCAL, limits=replace(PATIENT, total_s=total_s), resolver=resolver)
        attempt = answered(sender, *drops, pause_s=0.02)
        sender.close()
        assert attempt.duration_ms >= total_s * 1000
        if attempt.delivered:
            break
    assert attempt.delivered


def test_a_huge_body_is_read_no_further_than_64_kb(sender: HttpWebhookSender) -> None:
    """The rest fills the socket's buffers and stays with the receiver."""
    piece = b"x" * 65_536
    with receiving(says(b"HTTP/1.1 500 X\r\nContent-Length: 10000000000\r\n\r\n", *([piece] * 1_000))) as receiver:
        attempt = send_one(sender, receiver.url)
        assert len(attempt.response) == 8 * 1024
        assert receiver.written < 500 * len(piece)
    assert (attempt.status_code, attempt.error) == (500, "http_status")


def test_a_gzip_bomb_is_not_unpacked(sender: HttpWebhookSender) -> None:
    bomb = gzip.compress(b"\x00" * 50_000_000)
    head = b"HTTP/1.1 500 X\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    attempt = answered(sender, head + bomb)
    assert (attempt.status_code, attempt.response) == (500, "")


@pytest.mark.parametrize(
    "garbage",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"<html>HTTP/0.9</html>\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 40_000,
        b"",
    ],
)
def test_what_is_not_http_is_a_bad_response(sender: HttpWebhookSender, garbage: bytes) -> None:
    attempt = answered(sender, garbage, close=True)
    assert (attempt.delivered, attempt.error, attempt.status_code) == (False, "bad_response", None)


def test_a_lying_length_harms_nobody(sender: HttpWebhookSender) -> None:
    attempt = answered(sender, b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", close=True)
    assert (attempt.delivered, attempt.response) == (True, "short")


def test_nobody_listens(sender: HttpWebhookSender) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        attempt = send_one(sender, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert (attempt.error, attempt.status_code) == ("connection_refused", None)


def test_what_finds_no_connection_in_time_was_not_tried() -> None:
    """Four connections are in use: six more wait in vain, and count no attempt."""
    sender = HttpWebhookSender(
        "live", allow=LOCAL, limits=replace(PATIENT, queue_s=0.2, per_origin=4), resolver=resolver
    )
    first: list[Attempt] = []
    go = threading.Event()
    with receiving(when(go)) as receiver:
        work = [outgoing(receiver.url, n) for n in range(4)]
        using = threading.Thread(target=lambda: first.extend(sender.send(work, now())))
        using.start()
        until(lambda: len(receiver.requests) == 4)
        assert sender.send([outgoing(receiver.url, n) for n in range(4, 10)], now()) == []
        go.set()
        using.join()
    sender.close()
    assert [attempt.delivered for attempt in first] == [True] * 4
    assert len(receiver.requests) == 4


def test_a_hanging_receiver_keeps_no_other_from_its_webhook(sender: HttpWebhookSender) -> None:
    """It hangs until the other has its webhook."""
    go = threading.Event()

    async def frees_the_other(connection: Connection, receiver: Receiver) -> None:
        go.set()
        connection.writer.write(OK)

    with receiving(when(go)) as hanging, receiving(frees_the_other) as alive:
        attempts = sender.send([outgoing(hanging.url, 1), outgoing(alive.url, 2)], now())
    assert [(attempt.delivery_id, attempt.delivered) for attempt in attempts] == [("dl_1", True), ("dl_2", True)]


def when(go: threading.Event) -> Script:
    """Answers all its requests once it may, and refuses where that takes too long."""

    async def script(connection: Connection, receiver: Receiver) -> None:
        let = await asyncio.to_thread(go.wait, PLENTY_S)
        connection.writer.write(OK if let else b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n")

    return script


@pytest.mark.parametrize("steps", range(16))
def test_whatever_is_about_to_begin_when_it_is_closed_ends_in_order(steps: int) -> None:
    """Of what is thrown away before it began, Python says that nobody awaited it."""

    async def close_after(sender: HttpWebhookSender, url: str) -> None:
        sending = asyncio.create_task(sender._all([outgoing(url)], now()))
        for _ in range(steps):
            await asyncio.sleep(0)
        await sender._stop()
        assert sending.cancelled()

    with receiving(silent) as receiver, warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        sender = HttpWebhookSender("live", allow=LOCAL, limits=PATIENT, resolver=resolver)
        asyncio.run(close_after(sender, receiver.url))
        gc.collect()
    assert [str(one.message) for one in said] == []


def test_closing_ends_what_is_being_sent() -> None:
    sender = HttpWebhookSender("live", allow=LOCAL, limits=PATIENT, resolver=resolver)
    failures: list[str] = []

    def work(url: str) -> None:
        try:
            send_one(sender, url)
        except Transient as error:
            failures.append(error.code)

    with receiving(silent) as receiver:
        thread = threading.Thread(target=work, args=(receiver.url,))
        thread.start()
        until(lambda: receiver.requests)
        sender.close()
        thread.join()
    work("http://127.0.0.1:1/")
    assert failures == ["stopping", "stopping"]


def test_the_clock_of_the_signature_is_the_one_given(sender: HttpWebhookSender) -> None:
    east = timezone(timedelta(hours=9))
    with receiving() as receiver:
        sender.send([outgoing(receiver.url)], datetime(2026, 11, 2, 21, 0, tzinfo=east))
    assert receiver.requests[0].headers["webhook-timestamp"] == str(
        int(datetime(2026, 11, 2, 12, tzinfo=UTC).timestamp())
    )

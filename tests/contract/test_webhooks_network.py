"""The door to the network: what a name leads to is judged where the socket opens, and TLS is verified."""

import asyncio
import gc
import itertools
import ssl
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.webhooks.network import BlockedError, Resolver, _verified
from adapters.webhooks.sender import HttpWebhookSender, Limits
from pipeline.ports import Attempt, Outgoing
from tests.contract.webhook_receiver import PATIENT, Receiver, receiving, silent
from tests.waiting import PLENTY_S, until

HOST = "hooks.example.com"
PUBLIC = "93.184.216.34"
SECRET = "whsec_" + "A" * 32
HASTY = replace(PATIENT, connect_s=0.4)
"""For tests that wait until a connection is given up."""


class Names:
    """Answers each look-up with the next of its answers, the last one over and over."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = answers
        self._turn = itertools.count()
        self.asked: list[tuple[str, int]] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append((host, port))
        return self._answers[min(next(self._turn), len(self._answers) - 1)]


def send(
    url: str,
    resolver: Resolver,
    *allow: str,
    mode: str = "live",
    tls: ssl.SSLContext | None = None,
    times: int = 1,
    limits: Limits = PATIENT,
) -> Attempt:
    """The last of some attempts, one after the other."""
    sender = HttpWebhookSender(mode, allow=allow, resolver=resolver, limits=limits, tls=tls)
    try:
        for _ in range(times):
            [attempt] = sender.send([Outgoing("dl_1", "ev_1", url, b"{}", (SECRET,), 1)], datetime.now(UTC))
        return attempt
    finally:
        sender.close()


def url_of(receiver: Receiver, host: str = HOST) -> str:
    return f"http://{host}:{receiver.port}/"


def test_a_name_that_changes_its_answer_after_the_check_gains_nothing() -> None:
    names = Names([PUBLIC], ["127.0.0.1"])
    sender = HttpWebhookSender("live", resolver=names, limits=PATIENT)
    url = f"https://{HOST}/"
    assert sender.check(url) == ()
    [attempt] = sender.send([Outgoing("dl_1", "ev_1", url, b"{}", (SECRET,), 1)], datetime.now(UTC))
    sender.close()
    assert (attempt.error, attempt.status_code) == ("blocked_address", None)


def test_the_address_that_was_judged_is_the_one_connected_to() -> None:
    """One look-up for one connection: there is no second answer to fall for."""
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with receiving() as receiver:
        assert send(url_of(receiver), names, "127.0.0.1/32").delivered
    assert names.asked == [(HOST, receiver.port)]


def test_each_new_connection_is_judged_anew() -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])

    async def close(connection: Any, receiver: Receiver) -> None:
        connection.writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")

    with receiving(close) as receiver:
        assert send(url_of(receiver), names, "127.0.0.1/32", times=2).error == "blocked_address"
        assert receiver.connections == 1


@pytest.mark.parametrize("answers", [["127.0.0.1", "10.0.0.1"], ["10.0.0.1", "127.0.0.1"], ["127.0.0.1", "::1"]])
def test_one_forbidden_address_among_others_blocks_the_name(answers: list[str]) -> None:
    with receiving() as receiver:
        target = f"https://{HOST}:8443/"
        assert send(target, Names(answers), "127.0.0.1/32").error == "blocked_address"
        assert send(url_of(receiver), Names(answers), "127.0.0.1/32").error == "blocked_address"
        assert receiver.connections == 0


@pytest.mark.parametrize("mode", ["live", "test"])
@pytest.mark.parametrize(
    "address", ["127.0.0.1", "169.254.169.254", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "fe80::1%lo"]
)
def test_no_name_leads_inside(mode: str, address: str) -> None:
    assert send(f"https://{HOST}/", Names([address]), mode=mode).error == "blocked_address"


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "https://[::1]/", "ftp://x/", "https://2130706433/"])
def test_a_stored_url_that_may_not_be_one_is_blocked_without_a_look_up(url: str) -> None:
    names = Names(["127.0.0.1"])
    assert send(url, names).error == "blocked_address"
    assert names.asked == []


def test_the_next_address_is_tried_where_one_does_not_answer() -> None:
    with receiving() as receiver:
        attempt = send(url_of(receiver), Names(["127.0.0.9", "127.0.0.1"]), "127.0.0.0/8")
    assert attempt.delivered


def test_a_name_that_leads_nowhere_says_no_more_than_a_closed_port() -> None:
    def nowhere(host: str, port: int) -> Sequence[str]:
        raise OSError("NXDOMAIN")

    assert send(f"https://{HOST}/", nowhere).error == "connection_refused"
    assert send(f"https://{HOST}/", Names([]), HOST).error == "connection_refused"


def test_a_silent_name_server_is_a_timeout_and_holds_one_thread_a_name() -> None:
    release = threading.Event()
    asked: list[str] = []

    def slow(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        release.wait(PLENTY_S)
        return [PUBLIC]

    sender = HttpWebhookSender("live", resolver=slow, limits=HASTY)
    outgoing = [Outgoing(f"dl_{n}", "ev", f"https://{HOST}/", b"{}", (SECRET,), 1) for n in range(20)]
    attempts = sender.send(outgoing, datetime.now(UTC))
    release.set()
    sender.close()
    assert {attempt.error for attempt in attempts} == {"timeout"}
    assert max(attempt.duration_ms for attempt in attempts) < 1_000 * HASTY.total_s  # connecting alone ran out of time
    assert asked == [HOST]


def test_a_name_that_fails_after_all_have_given_up_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    release, ended = threading.Event(), threading.Event()

    def slow(host: str, port: int) -> Sequence[str]:
        release.wait(PLENTY_S)
        ended.set()
        raise OSError("SERVFAIL")

    def attempt(sender: HttpWebhookSender) -> str:
        [one] = sender.send([Outgoing("dl_1", "ev", f"https://{HOST}/", b"{}", (SECRET,), 1)], datetime.now(UTC))
        return one.error

    sender = HttpWebhookSender("live", resolver=slow, limits=HASTY)
    assert attempt(sender) == "timeout"
    release.set()
    assert ended.wait(PLENTY_S)
    until(lambda: attempt(sender) == "connection_refused")
    release.clear()
    assert attempt(sender) == "timeout"
    sender.close()
    release.set()
    gc.collect()
    assert caplog.text == ""


def test_a_peer_that_is_not_the_checked_address_is_left() -> None:
    class Stream:
        closed = False

        def get_extra_info(self, _: str) -> tuple[str, int]:
            return ("10.0.0.1", 443)

        async def aclose(self) -> None:
            self.closed = True

    stream: Any = Stream()
    with pytest.raises(BlockedError):
        asyncio.run(_verified(stream, ip_address(PUBLIC)))
    assert stream.closed
    kept = asyncio.run(_verified(stream, ip_address("10.0.0.1")))
    assert kept.get_extra_info("server_addr") == ("10.0.0.1", 443)


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    """A server's TLS for a self-signed certificate of this name, and the file to trust it by."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    today = datetime.now(UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{name}.pem", folder / f"{name}.key"
    pem.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(pem, secret)
    return served, pem


def test_tls_is_verified_against_the_name_of_the_url(tmp_path: Path) -> None:
    served, pem = certificate(tmp_path, HOST)
    shown: list[str | None] = []
    served.sni_callback = lambda _socket, name, _context: shown.append(name)
    with receiving(tls=served, host=HOST) as receiver:
        trusting = ssl.create_default_context(cafile=str(pem))
        assert send(receiver.url, Names(["127.0.0.1"]), "127.0.0.0/8", tls=trusting).delivered
    assert shown == [HOST]
    assert receiver.requests[0].headers["host"] == f"{HOST}:{receiver.port}"


def test_a_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    served, _ = certificate(tmp_path, HOST)
    with receiving(tls=served, host=HOST) as receiver:
        attempt = send(receiver.url, Names(["127.0.0.1"]), "127.0.0.0/8")
        assert receiver.requests == []
    assert (attempt.error, attempt.status_code) == ("tls_error", None)


def test_a_certificate_of_another_name_is_refused(tmp_path: Path) -> None:
    served, pem = certificate(tmp_path, "other.example.com")
    with receiving(tls=served, host=HOST) as receiver:
        trusting = ssl.create_default_context(cafile=str(pem))
        attempt = send(receiver.url, Names(["127.0.0.1"]), "127.0.0.0/8", tls=trusting)
        assert receiver.requests == []
    assert attempt.error == "tls_error"


def test_a_server_that_never_shakes_hands_is_a_timeout() -> None:
    with receiving(silent, host=HOST) as receiver:
        attempt = send(f"https://{HOST}:{receiver.port}/", Names(["127.0.0.1"]), "127.0.0.0/8", limits=HASTY)
    assert attempt.error == "timeout"
    assert attempt.duration_ms < 1_000 * HASTY.total_s

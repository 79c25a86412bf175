"""What every carrier does, asked over real HTTP: the IV-MTR client against a carrier that speaks its protocol."""

import json
import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from adapters.carriers.ivmtr import CLIENT_ID, SCOPE, IvMtrCarrier
from ops.services.process import free_port
from ops.simulators.carrier import DELIVERY_CODE, Habits
from ops.simulators.carrier.desk import Desk, Mishap, Users
from ops.simulators.carrier.post import Post
from pipeline.clock import ManualClock
from pipeline.errors import Permanent, Transient
from pipeline.lifecycle import Status
from pipeline.stages.scan_meaning import meaning
from tests.waiting import PLENTY_S

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
FIXTURES = Path(__file__).parents[2] / "fixtures/scans"


def imb(number: int, zip_code: str = "94107") -> str:
    return f"00310899999{number:09d}{zip_code}123401"


class Counter:
    """A carrier's desk on loopback and a client for it, on one clock moved by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock(START)
        self.seconds = lambda: self.clock().timestamp()
        self.post = Post(folder / "state", Habits(), self.seconds)
        self.users = Users("ada", "secret word", self.seconds)
        self.desk = Desk(free_port(), self.post, self.users)
        self.thread = self.desk.serve_in_thread()
        self.clients: list[IvMtrCarrier] = []

    def client(self, password: str = "secret word", timeout_s: float = PLENTY_S, url: str = "") -> IvMtrCarrier:
        url = url or self.desk.url
        carrier = IvMtrCarrier(
            base_url=f"{url}/ivws_api/informedvisapi",
            auth_url=url,
            username="ada",
            password=password,
            machine_clock=self.clock,
            in_flight=8,
            timeout_s=timeout_s,
        )
        self.clients.append(carrier)
        return carrier

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.desk.shutdown()
        self.desk.server_close()
        self.thread.join()
        self.post.close()


@pytest.fixture
def counter(tmp_path: Path) -> Iterator[Counter]:
    counter = Counter(tmp_path)
    yield counter
    counter.close()


def test_a_piece_never_scanned_has_an_empty_list(counter: Counter) -> None:
    assert counter.client().scans([imb(1), imb(2)]) == {imb(1): [], imb(2): []}


def test_nothing_asked_nothing_told(counter: Counter) -> None:
    assert counter.client("wrong").scans([]) == {}


def test_a_whole_journey_is_told_in_utc(counter: Counter) -> None:
    counter.post.induct([imb(1)])
    carrier = counter.client()
    seen = []
    for _ in range(10):
        counter.clock.advance(timedelta(hours=12))
        seen.append(carrier.scans([imb(1)])[imb(1)])
    assert [len(scans) for scans in seen] == sorted(len(scans) for scans in seen)
    scans = seen[-1]
    assert len(scans) == 8
    assert [scan.at for scan in scans] == sorted(scan.at for scan in scans)
    assert all(START < scan.at <= counter.clock() and scan.at.tzinfo is UTC for scan in scans)
    assert {scan.imb for scan in scans} == {imb(1)}
    assert scans[-1].facility_zip == "90052"
    shown = [meaning(scan, {DELIVERY_CODE}) for scan in scans]
    assert shown == [Status.IN_TRANSIT] * 4 + [Status.OUT_FOR_DELIVERY] * 3 + [Status.DELIVERED]


def test_many_are_asked_side_by_side(counter: Counter) -> None:
    """The counter answers only when eight ask at the same time; a client that asks fewer at a time breaks the barrier."""
    eight, right = threading.Barrier(8, timeout=60), counter.post.scans

    def scans(asked: str) -> list[dict[str, object]] | None:
        eight.wait()
        return right(asked)

    counter.post.scans = scans  # type: ignore[method-assign]
    found = counter.client(timeout_s=120).scans([imb(n) for n in range(32)] * 2)
    assert len(found) == 32
    assert not eight.broken


def test_the_sign_on_is_that_of_the_toolkit(counter: Counter) -> None:
    grants: list[dict[str, str]] = []
    right = counter.users.sign_on
    counter.users.sign_on = lambda grant: grants.append(grant) or right(grant)  # type: ignore[method-assign,func-returns-value]
    carrier = counter.client()
    carrier.scans([imb(1)])
    carrier.scans([imb(1)])
    assert grants == [
        {
            "username": "ada",
            "password": "secret word",
            "grant_type": "authorization",
            "response_type": "token",
            "scope": SCOPE,
            "client_id": CLIENT_ID,
        }
    ]
    counter.clock.advance(timedelta(minutes=14, seconds=1))
    carrier.scans([imb(1)])
    assert len(grants) == 2


def test_a_refused_token_is_renewed_once_for_all_threads(counter: Counter) -> None:
    grants = []
    right = counter.users.sign_on
    counter.users.sign_on = lambda grant: grants.append(1) or right(grant)  # type: ignore[method-assign,func-returns-value]
    carrier = counter.client()
    carrier.scans([imb(1)])
    counter.users.revoke_all()
    assert len(carrier.scans([imb(n) for n in range(50)])) == 50
    assert len(grants) == 2


@pytest.mark.parametrize("status", [401, 403])
def test_a_user_that_is_still_refused_is_a_matter_for_a_person(counter: Counter, status: int) -> None:
    counter.desk.mishaps.extend([Mishap(status)] * 2)
    with pytest.raises(Permanent) as caught:
        counter.client().scans([imb(1)])
    assert caught.value.code == "carrier_refused_credentials"
    assert "MAILSTREAM_IVMTR_PASSWORD" in str(caught.value)


def test_a_wrong_password_is_told_without_showing_it(counter: Counter) -> None:
    with pytest.raises(Permanent) as caught:
        counter.client("wrong word").scans([imb(1)])
    assert caught.value.code == "carrier_refused_credentials"
    assert "wrong word" not in str(caught.value)


@pytest.mark.parametrize("status", [429, 503])
def test_overload_waits_as_long_as_it_asks(counter: Counter, status: int) -> None:
    counter.desk.mishaps.append(Mishap(status, headers=(("Retry-After", "7"),)))
    with pytest.raises(Transient) as caught:
        counter.client().scans([imb(n) for n in range(20)])
    assert (caught.value.code, caught.value.retry_after_s) == ("carrier_busy", 7.0)


def test_an_overloaded_sign_on_waits_too(counter: Counter) -> None:
    counter.desk.sign_on_mishaps.append(Mishap(503))
    with pytest.raises(Transient) as caught:
        counter.client().scans([imb(1)])
    assert (caught.value.code, caught.value.retry_after_s) == ("carrier_busy", None)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"access_token": null, "expires_in": "soon"}', b"{}"])
def test_a_sign_on_without_a_token_is_tried_again(counter: Counter, body: bytes) -> None:
    counter.desk.sign_on_mishaps.append(Mishap(200, body))
    with pytest.raises(Transient):
        counter.client().scans([imb(1)])


BROKEN = [
    Mishap(500),
    Mishap(502, b"<html>Bad gateway</html>"),
    Mishap(200, b"{"),
    Mishap(200, b"\xff\xfe"),
    Mishap(200, (FIXTURES / "no-data.json").read_bytes()),
    Mishap(404, b'{"message": "Not found."}'),
    Mishap(302, headers=(("Location", "http://127.0.0.1:9/"),)),
]


@pytest.mark.parametrize("mishap", BROKEN)
def test_a_broken_answer_is_asked_for_once_more(counter: Counter, mishap: Mishap) -> None:
    counter.desk.mishaps.append(mishap)
    assert counter.client().scans([imb(1)]) == {imb(1): []}


@pytest.mark.parametrize("mishap", BROKEN)
def test_only_broken_answers_are_transient(counter: Counter, mishap: Mishap) -> None:
    counter.desk.mishaps.extend([mishap] * 2)
    with pytest.raises(Transient) as caught, capture_logs() as logs:
        counter.client().scans([imb(1)])
    assert caught.value.code == "carrier_unavailable"
    assert [log["serial"] for log in logs] == ["000000001"]
    assert imb(1) not in str(logs)


def test_one_piece_that_always_fails_does_not_hold_up_the_others(counter: Counter) -> None:
    counter.post.induct([imb(n) for n in range(9)])
    counter.clock.advance(timedelta(days=5))
    scans = counter.post.scans
    counter.post.scans = lambda one: {"not": "a list"} if one == imb(4) else scans(one)  # type: ignore[method-assign,assignment,return-value]
    with capture_logs() as logs:
        found = counter.client().scans([imb(n) for n in range(9)])
    assert found.keys() == {imb(n) for n in range(9) if n != 4}
    assert all(len(one) == 8 for one in found.values())
    assert [(log["event"], log["serial"]) for log in logs] == [("carrier.piece_left_out", "000000004")]


def test_an_answer_that_does_not_come_is_transient(counter: Counter) -> None:
    counter.desk.mishaps.append(Mishap(wait_s=1.0))
    with pytest.raises(Transient) as caught:
        counter.client(timeout_s=0.2).scans([imb(1)])
    assert caught.value.code == "carrier_unreachable"


def test_nobody_there_is_transient_and_names_no_barcode(counter: Counter) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        carrier = counter.client(url=f"http://127.0.0.1:{closed.getsockname()[1]}")
        with pytest.raises(Transient) as caught:
            carrier.scans([imb(1)])
    assert caught.value.code == "carrier_unreachable"
    assert imb(1)[:20] not in repr(caught.value) + repr(caught.value.__cause__)


def test_a_kept_connection_that_was_closed_is_opened_again(counter: Counter) -> None:
    carrier = counter.client()
    carrier.scans([imb(1)])
    port = counter.desk.server_port
    counter.desk.shutdown()
    counter.desk.server_close()
    counter.thread.join()
    counter.desk = Desk(port, counter.post, counter.users)
    counter.thread = counter.desk.serve_in_thread()
    assert carrier.scans([imb(1)]) == {imb(1): []}


@pytest.mark.parametrize("name", ["plain", "numbers-for-text", "unreadable-records", "without-routing"])
def test_odd_records_come_through_the_wire(counter: Counter, name: str) -> None:
    body = (FIXTURES / f"{name}.json").read_bytes()
    counter.desk.mishaps.append(Mishap(200, body))
    asked = json.loads((FIXTURES / "plain.json").read_text())["data"]["imb"]
    assert len(counter.client().scans([asked])[asked]) == 1

"""The simulated carrier: trays in, scans out, nothing forgotten, nothing told before its time."""

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from adapters.carriers.ivmtr import IvMtrCarrier
from ops.services.process import free_port
from ops.simulators.carrier import Habits
from ops.simulators.carrier.journeys import STEPS, destination, journey
from ops.simulators.carrier.post import Post, collect
from pipeline.clock import machine_clock
from tests.waiting import PLENTY_S, until

START = datetime(2026, 11, 2, 12, 0, tzinfo=UTC).timestamp()
DAY_S = 86_400.0
IMBS = [f"00310899999{number:09d}{zip_code}123401" for number, zip_code in enumerate(["02139", "60601", "94107"])]


class Hands:
    """A clock in seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def tray(folder: Path, name: str, imbs: list[str], *more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"imb": imb, "piece": "ml_1", "at": "2026-11-02T11:00:00Z", "printer": "p"}) for imb in imbs]
    path, part = folder / name, folder / f"{name}.writing"
    part.write_text("\n".join([*lines, *more]) + "\n")
    part.rename(path)  # whole from the moment that it is there: a running carrier takes it at once
    return path


def test_a_journey_goes_from_origin_to_delivery() -> None:
    told = [one.record for one in journey(IMBS[2], START, Habits())]
    assert [record["scan_event_code"] for record in told] == [step.code for step in STEPS]
    assert told[-1]["handling_event_type"] == "L"
    assert told[-1]["mail_phase"].startswith("Phase 4c")
    assert {record["scan_facility_zip"] for record in told[2:]} == {"90052"}
    assert 1 <= (journey(IMBS[2], START, Habits())[-1].at - START) / DAY_S <= 4


def test_the_seed_decides() -> None:
    assert journey(IMBS[0], START, Habits(seed=1)) == journey(IMBS[0], START, Habits(seed=1))
    assert journey(IMBS[0], START, Habits(seed=1)) != journey(IMBS[0], START, Habits(seed=2))


def test_speed_compresses_a_journey_into_real_time() -> None:
    slow, fast = (journey(IMBS[0], START, Habits(speed=speed)) for speed in (1, 3_600))
    for one, other in zip(slow, fast, strict=True):
        assert other.at - START == pytest.approx((one.at - START) / 3_600)
    local = fast[0].record["scan_date_time"]
    assert local[:13] in ("2026-11-02T07", "2026-11-02T06", "2026-11-02T05", "2026-11-02T04")


@pytest.mark.parametrize(
    ("imb", "city"),
    [(IMBS[0], "BOSTON"), (IMBS[1], "CAROL STREAM"), (IMBS[2], "LOS ANGELES"), (IMBS[0][:20], "BOSTON")],
)
def test_the_routing_code_says_where_to(imb: str, city: str) -> None:
    assert destination(imb).city == city


def test_late_scans_come_after_their_successors() -> None:
    told = journey(IMBS[0], START, Habits(late=1.0))
    assert [one.at for one in told] == sorted(one.at for one in told)
    assert all(one.told_at > follower.at for one, follower in itertools.pairwise(told))
    assert all(one.told_at >= one.at for one in told)


def test_repeated_and_shuffled_scans_are_the_same_scans() -> None:
    plain = [str(one.record) for one in journey(IMBS[0], START, Habits())]
    twice = [str(one.record) for one in journey(IMBS[0], START, Habits(repeat=1.0))]
    mixed = [str(one.record) for one in journey(IMBS[0], START, Habits(shuffle=True))]
    assert Counter(twice) == Counter(plain + plain)
    assert mixed != plain
    assert sorted(mixed) == sorted(plain)


def test_a_share_is_never_scanned() -> None:
    imbs = [f"00310899999{n:09d}94107123401" for n in range(500)]
    missing = sum(not journey(imb, START, Habits(unscanned=0.2)) for imb in imbs)
    assert 60 < missing < 140


def test_a_scan_is_told_when_its_time_has_come(tmp_path: Path) -> None:
    clock = Hands()
    post = Post(tmp_path / "state", Habits(), clock)
    post.induct([IMBS[0]])
    assert post.scans(IMBS[0]) is None
    counts = []
    for _ in range(40):
        clock.now += DAY_S / 10
        counts.append(len(post.scans(IMBS[0]) or []))
    post.close()
    assert counts == sorted(counts)
    assert set(range(1, 8)) & set(counts)
    assert counts[-1] == len(STEPS)


def test_a_tray_is_taken_once_and_each_barcode_once(tmp_path: Path) -> None:
    post = Post(tmp_path / "state", Habits(), Hands())
    tray(tmp_path / "trays", "a.jsonl", IMBS[:2])
    tray(tmp_path / "trays", "b.jsonl", IMBS)
    tray(tmp_path / "trays", "c.jsonl.part", ["0031089999900000000994107123401"])
    assert collect(tmp_path / "trays", post) == 3
    assert collect(tmp_path / "trays", post) == 0
    post.close()
    assert sorted(path.name for path in (tmp_path / "trays").iterdir()) == ["c.jsonl.part", "taken"]


def test_what_is_no_barcode_is_left_lying(tmp_path: Path) -> None:
    post = Post(tmp_path / "state", Habits(), Hands())
    odd = ['{"imb": "12"}', '{"imb": null}', "[]", "{", '{"piece": "ml_1"}', '{"imb": "' + "٣" * 20 + '"}', ""]
    tray(tmp_path / "trays", "a.jsonl", IMBS[:1], *odd)
    assert collect(tmp_path / "trays", post) == 1
    post.close()


def test_a_torn_line_of_the_state_costs_that_line_alone(tmp_path: Path) -> None:
    clock = Hands()
    post = Post(tmp_path / "state", Habits(), clock)
    post.induct(IMBS[:2])
    post.close()
    whole = (tmp_path / "state").read_bytes()
    (tmp_path / "state").write_bytes(whole[:-10])
    again = Post(tmp_path / "state", Habits(), clock)
    assert len(again) == 1
    assert again.induct(IMBS[:2]) == 1
    again.close()
    assert (tmp_path / "state").read_bytes() == whole


@contextmanager
def process(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "ops.simulators.carrier", "--trays", str(folder / "trays")]
    with subprocess.Popen(
        [*command, "--state", str(folder / "state"), *options], stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        url = running.stdout.readline().split()[-1]
        try:
            yield running, url
        finally:
            running.kill()


def client(url: str) -> IvMtrCarrier:
    return IvMtrCarrier(
        base_url=url,
        auth_url=url,
        username="simulator",
        password="simulator",
        machine_clock=machine_clock,
        timeout_s=PLENTY_S,
    )


def until_pieces(url: str, count: int) -> None:
    told = {"pieces": count}
    until(
        lambda: httpx2.get(f"{url}/healthz", trust_env=False, timeout=PLENTY_S).json() == told, "the tray was not taken"
    )


def test_a_process_delivers_while_the_client_watches(tmp_path: Path) -> None:
    before = machine_clock()
    with process(tmp_path, "--speed", "400000", "--late", "0.3", "--repeat", "0.3", "--shuffle") as (_, url):
        tray(tmp_path / "trays", "a.jsonl", IMBS)
        carrier = client(url)
        end = time.monotonic() + PLENTY_S
        while True:
            found = carrier.scans(IMBS)
            now = machine_clock()
            assert all(before.replace(microsecond=0) <= scan.at <= now for scans in found.values() for scan in scans)
            if all("DLV" in {scan.code for scan in scans} for scans in found.values()):
                break
            assert time.monotonic() < end, "not delivered"
        carrier.close()
    assert all({scan.code for scan in scans} >= {"891", "DLV"} for scans in found.values())


def test_a_killed_process_goes_on_where_it_was(tmp_path: Path) -> None:
    port = str(free_port())
    with process(tmp_path, "--speed", "1e9", "--port", port) as (running, url):
        tray(tmp_path / "trays", "a.jsonl", IMBS[:2])
        until_pieces(url, 2)
        carrier = client(url)
        before = carrier.scans(IMBS)
        os.kill(running.pid, signal.SIGKILL)
        running.wait()
        with process(tmp_path, "--speed", "1e9", "--port", port) as (_, again):
            assert again == url
            tray(tmp_path / "trays", "b.jsonl", IMBS)
            until_pieces(url, 3)
            after = carrier.scans(IMBS)
        carrier.close()
    assert len(before[IMBS[0]]) == len(STEPS)
    assert [after[imb] for imb in IMBS[:2]] == [before[imb] for imb in IMBS[:2]]
    assert before[IMBS[2]] == []
    assert len(after[IMBS[2]]) == len(STEPS)


def test_it_ends_when_told_to(tmp_path: Path) -> None:
    with process(tmp_path) as (running, _):
        running.send_signal(signal.SIGTERM)
        assert running.wait(PLENTY_S) == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 404), ("/api/mt/get/piece/imb/12", 404), (f"/api/mt/get/piece/imb/{IMBS[0]}", 401), ("/healthz", 200)],
)
def test_the_desk_answers_what_it_knows(tmp_path: Path, path: str, status: int) -> None:
    with process(tmp_path) as (_, url):
        assert httpx2.get(url + path, trust_env=False, timeout=PLENTY_S).status_code == status


def test_the_refresh_token_is_good_once(tmp_path: Path) -> None:
    with process(tmp_path) as (_, url), httpx2.Client(base_url=url, trust_env=False, timeout=PLENTY_S) as http:
        grant = {"username": "simulator", "password": "simulator"}
        first = http.post("/oauth/authenticate", json=grant).json()
        renewal = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
        assert http.post("/oauth/token", json=renewal).status_code == 200
        assert http.post("/oauth/token", json=renewal).status_code == 401
        assert http.post("/oauth/authenticate", json={**grant, "password": "x"}).status_code == 401
        assert http.post("/oauth/authenticate", content=b"not json").status_code == 401

"""The service's real processes are killed, stopped and emptied while mail is on its way: nothing is lost, nothing taken twice."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from ops.demo.script import Wanted, read_script
from ops.demo.senders import Ordered, Sender, events_of, listen, order_all, pieces_of, registered
from ops.demo.stage_set import Set, set_up
from tests.e2e.service import wait_for

LEASE_S = 3.0
DELIVERED_WITHIN_S = 150


class Havoc:
    """Does one bad thing after another, from a seed, until told to stop."""

    def __init__(self, stage: Set, seed: int, *, every_s: float, most: int) -> None:
        self._stage = stage
        self._chance = random.Random(seed)
        self._every_s = every_s
        self._most = most
        self.done: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._run, name="havoc")

    def __enter__(self) -> "Havoc":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()

    def _run(self) -> None:
        deeds = [self._kill_worker, self._kill_scheduler, self._kill_api, self._empty_redis, self._freeze_worker]
        deeds += [self._kill_press, self._cut_sftp]
        for number in range(self._most):
            deed = deeds[number % len(deeds)] if number < len(deeds) else self._chance.choice(deeds)
            deed()
            self.done[deed.__name__] += 1
            time.sleep(self._every_s * self._chance.uniform(0.5, 1.5))

    def _kill(self, *names: str) -> None:
        pids = self._stage.supervisor.pids()
        running = [name for name in names if name in pids]
        if running:
            os.kill(pids[self._chance.choice(running)], signal.SIGKILL)

    def _kill_worker(self) -> None:
        self._kill("worker-1", "worker-2")

    def _kill_scheduler(self) -> None:
        self._kill("scheduler")

    def _kill_api(self) -> None:
        self._kill("api")

    def _kill_press(self) -> None:
        self._kill("press-northside", "press-lakeshore")

    def _empty_redis(self) -> None:
        """Killed, and back with nothing in it."""
        self._kill("redis")
        for kept in (self._stage.installation.settings.home / "redis").glob("*.aof"):
            kept.unlink(missing_ok=True)

    def _freeze_worker(self) -> None:
        """Past its lease, then let go on."""
        pid = self._stage.supervisor.pids().get("worker-1")
        if pid is not None:
            os.kill(pid, signal.SIGSTOP)
            time.sleep(LEASE_S + 2)
            os.kill(pid, signal.SIGCONT)

    def _cut_sftp(self) -> None:
        server = self._stage.supervisor.pids().get("sshd")
        if server is not None:
            for children in Path(f"/proc/{server}/task/{server}/children").read_text().split():
                os.kill(int(children), signal.SIGKILL)


def order_stubbornly(sender: Sender, script: list[Wanted]) -> list[Ordered]:
    """As a client that sends a request again, with the same key, until it has an answer."""
    while True:
        try:
            return order_all(sender, script, lambda _: None)
        except (httpx2.TransportError, httpx2.HTTPStatusError):
            time.sleep(0.2)


@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_or_taken_twice(seed: int, tmp_path: Path) -> None:
    _run(seed, tmp_path, deeds=9)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(2, 8))
def test_nothing_is_lost_or_taken_twice_for_longer(seed: int, tmp_path: Path) -> None:
    _run(seed, tmp_path, deeds=25)


def _run(seed: int, folder: Path, *, deeds: int) -> None:
    script = [wanted for wanted in read_script() if wanted.outcome == "delivered"]
    with set_up(folder / "stage", lease_s=str(LEASE_S), sweep_s="1") as stage, registered(stage) as senders:
        for sender in senders:
            listen(sender, stage)
        with Havoc(stage, seed, every_s=1.0, most=deeds) as havoc:
            ordered = [one for sender in senders for one in order_stubbornly(sender, script)]
        assert sum(havoc.done.values()) == deeds

        def all_delivered() -> bool:
            statuses = Counter(piece["status"] for sender in senders for piece in pieces_of(sender))
            return statuses == {"delivered": len(script)}

        wait_for(all_delivered, within_s=DELIVERED_WITHIN_S)
        told = {event["data"]["id"] for event in stage.receiver.events.values() if event["type"] == "mail.delivered"}
        wait_for(lambda: len(_delivered(stage)) == len(script), within_s=30)
        ids = {one.mail_id for one in ordered}
        assert len(ids) == len(script)
        assert told <= ids
        _check_presses(folder / "stage", ids)
        _check_events(stage, senders)
        assert stage.receiver.refused == 0


def _delivered(stage: Set) -> set[str]:
    events = list(stage.receiver.events.values())
    return {event["data"]["id"] for event in events if event["type"] == "mail.delivered"}


def _check_presses(folder: Path, ids: set[str | None]) -> None:
    """By the presses' own journals: every piece came off good exactly once."""
    printed = Counter(event["piece"] for event in _journals(folder) if event["event"] == "printed")
    assert set(printed) == ids
    assert set(printed.values()) == {1}
    assert not [event for event in _journals(folder) if event["event"] in ("repeated", "rejected")]
    trays = [*(folder / "trays").glob("*.jsonl"), *(folder / "trays" / "taken").glob("*.jsonl")]
    mailed = Counter(json.loads(line)["piece"] for tray in trays for line in tray.read_text().splitlines())
    assert set(mailed) == ids
    assert set(mailed.values()) == {1}


def _journals(folder: Path) -> Iterator[dict[str, Any]]:
    for journal in folder.glob("*/journal.jsonl"):
        yield from map(json.loads, journal.read_text().splitlines())


def _check_events(stage: Set, senders: list[Sender]) -> None:
    """The receiver heard all that the API tells of each piece, in sequence."""
    heard: dict[str, list[int]] = defaultdict(list)
    for event in stage.receiver.events.values():
        heard[event["data"]["id"]].append(event["data"]["sequence"])
    for sender in senders:
        for piece in pieces_of(sender):
            events = events_of(sender, piece["id"])
            assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
            told = [e["sequence"] for e in events if e["type"] not in ("mail.ready", "mail.batched")]
            assert heard[piece["id"]] == told

"""Real workers at real SSH servers: one is stopped in the middle of a hand-over and let go when others have done its work, or when
its pieces are made elsewhere. Every drop ends whole and single, and no piece is printed twice."""

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import SQLModel

from adapters.printers.directory import LivePrinters
from ops.services.sshd import SshServer
from ops.simulators.printer.journal import Journal
from ops.simulators.printer.press import Pace, Press
from pipeline.repository.database import Database
from pipeline.repository.printers import Deed
from pipeline.repository.tables import drops, printers
from pipeline.stages.recall import Recall
from tests.e2e.paused.worker import context_at, set_clock
from tests.integration.line.world import LEASE_S, World, profile

PIECES = 5
WITHIN_S = 60
_POINTS = ("put:before", "put:after", "stage_ready:before", "stage_ready:after", "hand_over:before", "hand_over:after")
POINTS = [f"dispatch:{point}" for point in _POINTS]
USUAL = {"dispatch:stage_ready:after"}
"""Just before the line of no return; the others take their time."""


at_points = pytest.mark.parametrize(
    ("database", "point"),
    [
        pytest.param(database, point, marks=() if database == "sqlite" and point in USUAL else pytest.mark.long)
        for database in ("sqlite", "postgresql")
        for point in POINTS
    ],
)


class Floor:
    """Two shops, each a real SSH server and a press, and workers that are processes."""

    def __init__(self, url: str, home: Path, stack: ExitStack) -> None:
        self.url, self.home = url, home
        db = Database(url)
        stack.callback(db.dispose)
        SQLModel.metadata.create_all(db.engine)
        self.world = World(db, home)
        self.presses: list[Press] = []
        self.shops: dict[str, SshServer] = {}
        self.journals: list[Journal] = []
        self._names = iter(f"worker-{n}" for n in range(1, 100))
        for name in ("north", "south"):
            self._add_shop(name, stack)
        self.pass_time(0)

    def _add_shop(self, name: str, stack: ExitStack) -> None:
        server = stack.enter_context(SshServer(self.home / name, root=self.home / name / "account"))
        printer_id = self.world.add_printer(name=name)
        transport = server.profile_transport(timeout_s=60.0)
        self.world.set(printers, printer_id, profile=profile().model_dump(mode="json") | {"transport": transport})
        journal = Journal(self.home / f"{name}.jsonl", self.world.clock)
        stack.callback(journal.close)
        self.shops[printer_id] = server
        self.journals.append(journal)
        pace = Pace(0, 0, 0, spoil=0)
        self.presses.append(Press(server.root, journal, self.home / "trays", name=name, pace=pace))

    def pass_time(self, seconds: float) -> None:
        self.world.clock.advance(timedelta(seconds=seconds))
        set_clock(self.home, self.world.clock())

    def start(self, point: str | None = None) -> subprocess.Popen[bytes]:
        """A worker; with a `point`, it has come there and stands when this returns."""
        name = next(self._names)
        argv = [
            sys.executable,
            "-m",
            "tests.e2e.paused.worker",
            self.url,
            str(self.home),
            name,
            *([point] if point else []),
        ]
        worker = subprocess.Popen(argv, stdout=subprocess.DEVNULL)
        if point:
            _, status = os.waitpid(worker.pid, os.WUNTRACED)
            assert os.WIFSTOPPED(status), f"{name} never came to {point}"
        return worker

    def work(self) -> None:
        """Another worker does everything that is due, and the presses too."""
        self.pass_time(2 * LEASE_S + 5)
        assert self.start().wait(WITHIN_S) == 0
        for press in self.presses:
            press.step()

    def finish(self) -> None:
        for _ in range(6):
            if self.world.statuses([row.id for row in self.world.rows(_pieces())]) == {"mailed": PIECES}:
                return
            self.work()
        raise AssertionError("the pieces never came to the mail")

    def recall(self, reason: str) -> list[str]:
        """What an operator does, from a process of their own with connections of their own."""
        [drop] = self.world.rows(drops)
        directory = LivePrinters(self.home)
        try:
            desk = Recall(context_at(self.home, self.world.db, "desk"), directory)
            return [one.state for one in desk.recall(drop.batch_id, Deed("cli:ada", self.world.clock(), reason))]
        finally:
            directory.close()

    def events(self) -> list[dict[str, Any]]:
        return [event for journal in self.journals for event in journal._read()]

    def check(self) -> None:
        """Whole and single, by what lies at the printers and by what the presses wrote down."""
        events = self.events()
        printed = Counter(event["piece"] for event in events if event["event"] == "printed")
        assert set(printed.values()) == {1}
        assert len(printed) == PIECES
        assert not [event for event in events if event["event"] in ("repeated", "rejected")]
        for drop in self.world.rows(drops):
            self._check_drop(drop, self.shops[drop.printer_id].root / "in")

    def _check_drop(self, drop: Any, inbox: Path) -> None:
        flags = {suffix for suffix in ("ready", "taken", "recalled") if (inbox / f"{drop.stem}.{suffix}").exists()}
        assert flags == {"sent": {"taken"}, "recalled": {"recalled"}, "void": set()}[drop.status]
        there = [file for file in drop.files if (inbox / file["name"]).exists()]
        assert there == drop.files or drop.status != "sent"
        for file in there:
            assert sha256((inbox / file["name"]).read_bytes()).hexdigest() == file["sha256"]


def _pieces() -> Any:
    return SQLModel.metadata.tables["pieces"]


def let_go(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGCONT)


def end(worker: subprocess.Popen[bytes]) -> None:
    assert worker.wait(WITHIN_S) == 0


@pytest.fixture
def floor(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> Iterator[Floor]:
    with ExitStack() as stack:
        floor = Floor(request.getfixturevalue(f"{database}_url"), tmp_path, stack)
        floor.world.add_ready(PIECES)
        yield floor


@at_points
def test_one_that_wakes_when_another_has_handed_over_hands_over_nothing(floor: Floor, point: str) -> None:
    paused = floor.start(point)
    floor.work()
    let_go(paused)
    end(paused)
    floor.finish()
    floor.check()
    assert [row.status for row in floor.world.rows(drops)] == ["sent"]


@at_points
def test_one_that_wakes_when_its_pieces_were_moved_hands_over_nothing(floor: Floor, point: str) -> None:
    """Before the line of no return failover moves them; after it, a won recall does."""
    paused = floor.start(point)
    [drop] = floor.world.rows(drops)
    floor.world.set(printers, drop.printer_id, suspended_at=floor.world.clock())
    if drop.status == "handing_over":
        assert floor.recall("its printer is out of use") == ["recalled"]
    floor.work()
    moved = floor.world.rows(drops, drops.c.printer_id != drop.printer_id)
    assert [row.status for row in moved] == ["sent"]
    let_go(paused)
    end(paused)
    floor.finish()
    floor.check()
    assert {event["drop"] for event in floor.events()} == {moved[0].stem}


@at_points
def test_two_that_go_on_at_the_same_moment_hand_over_once(floor: Floor, point: str) -> None:
    first = floor.start(point)
    floor.pass_time(2 * LEASE_S + 5)
    # The second looks first once the line of no return is crossed, and hands over only where the part still lies.
    crossed = floor.world.drop().status == "handing_over"
    second = floor.start("dispatch:look:after" if crossed else point)
    for worker in (first, second):
        let_go(worker)
    for worker in (first, second):
        end(worker)
    floor.finish()
    floor.check()
    assert [row.status for row in floor.world.rows(drops)] == ["sent"]

"""The supervisor: order, restarts, giving up, and nobody left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from queue import Queue

import pytest

from ops.services.process import Command, ServiceError
from ops.services.supervisor import Child, Died, Patience, Supervisor
from tests.waiting import PLENTY_S, ends, until

LONG_S = 2 * PLENTY_S
HASTY = Patience(first_wait_s=0.01, longest_wait_s=0.05, stable_after_s=3_600.0, deaths_in_a_row=3)


def shell(name: str, script: str, folder: Path, *, ready: Callable[[], bool] | None = None) -> Child:
    command = Command(name, ["sh", "-c", script], log_path=folder / f"{name}.log")
    return Child(command, ready=ready, ready_within_s=PLENTY_S, stop_within_s=PLENTY_S)


def loop(name: str, folder: Path) -> Child:
    """Runs until SIGTERM, and writes when it was ready and when it was asked to go."""
    diary = folder / "diary"
    script = f"trap 'echo {name} down >> {diary}; exit 0' TERM; echo {name} up >> {diary}; while :; do sleep 0.01; done"
    return shell(name, script, folder, ready=lambda: diary.exists() and f"{name} up" in diary.read_text())


def gone(pid: int) -> bool:
    """Whether the process ends, or has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    return ends(watch)


def test_children_start_in_order_and_stop_in_the_opposite_one(tmp_path: Path) -> None:
    supervisor = Supervisor([loop("redis", tmp_path), loop("api", tmp_path)], stop_within_s=LONG_S)
    supervisor.run(when_started=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert (tmp_path / "diary").read_text().splitlines() == ["redis up", "api up", "api down", "redis down"]


def test_signals_are_given_back(tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGINT)
    Supervisor([loop("api", tmp_path)]).run(when_started=lambda: os.kill(os.getpid(), signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before


def test_a_killed_child_comes_back_and_the_others_stay(tmp_path: Path) -> None:
    told: Queue[Died] = Queue()
    children = [loop("redis", tmp_path), loop("worker", tmp_path)]
    with Supervisor(children, patience=HASTY, notify=told.put) as supervisor:
        before = supervisor.pids()
        os.kill(before["worker"], signal.SIGKILL)
        assert told.get(timeout=PLENTY_S) == Died("worker", "signal SIGKILL", 1, 0.01)
        until(lambda: "worker" in supervisor.pids(), "the worker did not come back")
        after = supervisor.pids()
    assert after["redis"] == before["redis"]
    assert after["worker"] != before["worker"]


def test_a_child_that_keeps_dying_ends_the_run_with_its_last_words(tmp_path: Path) -> None:
    dying = shell("worker", "echo 'no such queue'; exit 4", tmp_path)
    supervisor = Supervisor([loop("redis", tmp_path), dying], stop_within_s=LONG_S, patience=HASTY)
    with pytest.raises(
        ServiceError, match=r"(?s)worker died 3 times in a row, at last with exit code 4.*no such queue"
    ):
        supervisor.run()
    assert (tmp_path / "diary").read_text().splitlines() == ["redis up", "redis down"]


def test_the_watch_from_a_thread_tells_of_it_at_the_end(tmp_path: Path) -> None:
    told: Queue[Died] = Queue()
    supervisor = Supervisor([shell("worker", "exit 4", tmp_path)], patience=HASTY, notify=told.put)

    def wait_for_the_end() -> None:
        with supervisor:
            end = time.monotonic() + PLENTY_S
            while time.monotonic() < end:
                supervisor.check()

    with pytest.raises(ServiceError, match="worker died 3 times"):
        wait_for_the_end()
    assert [told.get_nowait().deaths for _ in range(2)] == [1, 2]


def test_a_child_that_cannot_start_stops_those_before_it(tmp_path: Path) -> None:
    broken = shell("api", "echo 'port 8080 is taken' >&2; exit 2", tmp_path, ready=lambda: False)
    with pytest.raises(ServiceError, match=r"(?s)api ended with exit code 2 before it was ready.*port 8080 is taken"):
        Supervisor([loop("redis", tmp_path), broken], stop_within_s=LONG_S).run()
    assert (tmp_path / "diary").read_text().splitlines() == ["redis up", "redis down"]


def test_a_deaf_child_is_killed_within_the_bound(tmp_path: Path) -> None:
    deaf = shell("worker", "trap '' TERM; echo deaf; while :; do sleep 60; done", tmp_path)
    log = tmp_path / "worker.log"
    deaf = Child(deaf.command, ready=lambda: log.read_text() == "deaf\n", ready_within_s=PLENTY_S, stop_within_s=600.0)
    with Supervisor([loop("redis", tmp_path), deaf], stop_within_s=0.3) as supervisor:
        pid = supervisor.pids()["worker"]
        started = time.monotonic()
    assert time.monotonic() - started < deaf.stop_within_s  # which the supervisor bounds
    assert gone(pid)


def test_grandchildren_die_with_a_supervisor_that_was_killed(tmp_path: Path) -> None:
    code = f"""
import sys
from pathlib import Path
from ops.services.process import Command
from ops.services.supervisor import Child, Supervisor
log = Path({str(tmp_path / "log")!r})
command = Command("worker", ["sh", "-c", "sleep 60 & echo $!; wait"], log_path=log)
child = Child(command, ready=lambda: log.read_text().endswith("\\n"))
Supervisor([child]).run(when_started=lambda: print(log.read_text(), flush=True))
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        grandchild = int(parent.stdout.readline())
        parent.kill()
    assert gone(grandchild)


def test_the_wait_doubles_up_to_its_bound() -> None:
    patience = Patience(first_wait_s=0.25, longest_wait_s=1.5)
    assert [patience.wait_s(deaths) for deaths in range(1, 6)] == [0.25, 0.5, 1.0, 1.5, 1.5]

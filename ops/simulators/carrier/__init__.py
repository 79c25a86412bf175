"""A carrier of its own, as a process: takes trays of mail from a folder and tells scans as the post's IV-MTR interface does."""

import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from ops.simulators.carrier.desk import Desk, Users
from ops.simulators.carrier.journeys import DELIVERY_CODE, Habits
from ops.simulators.carrier.post import Post, collect

__all__ = ["DELIVERY_CODE", "Counter", "Habits", "run"]

_LOOK_S = 0.2


@dataclass(frozen=True)
class Counter:
    """Where the carrier listens, finds its trays and keeps its state, and who may sign on. Port 0 takes any free one."""

    port: int
    trays: Path
    state: Path
    username: str = "simulator"
    password: str = "simulator"  # noqa: S105  # opens a simulator on loopback
    token_s: float = 900.0


def run(counter: Counter, habits: Habits) -> None:
    """Serve until SIGTERM or SIGINT. Prints its address once it can be reached."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    counter.trays.mkdir(parents=True, exist_ok=True)
    post = Post(counter.state, habits, time.time)
    with Desk(counter.port, post, Users(counter.username, counter.password, time.time, counter.token_s)) as desk:
        desk.serve_in_thread()
        print(f"carrier at {desk.url}", flush=True)  # noqa: T201
        while not stop.wait(_LOOK_S):
            collect(counter.trays, post)
        desk.shutdown()
    post.close()

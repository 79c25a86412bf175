"""Waiting for what another thread or process does. Bounds are there so that a hang fails, not a machine that stands still."""

import os
import select
import time
from collections.abc import Callable
from pathlib import Path

PLENTY_S = 60.0


def until(done: Callable[[], object], what: str = "it did not happen") -> None:
    """Look again and again until it is so."""
    end = time.monotonic() + PLENTY_S
    while not done():
        assert time.monotonic() < end, f"{what} within {PLENTY_S:g} s"
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    """False for one that has ended and waits for its parent to notice."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def ends(pidfd: int) -> bool:
    """Whether the process comes to its end: its pidfd, which is closed here, becomes readable then."""
    try:
        return bool(select.select([pidfd], [], [], PLENTY_S)[0])
    finally:
        os.close(pidfd)

"""A press process whose `inspect` does what a hostile file might bring a decoder to do. Run as the zygote is."""

import contextlib
import os
import resource
import signal
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.press.process import zygote
from pipeline.press.process.steps import CODES, INSPECT, PROOF

MB = 1 << 20


def misdeed(request: dict[str, Any]) -> Any:
    deed = globals()[request["deed"]]
    return deed(Path(request.get("path", "/nowhere")))


def tell(_: Path) -> Any:
    """What this child has and is."""
    return {
        "pid": os.getpid(),
        "group": os.getpgid(0),
        "zygote": os.getppid(),
        "environment": sorted(os.environ),
        "folder": str(Path.cwd()),
        "temporary": tempfile.gettempdir(),
        "open": [number for number in range(64) if _is_open(number)],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[0],
        "path": sys.path,
    }


def eat(_: Path) -> Any:
    return len(bytearray(4096 * MB))


def spin(_: Path) -> Any:
    while True:
        pass


def sleep(path: Path) -> Any:
    _note_pid(path)
    time.sleep(600)


def write(_: Path) -> Any:
    with Path("filling").open("wb") as file:
        while True:
            file.write(bytes(MB))


def abort(_: Path) -> Any:
    os.abort()


def leave_quietly(_: Path) -> Any:
    os._exit(0)


def leave_one_behind(path: Path) -> Any:
    """A grandchild in our group outlives us."""
    if os.fork() == 0:
        _note_pid(path)
        time.sleep(600)
    _wait_for(path)
    os.abort()


def chatter(_: Path) -> Any:
    """More than anybody wants to read, on a socket that is then full."""
    with contextlib.suppress(OSError):
        while True:
            os.write(3, b"x" * MB)


def kill_the_zygote(_: Path) -> Any:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(600)


def kill_the_zygote_once(path: Path) -> Any:
    if path.exists():
        return "second time"
    path.touch()
    return kill_the_zygote(path)


def _note_pid(path: Path) -> None:
    """Whole from the moment that it is there, for whoever waits for the file reads it at once."""
    part = path.with_suffix(".part")
    part.write_text(str(os.getpid()))
    part.rename(path)


def _wait_for(path: Path) -> None:
    while not path.exists():
        time.sleep(0.001)


def _is_open(number: int) -> bool:
    with contextlib.suppress(OSError):
        os.fstat(number)
        return True
    return False


if __name__ == "__main__":
    # Whoever is asked as a proof has little time; the others have plenty, since a busy machine is no misdeed.
    limits = replace(INSPECT, memory_bytes=1024 * MB, cpu_s=1, file_bytes=8 * MB)
    hasty = replace(limits, name=PROOF.name, wall_s=3.0)
    steps = {CODES[step.name]: step for step in (limits, hasty)}
    zygote.main(steps, dict.fromkeys((INSPECT.name, PROOF.name), misdeed))

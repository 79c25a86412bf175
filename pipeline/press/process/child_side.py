"""The child's side of a press job: it stands alone, under its limits, does the one thing it is for, says how it went, ends."""

import contextlib
import ctypes
import json
import os
import resource
import signal
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.errors import Permanent
from pipeline.press.process.steps import Step
from pipeline.press.process.wire import permanent_as_dict

Run = Callable[[dict[str, Any]], Any]

_PR_SET_PDEATHSIG = 1
# The descriptor of the job's socket.
_JOB = 3


def run_job(step: Step, run: Run, job: socket.socket) -> None:
    """Never returns, and never runs what its parent would have run on the way out."""
    try:
        lead_group(0)
        _stand_alone(job)
        _limit(step)
        with socket.socket(fileno=_JOB) as mine:
            request = json.loads(b"".join(iter(lambda: mine.recv(1 << 20), b"")))
            _move_to(request["folder"])
            mine.sendall(json.dumps(_reply(run, request)).encode() + b"\n")
        os._exit(0)
    finally:
        os._exit(1)


def _stand_alone(job: socket.socket) -> None:
    """Nothing of the zygote's is left open but the job's socket, as `_JOB`; the zygote's death is ours."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Python ignores it, and would report a file over its limit as an ordinary error.
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    nothing, mine = os.open(os.devnull, os.O_RDWR), os.dup(job.fileno())
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.dup2(mine, _JOB)
    os.closerange(_JOB + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])


def _limit(step: Step) -> None:
    for what, most in (
        (resource.RLIMIT_AS, step.memory_bytes),
        (resource.RLIMIT_CPU, step.cpu_s),
        (resource.RLIMIT_FSIZE, step.file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        ours = resource.getrlimit(what)[1]
        most = most if ours == resource.RLIM_INFINITY else min(most, ours)
        resource.setrlimit(what, (most, most))


def _move_to(folder: str) -> None:
    os.chdir(folder)
    os.environ["TMPDIR"] = tempfile.tempdir = folder


def _reply(run: Run, request: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"done": run(request)}
    except Permanent as error:
        return {"permanent": permanent_as_dict(error)}
    except MemoryError:
        return {"heavy": "memory"}
    except Exception as error:  # noqa: BLE001 - the edge of the process
        return {"bug": _where(error)}


def _where(error: Exception) -> str:
    """The kind of error and its line. Its message may hold what stands in the file, or an address."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    place = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else "?"
    return f"{type(error).__name__} at {place}"


def lead_group(pid: int) -> None:
    # Both sides do it, so that it is done whichever runs first.
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)

"""The press process: imports once, then forks one child for each job, with limits that the file it reads cannot lift.

Run as `python -I -m pipeline.press.zygote` with a unix socket as stdin. Over it the parent sends, for each job, the byte of
its step and the job's own socket. On that socket the child reads the request as JSON until its end, and writes one line of
JSON; when the child is gone the zygote adds a line that says how it ended, and closes. A child that overstays is killed with
its whole group. When the parent goes, so do the zygote and all its children.
"""

import contextlib
import ctypes
import gc
import json
import os
import resource
import select
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import Permanent
from pipeline.press.creative import normalize
from pipeline.press.impose import impose
from pipeline.press.preflight import inspect
from pipeline.press.proof import proof
from pipeline.press.srgb import srgb_profile
from pipeline.press.steps import STEPS, Step
from pipeline.press.typeface import address_typeface
from pipeline.press.wire import imposed_as_dict, job_from_dict, permanent_as_dict
from pipeline.products import PRODUCTS

_PR_SET_PDEATHSIG = 1


Run = Callable[[dict[str, Any]], Any]


def main(steps: Mapping[bytes, Step], run: Mapping[str, Run]) -> None:
    """`run` holds what each step does in its child, by name."""
    address_typeface()
    srgb_profile()
    # What is loaded by now stays shared with every child, as long as no collector walks over it.
    gc.freeze()
    Zygote(socket.socket(fileno=0), steps, run).serve()


@dataclass
class _Running:
    job: socket.socket
    until: float
    late: bool = False


class Zygote:
    """One thread, which takes jobs, kills what is late and says how each ended."""

    def __init__(self, control: socket.socket, steps: Mapping[bytes, Step], run: Mapping[str, Run]) -> None:
        self._control = control
        self._steps, self._run = steps, run
        self._parent = os.getppid()
        self._running: dict[int, _Running] = {}
        self._woken, self._wake = socket.socketpair()
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        try:
            while self._turn():
                pass
        finally:
            for pid in self._running:
                _kill(pid)

    def _turn(self) -> bool:
        """False when the parent is gone; its id is looked at too, since a fork of its own would keep the socket open."""
        nearest = min((running.until for running in self._running.values()), default=float("inf"))
        patience = max(0.0, min(1.0, nearest - time.monotonic()))
        ready = select.select([self._control, self._woken], [], [], patience)[0]
        if self._woken in ready:
            self._woken.recv(4096)
        self._reap()
        for pid, running in self._running.items():
            if running.until <= time.monotonic():
                running.late = True
                _kill(pid)
        return os.getppid() == self._parent and (self._control not in ready or self._take())

    def _take(self) -> bool:
        code, descriptors, *_ = socket.recv_fds(self._control, 1, 1)
        if not code:
            return False
        job, step = socket.socket(fileno=descriptors[0]), self._steps[code]
        try:
            pid = os.fork()
        except OSError as error:
            _end(job, {"failed": error.strerror})
            return True
        if pid == 0:
            _child(step, self._run[step.name], job)
        _lead_group(pid)
        self._running[pid] = _Running(job, time.monotonic() + step.wall_s)
        return True

    def _reap(self) -> None:
        while self._running:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            _kill(pid)
            running = self._running.pop(pid)
            _end(running.job, {"exit": os.waitstatus_to_exitcode(status), "late": running.late})


def _end(job: socket.socket, how: dict[str, Any]) -> None:
    # A child may have filled the socket, and a caller may be gone: neither may hold the zygote up.
    with job, contextlib.suppress(OSError):
        job.send(b"\n" + json.dumps(how).encode() + b"\n", socket.MSG_DONTWAIT)


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _lead_group(pid: int) -> None:
    # Both sides do it, so that it is done whichever runs first.
    with contextlib.suppress(OSError):
        os.setpgid(pid, pid)


def _child(step: Step, run: Run, job: socket.socket) -> None:
    """Never returns, and never runs what its parent would have run on the way out."""
    try:
        _lead_group(0)
        _stand_alone(job)
        _limit(step)
        with socket.socket(fileno=_JOB) as mine:
            request = json.loads(b"".join(iter(lambda: mine.recv(1 << 20), b"")))
            _move_to(request["folder"])
            mine.sendall(json.dumps(_reply(run, request)).encode() + b"\n")
        os._exit(0)
    finally:
        os._exit(1)


_JOB = 3


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


def _inspect(request: dict[str, Any]) -> Any:
    return inspect(Path(request["source"]), PRODUCTS[request["product"]]).as_dict()


def _normalize(request: dict[str, Any]) -> Any:
    normalize(Path(request["source"]), PRODUCTS[request["product"]], Path("out"))


def _proof(request: dict[str, Any]) -> Any:
    proof(PRODUCTS[request["product"]], Path("out"), art=Path(request["source"]))


def _impose(request: dict[str, Any]) -> Any:
    return imposed_as_dict(impose(job_from_dict(request["job"]), Path("out")))


_RUN: dict[str, Run] = {
    "inspect": _inspect, "normalize": _normalize, "proof": _proof, "impose": _impose,
}  # fmt: skip


if __name__ == "__main__":
    main(STEPS, _RUN)

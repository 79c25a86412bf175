"""The press steps, each in a child process of its own with limits, whatever the file contains.

A child is forked from a zygote that has imported everything (`pipeline.press.zygote`), in a few milliseconds instead of half
a second. Threads may call side by side. A zygote that was killed is started again; one belongs to one process and dies with it.

Every step raises `Transient` when no child could be started, and nothing of a child that failed is left behind.
"""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.errors import Permanent, Transient
from pipeline.press.file_kind import sniff
from pipeline.press.job import Imposed, Job
from pipeline.press.report import Report, finding
from pipeline.press.steps import CODES, IMPOSE, INSPECT, NORMALIZE, PROOF, Step
from pipeline.press.wire import imposed_from_dict, job_as_dict, permanent_from_dict
from pipeline.products import Product

MOST_REPLY_BYTES = 1 << 20
# The zygote kills what is late; if it has not done so by then, it is the zygote that hangs.
GRACE_S = 10.0
PARTING_S = 2.0

_REMEDY = "Flatten the artwork to one image, or simplify it, and export it again."


class PressBugError(RuntimeError):
    """A press step failed in a way that nobody foresaw. Says where, and nothing of the file."""


class _TooHeavyError(Exception):
    """The child died, or ran into a limit. The message says which, and goes on from "it"."""


def inspect(path: Path, product: Product) -> Report:
    """As `pipeline.press.preflight.inspect`; a file that takes the child down has the finding `too_complex`."""
    with tempfile.TemporaryDirectory(prefix="mailstream-press-") as folder:
        try:
            reply = _run(INSPECT, {"source": _absolute(path), "product": product.name}, folder)
        except _TooHeavyError as error:
            return Report(sniff(path), (finding("too_complex", f"Reading the file failed: it {error}.", _REMEDY),))
    return Report.from_dict(reply)


def normalize(source: Path, product: Product, out: Path) -> None:
    """As `pipeline.press.creative.normalize`. Raises `Permanent("creative_too_heavy")` where it takes the child down."""
    _make(NORMALIZE, source, product, out)


def proof(normalized: Path, product: Product, out_png: Path) -> None:
    """The proof of one creative, as a front. Raises `Permanent("creative_too_heavy")` where it takes the child down."""
    _make(PROOF, normalized, product, out_png)


def impose(job: Job, out_dir: Path) -> Imposed:
    """As `pipeline.press.impose.impose`. Raises `Permanent("drop_too_heavy")` where it takes the child down."""
    out_dir.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".press-", dir=out_dir) as folder:
        try:
            made = imposed_from_dict(_run(IMPOSE, {"job": job_as_dict(job)}, folder), Path(folder, "out"))
        except _TooHeavyError as error:
            raise Permanent("drop_too_heavy", f"imposing {job.stem} failed: it {error}") from error
        files = tuple(file.replace(out_dir / file.name) for file in made.files)
    return Imposed(files, made.sheets, made.pieces)


def warm_up() -> None:
    """Start the zygote ahead of the first job, which would otherwise wait for its imports."""
    _press.start()


def _make(step: Step, source: Path, product: Product, out: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".press-", dir=out.parent) as folder:
        try:
            _run(step, {"source": _absolute(source), "product": product.name}, folder)
        except _TooHeavyError as error:
            fault = finding("too_complex", f"Preparing the artwork failed: it {error}.", _REMEDY)
            raise Permanent(
                "creative_too_heavy", f"the artwork cannot be prepared: it {error}", faults=(fault,)
            ) from error
        Path(folder, "out").replace(out)


def _absolute(path: Path) -> str:
    return str(path.absolute())


def _run(step: Step, request: dict[str, Any], folder: str) -> Any:
    """What the step gives back. Raises `_TooHeavyError`, and what the step raised."""
    answer, ending = _press.ask(step, json.dumps(request | {"folder": folder}).encode())
    if "failed" in ending:
        raise Transient("press_unavailable", f"no press process could be forked: {ending['failed']}")
    if ending["late"]:
        raise _TooHeavyError(f"took more than {step.wall_s:g} s")
    if ending["exit"] != 0:
        raise _TooHeavyError(
            f"needed more than {step.memory_bytes >> 20} MB or {step.cpu_s} s of computing, or crashed"
        )
    reply = _parsed(answer)
    if "permanent" in reply:
        raise permanent_from_dict(reply["permanent"])
    if "heavy" in reply:
        raise _TooHeavyError(f"needed more than {step.memory_bytes >> 20} MB of memory")
    if "bug" in reply:
        raise PressBugError(f"press step {step.name}: {reply['bug']}")
    return reply["done"]


def _parsed(answer: bytes) -> dict[str, Any]:
    """A child that was taken over may say anything; what is no reply counts as a crash."""
    try:
        reply = json.loads(answer)
    except ValueError as error:
        raise _TooHeavyError("crashed") from error
    if not isinstance(reply, dict):
        raise _TooHeavyError("crashed")
    return reply


ZYGOTE = (sys.executable, "-I", "-m", "pipeline.press.zygote")


class Press:
    """Our end of the zygote, which is started with the first job and again if it is gone."""

    def __init__(self, command: Sequence[str] = ZYGOTE) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._owner = 0
        self._control: socket.socket | None = None
        self._popen: subprocess.Popen[bytes] | None = None

    def ask(self, step: Step, request: bytes) -> tuple[bytes, dict[str, Any]]:
        """The line that the child wrote, if it came to that, and the zygote's last word on it.

        Raises `Transient`, or `_TooHeavyError` for a child that writes without end.
        """
        for _ in range(2):
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    self._submit(step, theirs)
                answer = self._converse(ours, step, request)
            # Without its last word the zygote was killed under the job. No job does that: try once more.
            reply, _, ending = answer.removesuffix(b"\n").rpartition(b"\n")
            if answer.endswith(b"\n") and (last := json.loads(ending)).keys() & {"exit", "failed"}:
                return reply, last
        raise Transient("press_stopped", f"the press process ended twice while a {step.name} was under way")

    def start(self) -> None:
        with self._lock:
            self._ensure()

    def close(self) -> None:
        """Lets the zygote go, with whatever runs in it."""
        with self._lock:
            self._drop()

    def _submit(self, step: Step, theirs: socket.socket) -> None:
        with self._lock:
            for _ in range(2):
                control = self._ensure()
                try:
                    socket.send_fds(control, [CODES[step.name]], [theirs.fileno()])
                except OSError:
                    self._drop()
                else:
                    return
        raise Transient("press_unavailable", "the press process ends as soon as it is started")

    def _converse(self, ours: socket.socket, step: Step, request: bytes) -> bytes:
        ours.settimeout(step.wall_s + GRACE_S)
        try:
            # A child that dies early leaves the rest unread.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                ours.sendall(request)
                ours.shutdown(socket.SHUT_WR)
            return _read(ours)
        except TimeoutError as error:
            self.close()
            raise Transient("press_stuck", f"the press process did not answer on a {step.name}") from error

    def _ensure(self) -> socket.socket:
        if self._owner != os.getpid():
            # Forked from the process that started it: it is that one's, not ours.
            self._popen = None
            self._drop()
        if self._popen is not None and self._popen.poll() is not None:
            self._drop()
        if self._control is None:
            self._control = self._start()
            self._owner = os.getpid()
        return self._control

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                self._popen = subprocess.Popen(
                    self._command,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    env={"LANG": "C.UTF-8", "PATH": os.defpath},
                    cwd="/",
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise Transient("press_unavailable", f"no press process could be started: {error.strerror}") from error
        return ours

    def _drop(self) -> None:
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._popen is not None:
            # It ends by itself when it sees the socket closed, and takes its children along.
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._popen.wait(PARTING_S)
            self._popen.kill()
            self._popen.wait()
            self._popen = None


def _read(ours: socket.socket) -> bytes:
    parts, size = [], 0
    # A peer that closed with unread bytes resets the connection; what it wrote has come before.
    with contextlib.suppress(ConnectionResetError):
        while part := ours.recv(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MOST_REPLY_BYTES:
                raise _TooHeavyError("wrote without end")
    return b"".join(parts)


_press = Press()
atexit.register(_press.close)

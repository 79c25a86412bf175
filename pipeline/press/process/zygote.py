"""The press process: imports once, then forks one child for each job, with limits that the file it reads cannot lift.

Run as `python -I -m pipeline.press.process` with a unix socket as stdin. Over it the parent sends, for each job, the byte of
its step and the job's own socket. On that socket the child reads the request as JSON until its end, and writes one line of
JSON; when the child is gone the zygote adds a line that says how it ended, and closes. A child that overstays is killed with
its whole group. When the parent goes, so do the zygote and all its children.
"""

import contextlib
import gc
import json
import os
import select
import signal
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.errors import Permanent
from pipeline.press.colours.srgb import srgb_profile
from pipeline.press.creative.normalize import normalize
from pipeline.press.html.page import inspect_html, load_renderer
from pipeline.press.mailing import Mailing
from pipeline.press.preflight.inspect import inspect
from pipeline.press.process.child_side import Run, lead_group, run_job
from pipeline.press.process.steps import PIECES, RENDER, Step
from pipeline.press.process.wire import imposed_as_dict, job_from_dict
from pipeline.press.proofs.mail_proof import mail_proof
from pipeline.press.proofs.marked_proof import marked_proof
from pipeline.press.proofs.proof import proof
from pipeline.press.report import Report
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.output_intent import packed_profile
from pipeline.press.sheets.pieces import SpooledPieces
from pipeline.press.typeface import address_typeface
from pipeline.products import PRODUCTS, Side

_FILES_AT_ONCE = min(os.cpu_count() or 1, 4)
"""Of one batch's sheets; other batches and other workers have their share of the machine too."""


def main(steps: Mapping[bytes, Step], run: Mapping[str, Run]) -> None:
    """`run` holds what each step does in its child, by name."""
    address_typeface()
    packed_profile("TR006")
    srgb_profile()
    # What is loaded by now stays shared with every child, as long as no collector walks over it.
    gc.freeze()
    gc.enable()
    Zygote(socket.socket(fileno=0), steps, run).serve()
    # Whoever started it waits for its end, and there is nothing to put away.
    os._exit(0)


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
        if step.name == RENDER.name:
            _ready_to_render()
        try:
            pid = os.fork()
        except OSError as error:
            _end(job, {"failed": error.strerror})
            return True
        if pid == 0:
            run_job(step, self._run[step.name], job)
        lead_group(pid)
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


@cache
def _ready_to_render() -> None:
    """Half a second, once, and only where there is HTML. What is missing is told by the job itself."""
    with tempfile.TemporaryDirectory(prefix="mailstream-press-") as folder, contextlib.suppress(Permanent):
        load_renderer(Path(folder))
    gc.freeze()


def _inspect(request: dict[str, Any]) -> Any:
    return inspect(Path(request["source"]), PRODUCTS[request["product"]], request["side"]).as_dict()


def _render(request: dict[str, Any]) -> Any:
    return inspect_html(
        Path(request["source"]), PRODUCTS[request["product"]], Path("out").absolute(), request["side"]
    ).as_dict()


def _normalize(request: dict[str, Any]) -> Any:
    normalize(Path(request["source"]), PRODUCTS[request["product"]], Path("out"))


def _proof(request: dict[str, Any]) -> Any:
    product, out = PRODUCTS[request["product"]], Path("out")
    if "marked" in request:
        marked = request["marked"]
        report = Report.from_dict(marked["report"])
        marked_proof(Path(request["source"]), product, marked["side"], report, out, png=marked["png"])
    elif "mail" in request:
        mail = request["mail"]
        art: dict[Side, Path | None] = {side: Path(path) if path else None for side, path in mail["art"].items()}
        mail_proof(art, product, Mailing.from_dict(mail), out)
    else:
        proof(product, out, art=Path(request["source"]))


def _impose(request: dict[str, Any]) -> Any:
    job = job_from_dict(request["job"], SpooledPieces(Path(PIECES)))
    return imposed_as_dict(impose(job, Path("out"), at_once=_FILES_AT_ONCE))


RUN: dict[str, Run] = {
    "inspect": _inspect, "normalize": _normalize, "proof": _proof, "impose": _impose, "render": _render,
}  # fmt: skip

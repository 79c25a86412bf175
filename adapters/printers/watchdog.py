"""Ends a connection on which nothing moves: no other timeout covers a write to a socket that a frozen peer no longer empties."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LOOKS = 8
"""How many times within the timeout it looks, so that it barks at most an eighth late."""


class Watchdog:
    """Calls `bark` once when, while somebody is `watching`, `moved` was not called for `timeout_s`. `clock` is monotonic."""

    def __init__(
        self, timeout_s: float, bark: Callable[[], None], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.barked = False
        self._timeout_s = timeout_s
        self._bark = bark
        self._clock = clock
        self._moved_at = 0.0
        self._watchers = 0
        self._ended = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._watch, name="printer-watchdog", daemon=True)
        self._thread.start()

    def moved(self) -> None:
        """Something moved: the wait begins anew."""
        self._moved_at = self._clock()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it, something has to move. May be entered by several threads."""
        with self._changed:
            self._watchers += 1
            self.moved()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._watchers -= 1

    def end(self) -> None:
        """It watches no more. Repeating it changes nothing."""
        with self._changed:
            self._ended = True
            self._changed.notify()

    def _watch(self) -> None:
        with self._changed:
            while not self._ended:
                if not self._watchers:
                    self._changed.wait()
                elif self._clock() - self._moved_at >= self._timeout_s:
                    self.barked = self._ended = True
                    self._bark()
                else:
                    self._changed.wait(self._timeout_s / _LOOKS)

"""The carrier's access token: kept until shortly before it runs out, renewed by whoever needs it first."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.clock import Clock

_EARLY = timedelta(seconds=60)


@dataclass(frozen=True)
class Token:
    """`header` is the value of `Authorization`; good until `until` on the machine clock."""

    header: str
    until: datetime


class Tokens:
    """One token for many threads. `obtain` asks the carrier for a new one."""

    def __init__(self, obtain: Callable[[], Token], clock: Clock) -> None:
        self._obtain = obtain
        self._clock = clock
        self._lock = threading.Lock()
        self._token: Token | None = None

    def current(self) -> Token:
        with self._lock:
            if self._token is None or self._clock() >= self._token.until - _EARLY:
                self._token = self._obtain()
            return self._token

    def after(self, refused: Token) -> Token:
        """The token to use in place of one that was refused; asks once, however many threads were refused."""
        with self._lock:
            if self._token is refused:
                self._token = None
        return self.current()

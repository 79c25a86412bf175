"""A circuit breaker: a printer that cannot be reached is left alone for a while, and then tried by one worker alone.

A refused key or a changed host key opens it at once and for long: servers punish who knocks on with a wrong key (OpenSSH 9.8
counts every failed login against its source). Failures of the connection open it when several come in a row. Once it is open,
only the one worker that tries it after the rest closes it: an old connection that still works says nothing of the next login.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipeline.errors import InDoubt, PortError, Transient

IN_A_ROW = 3
FIRST_REST_S = 30.0
LONGEST_REST_S = 600.0
SPREAD = 0.25
"""A rest lasts up to so much longer, by chance: processes that failed together must not all come back together."""
_TURNED_AWAY = frozenset({"printer_auth_failed", "host_key_changed", "printer_incompatible", "printer_no_sftp"})
_UNREACHED = frozenset({
    "printer_timeout", "printer_unreachable", "printer_connection_lost", "printer_busy", "printer_protocol",
    "printer_no_session",
})  # fmt: skip


class Breaker:
    """For several threads at once. `clock` gives seconds that only go up, `chance` numbers from 0 to 1."""

    def __init__(self, where: str, clock: Callable[[], float], chance: Callable[[], float]) -> None:
        self._where = where
        self._clock = clock
        self._chance = chance
        self._lock = threading.Lock()
        self._failures = 0
        self._rest_s = 0.0
        self._until: float | None = None
        self._probing = False

    @contextmanager
    def guarding(self) -> Iterator[None]:
        """One use of the printer. Raises `Transient("printer_resting")`, with how long, while it is left alone."""
        probe = self._enter()
        outcome: PortError | None = None
        finished = False
        try:
            yield
            finished = True
        except PortError as error:
            outcome = error
            raise
        finally:
            self._leave(outcome, probe=probe, known=finished or outcome is not None)

    def _enter(self) -> bool:
        with self._lock:
            if self._until is None:
                return False
            left_s = self._until - self._clock()
            if left_s > 0 or self._probing:
                raise Transient(
                    "printer_resting",
                    f"{self._where} failed before and is left alone for a while",
                    retry_after_s=max(left_s, 1.0),
                )
            self._probing = True
            return True

    def _leave(self, error: PortError | None, *, probe: bool, known: bool) -> None:
        with self._lock:
            if probe:
                self._probing = False
            if not known:  # a bug, or the end of the process, says nothing of the printer
                return
            if error is not None and error.code in _TURNED_AWAY:
                self._rest(LONGEST_REST_S)
            elif self._until is not None and not probe:  # it was under way before the rest began
                return
            elif error is not None and (error.code in _UNREACHED or isinstance(error, InDoubt)):
                self._failures += 1
                if probe or self._failures >= IN_A_ROW:
                    self._rest(min(LONGEST_REST_S, max(FIRST_REST_S, 2 * self._rest_s)))
            else:  # it answered, if only to say no
                self._failures, self._rest_s, self._until = 0, 0.0, None

    def _rest(self, seconds: float) -> None:
        self._rest_s = seconds
        self._until = self._clock() + seconds * (1 + SPREAD * self._chance())

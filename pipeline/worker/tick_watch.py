"""A watchdog on the tick itself: one that hangs is told of with what it was at, and in the end its process makes way for another.

A tick that fails is tried again at the next; one that never returns would stop the clockwork without a word, since no second one
is begun beside it. Another process takes the lease within seconds; where there is none, whoever supervises this one starts it anew.
"""

import os
import sys
import threading
import traceback
from collections.abc import Callable
from time import monotonic

import structlog

log = structlog.get_logger()

TOLD_AFTER_S = 60.0
"""Steps work in pages and wait for locks at most half as long, so that a tick of this age hangs."""
ENDED_AFTER_S = 300.0
EXIT_STATUS = 70
"""`EX_SOFTWARE` of sysexits."""
_LOOK_S = 5.0


class TickWatch:
    """Wrap each mode's tick in `watched`, and let `run` look on from a thread of its own. `clock` is monotonic, in seconds."""

    def __init__(
        self, *, clock: Callable[[], float] = monotonic, end: Callable[[], None] = lambda: os._exit(EXIT_STATUS)
    ) -> None:
        self._clock = clock
        self._end = end
        self._lock = threading.Lock()
        self._running: dict[str, tuple[float, int]] = {}  # since when, and in which thread
        self._told: set[str] = set()

    def watched(self, mode: str, tick: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            with self._lock:
                self._running[mode] = self._clock(), threading.get_ident()
            try:
                tick()
            finally:
                with self._lock:
                    del self._running[mode]
                    self._told.discard(mode)

        return run

    def look(self) -> None:
        """Tell of each tick that hangs, once; end the process for one that has hung too long."""
        with self._lock:
            ages = {mode: (self._clock() - since, thread) for mode, (since, thread) in self._running.items()}
            new = {mode for mode, (age_s, _) in ages.items() if age_s >= TOLD_AFTER_S} - self._told
            self._told |= new
        for mode in sorted(new):
            age_s, thread = ages[mode]
            log.error("tick.hangs", mode=mode, seconds=round(age_s), at=_stack(thread), runbook="tick-hangs")
        if any(age_s >= ENDED_AFTER_S for age_s, _ in ages.values()):
            log.critical("tick.given_up", modes=sorted(ages), runbook="tick-hangs")
            self._end()

    def run(self, stopped: threading.Event) -> None:
        while not stopped.wait(_LOOK_S):
            self.look()


def _stack(thread: int) -> str:
    """Where that thread stands, as a traceback says it."""
    frame = sys._current_frames().get(thread)
    return "gone" if frame is None else "".join(traceback.format_stack(frame))

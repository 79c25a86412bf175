"""A watchdog on the tick itself: one that hangs, or is not begun any more, is told of, and in the end its process makes way.

A tick that fails is tried again at the next; one that never returns would stop the clockwork without a word, since no second one
is begun beside it, and so would a clockwork that begins none. Another process takes the lease within seconds; where there is
none, whoever supervises this one starts it anew.
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
"""Steps work in pages and wait for locks at most half as long, so that a tick of this age hangs; and one begins every second."""
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
        self._seen: dict[str, tuple[float, int | None]] = {}  # since when it runs, and in which thread; or ran
        self._told: set[str] = set()

    def watched(self, mode: str, tick: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            self._note(mode, threading.get_ident())
            try:
                tick()
            finally:
                self._note(mode, None)

        self._note(mode, None)
        return run

    def look(self) -> None:
        """Tell of each mode whose tick hangs, or that has had none for as long, once; end the process where it lasts too long."""
        with self._lock:
            ages = {mode: (self._clock() - since, thread) for mode, (since, thread) in self._seen.items()}
            new = {mode for mode, (age_s, _) in ages.items() if age_s >= TOLD_AFTER_S} - self._told
            self._told |= new
        for mode in sorted(new):
            age_s, thread = ages[mode]
            at = "none is begun any more" if thread is None else _stack(thread)
            log.error("tick.hangs", mode=mode, seconds=round(age_s), at=at, runbook="tick-hangs")
        if any(age_s >= ENDED_AFTER_S for age_s, _ in ages.values()):
            log.critical("tick.given_up", modes=sorted(ages), runbook="tick-hangs")
            self._end()

    def run(self, stopped: threading.Event) -> None:
        looked_at = self._clock()
        while not stopped.wait(_LOOK_S):
            before, looked_at = looked_at, self._clock()
            # Where this thread was stopped, so were the ticks: they get their turn first.
            if looked_at - before < TOLD_AFTER_S / 2:
                self.look()

    def _note(self, mode: str, thread: int | None) -> None:
        with self._lock:
            self._seen[mode] = self._clock(), thread
            self._told.discard(mode)


def _stack(thread: int) -> str:
    """Where that thread stands, as a traceback says it."""
    frame = sys._current_frames().get(thread)
    return "gone" if frame is None else "".join(traceback.format_stack(frame))

"""Keeps named child processes running until told to stop: what `mailstream up` and the demo stand on.

Children start in order, each when the one before it is ready, and stop in the opposite order. One that dies is started
again after a wait that doubles. One that never became ready, or keeps dying, ends the whole run with its last words.
"""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from types import FrameType, TracebackType
from typing import Self

from ops.services.process import Command, ServerProcess, ServiceError, describe_exit

LOOK_EVERY_S = 0.1


@dataclass(frozen=True)
class Child:
    """What to keep running. `ready` tells when the next one may start; without it, having started is enough."""

    command: Command
    ready: Callable[[], bool] | None = None
    ready_within_s: float = 30.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within_s: float = 10.0


@dataclass(frozen=True)
class Patience:
    """How a dying child is borne: the wait doubles from the first to the longest, and that many deaths end the run.

    A child that ran for `stable_after_s` is counted anew.
    """

    first_wait_s: float = 0.25
    longest_wait_s: float = 15.0
    stable_after_s: float = 30.0
    deaths_in_a_row: int = 8

    def wait_s(self, deaths: int) -> float:
        return min(self.longest_wait_s, self.first_wait_s * 2.0 ** (deaths - 1))


@dataclass(frozen=True)
class Died:
    """Told to `notify`: a child died and comes back in `wait_s`."""

    name: str
    how: str
    deaths: int
    wait_s: float


class Supervisor:
    """Runs children until SIGINT, SIGTERM or `stop`, all within one process.

    `run` blocks and owns the signals; as a context manager it watches from a thread, and the signals are the caller's.
    """

    def __init__(
        self,
        children: Sequence[Child],
        *,
        stop_within_s: float = 20.0,
        patience: Patience = Patience(),
        notify: Callable[[Died], None] | None = None,
    ) -> None:
        self._kept = [_Kept(child, patience) for child in children]
        self._stop_within_s = stop_within_s
        self._notify = notify
        self._stopping = Event()
        self._hurry = Event()
        self._watch: Thread | None = None
        self._failure: ServiceError | None = None

    def run(self, *, when_started: Callable[[], None] = lambda: None) -> None:
        """Returns when a signal asked for it and all is down. Raises `ServiceError` when a child cannot be kept up.

        `when_started` is called once, with everything ready. A second signal kills at once instead of waiting.
        """
        with self._signals():
            try:
                self.start()
                if not self._stopping.is_set():
                    when_started()
                self._look_until_stopped()
            finally:
                self.stop()

    def start(self) -> None:
        """Starts all, in order. Raises `ServiceError` when one does not become ready; `stop` is then still due."""
        for kept in self._kept:
            if self._stopping.is_set():
                return
            kept.start()
            kept.wait_ready(self._stopping)

    def stop(self) -> None:
        """Stops all, the last started first, within `stop_within_s` in all; kills what is left. May be repeated."""
        self._stopping.set()
        if self._watch is not None:
            self._watch.join()
            self._watch = None
        end = time.monotonic() + self._stop_within_s
        for kept in reversed(self._kept):
            kept.stop(end, self._hurry)

    def pids(self) -> dict[str, int]:
        """The process ids of the children that run at this moment, by name."""
        running = [(kept.name, kept.process) for kept in self._kept]
        return {name: process.pid for name, process in running if process is not None}

    def check(self) -> None:
        """Raises the `ServiceError` that ended the watch, if one did."""
        if self._failure is not None:
            raise self._failure

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        self._watch = Thread(target=self._look_in_background, name="supervisor", daemon=True)
        self._watch.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        if kind is None:
            self.check()

    def _look_in_background(self) -> None:
        try:
            self._look_until_stopped()
        except ServiceError as error:
            self._failure = error

    def _look_until_stopped(self) -> None:
        while not self._stopping.wait(LOOK_EVERY_S):
            for kept in self._kept:
                died = kept.look()
                if died is not None and self._notify is not None:
                    self._notify(died)

    @contextmanager
    def _signals(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.signal(number, self._on_signal) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        if self._stopping.is_set():
            self._hurry.set()
        self._stopping.set()


class _Kept:
    """A child, its present run, and how often it died in a row."""

    def __init__(self, child: Child, patience: Patience) -> None:
        self.child = child
        self._patience = patience
        self.name = child.command.name
        self.process: ServerProcess | None = None
        self._deaths = 0
        self._started_at = 0.0
        self._start_at: float | None = None

    def start(self) -> None:
        self.process = ServerProcess.start(self.child.command)
        self._started_at = time.monotonic()
        self._start_at = None

    def wait_ready(self, give_up: Event) -> None:
        if self.process is not None and self.child.ready is not None:
            self.process.wait_ready(self.child.ready, within_s=self.child.ready_within_s, give_up=give_up)

    def look(self) -> Died | None:
        """Notes a death, or starts again when the wait is over. Raises `ServiceError` when it died too often."""
        now = time.monotonic()
        if self._start_at is not None:
            if now >= self._start_at:
                self.start()
            return None
        if self.process is None or self.process.exit_code is None:
            return None
        return self._bury(self.process, now)

    def _bury(self, process: ServerProcess, now: float) -> Died:
        how = describe_exit(process.kill())
        self._deaths = 1 if now - self._started_at >= self._patience.stable_after_s else self._deaths + 1
        if self._deaths >= self._patience.deaths_in_a_row:
            raise ServiceError(process.explain(f"died {self._deaths} times in a row, at last with {how}"))
        wait_s = self._patience.wait_s(self._deaths)
        self._start_at = now + wait_s
        self.process = None
        return Died(self.name, how, self._deaths, wait_s)

    def stop(self, end: float, hurry: Event) -> None:
        if self.process is None:
            return
        end = min(end, time.monotonic() + self.child.stop_within_s)
        self.process.send(self.child.stop_signal)
        while self.process.exit_code is None and time.monotonic() < end and not hurry.is_set():
            hurry.wait(0.02)
        self.process.kill()
        self.process = None

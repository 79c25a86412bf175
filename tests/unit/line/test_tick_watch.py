"""The watchdog on the tick: quiet while ticks come back, loud once of one that hangs, and in the end it ends the process."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from pipeline.worker.tick_watch import ENDED_AFTER_S, EXIT_STATUS, TOLD_AFTER_S, TickWatch
from tests.waiting import PLENTY_S

RUNBOOKS = Path(__file__).parents[3] / "ops" / "runbooks"


class _Gate(threading.Event):
    """Tells when somebody has come to wait at it."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.reached.set()
        return super().wait(timeout)


class Hanging:
    """A tick that has begun, in a thread of its own, and comes back when it is let go."""

    def __init__(self, watch: TickWatch, mode: str = "live") -> None:
        self._go = _Gate()
        self._thread = threading.Thread(target=watch.watched(mode, self._hang))
        self._thread.start()
        assert self._go.reached.wait(PLENTY_S)

    def _hang(self) -> None:
        self._go.wait()

    def let_go(self) -> None:
        self._go.set()
        self._thread.join()


class Time:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


def test_a_tick_that_hangs_is_told_once_with_what_it_is_at(time: Time) -> None:
    watch = TickWatch(clock=time, end=lambda: pytest.fail("it was too early to end"))
    hanging = Hanging(watch)
    with capture_logs() as logs:
        for time.now in (TOLD_AFTER_S - 1, TOLD_AFTER_S, TOLD_AFTER_S + 5, ENDED_AFTER_S - 1):
            watch.look()
        hanging.let_go()
        time.now += TOLD_AFTER_S - 1
        watch.look()
    [told] = logs
    assert (told["event"], told["log_level"], told["mode"], told["seconds"]) == ("tick.hangs", "error", "live", 60)
    assert "self._go.wait()" in told["at"]
    assert (RUNBOOKS / f"{told['runbook']}.md").exists()


def test_a_later_tick_that_hangs_is_told_again_and_the_other_mode_not(time: Time) -> None:
    watch = TickWatch(clock=time)
    with capture_logs() as logs:
        for _ in range(2):
            hanging = Hanging(watch, "test")
            time.now += TOLD_AFTER_S
            watch.watched("live", lambda: None)()
            watch.look()
            hanging.let_go()
    assert [one["mode"] for one in logs] == ["test", "test"]


def test_a_tick_that_raises_has_come_back(time: Time) -> None:
    watch = TickWatch(clock=time)
    with pytest.raises(ZeroDivisionError):
        watch.watched("live", lambda: 1 / 0)()
    time.now = TOLD_AFTER_S - 1
    with capture_logs() as logs:
        watch.look()
    assert logs == []


def test_a_clockwork_that_begins_no_tick_is_told_of_once_a_mode(time: Time) -> None:
    ended: list[float] = []
    watch = TickWatch(clock=time, end=lambda: ended.append(time.now))
    live = watch.watched("live", lambda: None)
    watch.watched("test", lambda: None)
    with capture_logs() as logs:
        for time.now in (TOLD_AFTER_S - 1, TOLD_AFTER_S, TOLD_AFTER_S + 5):
            live()
            watch.look()
        assert [(one["mode"], one["at"]) for one in logs] == [("test", "none is begun any more")]
        time.now = 2 * TOLD_AFTER_S + 5
        watch.look()
        assert [one["mode"] for one in logs] == ["test", "live"]
        assert ended == []
        time.now = ENDED_AFTER_S
        watch.look()
    assert ended == [ENDED_AFTER_S]


def test_a_process_that_stood_still_gives_its_ticks_their_turn_first(time: Time) -> None:
    watch = TickWatch(clock=time, end=lambda: pytest.fail("it was not let tick"))
    live = watch.watched("live", lambda: None)

    class Stopped(threading.Event):
        """Says when to look; the third time, not to."""

        looks = 0

        def wait(self, timeout: float | None = None) -> bool:
            self.looks += 1
            time.now += 2 * ENDED_AFTER_S if self.looks == 1 else timeout or 0.0
            if self.looks == 2:
                live()
            return self.looks == 3

    with capture_logs() as logs:
        watch.run(Stopped())
    assert logs == []


def test_a_process_whose_tick_never_comes_back_ends() -> None:
    # On a clock on which five minutes pass in three seconds.
    program = f"""
import threading, time
from pipeline.worker import tick_watch
tick_watch._LOOK_S = 0.1
begun = time.monotonic()
watch = tick_watch.TickWatch(clock=lambda: {ENDED_AFTER_S / 3} * (time.monotonic() - begun))
threading.Thread(target=watch.run, args=(threading.Event(),)).start()
watch.watched("live", threading.Event().wait)()
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == EXIT_STATUS
    assert "tick.given_up" in ended.stdout + ended.stderr

"""The watchdog ends what stands still, and nothing else."""

import threading

from adapters.printers.watchdog import Watchdog
from tests.waiting import PLENTY_S

TIMEOUT_S = 0.05
SEVERAL_LOOKS_S = 4 * TIMEOUT_S


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Barks(threading.Event):
    """Counts them."""

    count = 0

    def __call__(self) -> None:
        self.count += 1
        self.set()


def test_it_barks_once_when_nothing_moves() -> None:
    clock, barks = Clock(), Barks()
    dog = Watchdog(TIMEOUT_S, barks, clock=clock)
    with dog.watching():
        clock.now = TIMEOUT_S * 0.9
        assert not barks.wait(SEVERAL_LOOKS_S)
        clock.now = TIMEOUT_S
        assert barks.wait(PLENTY_S)
    assert dog.barked
    with dog.watching():
        clock.now += 2 * TIMEOUT_S
    assert barks.count == 1


def test_it_sleeps_while_nobody_watches() -> None:
    clock, barks = Clock(), Barks()
    dog = Watchdog(TIMEOUT_S, barks, clock=clock)
    clock.now += 2 * TIMEOUT_S
    assert not barks.wait(SEVERAL_LOOKS_S)
    with dog.watching():
        clock.now += TIMEOUT_S
        assert barks.wait(PLENTY_S)


def test_it_waits_as_long_as_something_moves() -> None:
    clock, barks = Clock(), Barks()
    dog = Watchdog(TIMEOUT_S, barks, clock=clock)
    with dog.watching():
        for _ in range(20):
            clock.now += TIMEOUT_S * 0.9
            assert not barks.wait(TIMEOUT_S / 4)
            dog.moved()
    dog.end()


def test_one_that_was_ended_is_silent() -> None:
    clock, barks = Clock(), Barks()
    dog = Watchdog(TIMEOUT_S, barks, clock=clock)
    with dog.watching():
        dog.end()
        clock.now += 2 * TIMEOUT_S
        assert not barks.wait(SEVERAL_LOOKS_S)
    dog.end()

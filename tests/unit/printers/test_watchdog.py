"""The watchdog ends what stands still, and nothing else."""

import threading
import time

from adapters.printers.watchdog import Watchdog

TIMEOUT_S = 0.05
PLENTY_S = 10.0


def test_it_barks_once_when_nothing_moves() -> None:
    barked = threading.Event()
    barks: list[float] = []

    def bark() -> None:
        barks.append(time.monotonic())
        barked.set()

    dog = Watchdog(TIMEOUT_S, bark)
    start = time.monotonic()
    with dog.watching():
        assert barked.wait(PLENTY_S)
    assert barks[0] - start >= TIMEOUT_S
    assert dog.barked
    with dog.watching():
        pass
    assert len(barks) == 1


def test_it_sleeps_while_nobody_watches() -> None:
    barked = threading.Event()
    dog = Watchdog(TIMEOUT_S, barked.set)
    assert not barked.wait(4 * TIMEOUT_S)
    with dog.watching():
        assert barked.wait(PLENTY_S)


def test_it_waits_as_long_as_something_moves() -> None:
    barked = threading.Event()
    dog = Watchdog(1.0, barked.set)
    with dog.watching():
        end = time.monotonic() + 1.5
        while time.monotonic() < end:
            dog.moved()
            assert not barked.wait(0.01)
    dog.end()


def test_one_that_was_ended_is_silent() -> None:
    barked = threading.Event()
    dog = Watchdog(TIMEOUT_S, barked.set)
    with dog.watching():
        dog.end()
        assert not barked.wait(4 * TIMEOUT_S)
    dog.end()

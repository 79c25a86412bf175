"""The circuit breaker: closed, open after failures in a row or one refused key, and half open for one worker alone."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.printers.breaker import FIRST_REST_S, IN_A_ROW, LONGEST_REST_S, SPREAD, Breaker
from pipeline.errors import InDoubt, Permanent, PortError, Transient
from tests.waiting import PLENTY_S

DOWN = Transient("printer_unreachable", "no route")
REFUSED = Permanent("printer_auth_failed", "our key is refused")


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("press:22", clock, lambda: 0.0)


def use(breaker: Breaker, error: BaseException | None = None) -> None:
    with breaker.guarding():
        if error is not None:
            raise error


def fail(breaker: Breaker, error: PortError = DOWN, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(type(error)) as caught:
            use(breaker, error)
        assert caught.value is error


def rests_for(breaker: Breaker) -> float | None:
    """How long it is left alone from now; None while it may be used. Looking costs one use."""
    try:
        use(breaker)
    except Transient as error:
        if error.code != "printer_resting":
            raise
        return error.retry_after_s
    return None


@pytest.mark.parametrize("error", [DOWN, InDoubt("handover_unanswered", "no answer")])
def test_failures_in_a_row_open_it(breaker: Breaker, error: PortError) -> None:
    fail(breaker, error, IN_A_ROW - 1)
    assert rests_for(breaker) is None
    fail(breaker, error, IN_A_ROW)
    assert rests_for(breaker) == FIRST_REST_S


@pytest.mark.parametrize("code", ["printer_auth_failed", "host_key_changed"])
def test_one_refused_key_opens_it_for_long(breaker: Breaker, clock: Clock, code: str) -> None:
    fail(breaker, Permanent(code, "no"))
    assert rests_for(breaker) == LONGEST_REST_S
    clock.now += LONGEST_REST_S - 1
    assert rests_for(breaker) == 1.0


def test_a_printer_that_answers_no_is_there(breaker: Breaker) -> None:
    for _ in range(3):
        fail(breaker, DOWN, IN_A_ROW - 1)
        fail(breaker, Permanent("file_exists", "another one lies there"))
    assert rests_for(breaker) is None


def test_after_the_rest_one_worker_alone_tries_it(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, DOWN, IN_A_ROW)
    clock.now += FIRST_REST_S
    with breaker.guarding():
        assert rests_for(breaker) == 1.0
    assert rests_for(breaker) is None


def test_a_probe_that_fails_rests_twice_as_long_up_to_a_limit(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, DOWN, IN_A_ROW)
    rest_s = FIRST_REST_S
    for _ in range(8):
        clock.now += rest_s
        fail(breaker)
        rest_s = min(2 * rest_s, LONGEST_REST_S)
        assert rests_for(breaker) == rest_s
    clock.now += rest_s
    assert rests_for(breaker) is None
    fail(breaker, DOWN, IN_A_ROW)
    assert rests_for(breaker) == FIRST_REST_S


def test_a_bug_during_the_probe_says_nothing_and_lets_the_next_one_try(breaker: Breaker, clock: Clock) -> None:
    fail(breaker, REFUSED)
    clock.now += LONGEST_REST_S
    with pytest.raises(KeyError):
        use(breaker, KeyError())
    fail(breaker, REFUSED)
    assert rests_for(breaker) == LONGEST_REST_S


def test_a_rest_is_longer_by_chance_and_never_shorter(clock: Clock) -> None:
    for chance in (0.0, 0.5, 1.0):
        breaker = Breaker("press:22", clock, lambda chance=chance: chance)  # type: ignore[misc]
        fail(breaker, REFUSED)
        assert rests_for(breaker) == LONGEST_REST_S * (1 + SPREAD * chance)
        assert LONGEST_REST_S <= LONGEST_REST_S * (1 + SPREAD * chance) <= 750


def test_an_old_connection_that_still_works_does_not_let_others_knock_again(breaker: Breaker, clock: Clock) -> None:
    at_work, refused = threading.Event(), threading.Event()

    def on_an_old_connection() -> None:
        with breaker.guarding():
            at_work.set()
            assert refused.wait(PLENTY_S)

    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(on_an_old_connection)
        assert at_work.wait(PLENTY_S)
        fail(breaker, REFUSED)
        refused.set()
        old.result(PLENTY_S)
    clock.now += 1
    assert rests_for(breaker) == LONGEST_REST_S - 1


def test_what_failed_with_the_others_makes_the_rest_no_longer(breaker: Breaker) -> None:
    def with_the_others() -> None:
        with breaker.guarding():
            fail(breaker, DOWN, IN_A_ROW)
            raise DOWN

    with pytest.raises(Transient):
        with_the_others()
    assert rests_for(breaker) == FIRST_REST_S

"""The clockwork itself: APScheduler, as the scheduler's process sets it up."""

import threading
from collections import Counter
from datetime import UTC, datetime, timedelta

from apscheduler.events import EVENT_JOB_MAX_INSTANCES

from pipeline.worker.processes import make_clockwork, new_owner


def test_ticks_that_were_missed_are_caught_up_once() -> None:
    ticked: Counter[str] = Counter()
    both = threading.Barrier(3)

    def tick(mode: str) -> None:
        ticked[mode] += 1
        both.wait(30)

    clockwork = make_clockwork({"live": lambda: tick("live"), "test": lambda: tick("test")}, every_s=3_600)
    clockwork.start(paused=True)
    for mode in ("live", "test"):  # as after ten hours in which the machine was asleep
        clockwork.modify_job(mode, next_run_time=datetime.now(UTC) - timedelta(hours=10))
    clockwork.resume()
    both.wait(30)
    clockwork.shutdown(wait=True)
    assert ticked == {"live": 1, "test": 1}


def test_a_tick_that_is_still_running_is_not_begun_again_beside_itself() -> None:
    begun: list[int] = []
    again, go = threading.Event(), threading.Event()

    def tick() -> None:
        begun.append(len(begun))
        if len(begun) == 1:
            again.set()
            go.wait(30)

    clockwork = make_clockwork({"live": tick}, every_s=3_600)
    clockwork.start()
    now = datetime.now(UTC)
    clockwork.modify_job("live", next_run_time=now)
    assert again.wait(30)
    skipped = threading.Event()
    clockwork.add_listener(lambda _: skipped.set(), EVENT_JOB_MAX_INSTANCES)
    clockwork.modify_job("live", next_run_time=now)
    assert skipped.wait(30)
    go.set()
    clockwork.shutdown(wait=True)
    assert begun == [0]


def test_no_two_processes_lead_by_one_name() -> None:
    assert len({new_owner() for _ in range(100)}) == 100

"""The two processes of the line: workers, which run stages when the doorbell rings, and the scheduler, which ticks."""

import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

import dramatiq
import structlog
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from pipeline.press.process import child
from pipeline.worker.actors import declare_actors
from pipeline.worker.broker import DramatiqDoorbell, make_broker
from pipeline.worker.foundation import Foundation, lay_foundation
from pipeline.worker.line import Line
from pipeline.worker.live_root import live_line
from pipeline.worker.sandbox_root import sandbox_line
from pipeline.worker.scheduler import Scheduler
from pipeline.worker.settings import Settings
from pipeline.worker.tick_watch import TickWatch

log = structlog.get_logger()

# How long an idle worker thread sleeps between looks at its queue: the longest a bell waits.
_IDLE_MS = 100
_STOP_MS = 20_000


def run_worker(settings: Settings) -> None:
    """Work until SIGTERM or SIGINT; what is under way is finished first, within the lease."""
    with _standing(settings) as (broker, lines):
        child.warm_up()
        declare_actors(broker, lines)
        worker = dramatiq.Worker(broker, worker_threads=settings.worker_threads, worker_timeout=_IDLE_MS)
        worker.start()
        log.info("worker.started", threads=settings.worker_threads)
        _until_told_to_stop()
        worker.stop(timeout=_STOP_MS)


def run_scheduler(settings: Settings) -> None:
    """Tick until SIGTERM or SIGINT, one tick of each mode at a time; a tick that was missed is caught up once."""
    owner = new_owner()
    watch, stopped = TickWatch(), threading.Event()
    with _standing(settings) as (_, lines):
        schedulers = [Scheduler(line, owner=owner, sweep_s=settings.sweep_s) for line in lines.values()]
        ticks = {mode: watch.watched(mode, one.tick) for mode, one in zip(lines, schedulers, strict=True)}
        clockwork = make_clockwork(ticks, settings.tick_s)
        clockwork.start()
        threading.Thread(target=watch.run, args=(stopped,), name="tick-watch", daemon=True).start()
        log.info("scheduler.started", owner=owner, tick_s=settings.tick_s)
        _until_told_to_stop()
        clockwork.shutdown()
        stopped.set()
        for one in schedulers:
            one.resign()


def new_owner() -> str:
    """A name that no other process has, though it runs in a container with the same host name and the same number."""
    return f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(4)}"


def make_clockwork(ticks: Mapping[str, Callable[[], None]], every_s: float) -> BackgroundScheduler:
    """One job a mode, by its name; none begins beside another of its mode, and however many were missed, one makes up for them."""
    clockwork = BackgroundScheduler(timezone="UTC", executors={"default": ThreadPoolExecutor(len(ticks))})
    often: dict[str, Any] = {"seconds": every_s, "misfire_grace_time": None, "coalesce": True, "max_instances": 1}
    for mode, tick in ticks.items():
        clockwork.add_job(tick, "interval", id=mode, **often)
    return clockwork


def build_lines(foundation: Foundation) -> dict[str, Line]:
    """The line of each mode, each by its own composition root."""
    return {"live": live_line(foundation), "test": sandbox_line(foundation)}


@contextmanager
def _standing(settings: Settings) -> Iterator[tuple[dramatiq.Broker, dict[str, Line]]]:
    broker = make_broker(settings.redis_url)
    doorbell = DramatiqDoorbell(broker)
    foundation = lay_foundation(settings, doorbell)
    try:
        yield broker, build_lines(foundation)
    finally:
        doorbell.close()
        broker.close()
        foundation.db.dispose()


def _until_told_to_stop() -> None:
    told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    told.wait()

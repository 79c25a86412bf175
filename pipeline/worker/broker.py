"""The doorbell: Dramatiq over Redis. It carries no state; losing it all costs one sweep."""

import threading
from collections.abc import Iterable

import dramatiq
import structlog
from dramatiq.brokers.redis import RedisBroker
from redis.exceptions import RedisError

from pipeline.ports import Note

log = structlog.get_logger()

HEARTBEAT_MS = 15_000
MAINTENANCE_CHANCE = (
    100_000  # every command: messages of a dead worker come back within a heartbeat, not within minutes
)
_COALESCE_S = 0.03
_ENOUGH = 16
"""Bells that wait in one queue: more would only say the same."""


def make_broker(redis_url: str) -> RedisBroker:
    """A broker without retries, delays or results: all of those stand in the rows."""
    return RedisBroker(  # type: ignore[no-untyped-call]
        url=redis_url,
        middleware=[],
        heartbeat_timeout=HEARTBEAT_MS,
        maintenance_chance=MAINTENANCE_CHANCE,
        socket_timeout=5.0,
        socket_connect_timeout=2.0,
    )


class DramatiqDoorbell:
    """Rings stages. Equal notes within 30 ms are one; a ring that Redis does not take is dropped, and the sweep rings again."""

    def __init__(self, broker: RedisBroker) -> None:
        self._broker = broker
        self._pending: dict[Note, None] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread = threading.Thread(target=self._send_until_closed, name="doorbell", daemon=True)
        self._thread.start()

    def ring(self, note: Note) -> None:
        with self._lock:
            self._pending[note] = None
        self._wake.set()

    def close(self) -> None:
        """Send what is pending and stop."""
        self._closed = True
        self._wake.set()
        self._thread.join(timeout=5)

    def _send_until_closed(self) -> None:
        pause = threading.Event()
        while True:
            self._wake.wait()
            self._wake.clear()
            if not self._closed:
                pause.wait(_COALESCE_S)
            with self._lock:
                notes, self._pending = list(self._pending), {}
            self._send(notes)
            if self._closed:
                return

    def _send(self, notes: Iterable[Note]) -> None:
        try:
            for note in notes:
                if note.only or self._broker.client.llen(f"{self._broker.namespace}:{note.stage}") < _ENOUGH:
                    self._broker.enqueue(_message(note))
        except (RedisError, dramatiq.errors.BrokerConnectionError) as error:
            log.warning("doorbell.unanswered", reason=type(error).__name__)


def _message(note: Note) -> "dramatiq.Message[int]":
    return dramatiq.Message(
        queue_name=note.stage, actor_name=note.stage, args=(note.mode, list(note.only)), kwargs={}, options={}
    )

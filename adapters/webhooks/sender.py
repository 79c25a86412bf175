"""Webhooks over HTTP: each tried once, side by side, on an event loop in a thread of its own.

Connections are kept alive per origin. No redirects, cookies or proxies; TLS is always verified; nothing is unpacked.
"""

import asyncio
import inspect
import ssl
import threading
import time
from collections.abc import Coroutine, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

import httpcore2

from adapters.webhooks.addresses import AllowList, parse_address
from adapters.webhooks.answers import read_start, retry_after_s, shown
from adapters.webhooks.network import BlockedError, Names, Resolver, as_addresses, system_resolver
from adapters.webhooks.pools import Pool, Pools
from adapters.webhooks.signature import sign
from adapters.webhooks.targets import Target, judge, parse
from pipeline.errors import Fault, Transient
from pipeline.ports import Attempt, Outgoing

T = TypeVar("T")
_RESOLVING_THREADS = 128
# How often it is looked whether what had not begun when everything was to stop has.
_LOOK_S = 0.01


@dataclass(frozen=True)
class Limits:
    """Seconds of one attempt, and connections to one origin.

    `total_s` is from the connection to the end of the answer, of which connecting takes at most `connect_s`. `queue_s` is how long
    an outgoing waits for one of the `per_origin` connections; after that it is not tried at all. `again_within_s` is how young a
    broken attempt must be to be made once more at once: a kept connection may be closed by the other side just as we use it.
    """

    total_s: float = 20.0
    connect_s: float = 5.0
    queue_s: float = 5.0
    per_origin: int = 32
    again_within_s: float = 1.0


class HttpWebhookSender:
    """The `WebhookSender` port. `mode` (live or test) and the operator's `allow` decide where a webhook may go.

    `resolver` and `tls` are passed in by tests. One sender serves many threads; it starts its own on first use.
    """

    def __init__(
        self,
        mode: str,
        *,
        allow: tuple[str, ...] = (),
        limits: Limits | None = None,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._mode = mode
        self._allow = AllowList(allow)
        self._limits = limits or Limits()
        self._resolver = resolver
        self._threads = ThreadPoolExecutor(_RESOLVING_THREADS, thread_name_prefix="webhook-names")
        self._names = Names(resolver, self._threads)
        self._pools = Pools(self._names, self._allow, tls or ssl.create_default_context(), self._limits.per_origin)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False
        self._lock = threading.Lock()

    def check(self, url: str) -> tuple[Fault, ...]:
        """Why this URL may not be a webhook target; empty when it may.

        A name that leads nowhere today is no fault: it is checked again whenever a connection is opened.
        """
        target = parse(url, livemode=self._mode == "live")
        if isinstance(target, Fault):
            return (target,)
        literal = parse_address(target.origin.host)
        try:
            texts = [str(literal)] if literal else self._resolver(target.origin.host, target.origin.port)
        except OSError:
            texts = []
        fault = judge(target.origin, as_addresses(texts), self._allow)
        return (fault,) if fault else ()

    def send(self, outgoing: Sequence[Outgoing], now: datetime) -> list[Attempt]:
        """Try each once, side by side; returns when the last has ended, within `queue_s` and `total_s` together.

        An outgoing that found no free connection in time was not tried, and is missing from the answer.
        """
        return [attempt for attempt in self._run(self._all(outgoing, now)) if attempt is not None]

    def close(self) -> None:
        """Stop, and close all connections. What is still being sent ends there: its `send` raises `Transient("stopping")`."""
        with self._lock:
            loop, self._loop, self._closed = self._loop, None, True
        if loop is not None:
            asyncio.run_coroutine_threadsafe(self._stop(), loop).result()
            loop.call_soon_threadsafe(loop.stop)
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._closed:
                work.close()
                raise Transient("stopping", "the webhook sender is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_turn, args=(self._loop,), name="webhooks", daemon=True).start()
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result()
        except CancelledError as error:
            raise Transient("stopping", "the webhook sender was closed before the receivers answered") from error

    async def _stop(self) -> None:
        asked: set[asyncio.Task[Any]] = set()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:
            # Python warns of work that is cancelled before it began, as connecting may be.
            for task in filter(_has_begun, others - asked):
                task.cancel()
                asked.add(task)
            await asyncio.wait(others, timeout=_LOOK_S)
        self._names.close()
        await self._pools.close()

    async def _all(self, outgoing: Sequence[Outgoing], now: datetime) -> list[Attempt | None]:
        return await asyncio.gather(*(self._one(one, now) for one in outgoing))

    async def _one(self, one: Outgoing, now: datetime) -> Attempt | None:
        target = parse(one.url, livemode=self._mode == "live")
        if isinstance(target, Fault):
            return Attempt(one.delivery_id, False, None, "blocked_address", 0)
        async with self._pools.slot(target.origin, self._limits.queue_s) as pool:
            return None if pool is None else await self._attempt(pool, target, one, now)

    async def _attempt(self, pool: Pool, target: Target, one: Outgoing, now: datetime) -> Attempt:
        start = time.monotonic()
        exchange = _Exchange(one, target, now, self._limits.connect_s)
        error = "timeout"
        try:
            async with asyncio.timeout(self._limits.total_s):
                try:
                    await exchange.run(pool)
                except _BROKEN:
                    if exchange.status is not None or time.monotonic() - start > self._limits.again_within_s:
                        raise
                    await exchange.run(pool)
            error = ""
        except TimeoutError:
            pass
        except BlockedError:
            error = "blocked_address"
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as failure:
            error = _coarse(failure)
        return exchange.ended(error, round((time.monotonic() - start) * 1000))


class _Exchange:
    """One request and what came back of it so far."""

    def __init__(self, one: Outgoing, target: Target, now: datetime, connect_s: float) -> None:
        self._one = one
        self._now = now
        origin = target.origin
        url = httpcore2.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=target.path)
        self._request = (url, _headers(one, origin.host_header, now), {"timeout": {"connect": connect_s}})
        self.status: int | None = None
        self._answer_headers: list[tuple[bytes, bytes]] = []
        self._kept = bytearray()

    async def run(self, pool: Pool) -> None:
        url, headers, extensions = self._request
        request = httpcore2.Request("POST", url, headers=headers, content=self._one.body, extensions=extensions)
        async with pool.response(request) as response:
            self.status, self._answer_headers = response.status, response.headers
            await read_start(response, self._kept)

    def ended(self, error: str, duration_ms: int) -> Attempt:
        """A status decides, even where the body behind it broke off."""
        status = self.status
        delivered = status is not None and 200 <= status < 300
        if status is not None:
            error = "" if delivered else "redirect" if 300 <= status < 400 else "http_status"
        return Attempt(
            self._one.delivery_id,
            delivered,
            status,
            error,
            duration_ms,
            retry_after_s=retry_after_s(self._answer_headers, self._now) if status in (429, 503) else None,
            gone=status == 410,
            response=shown(self._answer_headers, bytes(self._kept)),
        )


_BROKEN = (httpcore2.RemoteProtocolError, httpcore2.ReadError, httpcore2.WriteError)


def _headers(one: Outgoing, host: str, now: datetime) -> list[tuple[str, str]]:
    timestamp = int(now.timestamp())
    return [
        ("Host", host),
        ("User-Agent", "MailStream-Webhooks/1"),
        ("Accept", "*/*"),
        ("Accept-Encoding", "identity"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(one.body))),
        ("webhook-id", one.event_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", sign(one.secrets, one.event_id, timestamp, one.body)),
        ("webhook-attempt", str(one.attempt)),
        ("webhook-event-type", one.event_type),
    ]


def _coarse(failure: Exception) -> str:
    """What the sender of mail may know of a failure: enough to mend a receiver, too little to map a network."""
    if isinstance(failure, httpcore2.TimeoutException):
        return "timeout"
    if isinstance(failure.__cause__, ssl.SSLError):
        return "tls_error"
    return "connection_refused" if isinstance(failure, httpcore2.ConnectError) else "bad_response"


def _has_begun(task: asyncio.Task[Any]) -> bool:
    work = task.get_coro()
    return not inspect.iscoroutine(work) or inspect.getcoroutinestate(work) != inspect.CORO_CREATED


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.close()

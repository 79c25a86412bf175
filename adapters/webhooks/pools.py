"""Connections kept alive, a pool for each origin: a receiver that hangs holds its own connections and nobody else's.

httpcore2's own pool looks at every connection for every request, which alone halves the rate; here the connection used last is
taken from a stack.
"""

import asyncio
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpcore2

from adapters.webhooks.addresses import AllowList
from adapters.webhooks.network import GuardedBackend, Names
from adapters.webhooks.targets import Origin

MOST_IDLE = 1_000
"""Origins whose connections are kept while nobody uses them."""
_KEEP_S = 15.0


class Pool:
    """The connections to one origin; `free` counts those that may still be opened or used."""

    def __init__(self, origin: Origin, backend: GuardedBackend, tls: ssl.SSLContext, most: int) -> None:
        self._origin = httpcore2.Origin(origin.scheme.encode(), origin.host.encode(), origin.port)
        self._backend = backend
        self._tls = tls
        self._idle: list[httpcore2.AsyncHTTPConnection] = []
        self.free = asyncio.Semaphore(most)
        self.users = 0

    @asynccontextmanager
    async def response(self, request: httpcore2.Request) -> AsyncIterator[httpcore2.Response]:
        """The answer to a request, its body still to be read. Raises as httpcore2 does."""
        connection = await self._connection()
        try:
            response = await connection.handle_async_request(request)
            try:
                yield response
            finally:
                await response.aclose()
        finally:
            if connection.is_available():
                self._idle.append(connection)
            else:
                await connection.aclose()

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _connection(self) -> httpcore2.AsyncHTTPConnection:
        """The one used last, if the other side still holds it open; else a new one."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return httpcore2.AsyncHTTPConnection(
            self._origin, self._tls, keepalive_expiry=_KEEP_S, network_backend=self._backend
        )


class Pools:
    """Used on one event loop only."""

    def __init__(self, names: Names, allow: AllowList, tls: ssl.SSLContext, per_origin: int) -> None:
        self._names = names
        self._allow = allow
        self._tls = tls
        self._per_origin = per_origin
        self._pools: OrderedDict[Origin, Pool] = OrderedDict()

    @asynccontextmanager
    async def slot(self, origin: Origin, queue_s: float) -> AsyncIterator[Pool | None]:
        """One connection's worth of this origin's pool; None where none came free in time."""
        pool = self._pool(origin)
        pool.users += 1
        try:
            if not await _taken(pool.free, queue_s):
                yield None
                return
            try:
                yield pool
            finally:
                pool.free.release()
        finally:
            pool.users -= 1
            await self._trim()

    async def close(self) -> None:
        """Close every connection that nobody uses."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.close()

    def _pool(self, origin: Origin) -> Pool:
        if origin not in self._pools:
            backend = GuardedBackend(origin, self._names, self._allow)
            self._pools[origin] = Pool(origin, backend, self._tls, self._per_origin)
        self._pools.move_to_end(origin)
        return self._pools[origin]

    async def _trim(self) -> None:
        """Let go of the origins that were used longest ago."""
        while len(self._pools) > MOST_IDLE:
            idle = next((origin for origin, pool in self._pools.items() if not pool.users), None)
            if idle is None:
                return
            await self._pools.pop(idle).close()


async def _taken(free: asyncio.Semaphore, within_s: float) -> bool:
    if not free.locked():
        await free.acquire()
        return True
    try:
        async with asyncio.timeout(within_s):
            await free.acquire()
    except TimeoutError:
        return False
    return True

"""The door to the network: a name is resolved, every address judged, and only a judged address connected to.

What was checked is what is used: the address that was judged is the one that is dialled, and the peer of the open socket is
compared with it, so that a name which changes its answer between check and use (DNS rebinding) gains nothing.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

import httpcore2

from adapters.webhooks.addresses import Address, AllowList, parse_address
from adapters.webhooks.targets import Origin, judge

Resolver = Callable[[str, int], Sequence[str]]
"""All A and AAAA addresses of a host, as text. Raises `OSError` where there are none. Called in a thread."""


class BlockedError(Exception):
    """The target may not be reached."""


def system_resolver(host: str, port: int) -> Sequence[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Names:
    """Resolves names in threads of its own. Those who ask for one name at once share one look-up, so that a name whose server
    is silent holds one thread, however many deliveries wait for it."""

    def __init__(self, resolver: Resolver, threads: Executor) -> None:
        self._resolver = resolver
        self._threads = threads
        self._asked: dict[tuple[str, int], asyncio.Future[Sequence[str]]] = {}

    async def addresses(self, origin: Origin) -> list[Address]:
        """Raises `OSError` for a name that leads nowhere."""
        literal = parse_address(origin.host)
        if literal is not None:
            return [literal]
        key = (origin.host, origin.port)
        if key not in self._asked:
            self._asked[key] = asyncio.get_running_loop().run_in_executor(self._threads, self._resolver, *key)
            self._asked[key].add_done_callback(partial(self._forget, key))
        return as_addresses(await asyncio.shield(self._asked[key]))

    def close(self) -> None:
        """Wait for no name any more."""
        for future in list(self._asked.values()):
            future.cancel()

    def _forget(self, key: tuple[str, int], future: asyncio.Future[Sequence[str]]) -> None:
        del self._asked[key]
        if not future.cancelled():
            future.exception()  # seen, also where all who asked have given up


def as_addresses(texts: Iterable[str]) -> list[Address]:
    """A link-local answer with its zone id cannot be dialled from a URL, and is left as its bare, forbidden address."""
    return [address for text in texts if (address := parse_address(text.partition("%")[0])) is not None]


class GuardedBackend(httpcore2.AsyncNetworkBackend):
    """Opens sockets for one origin, to addresses that `judge` has passed."""

    def __init__(self, origin: Origin, names: Names, allow: AllowList) -> None:
        self._origin = origin
        self._names = names
        self._allow = allow
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Tries each address in turn. `timeout` seconds cover looking up and connecting."""
        if (host, port) != (self._origin.host, self._origin.port):
            raise BlockedError("asked for another origin than the one checked")
        end = None if timeout is None else time.monotonic() + timeout
        try:
            async with asyncio.timeout(timeout):
                addresses = await self._names.addresses(self._origin)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("the name was not resolved in time") from error
        except OSError as error:
            raise httpcore2.ConnectError("the name leads nowhere") from error
        if judge(self._origin, addresses, self._allow):
            raise BlockedError("the name leads to an address that is not allowed")
        failure: httpcore2.ConnectError | httpcore2.ConnectTimeout = httpcore2.ConnectError("no address")
        for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
            share = None if end is None else max(0.0, end - time.monotonic()) / left
            try:
                stream = await self._inner.connect_tcp(str(address), port, share, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
                continue
            return await _verified(stream, address)
        raise failure


async def _verified(stream: httpcore2.AsyncNetworkStream, address: Address) -> httpcore2.AsyncNetworkStream:
    peer = stream.get_extra_info("server_addr")
    if parse_address(str(peer[0]).partition("%")[0]) != address:
        await stream.aclose()
        raise BlockedError("connected to another address than the one checked")
    return _OneWrite(stream)


class _OneWrite(httpcore2.AsyncNetworkStream):
    """Sends head and body of a request together, when its answer is waited for: one system call and one packet, not two."""

    def __init__(self, inner: httpcore2.AsyncNetworkStream) -> None:
        self._inner = inner
        self._waiting = bytearray()

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  # the interface's
        self._waiting += buffer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._waiting:
            waiting, self._waiting = bytes(self._waiting), bytearray()
            with contextlib.suppress(httpcore2.WriteError):  # an answer may lie there from before the other side closed
                await self._inner.write(waiting, timeout)
        return await self._inner.read(max_bytes, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _OneWrite(await self._inner.start_tls(ssl_context, server_hostname, timeout))

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)

"""A receiver on a real socket: it reads one request after another and answers with the bytes it was told to, however wrong."""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from adapters.webhooks.sender import Limits
from tests.waiting import PLENTY_S

PATIENT = Limits(total_s=600.0, connect_s=300.0, queue_s=300.0, again_within_s=600.0)
"""For tests in which no attempt may run out of time, however slow the machine is."""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass(frozen=True)
class Request:
    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Connection:
    """One request, and what a script writes its answer to."""

    request: Request
    writer: asyncio.StreamWriter


@dataclass
class Receiver:
    """What came, and how much of its answer was taken."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    written: int = 0
    host: str = "127.0.0.1"
    scheme: str = "http"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/hook"


Script = Callable[[Connection, Receiver], Awaitable[None]]
"""Answers one request on its connection."""


def says(*parts: bytes, pause_s: float = 0.0, close: bool = False) -> Script:
    """A script that writes these bytes, with a pause after each part, and perhaps hangs up."""

    async def script(connection: Connection, receiver: Receiver) -> None:
        for part in parts:
            connection.writer.write(part)
            await connection.writer.drain()
            receiver.written += len(part)
            if pause_s:
                await asyncio.sleep(pause_s)
        if close:
            connection.writer.close()

    return script


async def silent(connection: Connection, receiver: Receiver) -> None:
    """Never answers; waits until the other side has had enough."""
    await asyncio.Event().wait()


@contextmanager
def receiving(
    script: Script | None = None, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> Iterator[Receiver]:
    """A receiver on a free port of loopback; `host` is the name by which its URL calls it."""
    receiver = Receiver(host=host, scheme="https" if tls else "http")
    answer = script or says(OK)
    loop = asyncio.new_event_loop()
    tasks: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        receiver.connections += 1
        tasks[asyncio.current_task()] = writer  # type: ignore[index]
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError, ssl.SSLError):
            while not writer.is_closing():
                request = await _read(reader)
                receiver.requests.append(request)
                await answer(Connection(request, writer), receiver)
        writer.close()

    async def start() -> asyncio.Server:
        return await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)

    server = loop.run_until_complete(start())
    receiver.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        asyncio.run_coroutine_threadsafe(_stop(server, tasks), loop).result(PLENTY_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _stop(server: asyncio.Server, tasks: dict["asyncio.Task[None]", asyncio.StreamWriter]) -> None:
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for writer in tasks.values():
        writer.transport.abort()  # what nobody reads any more would keep its socket open when the loop is gone


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
    return Request(line, headers, await reader.readexactly(int(headers.get("content-length", "0"))))

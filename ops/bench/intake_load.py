"""The sender's side of the intake bench: one process, many connections, one piece a request, each with a key of its own."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

CONNECTIONS = 32
_WARM_UP_S = 1.0


@dataclass(frozen=True)
class Load:
    """What is sent, and for how long. Without `per_s`, every connection sends as soon as it has its answer."""

    secret: str
    creative_id: str
    seconds: float
    per_s: float | None = None

    def body(self) -> bytes:
        order: dict[str, Any] = {
            "product": "postcard_4x6",
            "to": {
                "name": "Ada Lovelace", "line1": "185 Berry St", "city": "San Francisco", "state": "CA", "zip": "94107",
            },
            "from": {"name": "MailStream", "line1": "1 Main St", "city": "Boise", "state": "ID", "zip": "83702"},
            "front": {"creative": self.creative_id},
            "metadata": {"order": "1001"},
        }  # fmt: skip
        return json.dumps(order).encode()


@dataclass(frozen=True)
class Told:
    """Answers a second, and how long they took from when they were to be asked."""

    per_s: float
    p50_ms: float
    p99_ms: float


def send(port: int, load: Load) -> Told:
    """Raises `SystemExit` with the answer that was not a 201."""
    return asyncio.run(_send(port, load))


async def _send(port: int, load: Load) -> Told:
    start = time.perf_counter() + _WARM_UP_S
    text = load.body()
    head = "POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {load.secret}\r\nContent-Length: {len(text)}\r\n"
    took_s: list[float] = []

    async def send_until_end(number: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for sent, due in enumerate(_moments(number, start - _WARM_UP_S, load)):
            now = time.perf_counter()
            if due is not None and due > now:
                await asyncio.sleep(due - now)
            began = due or time.perf_counter()
            if began >= start + load.seconds:
                break
            writer.write(f"{head}Idempotency-Key: {port}-{start}-{number}-{sent}\r\n\r\n".encode() + text)
            await _answer(reader)
            if began >= start:
                took_s.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(send_until_end(number) for number in range(CONNECTIONS)))
    quantiles = statistics.quantiles(took_s, n=100)
    return Told(len(took_s) / load.seconds, quantiles[49] * 1000, quantiles[98] * 1000)


def _moments(number: int, first: float, load: Load) -> Iterator[float | None]:
    """When this connection is to send; None for at once. One that is late counts its wait too."""
    for sent in count():
        yield None if load.per_s is None else first + (sent * CONNECTIONS + number) / load.per_s


async def _answer(reader: asyncio.StreamReader) -> None:
    answer = await reader.readuntil(b"\r\n\r\n")
    if not answer.startswith(b"HTTP/1.1 201"):
        raise SystemExit(answer.decode() + (await reader.read(2000)).decode())
    await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))

"""A TCP proxy on loopback that holds every byte for some time, as a long line does: `python -m ops.bench.delay_proxy PORT MS`.

`MS` is the delay of one direction. It prints the port that it listens on. A process of its own, so that it takes no time from
those whom it delays.
"""

import asyncio
import contextlib
import sys

_CHUNK = 256 * 1024
_HELD = 64 * 1024 * 1024
"""Bytes on the line at most: many times what 40 ms hold."""


async def serve(target: int, delay_s: float) -> None:
    """Until it is killed."""

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", target, limit=_CHUNK)
        ways = (_carry(reader, far_writer, delay_s), _carry(far_reader, writer, delay_s))
        await asyncio.gather(*ways)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=_CHUNK)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201
    await server.serve_forever()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay_s: float) -> None:
    """One direction: a chunk is passed on when its time has come, whatever comes after it."""
    line: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD // _CHUNK)
    clock = asyncio.get_running_loop().time

    async def fill() -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(_CHUNK):
                await line.put((clock() + delay_s, data))
        await line.put((clock() + delay_s, b""))

    filling = asyncio.create_task(fill())
    with contextlib.suppress(ConnectionError):
        while (arrival := await line.get())[1]:
            await asyncio.sleep(arrival[0] - clock())
            writer.write(arrival[1])
            await writer.drain()
    writer.close()
    await filling


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2]) / 1000))

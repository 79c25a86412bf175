"""The receivers of the webhook bench, in a process of their own: one that answers, and many that accept and never do.

`python -m ops.bench.webhook_receiver DEAD` prints the ports, the answering one first. `GET /seen` there lists when each
`webhook-id` came, in seconds since the epoch.
"""

import asyncio
import json
import sys
import time

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Alive(asyncio.Protocol):
    seen: dict[str, float] = {}  # noqa: RUF012  # of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            head, _, rest = self._buffer.partition(b"\r\n\r\n")
            line, *fields = head.decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            self._buffer = rest[length:]
            self._transport.write(self._answer(line, headers))

    def _answer(self, line: str, headers: dict[str, str]) -> bytes:
        if line.startswith("GET"):
            body = json.dumps(self.seen).encode()
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        self.seen.setdefault(headers["webhook-id"], time.time())
        return _ANSWER


async def _serve(dead: int) -> None:
    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(Alive, "127.0.0.1", 0, backlog=512)]
    servers += [await loop.create_server(asyncio.Protocol, "127.0.0.1", 0, backlog=512) for _ in range(dead)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)  # noqa: T201
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve(int(sys.argv[1])))

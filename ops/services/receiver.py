"""A sender's webhook receiver: verifies each signature as the Standard Webhooks specification says, and tells of what came."""

import base64
import hmac
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Tell = Callable[[dict[str, Any]], None]


class Receiver:
    """Listens on a loopback port, any free one unless `port` says which. `tell` is called once for each event that is accepted.

    `secrets` are those of the endpoints that point here, `events` what was accepted, by webhook id.
    """

    def __init__(self, tell: Tell, *, port: int = 0) -> None:
        self.secrets: list[str] = []
        self.events: dict[str, dict[str, Any]] = {}
        self.refused = 0
        self._tell = tell
        self._lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                taken = receiver.take(self.headers["webhook-id"], self.headers, body)
                self.send_response(204 if taken else 401)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """What came is in the log file."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]

    def url(self, path: str = "") -> str:
        return f"http://127.0.0.1:{self.port}/{path}"

    def take(self, event_id: str, headers: Any, body: bytes) -> bool:
        """Whether the webhook is genuine; one that came before changes nothing."""
        signed = f"{event_id}.{headers['webhook-timestamp']}.".encode() + body
        given = {part.partition(",")[2] for part in headers["webhook-signature"].split()}
        genuine = any(_signature(secret, signed) in given for secret in self.secrets)
        with self._lock:
            if not genuine:
                self.refused += 1
            elif event_id not in self.events:
                self.events[event_id] = json.loads(body)
                self._tell(self.events[event_id])
        return genuine

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._server.serve_forever, name="receiver", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix("whsec_"))
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()

"""The counter over HTTP: sign-on and pieces by IMb, as the post's IV-MTR interface has them."""

import json
import re
import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ops.simulators.carrier.post import Clock, Post

_PIECE = re.compile(r"(?:/ivws_api/informedvisapi)?/api/mt/get/piece/imb/([0-9]{20,31})")
_MOST_BODY = 65_536


@dataclass(frozen=True)
class Mishap:
    """One answer gone wrong, given in place of the right one. `wait_s` passes first; without a status, the right answer follows."""

    status: int | None = None
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    wait_s: float = 0.0


@dataclass
class Users:
    """Who may sign on, and the tokens given out, each good for `token_s`."""

    username: str
    password: str
    clock: Clock
    token_s: float = 900.0
    _until: dict[str, float] = field(default_factory=dict)

    def sign_on(self, grant: dict[str, Any]) -> dict[str, Any] | None:
        """A token for a right password or refresh token; None for a wrong one."""
        right = (grant.get("username"), grant.get("password")) == (self.username, self.password)
        if not right and self._until.pop(f"refresh {grant.get('refresh_token')}", 0.0) < self.clock():
            return None
        access, refresh = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
        self._until[f"Bearer {access}"] = self._until[f"refresh {refresh}"] = self.clock() + self.token_s
        return {
            "access_token": access,
            "token_type": "Bearer",
            "expires_in": str(int(self.token_s)),
            "refresh_token": refresh,
        }

    def knows(self, authorization: str) -> bool:
        return self._until.get(authorization, 0.0) > self.clock() and authorization.startswith("Bearer ")

    def revoke_all(self) -> None:
        self._until.clear()


class Desk(ThreadingHTTPServer):
    """Serves until `shutdown`. `mishaps` are taken one by one by requests for pieces, `sign_on_mishaps` by sign-ons."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, port: int, post: Post, users: Users) -> None:
        super().__init__(("127.0.0.1", port), _Clerk)
        self.post = post
        self.users = users
        self.mishaps: deque[Mishap] = deque()
        self.sign_on_mishaps: deque[Mishap] = deque()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def serve_in_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,), name="carrier", daemon=True)
        thread.start()
        return thread

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up in the middle of an answer is none of our troubles."""


class _Clerk(BaseHTTPRequestHandler):
    server: Desk
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body leave in one packet
    timeout = 60

    def do_GET(self) -> None:
        asked = _PIECE.fullmatch(self.path)
        if self.path == "/healthz":
            self._answer(200, {"pieces": len(self.server.post)})
        elif asked is None:
            self._answer(404, {"message": "Not found.", "data": None})
        elif not self.server.users.knows(self.headers.get("Authorization", "")):
            self._answer(401, {"message": "Invalid or expired token.", "data": None})
        elif not self._mishap(self.server.mishaps):
            self._piece(asked[1])

    def do_POST(self) -> None:
        grant = self._json()
        if self.path not in ("/oauth/authenticate", "/oauth/token"):
            self._answer(404, {"error": "not_found"})
        elif not self._mishap(self.server.sign_on_mishaps):
            token = self.server.users.sign_on(grant)
            self._answer(200 if token else 401, token or {"error": "invalid_grant"})

    def _piece(self, imb: str) -> None:
        scans = self.server.post.scans(imb)
        if scans is None:
            self._answer(200, {"message": "Barcode not found.", "data": None})
            return
        data = {"piece_id": f"sim-{imb[:20]}", "mail_class": "First Class", "imb": imb, "scans": scans}
        self._answer(200, {"message": None, "data": data})

    def _mishap(self, mishaps: deque[Mishap]) -> bool:
        """Whether one happened in place of the answer."""
        try:
            mishap = mishaps.popleft()
        except IndexError:
            return False
        time.sleep(mishap.wait_s)
        if mishap.status is None:
            return False
        self._raw(mishap.status, mishap.body, mishap.headers)
        return True

    def _json(self) -> dict[str, Any]:
        try:
            value = json.loads(self.rfile.read(min(int(self.headers.get("Content-Length", 0)), _MOST_BODY)))
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        self._raw(status, json.dumps(body).encode(), (("Content-Type", "application/json"),))

    def _raw(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Silent: a request line holds a barcode."""

"""`mailstream up` as a newcomer meets it: a test piece by HTTP is delivered within a minute, and its webhooks arrive."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.e2e.service import Service, order, service, wait_for

_RECEIVED: list[tuple[dict[str, str], bytes]] = []
STATUSES = ["created", "sent", "printed", "mailed", "in_transit", "out_for_delivery", "delivered"]


@pytest.fixture(scope="module")
def receiver() -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            _RECEIVED.append((dict(self.headers), body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def running(receiver: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    allowed = receiver.removeprefix("http://").removesuffix("/hook")
    with service(tmp_path_factory.mktemp("up") / "home", webhook_allow=allowed) as one:
        yield one


def test_a_test_piece_is_delivered_within_a_minute_and_every_webhook_verifies(running: Service, receiver: str) -> None:
    with running.client() as client:
        endpoint = client.post("/v1/webhook_endpoints", json={"url": receiver}).json()
        piece = order(client)

        def delivered() -> bool:
            return bool(client.get(f"/v1/mail/{piece['id']}").json()["status"] == "delivered")

        wait_for(delivered, within_s=60)
        wait_for(lambda: len(_RECEIVED) >= len(STATUSES), within_s=60)
        told = [Webhook(endpoint["secret"]).verify(body, headers) for headers, body in _RECEIVED]
        assert [event["data"]["status"] for event in told] == STATUSES
        assert {event["data"]["id"] for event in told} == {piece["id"]}
        assert {event["data"]["livemode"] for event in told} == {False}
        sequences = [event["data"]["sequence"] for event in told]
        assert sequences == sorted(sequences)
        shown = client.get(f"/v1/mail/{piece['id']}").json()
        assert shown["sla"]["state"] == "kept"
        assert shown["tracking"]["imb"]

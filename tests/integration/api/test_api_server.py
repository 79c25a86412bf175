"""Behind a real server: uploads that are too large, chunked bodies, and keys that are revoked."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from sqlalchemy import update

from api.app import create_app
from api.auth import BELIEVED_S
from pipeline.clock import machine_clock
from pipeline.repository import tables
from tests.integration.api.world import World, world
from tests.waiting import PLENTY_S

MB = 1024 * 1024


@pytest.fixture
def api(sqlite_url: str, tmp_path: Path) -> Iterator[World]:
    with world(sqlite_url, tmp_path) as made:
        yield made


@pytest.fixture
def port(api: World) -> Iterator[int]:
    """The port of a server with a second application on the same services."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(create_app(api.services), log_level="critical"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


def test_a_200_mb_upload_is_refused_before_it_is_sent(api: World, port: int) -> None:
    before = api.rows()
    headers = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(200 * MB)}
    status, body = asked(port, "POST", "/v1/creatives", {**api.headers(), **headers})
    assert (status, b'"code":"body_too_large"' in body) == (413, True)
    assert api.rows() == before


@pytest.mark.parametrize("path", ["/v1/creatives", "/v1/mail"])
def test_an_endless_upload_is_cut_at_its_limit(api: World, port: int, path: str) -> None:
    name = "file" if path == "/v1/creatives" else "front"
    head = f'--x\r\nContent-Disposition: form-data; name="{name}"; filename="a"\r\n\r\n'.encode()
    status, body, sent = stream(api, port, path, "multipart/form-data; boundary=x", head)
    assert status == 413
    assert b'"code":"body_too_large"' in body
    assert sent < 100 * MB  # what lies in sockets while the answer is on its way counts too
    assert api.rows()["files"] == 0


def test_endless_json_is_cut_at_its_limit(api: World, port: int) -> None:
    status, body, sent = stream(api, port, "/v1/mail", "application/json", b'{"product": "')
    assert (status, b'"code":"body_too_large"' in body) == (413, True)
    assert sent < 100 * MB


def test_a_request_without_a_key_is_not_read(api: World, port: int) -> None:
    assert asked(port, "POST", "/v1/mail", {"Content-Length": str(5 * MB)})[0] == 401


def test_a_revoked_key_works_for_a_second_at_most(api: World, port: int) -> None:
    def status() -> int:
        return asked(port, "GET", "/v1/mail", api.headers())[0]

    assert status() == 200
    with api.db.write() as tx:
        tx.execute(update(tables.keys).values(revoked_at=machine_clock()))
    end = time.monotonic() + BELIEVED_S
    begun = 0.0
    while status() == 200:
        assert begun < end  # what was asked before then may be answered at any time
        begun = time.monotonic()
    assert status() == 401


def asked(port: int, method: str, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
    """Status and body of the answer to a request of which no more is sent than its head."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PLENTY_S)) as connection:
        connection.putrequest(method, path)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        return answer.status, answer.read()


def stream(api: World, port: int, path: str, content_type: str, head: bytes) -> tuple[int, bytes, int]:
    """Send a chunked body that never ends, until there is an answer: status, body, bytes sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PLENTY_S)
    connection.putrequest("POST", path)
    for name, value in {**api.headers(), "Content-Type": content_type, "Transfer-Encoding": "chunked"}.items():
        connection.putheader(name, value)
    connection.endheaders()
    sent, answered = 0, threading.Event()
    socket_: Any = connection.sock
    socket_.sendall(b"%x\r\n%s\r\n" % (len(head), head))

    def push() -> None:
        nonlocal sent
        chunk = b"%x\r\n%s\r\n" % (MB, b"a" * MB)
        while not answered.is_set() and sent < 300 * MB:
            socket_.sendall(chunk)
            sent += MB

    pusher = threading.Thread(target=push)
    pusher.start()
    answer = connection.getresponse()
    body = answer.read()
    answered.set()
    pusher.join()
    connection.close()
    return answer.status, body, sent

"""The client commands, against the API behind a real HTTP server."""

import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn

from api.app import create_app
from pipeline.repository.outbox import publish
from tests.integration.api.world import ADDRESS, World, png, world
from tests.integration.cli.terminal import Terminal

TO = ("--to-name", "Ada", "--line1", "1 Main St", "--city", "Boise", "--state", "ID", "--zip", "83702")


@dataclass(frozen=True)
class Service:
    """The API and a terminal whose key is that of Ada's test mode."""

    api: World
    terminal: Terminal
    artwork: Path

    def publish(self) -> None:
        """What the scheduler does for events, so that there is a log to listen to."""
        with self.api.db.write() as tx:
            publish(tx, "test", now=self.api.services.machine_clock(), ids=self.api.services.ids)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    folder = tmp_path_factory.mktemp("service")
    artwork = folder / "art.png"
    artwork.write_bytes(png())
    with world(f"sqlite:///{folder}/mailstream.db", folder) as api, _served(api) as port:
        env = {"MAILSTREAM_URL": f"http://127.0.0.1:{port}", "MAILSTREAM_KEY": api.keys["ada-test"]}
        yield Service(api, Terminal(folder / "home", env), artwork)


class _served:  # noqa: N801  # reads as a verb where it is used
    """A server with a second application on the same services, in a thread."""

    def __init__(self, api: World) -> None:
        self._listener = socket.socket()
        self._listener.bind(("127.0.0.1", 0))
        # Who comes before the server accepts has to wait, not be refused.
        self._listener.listen()
        self._server = uvicorn.Server(uvicorn.Config(create_app(api.services), log_level="critical"))
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listener]})

    def __enter__(self) -> int:
        self._thread.start()
        port: int = self._listener.getsockname()[1]
        return port

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listener.close()


def test_a_piece_is_sent_from_options_with_a_file(service: Service) -> None:
    piece = service.terminal.json(
        "send", "--product", "postcard_4x6", *TO, "--front", str(service.artwork), "--metadata", "order=7",
        "--external-id", "from-options",
    )  # fmt: skip
    assert (piece["status"], piece["to"]["name"], piece["metadata"]) == ("created", "Ada", {"order": "7"})
    [listed] = service.terminal.json("mail", "list", "--external-id", "from-options")
    assert listed["id"] == piece["id"]


def test_a_piece_is_sent_from_a_json_file_which_options_change(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "piece.json"
    file.write_text(json.dumps({"product": "postcard_4x6", "to": ADDRESS, "front": {"creative": "cr_x"}}))
    creative = service.api.creative(seed=7)
    piece = service.terminal.json("send", "--file", str(file), "--front", creative, "--city", "Oakland")
    assert piece["front"]["creative"] == creative
    assert piece["to"] == {**ADDRESS, "city": "Oakland", "company": "", "line2": ""}


def test_html_is_sent_with_the_values_of_its_fields(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "front.html"
    file.write_text("<p style='margin: 1in'>Hello {{first_name}}")
    order = ("send", "--product", "postcard_4x6", *TO, "--front", str(file))
    piece = service.terminal.json(*order, "--merge", "first_name=Ada")
    assert service.api.get(f"/v1/creatives/{piece['front']['creative']}").json()["kind"] == "merged_html"
    assert "missing_merge_field" in service.terminal.refusal(*order, code=1)


def test_the_same_idempotency_key_orders_once(service: Service) -> None:
    order = ("send", "--product", "postcard_4x6", *TO, "--front", str(service.artwork), "--idempotency-key", "once")
    assert service.terminal.json(*order)["id"] == service.terminal.json(*order)["id"]


def test_a_piece_is_shown_and_canceled(service: Service) -> None:
    piece = service.api.order()
    service.terminal.out("mail", "cancel", piece["id"])
    shown = service.terminal.json("mail", "show", piece["id"])
    assert (shown["status"], [event["type"] for event in shown["events"]]) == (
        "canceled",
        ["mail.created", "mail.canceled"],
    )
    text = service.terminal.out("mail", "show", piece["id"])
    assert "canceled" in text
    assert "mail.created" in text


def test_a_long_list_is_read_over_pages(service: Service) -> None:
    ids = [service.api.order(who="bob-test")["id"] for _ in range(103)]
    key = service.api.keys["bob-test"]
    listed = service.terminal.json("mail", "list", "--limit", "102", MAILSTREAM_KEY=key)
    assert [piece["id"] for piece in listed] == list(reversed(ids))[:102]


def test_listening_from_the_first_event(service: Service) -> None:
    piece = service.api.order()
    service.publish()
    out = service.terminal.out("listen", "--all", "--json", "--count", "1")
    assert [json.loads(line)["type"] for line in out.splitlines()] == ["mail.created"]
    assert piece["id"] not in out


def test_listening_prints_what_comes_and_nothing_before(service: Service) -> None:
    service.api.order()
    service.publish()
    with service.terminal.start("listen", "--count", "1", "--interval", "0.1") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"listening at http://127.0.0.1:")
        piece = service.api.order()
        service.publish()
        out, _ = process.communicate(timeout=30)
    [line] = out.decode().splitlines()
    assert line.split()[1:3] == ["mail.created", piece["id"]]
    assert process.returncode == 0


def test_a_problem_is_told_with_its_fields_and_remedies(service: Service) -> None:
    said = service.terminal.refusal(
        "send", "--product", "mug", *TO, "--zip", "1", "--front", str(service.artwork), code=1
    )
    assert "code " in said
    assert "request " in said
    assert "\n  /product: " in said
    assert "\n  /to/zip: " in said


@pytest.mark.parametrize(
    ("key", "code", "said"),
    [
        (None, 3, "set MAILSTREAM_KEY"),
        ("ms_test_nonsense", 3, "code malformed_key"),
        ("op", 3, "code sender_key_required"),
    ],
)
def test_a_key_that_is_not_good(service: Service, key: str | None, code: int, said: str) -> None:
    given = "" if key is None else service.api.keys.get(key, key)
    assert said in service.terminal.refusal("mail", "list", code=code, MAILSTREAM_KEY=given)


def test_the_codes_of_what_is_not_there_and_what_came_too_late(service: Service) -> None:
    assert "code not_found" in service.terminal.refusal("mail", "show", "ml_none", code=4)
    order = ("send", "--product", "postcard_4x6", *TO, "--front", str(service.artwork), "--external-id", "taken")
    service.terminal.out(*order)
    assert "code external_id_exists" in service.terminal.refusal(*order, code=5)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "nonsense", "ftp://127.0.0.1"])
def test_nobody_there_is_said_with_the_remedy(service: Service, url: str) -> None:
    done = service.terminal.run_here("mail", "list", MAILSTREAM_URL=url)
    assert (done.returncode, done.stdout) == (1, "")
    assert "set MAILSTREAM_URL" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--product", "postcard_4x6"], 2, "give --front, --to-name, --line1, --city, --state, --zip"),
        (["--product", "postcard_4x6", *TO, "--front", "/none.png"], 1, "/none.png: no such file"),
        (["--file", "-"], 1, "is not JSON"),
        (["--product", "postcard_4x6", *TO, "--front", "x", "--metadata", "k"], 2, "KEY=VALUE"),
    ],
)
def test_an_order_that_cannot_be_sent(service: Service, arguments: list[str], code: int, said: str) -> None:
    assert said in service.terminal.refusal("send", *arguments, code=code)

"""A whole service started as a user starts it, by `mailstream up`, and a client that talks to it over HTTP."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from ops.services.process import free_port

START_WITHIN_S = 60.0
FRONT = Path("fixtures/creatives/harbor-front.pdf")
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "185 Berry St Ste 6100",
    "city": "San Francisco",
    "state": "CA",
    "zip": "94107",
}


@dataclass(frozen=True)
class Service:
    """`keys` are by mode, as `up` printed them."""

    url: str
    home: Path
    keys: Mapping[str, str]
    process: subprocess.Popen[str]

    def client(self, mode: str = "test") -> httpx2.Client:
        headers = {"Authorization": f"Bearer {self.keys[mode]}"}
        return httpx2.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False)


@contextmanager
def service(home: Path, **settings: str) -> Iterator[Service]:
    """Running until the end of the block; Ctrl-C must then end it cleanly, within its time."""
    port = free_port()
    environ = {**os.environ, **{f"MAILSTREAM_{name.upper()}": value for name, value in settings.items()}}
    process = subprocess.Popen(
        [sys.executable, "-m", "ops.cli.main", "up", "--home", str(home), "--port", str(port)],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        keys = _read_keys(process)
        yield Service(f"http://127.0.0.1:{port}", home, keys, process)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _read_keys(process: subprocess.Popen[str]) -> dict[str, str]:
    """Reads what `up` prints once it is ready; its end is an error."""
    assert process.stdout is not None
    keys: dict[str, str] = {}
    for line in process.stdout:
        label, _, value = line.rstrip("\n").partition("  ")
        if label.strip() == "test key":
            keys["test"] = value.strip()
        if label.strip() == "operator":
            keys["op"] = value.strip()
            return keys
    raise AssertionError(f"mailstream up ended with {process.wait()}")


def order(client: httpx2.Client, **more: Any) -> dict[str, Any]:
    """Order one piece as the README's curl does."""
    body = {"product": "postcard_4x6", "to": ADDRESS, **more}
    answer = client.post(
        "/v1/mail", files={"front": ("front.pdf", FRONT.read_bytes())}, data={"mail": json.dumps(body)}
    )
    assert answer.status_code == 201, answer.text
    piece: dict[str, Any] = answer.json()
    return piece


def wait_for(condition: Callable[[], bool], *, within_s: float) -> None:
    """Look until it holds; fails when it does not in time."""
    end = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end, f"not within {within_s:g} s"
        time.sleep(0.2)

"""The world outside of the line bench: a printer, which is an SSH server and a press, the post, and a receiver of webhooks.

Each is a process of its own. Their programmes are quick, so that what is measured is the line and not their days.
"""

import json
import subprocess
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.services.process import Command, ServerProcess, free_port
from ops.services.sshd import SshServer
from pipeline.models.profile import PrinterProfile
from pipeline.worker.settings import Settings

SPOILED = 0.01
DELIVERY_CODES = ("DLV",)
# A journey of three days takes a second.
_CARRIER_SPEED = 250_000
_PACE = ("--accept-s", "0.1", "--print-s", "0.1", "--mail-s", "0.1", "--spoil", str(SPOILED), "--poll-s", "0.05")


@dataclass(frozen=True)
class World:
    """`folder` holds the printer's journal; webhooks go to `receiver_port` and are told of by it."""

    folder: Path
    printer: SshServer
    carrier_url: str
    receiver_port: int

    def profile(self) -> PrinterProfile:
        """A printer that makes everything at once."""
        return PrinterProfile.model_validate(
            {
                "transport": self.printer.profile_transport(),
                "postage": {
                    "mailer_id": "123456",
                    "permit_number": "1042",
                    "permit_city": "Boise",
                    "permit_state": "ID",
                },
                "floor": {"max_wait_s": 0},
            }
        )

    def printed(self) -> Counter[str]:
        """How often each piece came off the press and was good, by the press's own journal."""
        lines = (json.loads(line) for line in (self.folder / "journal").read_text().splitlines())
        return Counter(line["piece"] for line in lines if line["event"] == "printed")

    def webhooks(self) -> int:
        """How many events the receiver has heard of, each counted once."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.receiver_port}/seen") as answer:
            return len(json.load(answer))


def settings(world: World, database_url: str) -> Settings:
    """Those of an installation in the world's folder. It asks the printer and the carrier often, since their days are short."""
    return Settings(
        home=world.folder,
        database_url=database_url,
        redis_url="",
        storage_url=f"file://{world.folder}/files",
        pepper="bench",
        webhook_allow=("127.0.0.1",),
        ivmtr_url=world.carrier_url,
        ivmtr_auth_url=world.carrier_url,
        ivmtr_username="bench",
        ivmtr_password="bench",
        delivery_codes=DELIVERY_CODES,
        ack_poll_s=1.0,
        scan_poll_s=3.0,
    )


@contextmanager
def outside(folder: Path) -> Iterator[World]:
    """All of it running, until the end of the block."""
    with ExitStack() as stack:
        printer = stack.enter_context(SshServer(folder / "sshd", root=folder / "account"))
        port = free_port()
        for command in (_press(folder), _carrier(folder, port)):
            stack.callback(ServerProcess.start(command).stop)
        yield World(folder, printer, f"http://127.0.0.1:{port}", stack.enter_context(_receiver()))


def _press(folder: Path) -> Command:
    places = ("--folder", folder / "account", "--journal", folder / "journal", "--trays", folder / "trays")
    argv = [sys.executable, "-m", "ops.simulators.printer", *map(str, places), *_PACE]
    return Command("press", argv, log_path=folder / "press.log")


def _carrier(folder: Path, port: int) -> Command:
    places: tuple[Any, ...] = ("--port", port, "--trays", folder / "trays", "--state", folder / "post")
    argv = [sys.executable, "-m", "ops.simulators.carrier", *map(str, places), "--speed", str(_CARRIER_SPEED)]
    return Command("carrier", [*argv, "--username", "bench", "--password", "bench"], log_path=folder / "carrier.log")


@contextmanager
def _receiver() -> Iterator[int]:
    argv = [sys.executable, "-m", "ops.bench.webhook_receiver", "0"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            [port] = json.loads(process.stdout.readline())
            yield port
        finally:
            process.terminate()

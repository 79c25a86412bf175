"""The demo's stage: two print shops, each an SSH server and a press, the post, a webhook receiver, and MailStream itself."""

import json
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from ops.services.installation import Installation, install
from ops.services.process import Command, free_port
from ops.services.receiver import Receiver
from ops.services.sshd import SshServer
from ops.services.supervisor import Child, Supervisor

# The post's days pass in seconds here; everything else takes the time it takes.
CARRIER_SPEED = 24_000
_PRESS = ("--accept-s", "0.5", "--print-s", "1.5", "--mail-s", "1", "--spoil", "0.02", "--poll-s", "0.1")
DELIVERY_CODES = "DLV"
# Never closed: a play at night has both of them, as one by day.
_HOURS = {"opens": "00:00", "closes": "00:00", "closed_weekdays": [], "max_wait_s": 2}
_SHOPS = {
    "northside": {
        "postage": {"mailer_id": "901234567", "permit_number": "412", "permit_city": "Boise", "permit_state": "ID"},
        "floor": {**_HOURS, "zone": "America/Boise", "sheets_per_hour": 4000},
        "contact": "Northside Press, press room, 208-555-0142",
    },
    "lakeshore": {
        "postage": {"mailer_id": "123456", "permit_number": "88", "permit_city": "Chicago", "permit_state": "IL"},
        "floor": {**_HOURS, "zone": "America/Chicago", "sheets_per_hour": 6000},
        "contact": "Lakeshore Print, dispatch, 312-555-0190",
    },
}


@dataclass(frozen=True)
class Set:
    """What stands on the stage; `shops` are the printers' SFTP accounts by name."""

    folder: Path
    installation: Installation
    shops: dict[str, SshServer]
    receiver: Receiver
    supervisor: Supervisor

    def profile(self, name: str) -> dict[str, Any]:
        """How a shop wants its work, as `mailstream printers add --profile` takes it."""
        return {"transport": self.shops[name].profile_transport(), **_SHOPS[name]}


@contextmanager
def set_up(folder: Path, **settings: str) -> Iterator[Set]:
    """Everything running, in folders below `folder`; stopped and ended at the end of the block. `settings` are as `install`'s."""
    with ExitStack() as stack:
        shops = {name: SshServer(folder / name / "sshd", root=folder / name / "account") for name in _SHOPS}
        for shop in shops.values():
            shop.prepare()
        log = stack.enter_context((folder / "webhooks.jsonl").open("a"))
        receiver = stack.enter_context(Receiver(lambda event: _write(log, event)))
        carrier_port = free_port()
        installation = install(
            home=folder / "home",
            port=free_port(),
            settings={**_settings(carrier_port, receiver), **settings},
        )
        if installation.redis is not None:
            stack.callback(installation.redis.stop)
        outside = [Child(shop.command, shop.is_ready) for shop in shops.values()]
        outside += [Child(_press(folder, name)) for name in shops]
        outside.append(Child(_carrier(folder, carrier_port)))
        supervisor = stack.enter_context(Supervisor([*outside, *installation.children()]))
        yield Set(folder, installation, shops, receiver, supervisor)


def _write(log: TextIO, event: dict[str, Any]) -> None:
    log.write(json.dumps(event) + "\n")
    log.flush()


def _settings(carrier_port: int, receiver: Receiver) -> dict[str, str]:
    """The simulated post's address and what it knows, the demo's receiver let in, and polls as quick as its days."""
    return {
        "ivmtr_url": f"http://127.0.0.1:{carrier_port}",
        "ivmtr_auth_url": f"http://127.0.0.1:{carrier_port}",
        "ivmtr_username": "simulator",
        "ivmtr_password": "simulator",
        "delivery_codes": DELIVERY_CODES,
        "webhook_allow": f"127.0.0.1:{receiver.port}",
        "ack_poll_s": "0.5",
        "scan_poll_s": "1",
        "tick_s": "0.25",
    }


def _press(folder: Path, name: str) -> Command:
    places = ("--folder", str(folder / name / "account"), "--journal", str(folder / name / "journal.jsonl"))
    argv = (sys.executable, "-m", "ops.simulators.printer", *places, "--trays", str(folder / "trays"), *_PRESS)
    return Command(f"press-{name}", argv, log_path=folder / name / "press.log")


def _carrier(folder: Path, port: int) -> Command:
    places = ("--trays", str(folder / "trays"), "--state", str(folder / "carrier.jsonl"))
    argv = (sys.executable, "-m", "ops.simulators.carrier", "--port", str(port), *places, "--speed", str(CARRIER_SPEED))
    return Command("carrier", argv, log_path=folder / "carrier.log")

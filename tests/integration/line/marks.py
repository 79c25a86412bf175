"""What a printer says and what a carrier scans, as a test writes it."""

import json
from datetime import datetime
from typing import Any

from pipeline.ports import Scan
from tests.integration.line.fakes import FakePrinter
from tests.integration.line.world import World


def ack(world: World, stem: str, state: str, *, printer: FakePrinter | None = None, **more: Any) -> str:
    """Lay an acknowledgement into the printer's `out/`, said now unless `at` says otherwise; returns its name."""
    at: datetime = more.pop("at", world.clock())
    body = {"drop": stem, "state": state, "at": at.isoformat(), **more}
    box = (printer or world.printer()).outbox
    name = f"{stem}.{len(box)}{at:%Y%m%dT%H%M%S%f}-{state}.ack.json"
    box[name] = json.dumps(body).encode()
    return name


def scan(imb: str, at: datetime, phase: str, *, code: str = "891", handling: str = "A") -> Scan:
    return Scan(imb, at, code, phase, handling, facility_zip="83702")

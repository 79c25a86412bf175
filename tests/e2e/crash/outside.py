"""The world outside the line, in files: a printer's folder, a carrier that reads its trays, a receiver that writes down.

Everything here outlives the processes that are killed, and tells the truth about what really happened.
"""

import json
import os
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from adapters.sandbox.folder import FolderPrinter
from pipeline.clock import Clock
from pipeline.errors import Fault
from pipeline.ports import Attempt, Note, Outgoing, Scan
from tests.e2e.crash.tripwire import Tripwire, Tripwired

_JOURNEY = (("Phase 1a - Origin", "A", 20), ("Phase 3c - Sequenced", "A", 60), ("Phase 4c - Delivery", "L", 70))
DELIVERY_CODES = frozenset({"3"})


class Bell:
    """A doorbell that loses some rings and repeats others. What it holds dies with its process, as with an emptied Redis."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._notes: list[Note] = []

    def ring(self, note: Note) -> None:
        times = self._chance.choices((0, 1, 2), weights=(1, 8, 1))[0]
        self._notes += [note] * times

    def take(self) -> Note | None:
        """Any of the notes: Redis keeps no order across queues."""
        return self._notes.pop(self._chance.randrange(len(self._notes))) if self._notes else None


class Directory:
    """Printers by name, each a folder below `root`."""

    def __init__(self, root: Path, clock: Clock, tripwire: Tripwire) -> None:
        self._root = root
        self._clock = clock
        self._tripwire = tripwire

    @contextmanager
    def open(self, row: Any) -> Iterator[Any]:
        yield Tripwired(FolderPrinter(self._root / row.name, self._clock()), self._tripwire)


class TrayCarrier:
    """Scans whatever lies in the trays that the printers handed over, within a little more than a minute."""

    name = "trays"

    def __init__(self, trays: Path, clock: Clock) -> None:
        self._trays = trays
        self._clock = clock

    def scans(self, imbs: Sequence[str]) -> dict[str, list[Scan]]:
        posted = mailed(self._trays)
        return {imb: list(self._journey(imb, posted[imb])) if imb in posted else [] for imb in imbs}

    def _journey(self, imb: str, mailed_at: datetime) -> Iterator[Scan]:
        for number, (phase, handling, after_s) in enumerate(_JOURNEY, start=1):
            at = mailed_at + timedelta(seconds=after_s)
            if at <= self._clock():
                yield Scan(imb, at, str(number), phase, handling, facility_zip="10001")


def mailed(trays: Path) -> dict[str, datetime]:
    """When each IMb was handed to the carrier, as the trays say."""
    lines = (json.loads(line) for tray in trays.glob("*.jsonl") for line in tray.read_text().splitlines())
    return {line["imb"]: datetime.fromisoformat(line["at"]) for line in lines}


class Receiver:
    """A webhook receiver that writes down what came, and now and then answers 500 to a first attempt."""

    def __init__(self, log: Path, seed: int) -> None:
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._seed = seed

    def check(self, url: str) -> tuple[Fault, ...]:  # noqa: ARG002
        return ()

    def send(self, outgoing: Sequence[Outgoing], now: datetime) -> list[Attempt]:  # noqa: ARG002
        return [self._receive(one) for one in outgoing]

    def _receive(self, one: Outgoing) -> Attempt:
        if one.attempt == 1 and random.Random(f"{self._seed}-{one.event_id}").random() < 0.1:
            return Attempt(one.delivery_id, delivered=False, status_code=500, error="http_status", duration_ms=1)
        os.write(self._log, one.event_id.encode() + b" " + one.body + b"\n")
        return Attempt(one.delivery_id, delivered=True, status_code=200, error="", duration_ms=1)

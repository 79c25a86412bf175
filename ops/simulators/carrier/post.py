"""The mail in the carrier's hands: inducted once for each barcode, and remembered over any crash."""

import json
import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ops.simulators.carrier.journeys import Habits, journey

Clock = Callable[[], float]
"""Seconds since the epoch."""
_IMB_LENGTHS = (20, 25, 29, 31)


class Post:
    """What has been inducted, kept in `state`: one line of JSON for each piece, appended and synced before it counts."""

    def __init__(self, state: Path, habits: Habits, clock: Clock) -> None:
        self._habits = habits
        self._clock = clock
        self._lock = threading.Lock()
        state.parent.mkdir(parents=True, exist_ok=True)
        self._file = state.open("ab")
        _cut_torn_end(state)
        self._inducted = {line["imb"]: float(line["at"]) for line in _lines(state)}

    def __len__(self) -> int:
        return len(self._inducted)

    def induct(self, imbs: Iterable[str]) -> int:
        """Take in those not seen before, from now on; returns how many. Durable when this returns."""
        with self._lock:
            at = self._clock()
            new = [imb for imb in dict.fromkeys(imbs) if imb not in self._inducted]
            if new:
                self._file.write("".join(f'{{"imb":"{imb}","at":{at!r}}}\n' for imb in new).encode())
                self._file.flush()
                os.fsync(self._file.fileno())
                self._inducted.update(dict.fromkeys(new, at))
            return len(new)

    def scans(self, imb: str) -> list[dict[str, Any]] | None:
        """What has been told of a full IMb until now; None of one that no machine has read."""
        inducted_at = self._inducted.get(imb)
        if inducted_at is None:
            return None
        now = self._clock()
        return [seen.record for seen in journey(imb, inducted_at, self._habits) if seen.told_at <= now] or None

    def close(self) -> None:
        self._file.close()


def collect(trays: Path, post: Post) -> int:
    """Take in every whole tray (`*.jsonl`) and put it away under `taken/`; returns how many pieces were new.

    A crash between the two finds the tray again, and its pieces known.
    """
    taken = trays / "taken"
    new = 0
    for tray in sorted(trays.glob("*.jsonl")):
        new += post.induct(_barcodes(tray))
        taken.mkdir(exist_ok=True)
        tray.replace(taken / tray.name)
    return new


def _barcodes(tray: Path) -> list[str]:
    """The IMbs of a tray; a line that holds none is left lying, as a machine would reject it."""
    return [imb for line in _lines(tray) if _is_imb(imb := str(line.get("imb", "")))]


def _is_imb(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) in _IMB_LENGTHS


def _lines(path: Path) -> list[dict[str, Any]]:
    """The JSON objects of a file, a line each; what is none is passed over."""
    return [value for line in path.read_bytes().splitlines() if isinstance(value := _json(line), dict)]


def _cut_torn_end(path: Path) -> None:
    """A crash may have torn the last line: without it, the next one stays whole."""
    raw = path.read_bytes()
    os.truncate(path, raw.rfind(b"\n") + 1)


def _json(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None

"""The press's memory: a file of JSON lines, only ever appended to, on disk before anything is done about it.

Events, each with `event`, `drop` and `at` (strictly rising, so that no two acknowledgements of a drop share a name):

    taken     digest of the ready file
    repeated  a drop that was taken before is ready again; it is put aside
    accepted  pieces: [[piece, imb], …]
    rejected  reason
    printed   piece, imb: off the press, good
    spoiled   piece, imb: off the press, bad or ruined since, destroyed
    finished  every piece of the drop is printed or spoiled
    mailed    the good ones are with the carrier
    trayed    file: the tray file that tells the carrier which
    said      state, file: an acknowledgement lies in out/
"""

import fcntl
import json
import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Event = dict[str, Any]
Clock = Callable[[], datetime]


class JournalInUseError(Exception):
    """Another press writes this journal."""


class Journal:
    """Opens or makes a journal. Raises `JournalInUseError`. What a crash cut off in the middle of a line is dropped."""

    def __init__(self, path: Path, clock: Clock) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._clock = clock
        self._file = path.open("a+b", buffering=0)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.close()
            raise JournalInUseError(f"another press writes {path}") from error
        self.past = self._read()
        """What was in it when it was opened."""
        self._last = datetime.fromisoformat(self.past[-1]["at"]) if self.past else datetime.min.replace(tzinfo=UTC)

    def write(self, events: Iterable[Mapping[str, Any]]) -> list[Event]:
        """Appends events, giving each its time, and returns once they are on disk."""
        stamped = [{**event, "at": self._next_time().isoformat()} for event in events]
        body = "".join(json.dumps(event, separators=(",", ":")) + "\n" for event in stamped).encode()
        while body:
            body = body[self._file.write(body) :]
        os.fsync(self._file.fileno())
        return stamped

    def now(self) -> datetime:
        """The time, but never before that of the last event: rising times may have run ahead of a clock that stands."""
        return max(self._clock(), self._last)

    def close(self) -> None:
        self._file.close()

    def _read(self) -> list[Event]:
        self._file.seek(0)
        whole, _, torn = self._file.read().rpartition(b"\n")
        if torn:
            self._file.truncate(len(whole) + 1 if whole else 0)
        return [json.loads(line) for line in whole.splitlines()]

    def _next_time(self) -> datetime:
        self._last = max(self._clock(), self._last + timedelta(microseconds=1))
        return self._last

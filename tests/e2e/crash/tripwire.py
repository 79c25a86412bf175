"""Where a process of the line can die: before and after every commit, before and after every call to the outside.

A point has a name such as `dispatch:hand_over:after`. Every point that is reached is written down, so that a run without a
target lists them all; with a target the process ends there by SIGKILL, or stops there by SIGSTOP until it is let go.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, event

from pipeline.repository.database import Database


@dataclass(frozen=True)
class Target:
    """The `occurrence`-th time (from 1) that `point` is reached, over all processes of a run."""

    point: str
    occurrence: int
    by: signal.Signals = signal.SIGKILL


class Tripwire:
    def __init__(self, log: Path, target: Target | None) -> None:
        self.stage = "client"
        self._log = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY)
        self._seen = Counter(log.read_text().splitlines())
        self._target = target

    def reach(self, what: str) -> None:
        point = f"{self.stage}:{what}"
        self._seen[point] += 1
        os.write(self._log, f"{point}\n".encode())
        if self._target is not None and (self._target.point, self._target.occurrence) == (point, self._seen[point]):
            os.kill(os.getpid(), self._target.by)


_place = {"path": ""}


def _shared(path: str) -> Database:
    """The one database of this process, from now on at `path`."""
    _place["path"] = path
    database = _made_once()
    database.engine.dispose(close=False)
    return database


@cache
def _made_once() -> Database:
    database = Database("sqlite:///somewhere")

    @event.listens_for(database.engine, "do_connect")
    def connect(_dialect: Any, _record: Any, arguments: list[Any], _named: Any) -> None:
        arguments[:] = [_place["path"]]

    return database


class TripwiredDatabase(Database):
    """Each transaction that changed something is a point before its commit and one after it. SQLite counts changed rows."""

    def __init__(self, path: Path, tripwire: Tripwire) -> None:
        # One engine for all databases of all lives, so that a statement is compiled once and not once a life.
        shared = _shared(str(path))
        self.engine, self.is_sqlite = shared.engine, shared.is_sqlite
        self._tripwire = tripwire

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with super().write() as tx:
            driver: Any = tx.connection.driver_connection
            before = driver.total_changes
            yield tx
            changed = driver.total_changes > before
            if changed:
                self._tripwire.reach("commit:before")
        if changed:
            self._tripwire.reach("commit:after")


class Tripwired:
    """A port whose every call is a point before it and one after it."""

    def __init__(self, port: Any, tripwire: Tripwire) -> None:
        self._port = port
        self._tripwire = tripwire

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._port, name)
        return watched(found, name, self._tripwire) if callable(found) else found


def watched(call: Callable[..., Any], name: str, tripwire: Tripwire) -> Callable[..., Any]:
    def run(*args: Any, **kwargs: Any) -> Any:
        tripwire.reach(f"{name}:before")
        result = call(*args, **kwargs)
        tripwire.reach(f"{name}:after")
        return result

    return run

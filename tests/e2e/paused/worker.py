"""`python -m tests.e2e.paused.worker DATABASE HOME NAME [POINT]`: one worker of live mail at real SSH servers, until all is quiet.

It stops itself by SIGSTOP when it comes to POINT (such as `dispatch:hand_over:before`) for the first time, until somebody lets
it go on. Its clock is the file `clock` in HOME, so that time passes for it too while it stands.
"""

import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from signal import SIGSTOP
from typing import Any

from adapters.printers.directory import LivePrinters
from adapters.storage.local import LocalStorage
from pipeline.models.types import Ids
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.dispatch import Dispatch
from pipeline.stages.impose import Impose
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context
from pipeline.worker.line import Line, make_line
from pipeline.worker.scheduler import Scheduler
from tests.e2e.crash.tripwire import Target, Tripwire, Tripwired
from tests.integration.line.fakes import Bell
from tests.integration.line.floor import impose
from tests.integration.line.world import ACK_POLL_S, LEASE_S, SCAN_POLL_S


def clock_at(home: Path) -> Callable[[], datetime]:
    return lambda: datetime.fromisoformat((home / "clock").read_text())


def set_clock(home: Path, now: datetime) -> None:
    (home / "clock.part").write_text(now.isoformat())
    (home / "clock.part").rename(home / "clock")


def context_at(home: Path, db: Database, name: str) -> Context:
    clock = clock_at(home)
    ids = Ids(lambda: int(clock().timestamp() * 1000), random.Random(name).getrandbits)
    return Context("live", db, ids, clock, LiveLineClock(clock))


class _Directory:
    """The real one, whose printers trip."""

    def __init__(self, home: Path, tripwire: Tripwire) -> None:
        self._printers = LivePrinters(home)
        self._tripwire = tripwire

    @contextmanager
    def open(self, row: Any) -> Iterator[Any]:
        with self._printers.open(row) as printer:
            yield Tripwired(printer, self._tripwire)


def main(url: str, home: Path, name: str, point: str | None) -> None:
    tripwire = Tripwire(home / f"points-{name}", Target(point, 1, SIGSTOP) if point else None)
    db = Database(url)
    context = context_at(home, db, name)
    bell = Bell()
    line = _line(home, context, bell, tripwire)
    scheduler = Scheduler(line, owner=name, sweep_s=0)
    while scheduler.tick() and (notes := bell.take()):
        for note in notes:
            tripwire.stage = note.stage
            line.run(note.stage, note.only)
    db.dispose()


def _line(home: Path, context: Context, bell: Bell, tripwire: Tripwire) -> Line:
    storage, printers = LocalStorage(home / "files"), _Directory(home, tripwire)
    stages = (
        Impose(context, storage, impose),
        Dispatch(context, storage, printers, scan_poll_s=SCAN_POLL_S),
        Recall(context, printers),
        Acknowledge(context, printers, poll_s=ACK_POLL_S),
    )
    return make_line(context, bell, stages, lease_s=LEASE_S)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4] if len(sys.argv) > 4 else None)

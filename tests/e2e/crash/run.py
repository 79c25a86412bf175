"""One run of the harness: the line lives, dies where it is told to, lives again, until all its mail is delivered.

`python -m tests.e2e.crash.run --seeds 1 20 [--every 1] [--no-sweeps]` runs every point of every seed and says what went wrong.
Each life of the line is a process of its own, forked from this one, and really killed (or stopped and, past its lease, let go on).
"""

import argparse
import contextlib
import logging
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog
from PIL import Image

from ops.migrations import upgrade
from ops.simulators.printer.journal import Journal
from ops.simulators.printer.press import Pace, Press
from pipeline.clock import ManualClock
from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender, create_account
from pipeline.repository.database import Database
from pipeline.repository.endpoints import create_endpoint
from pipeline.repository.prices import seed_prices
from pipeline.repository.printers import Deed, add_printer
from tests.e2e.crash.line import ARTWORK, LEASE_S, Ground, live
from tests.e2e.crash.tripwire import Target
from tests.e2e.crash.truth import at_rest, faults

START = datetime(2026, 3, 10, 15, 0, tzinfo=UTC)  # a Tuesday
BETWEEN_LIVES = timedelta(seconds=LEASE_S + 10)
MOST_LIVES = 40
STALLED = 4
"""A worker is stopped past its lease at every so many points of a seed, at others in the next seed."""
_PRINTERS = ("north", "south")
_SPOIL = 0.15


class Run:
    """`target` is where the line dies once; without one it only lists the points it passes."""

    def __init__(self, seed: int, target: Target | None = None, *, sweeps: bool = True, forked: bool = True) -> None:
        self._forked = forked
        # In memory where that can be had: processes die here, machines do not, so that no disk has to be waited for.
        memory = "/dev/shm" if Path("/dev/shm").is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="mailstream-crash-", dir=memory))
        self._clock = ManualClock(START)
        self._target = target
        self._ground = _lay_ground(self.folder, seed, sweeps=sweeps)
        self._presses = [self._press(name, seed) for name in _PRINTERS]
        self._stopped: int | None = None

    def play(self) -> list[str]:
        """What was wrong in the end; empty when all was well."""
        for life in range(MOST_LIVES):
            if at_rest(self.folder):
                break
            failed = self._live(life)
            if failed:
                return [failed]
            for press in self._presses:
                press.step()
            if self._stopped is not None and life % 3 == 2:
                self._let_go()
            self._clock.advance(BETWEEN_LIVES)
        self._let_go()
        return faults(self.folder)

    def close(self) -> None:
        shutil.rmtree(self.folder)

    def _live(self, life: int) -> str | None:
        """One life; what went wrong with it, if it did not end by itself or by its target's signal."""
        if not self._forked:
            live(self._ground, self._clock(), life, None)
            return None
        child = os.fork()
        if child == 0:
            _run_child(self._ground, self._clock(), life, self._target)
        _, status = os.waitpid(child, os.WUNTRACED)
        if os.WIFSTOPPED(status):
            self._stopped, self._target = child, None
        elif os.WIFSIGNALED(status):
            self._target = None
        elif os.WEXITSTATUS(status):
            return f"a life ended with {os.WEXITSTATUS(status)}: {(self.folder / 'traceback').read_text()}"
        return None

    def _let_go(self) -> None:
        """A worker that was stopped past its lease goes on, as if nothing had happened."""
        if self._stopped is not None:
            os.kill(self._stopped, signal.SIGCONT)
            os.waitpid(self._stopped, 0)
            self._stopped = None

    def _press(self, name: str, seed: int) -> Press:
        journal = Journal(self.folder / f"journal-{name}", self._clock)
        pace = Pace(accept_s=0, print_s=0, mail_s=0, spoil=_SPOIL, seed=seed)
        return Press(self.folder / "printers" / name, journal, self.folder / "trays", name=name, pace=pace)


def _run_child(ground: Ground, at: datetime, life: int, target: Target | None) -> None:
    status = 3
    try:
        live(ground, at, life, target)
        status = 0
    except BaseException:  # noqa: BLE001  # the edge of a process; its parent is told
        (ground.folder / "traceback").write_text(traceback.format_exc())
    finally:
        os._exit(status)


def _lay_ground(folder: Path, seed: int, *, sweeps: bool) -> Ground:
    """A migrated database with one account, its endpoint and two printers, and the artwork in storage."""
    path, ids = folder / "line.db", Ids(lambda: 1, random.Random(seed).getrandbits)
    upgrade(f"sqlite:///{path}")
    db = Database(f"sqlite:///{path}")
    with db.write() as tx:
        seed_prices(tx)
        account = create_account(
            tx, "harness", ids=ids, now=START, sandbox_rate=0, test_mailer_id="899999", cancel_window_s=0
        )
        sender = Sender(account.id, "live", cancel_window_s=0)
        for name in _PRINTERS:
            add_printer(tx, name, _profile(name), Deed("harness", START), ids=ids)
        endpoint = {
            "url": "https://receiver.example/",
            "events": ["*"],
            "ordered": True,
            "secrets": [],
            "description": "",
        }
        create_endpoint(tx, sender, endpoint, once=None, request_id="req_0", render=str, now=START, ids=ids)
    db.dispose()
    for number in range(ARTWORK):
        file = folder / "files" / "live" / "artwork" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (125, 85), (40 * number, 90, 160)).save(file)
    return Ground(folder, path, seed, sender, sweeps)


def _profile(name: str) -> PrinterProfile:
    mailer_id = {"north": "123456", "south": "901234567"}[name]
    postage = Postage(mailer_id=mailer_id, permit_number="1", permit_city="Boise", permit_state="ID")
    classes: dict[str, tuple[str, ...]] = {"north": ("first_class", "marketing"), "south": ("marketing",)}
    return PrinterProfile.model_validate(
        {"transport": Sandbox(), "postage": postage, "floor": Floor(max_wait_s=0), "classes": classes[name]}
    )


def warm_up() -> None:
    """One run in this process: what it imports, sets and compiles is there for every life that is forked from it."""
    with _played(Run(0, forked=False)) as (_, wrong):
        if wrong:
            raise SystemExit(f"the line does not run at all: {wrong}")


def every_point(
    seed: int, *, sweeps: bool = True, stalls: bool = True, every: int = 1, offset: int = 0
) -> Iterator[tuple[str, list[str]]]:
    """Runs one seed without a death, then once for every `every`-th point: `(what was done, what was wrong)`."""
    with _played(Run(seed, sweeps=sweeps)) as (run, wrong):
        yield f"seed {seed}, no death", wrong
        passed = Counter((run.folder / "points").read_text().splitlines())
    chance = random.Random(seed)
    targets = [Target(point, chance.randrange(times) + 1) for point, times in sorted(passed.items())]
    if stalls:
        # Not inside a transaction: a stopped process that holds SQLite's only write lock stops everybody, by design.
        outside = [one for one in targets if not one.point.endswith("commit:before")]
        targets += [Target(one.point, one.occurrence, signal.SIGSTOP) for one in outside[seed % STALLED :: STALLED]]
    for target in targets[offset::every]:
        with _played(Run(seed, target, sweeps=sweeps)) as (_, wrong):
            yield f"seed {seed}, {target.by.name} at {target.point} #{target.occurrence}", wrong


@contextlib.contextmanager
def _played(run: Run) -> Iterator[tuple[Run, list[str]]]:
    try:
        yield run, run.play()
    finally:
        run.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=(1, 1), metavar=("FIRST", "LAST"))
    parser.add_argument("--every", type=int, default=1, help="take every n-th point only, another one for each seed")
    parser.add_argument("--no-sweeps", action="store_true", help="switch the sweeper off: the harness must then fail")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    warm_up()
    runs = failures = 0
    for seed in range(asked.seeds[0], asked.seeds[1] + 1):
        for what, wrong in every_point(seed, sweeps=not asked.no_sweeps, every=asked.every, offset=seed % asked.every):
            runs += 1
            failures += bool(wrong)
            if wrong:
                sys.stdout.write(f"{what}\n" + "".join(f"    {line}\n" for line in wrong[:5]))
    sys.stdout.write(f"{runs} runs, {failures} wrong\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""The line from end to end: 10,000 pieces from intake to delivered and told of, through the composition root of live mail.

`python -m ops.bench.line [--pieces N] [--postgres | --database URL] [--profile FILE] [--statements]`. One process runs every
stage in its turn, so that each stage's seconds are its own. What it talks to is real: an SSH server as the printer's account, a
press that spoils 1%, a carrier that speaks IV-MTR, and a receiver of webhooks, all of them processes that share the machine.
"""

import argparse
import cProfile
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

import structlog
from sqlalchemy import func, select

from api import views
from ops.bench.figures import Figure, print_figures
from ops.bench.line_orders import orders, settle_in
from ops.bench.line_world import World, outside, settings
from ops.bench.tally import Tally
from ops.migrations import upgrade
from ops.services.postgres import PostgresServer
from pipeline.ports import Note
from pipeline.press.process import child
from pipeline.repository.database import Database
from pipeline.repository.drafts import Terms
from pipeline.repository.intake import Accepted, Intake
from pipeline.repository.tables import deliveries, events, pages, pieces
from pipeline.sla.calendar import due_at
from pipeline.worker.foundation import Foundation, lay_foundation
from pipeline.worker.line import Line
from pipeline.worker.live_root import live_line
from pipeline.worker.scheduler import Scheduler
from pipeline.worker.settings import Settings

TITLE = "The line from end to end, one process"
AT_ONCE = 200
"""Orders in a transaction, as the group writer of the API takes them."""
_WITHIN_S = 300.0
_PARTS = (
    "intake", "standardize", "prepare", "sweep", "freeze", "impose", "dispatch", "acknowledge", "track", "publish",
    "notify",
)  # fmt: skip
_TICK = "the rest of the ticks"
_TO_THE_DROP = _PARTS[:7]


class _Bell:
    """Keeps what was rung, each note once and in order."""

    def __init__(self) -> None:
        self._notes: dict[Note, None] = {}

    def ring(self, note: Note) -> None:
        self._notes[note] = None

    def take(self) -> list[Note]:
        notes, self._notes = list(self._notes), {}
        return notes


class _Scheduler(Scheduler):
    """Counts each step of a tick as a part of its own."""

    def __init__(self, line: Line, tally: Tally) -> None:
        super().__init__(line, owner="bench")
        self._tally = tally

    def _try(self, name: str, step: Callable[[], None]) -> None:
        with self._tally.of(name if name in _PARTS else _TICK):
            super()._try(name, step)


def measure(pieces_: int = 10_000, database_url: str | None = None) -> list[Figure]:
    """Every part, and the whole; SQLite in a temporary folder where no database is named. Raises if a piece went wrong."""
    return _figures(pieces_, run(pieces_, database_url))


def run(count: int, database_url: str | None = None, *, profile: cProfile.Profile | None = None) -> Tally:
    """Send so many pieces through; returns what it cost. Raises `RuntimeError` if a piece was lost or made twice."""
    # What a stage has to say of a delay is no fault of the bench.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    child.warm_up()
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-") as name, outside(Path(name)) as world:
        url = database_url or f"sqlite:///{name}/bench.db"
        upgrade(url)
        bell = _Bell()
        foundation = lay_foundation(settings(world, url), bell)
        line, tally = live_line(foundation), Tally(foundation.db.engine)
        with profile or nullcontext():
            _take_in(count, world, foundation, tally)
            bell.ring(Note("standardize", "live"))
            bell.ring(Note("prepare", "live"))
            _work(count, line, bell, tally)
        _check(count, world, foundation.db)
        foundation.db.dispose()
    return tally


def _take_in(count: int, world: World, foundation: Foundation, tally: Tally) -> None:
    sender, creatives = settle_in(world, foundation)
    terms = Terms(foundation.ids, b"bench", due_at, views.mail_json)
    intake = Intake(foundation.db, foundation.machine_clock, terms)
    for group in pages(orders(count, sender, creatives), AT_ONCE):
        with tally.of("intake"):
            outcomes = intake.save(group)
        if not all(isinstance(outcome, Accepted) for outcome in outcomes):
            raise RuntimeError(f"intake refused an order: {outcomes[0]}")


def _work(count: int, line: Line, bell: _Bell, tally: Tally) -> None:
    """Tick as often as the service does, and run what was rung for, until all is delivered and told."""
    scheduler, give_up = _Scheduler(line, tally), time.monotonic() + _WITHIN_S + count / 50
    next_tick = time.monotonic()
    with _progress(count) as show:
        while not _at_rest(count, line.context.db):
            if time.monotonic() > give_up:
                raise RuntimeError("the line did not come to rest")
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + Settings.tick_s
                with tally.of(_TICK):
                    scheduler.tick()
            notes = bell.take()
            for note in notes:
                with tally.of(note.stage):
                    while line.run(note.stage, note.only) and not note.only:
                        pass
                show(note.stage)
            if not notes:
                with tally.of("waiting"):
                    time.sleep(max(0.0, next_tick - time.monotonic()))


def _at_rest(count: int, db: Database) -> bool:
    with db.read() as tx:
        ended = tx.execute(select(func.count()).where(pieces.c.status == "delivered")).scalar_one()
        if ended < count:
            return False
        untold = tx.execute(select(events.c.id).where(events.c.position.is_(None)).limit(1)).first()
        pending = tx.execute(select(deliveries.c.id).where(deliveries.c.status == "pending").limit(1)).first()
        return untold is None and pending is None


@contextmanager
def _progress(count: int) -> Iterator[Callable[[str], None]]:
    """One line on stderr that says what is being done."""
    start = time.monotonic()

    def show(stage: str) -> None:
        sys.stderr.write(f"\r{count:,} pieces, {time.monotonic() - start:5.1f} s: {stage:12}")
        sys.stderr.flush()

    yield show
    sys.stderr.write("\n")


def _check(count: int, world: World, db: Database) -> None:
    """Every piece came off the press good once, and the receiver heard each event that has a delivery."""
    printed = world.printed()
    if len(printed) != count or set(printed.values()) != {1}:
        raise RuntimeError(f"{count} pieces were ordered, {len(printed)} printed, one {max(printed.values())} times")
    with db.read() as tx:
        told = tx.execute(select(func.count()).select_from(deliveries)).scalar_one()
    if world.webhooks() != told:
        raise RuntimeError(f"{told} events were to be told, the receiver heard of {world.webhooks()}")


def _figures(count: int, tally: Tally) -> list[Figure]:
    drop = "100,000 pieces in <= 120 s: 833/s"
    return [
        *(_figure(part, count, tally, [part], "< 0.1 statements") for part in _PARTS),
        # What a tick costs goes by time, not by pieces.
        _figure(_TICK, count, tally, [_TICK], ""),
        _figure("from intake to the drop", count, tally, _TO_THE_DROP, drop),
        _figure("all of it", count, tally, [*_PARTS, _TICK], ""),
    ]


def _figure(what: str, count: int, tally: Tally, parts: Sequence[str], goal: str) -> Figure:
    seconds, core_seconds = (sum(spent[part] for part in parts) for spent in (tally.seconds, tally.core_seconds))
    statements = sum(tally.statements[part] for part in parts) / count
    rate = count / max(seconds, 1e-9)
    return Figure(
        what,
        f"{rate:7,.0f} pieces/s, {statements:.3f} statements a piece",
        f"{seconds:6.2f} s, {core_seconds:6.2f} s of it computing here",
        goal,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pieces", type=int, default=10_000)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--postgres", action="store_true", help="a PostgreSQL of its own")
    where.add_argument("--database", metavar="URL")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write cProfile's statistics")
    parser.add_argument("--statements", action="store_true", help="list the statements that take longest")
    asked = parser.parse_args()
    with PostgresServer() if asked.postgres else nullcontext() as server:
        url = server.create_database("bench") if server else asked.database
        profile = cProfile.Profile() if asked.profile else None
        tally = run(asked.pieces, url, profile=profile)
    if profile:
        profile.dump_stats(asked.profile)
    print_figures(f"{TITLE}, {(url or 'sqlite').partition(':')[0]}", _figures(asked.pieces, tally))
    if asked.statements:
        for (part, text), sent in sorted(tally.texts.items(), key=lambda item: -item[1].seconds)[:40]:
            print(f"{sent.seconds:7.2f} s {sent.times:7,} x {part:12} {' '.join(text.split())[:160]}")  # noqa: T201


if __name__ == "__main__":
    main()

"""Run one stage over one chunk: claim, work with the lease renewed, save. Every crash in between is somebody else's next claim."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from pipeline.errors import Permanent, PortError
from pipeline.ports import Doorbell, Note
from pipeline.repository import claims
from pipeline.stages.stage import Context, Done, Stage

log = structlog.get_logger()

SPREAD = 0.25
"""A wait is up to so much longer than it has to be, by chance, and never shorter: what failed together is not tried together."""


class Runner:
    """Runs the stages of one mode. A port that fails makes its whole chunk wait; anything else that rises is a bug, and the
    chunk is treated as one whose worker died: it is tried again in halves."""

    def __init__(
        self, context: Context, doorbell: Doorbell, *, lease_s: float, chance: Callable[[], float] = random.random
    ) -> None:
        """`chance` gives numbers from 0 to 1, which spread the waits."""
        self._context = context
        self._doorbell = doorbell
        self._lease_s = lease_s
        self._chance = chance

    def run(self, stage: Stage, only: Collection[str] = ()) -> int:
        """Work on up to one chunk; returns how many rows were claimed. Rings its own stage again for a full chunk."""
        lease = claims.Lease(stage.table, self._context.ids.new("cl"), self._lease_s)
        rows = self._claim(stage, lease, only)
        if not rows:
            return 0
        if len(rows) == stage.limit and not only:
            # There may be more: let another worker look while this one works.
            self._doorbell.ring(Note(stage.name, self._context.mode))
        with self._renewing(lease):
            try:
                done = stage.work(rows)
            except PortError as error:
                log.warning(
                    "stage.failed", stage=stage.name, mode=self._context.mode, code=error.code, reason=str(error)
                )
                done = Done(lambda _tx, _now: (), later={row.id: error for row in rows})
        self._save(stage, lease, rows, done)
        for note in done.rings:
            self._doorbell.ring(note)
        return len(rows)

    def _claim(self, stage: Stage, lease: claims.Lease, only: Collection[str]) -> Sequence[Row[Any]]:
        with self._context.db.write() as tx:
            return claims.claim(
                tx,
                lease,
                where=stage.where(),
                order_by=stage.order_by(),
                limit=stage.limit,
                now=self._context.machine_clock(),
                only=only,
            )

    def _save(self, stage: Stage, lease: claims.Lease, rows: Sequence[Row[Any]], done: Done) -> None:
        now = self._context.machine_clock()
        # One for the whole chunk, so that its rows come back together and other chunks at other times.
        later_by = 1 + SPREAD * self._chance()
        with self._context.db.write() as tx:
            saved = set(done.save(tx, now))
            for (wait, code), ids in _alike(rows, done.later).items():
                claims.postpone(tx, lease, ids, until=now + wait * later_by, error=code)
            left = {row.id for row in rows} - saved - set(done.later)
            if left:
                claims.release(tx, lease, left)
        if left:
            log.info("claim.released", stage=stage.name, mode=self._context.mode, rows=len(left))

    @contextmanager
    def _renewing(self, lease: claims.Lease) -> Iterator[None]:
        """Keep the lease alive while the work goes on."""
        stop = threading.Event()
        keeper = threading.Thread(target=self._renew_until, args=(lease, stop), name="lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            stop.set()
            keeper.join()

    def _renew_until(self, lease: claims.Lease, stop: threading.Event) -> None:
        while not stop.wait(lease.seconds / 3):
            with self._context.db.write() as tx:
                if not claims.renew(tx, lease, self._context.machine_clock()):
                    return


def _alike(rows: Sequence[Row[Any]], later: Mapping[str, PortError]) -> Mapping[tuple[timedelta, str], list[str]]:
    """The rows that have to wait, by how long and why."""
    alike: dict[tuple[timedelta, str], list[str]] = defaultdict(list)
    for row in rows:
        if row.id in later:
            error = later[row.id]
            alike[_wait(error, row.tries), error.code].append(row.id)
    return alike


def _wait(error: PortError, tries: int) -> timedelta:
    """What will not pass by itself is looked at rarely: a printer that refuses our key must not be hammered."""
    asked = timedelta(seconds=getattr(error, "retry_after_s", None) or 0)
    first_s = 60.0 if isinstance(error, Permanent) else 2.0
    return max(asked, claims.backoff(tries, first_s=first_s))

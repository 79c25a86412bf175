"""Leading the tick of one mode: taken at its start, kept while it works, and proved in each transaction that closes a batch.

A leader that was paused does not know it: what it planned is of another hour, and somebody else may have closed it. So whatever
may only be done by one names the epoch in its own transaction, where the lease row is locked.
"""

import structlog
from sqlalchemy import Connection

from pipeline.clock import Clock
from pipeline.repository import leadership
from pipeline.repository.database import Database

log = structlog.get_logger()

LEASE_S = 10.0
_KEPT_S = LEASE_S / 3
"""A lease is renewed when a third of it is over."""


class LeadLostError(Exception):
    """Somebody else leads, or may: what was under way is given up, and the next tick begins anew."""


class Leadership:
    """This process, by the name `owner`, as the leader of one mode's tick."""

    def __init__(self, db: Database, mode: str, owner: str, machine_clock: Clock) -> None:
        self._db = db
        self._mode = mode
        self._name = f"tick-{mode}"
        self._owner = owner
        self._now = machine_clock
        self._epoch: int | None = None
        self._renewed_at = machine_clock()

    def take(self) -> bool:
        """Lead from now on; False while another process does."""
        with self._db.write() as tx:
            now = self._now()
            epoch = leadership.lead(tx, self._name, self._owner, now=now, for_s=LEASE_S)
        if epoch != self._epoch:
            log.info("leader.changed", mode=self._mode, owner=self._owner, epoch=epoch)
            self._epoch = epoch
        self._renewed_at = now
        return epoch is not None

    def keep(self) -> None:
        """To be called between pieces of work; costs nothing before a third of the lease is over. Raises `LeadLostError`.

        A lease that ran out is taken again where nobody else wanted it: nothing was planned yet that could be too old.
        """
        if (self._now() - self._renewed_at).total_seconds() >= _KEPT_S and not self.take():
            raise LeadLostError(self._name)

    def prove(self, tx: Connection) -> None:
        """Nobody else has led since `take` or `keep`, nor can before this transaction ends. Raises `LeadLostError`."""
        now = self._now()
        if self._epoch is None or not leadership.keep(tx, self._name, self._owner, self._epoch, now=now, for_s=LEASE_S):
            raise LeadLostError(self._name)
        self._renewed_at = now

    def resign(self) -> None:
        """Let another process lead at once."""
        with self._db.write() as tx:
            leadership.resign(tx, self._name, self._owner, now=self._now())

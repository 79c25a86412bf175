"""One leader by a lease row. Its epoch goes up with every change of leader."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, case, or_, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.repository.tables import leases


def lead(tx: Connection, name: str, owner: str, *, now: datetime, for_s: float) -> int | None:
    """Take or renew the lease `name`; returns its epoch, or None while somebody else leads."""
    until = now + timedelta(seconds=for_s)
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    row = {"name": name, "owner": owner, "epoch": 1, "lease_until": until}
    tx.execute(insert(leases).values(**row).on_conflict_do_nothing(index_elements=["name"]))
    mine_or_free = or_(leases.c.owner == owner, leases.c.lease_until <= now)
    epoch = case((leases.c.owner == owner, leases.c.epoch), else_=leases.c.epoch + 1)
    taken = (
        update(leases)
        .where(and_(leases.c.name == name, mine_or_free))
        .values(owner=owner, epoch=epoch, lease_until=until)
    )
    held: int | None = tx.execute(taken.returning(leases.c.epoch)).scalar()
    return held


def keep(tx: Connection, name: str, owner: str, epoch: int, *, now: datetime, for_s: float) -> bool:
    """Renew a lease that is still held under this epoch, and lock it until the transaction ends: nobody can lead meanwhile.

    False where it has run out or somebody else has it; then nothing may be done in its name.
    """
    held = and_(leases.c.name == name, leases.c.owner == owner, leases.c.epoch == epoch, leases.c.lease_until > now)
    renewed = update(leases).where(held).values(lease_until=now + timedelta(seconds=for_s))
    return tx.execute(renewed).rowcount == 1


def resign(tx: Connection, name: str, owner: str, *, now: datetime) -> None:
    """Let somebody else lead at once."""
    tx.execute(update(leases).where(leases.c.name == name, leases.c.owner == owner).values(lease_until=now))

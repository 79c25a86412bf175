"""Claiming rows for work: a lease, renewed while the work goes on, and an attempt number that saving compares.

A claim is a few statements whatever its size. Leases and waits are on the machine clock.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Table, and_, or_, select, update

POISON_DEATHS = 3
"""A row that died alone this often is quarantined."""


@dataclass(frozen=True)
class Lease:
    """One claim in force: `token` names it in the rows, `seconds` is how long it lives without being renewed."""

    table: Table
    token: str
    seconds: float


def due(table: Table, now: datetime, only: Collection[str] = ()) -> ColumnElement[bool]:
    """Which rows may be claimed. With `only`, also rows whose claim died: they are tried apart from others."""
    waited = or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now)
    if only:
        free = or_(table.c.lease_until.is_(None), table.c.lease_until < now)
        return and_(table.c.id.in_(only), free, waited, table.c.quarantined_at.is_(None))
    return and_(table.c.lease_until.is_(None), waited, table.c.solo_deaths == 0, table.c.quarantined_at.is_(None))


def claim(
    tx: Connection,
    lease: Lease,
    *,
    where: ColumnElement[bool],
    order_by: Sequence[ColumnElement[Any]],
    limit: int,
    now: datetime,
    only: Collection[str] = (),
) -> Sequence[Row[Any]]:
    """Take up to `limit` due rows; returns them whole, as they stand with this claim on them."""
    table = lease.table
    chosen = (
        select(table.c.id)
        .where(due(table, now, only), where)
        .order_by(*order_by)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("chosen")
    )
    taken = (
        update(table)
        .where(table.c.id.in_(select(chosen.c.id)))
        .values(
            attempt=table.c.attempt + 1,
            claim_token=lease.token,
            lease_until=now + timedelta(seconds=lease.seconds),
        )
        .returning(*table.c)
    )
    return tx.execute(taken).all()


def renew(tx: Connection, lease: Lease, now: datetime) -> int:
    """Push the lease on; returns how many rows still carry it."""
    until = now + timedelta(seconds=lease.seconds)
    return tx.execute(
        update(lease.table).where(lease.table.c.claim_token == lease.token).values(lease_until=until)
    ).rowcount


FREED: dict[str, Any] = {
    "claim_token": None,
    "lease_until": None,
    "next_attempt_at": None,
    "tries": 0,
    "solo_deaths": 0,
}
"""What a row looks like when its work is saved."""


def release(tx: Connection, lease: Lease, ids: Collection[str] | None = None) -> None:
    """Let go of rows whose work is neither saved nor failed, such as those that changed under us."""
    mine = lease.table.c.claim_token == lease.token
    if ids is not None:
        mine = and_(mine, lease.table.c.id.in_(ids))
    tx.execute(update(lease.table).where(mine).values(claim_token=None, lease_until=None))


def postpone(tx: Connection, lease: Lease, ids: Collection[str], *, until: datetime, error: str) -> None:
    """Try these again later: a transient failure, its schedule in the row."""
    if not ids:
        return
    table = lease.table
    tx.execute(
        update(table)
        .where(table.c.claim_token == lease.token, table.c.id.in_(ids))
        .values(claim_token=None, lease_until=None, next_attempt_at=until, tries=table.c.tries + 1, last_error=error)
    )


def backoff(tries: int, *, first_s: float = 2.0, most_s: float = 600.0) -> timedelta:
    """How long to wait after `tries` failures: doubling, from 2 seconds to 10 minutes."""
    return timedelta(seconds=min(most_s, first_s * 2 ** min(tries, 16)))


@dataclass(frozen=True)
class Buried:
    """`groups` of ids are to be tried, each group apart from the others; `quarantined` are not, until an operator says so."""

    groups: list[tuple[str, ...]]
    quarantined: list[str]


def bury(tx: Connection, table: Table, *, mode: str, now: datetime) -> Buried:
    """Look after claims whose worker died.

    A dead claim of many rows comes back as two halves. A row that died alone is counted, comes back alone, and is quarantined
    at `POISON_DEATHS`.
    """
    claimed = table.c.claim_token.is_not(None)  # as the index says it
    dead = tx.execute(
        select(table.c.id, table.c.claim_token)
        .where(claimed, table.c.mode == mode, table.c.lease_until < now, table.c.quarantined_at.is_(None))
        .order_by(table.c.claim_token, table.c.id)
        .limit(20_000)
    ).all()
    groups = [tuple(row.id for row in rows) for _, rows in groupby(dead, key=lambda row: row.claim_token)]
    alone = [group[0] for group in groups if len(group) == 1]
    quarantined = _count_deaths(tx, table, alone, now) if alone else []
    lonely = tx.execute(
        select(table.c.id).where(
            table.c.mode == mode,
            table.c.solo_deaths > 0,
            table.c.lease_until.is_(None),
            table.c.quarantined_at.is_(None),
            or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= now),
        )
    ).scalars()
    halves = [half for group in groups if len(group) > 1 for half in _halves(group)]
    return Buried(halves + [(row_id,) for row_id in lonely], quarantined)


def _halves(group: tuple[str, ...]) -> list[tuple[str, ...]]:
    middle = len(group) // 2
    return [group[:middle], group[middle:]]


def _count_deaths(tx: Connection, table: Table, ids: list[str], now: datetime) -> list[str]:
    """Returns those that died once too often."""
    still_dead = and_(table.c.id.in_(ids), table.c.lease_until < now)
    tx.execute(
        update(table)
        .where(still_dead)
        .values(solo_deaths=table.c.solo_deaths + 1, claim_token=None, lease_until=None, last_error="worker_died")
    )
    poisonous = and_(table.c.id.in_(ids), table.c.solo_deaths >= POISON_DEATHS, table.c.quarantined_at.is_(None))
    aside = update(table).where(poisonous).values(quarantined_at=now).returning(table.c.id)
    return sorted(tx.execute(aside).scalars())


def any_due(tx: Connection, table: Table, *, where: ColumnElement[bool], now: datetime) -> bool:
    """Whether a row is due and unclaimed."""
    return tx.execute(select(table.c.id).where(due(table, now), where).limit(1)).first() is not None

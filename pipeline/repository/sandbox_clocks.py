"""The sandbox clock of an account, as its owner sees it: where it stands, how fast it may run, where it is to go."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from pipeline.repository.tables import sandbox_clocks

LONGEST_ADVANCE = timedelta(days=366)


def start_clock(tx: Connection, account_id: str, *, now: datetime, rate: float) -> None:
    """The clock of a new account; it starts at machine time `now`."""
    tx.execute(insert(sandbox_clocks).values(account_id=account_id, line_now=now, rate=rate, moved_at=now))


def read_clock(tx: Connection, account_id: str) -> Row[Any]:
    return tx.execute(select(sandbox_clocks).where(sandbox_clocks.c.account_id == account_id)).one()


def set_rate(tx: Connection, account_id: str, rate: float) -> None:
    tx.execute(update(sandbox_clocks).where(sandbox_clocks.c.account_id == account_id).values(rate=rate))


def ask_to_advance(tx: Connection, account_id: str, *, to: datetime | None = None, by: timedelta | None = None) -> bool:
    """Note where the clock is to go, from where it stands now; the line follows as fast as it can.

    False, and nothing noted, when that is not ahead of the clock or further than `LONGEST_ADVANCE`.
    """
    row = tx.execute(select(sandbox_clocks).where(sandbox_clocks.c.account_id == account_id).with_for_update()).one()
    from_ = max(row.line_now, row.advance_to or row.line_now)
    target = to if to is not None else from_ + (by or timedelta())
    if not row.line_now < target <= row.line_now + LONGEST_ADVANCE:
        return False
    tx.execute(update(sandbox_clocks).where(sandbox_clocks.c.account_id == account_id).values(advance_to=target))
    return True

"""Transactions that may have to be run again, or take turns. They say `Transient` when the database cannot be had."""

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, text
from sqlalchemy.exc import InterfaceError, OperationalError

from pipeline.errors import Transient
from pipeline.repository.database import Database

_ROUNDS = 5

R = TypeVar("R")


class OvertakenError(Exception):
    """Another transaction made the same thing between our look and our insert."""


def write_again(db: Database, work: Callable[[Connection], R]) -> R:
    """Commit `work` and return what it gave, once nobody overtakes it. Raises `Transient`."""
    for _ in range(_ROUNDS):
        try:
            with db.write() as tx:
                return work(tx)
        except OvertakenError:
            continue
        except (OperationalError, InterfaceError) as error:
            raise Transient("database_unavailable", "the database could not be reached or was too busy") from error
    raise Transient("database_busy", f"other transactions were first, {_ROUNDS} times in a row")


def take_turn(tx: Connection, lock: int) -> None:
    """Wait until every other transaction that took a turn at this `lock` has ended, and keep it until this one ends.

    What they did is seen by the next statement. On SQLite writers have taken turns since they began.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": lock})

"""One engine for SQLite and PostgreSQL, and the only two ways to open a transaction on it.

SQLite: write-ahead log, full synchronous, writers take the lock at BEGIN. Waiting for it is a retry of our own with a short random
pause: SQLite's busy handler lets one of four writers wait for seconds, this one keeps the worst at about a tenth of that.
"""

import json
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError

from pipeline.errors import Transient

_LOCK_PATIENCE_S = 30.0
_PAUSE_S = (0.0002, 0.001)
_as_json = json.JSONEncoder(separators=(",", ":")).encode


class Database:
    """Transactions on one database: `write()` commits at the end of its block, `read()` sees one snapshot."""

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        self.engine = _engine(url, pool_size)
        self.is_sqlite = self.engine.dialect.name == "sqlite"

    @contextmanager
    def write(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            self._begin(connection)
            with connection.get_transaction():  # type: ignore[union-attr]  # begun just above
                yield connection

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect().execution_options(mailstream_read=True) as connection, connection.begin():
            yield connection

    def dispose(self) -> None:
        self.engine.dispose()

    def _begin(self, connection: Connection) -> None:
        deadline = time.monotonic() + _LOCK_PATIENCE_S
        while True:
            try:
                connection.begin()
                return
            except OperationalError as error:
                if not self.is_sqlite or "locked" not in str(error.orig):
                    raise
                if time.monotonic() > deadline:
                    raise Transient("database_busy", f"no write lock within {_LOCK_PATIENCE_S:.0f} s") from error
            time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311  # spreads waiting writers, keeps no secret


def _engine(url: str, pool_size: int) -> Engine:
    if not url.startswith("sqlite"):
        return create_engine(
            url, pool_size=pool_size, max_overflow=pool_size, json_serializer=_as_json, pool_pre_ping=True
        )
    engine = create_engine(
        url, pool_size=pool_size, max_overflow=pool_size, json_serializer=_as_json, connect_args={"timeout": 0}
    )
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: Any) -> None:
    connection.isolation_level = None  # we say BEGIN ourselves
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "cell_size_check=ON",
    ):
        _retry_locked(connection, f"PRAGMA {pragma}")


def _retry_locked(connection: sqlite3.Connection, statement: str) -> None:
    deadline = time.monotonic() + _LOCK_PATIENCE_S
    while True:
        try:
            connection.execute(statement)
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
        time.sleep(random.uniform(*_PAUSE_S))  # noqa: S311


def _begin_sqlite(connection: Connection) -> None:
    read = connection.get_execution_options().get("mailstream_read", False)
    connection.exec_driver_sql("BEGIN" if read else "BEGIN IMMEDIATE")

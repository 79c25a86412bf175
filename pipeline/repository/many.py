"""Inserting many rows as fast as each database can.

PostgreSQL is sent all rows as one JSON text: the statement stays the same whatever the number of rows, so that neither
side parses it anew, and nothing is escaped value by value. SQLite takes pages of rows.
"""

import json
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, String, Table, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite

Insert = postgresql.Insert | sqlite.Insert


def insert_many(tx: Connection, table: Table, rows: list[dict[str, Any]]) -> tuple[Insert, Any]:
    """An INSERT of rows that all have the same columns, and its parameters.

    The caller adds what to do about conflicts and what to return: without RETURNING, SQLite is sent row by row.
    """
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table), rows
    text = json.dumps(rows, default=_iso, separators=(",", ":"))
    return _from_json(table, tuple(rows[0])), {"rows": text}


@lru_cache(maxsize=64)
def _from_json(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    rows = cast(bindparam("rows", type_=String), JSON)
    columns = (column(name, table.c[name].type) for name in names)
    given = func.json_to_recordset(rows).table_valued(*columns, name="given").render_derived(with_types=True)
    return postgresql.insert(table).from_select(names, select(*given.c))


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"no column takes a {type(value).__name__}")

"""Writing many rows as fast as each database can.

Rows are sent as one JSON text: the statement stays the same whatever their number, so that neither side parses it anew, and
nothing is escaped value by value. Only when it inserts, SQLite takes pages of rows.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import JSON, Connection, FromClause, String, Table, bindparam, cast, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.types import TypeEngine

Insert = postgresql.Insert | sqlite.Insert


def insert_many(tx: Connection, table: Table, rows: list[dict[str, Any]]) -> tuple[Insert, Any]:
    """An INSERT of rows that all have the same columns, and its parameters.

    The caller adds what to do about conflicts and what to return: without RETURNING, SQLite is sent row by row.
    """
    if tx.dialect.name == "sqlite":
        return sqlite.insert(table), rows
    text = json.dumps(rows, default=_iso, separators=(",", ":"))
    return _from_json(table, tuple(rows[0])), {"rows": text}


def given_rows(tx: Connection, types: Mapping[str, TypeEngine[Any]], rows: Iterable[Mapping[str, Any]]) -> FromClause:
    """Rows that are given, as a table `new` to update another from. An empty value has its column's type."""
    if tx.dialect.name == "sqlite":
        text = json.dumps(list(rows), default=_stored_by_sqlite, separators=(",", ":"))
        each = func.json_each(bindparam("rows", text, type_=String, unique=True)).table_valued("value", name="each")
        found = (func.json_extract(each.c.value, f"$.{name}", type_=types[name]).label(name) for name in types)
        return select(*found).subquery("new")
    text = json.dumps(list(rows), default=_iso, separators=(",", ":"))
    return _recordset(bindparam("rows", text, type_=String, unique=True), types, "new")


@lru_cache(maxsize=64)
def _from_json(table: Table, names: tuple[str, ...]) -> postgresql.Insert:
    given = _recordset(bindparam("rows", type_=String), {name: table.c[name].type for name in names}, "given")
    return postgresql.insert(table).from_select(names, select(*given.c))


def _recordset(rows: Any, types: Mapping[str, TypeEngine[Any]], name: str) -> FromClause:
    columns = (column(name, type_) for name, type_ in types.items())
    recordset = func.json_to_recordset(cast(rows, JSON))
    return recordset.table_valued(*columns, name=name).render_derived(with_types=True)


def _iso(value: Any) -> str:
    if isinstance(value, date):  # a datetime is one too
        return value.isoformat()
    raise TypeError(f"no column takes a {type(value).__name__}")


def _stored_by_sqlite(value: Any) -> str:
    """As `UtcDateTime` is stored there: UTC, without a zone."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", timespec="microseconds")
    raise TypeError(f"no column takes a {type(value).__name__}")

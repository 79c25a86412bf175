"""The tables of `pipeline.models` as SQLAlchemy Core sees them: hot paths read and write through these."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from sqlalchemy import Connection, Table
from sqlmodel import SQLModel

from pipeline.models import tables as models
from pipeline.repository.many import insert_many

T = TypeVar("T")


def _table(model: type[SQLModel]) -> Table:
    table = model.__table__  # type: ignore[attr-defined]
    assert isinstance(table, Table)  # noqa: S101  # narrows the type; every model here is a table
    return table


accounts = _table(models.Account)
keys = _table(models.Key)
sandbox_clocks = _table(models.SandboxClock)
prices = _table(models.Price)
idempotent_answers = _table(models.IdempotentAnswer)
audit = _table(models.Audit)
pieces = _table(models.Piece)
recipients = _table(models.Recipient)
creatives = _table(models.Creative)
printers = _table(models.PrinterRow)
serials = _table(models.Serial)
batches = _table(models.Batch)
placements = _table(models.Placement)
drops = _table(models.Drop)
acks = _table(models.Ack)
neighbours = _table(models.Neighbour)
scans = _table(models.ScanRow)
events = _table(models.Event)
log_heads = _table(models.LogHead)
endpoints = _table(models.Endpoint)
deliveries = _table(models.Delivery)
attempts = _table(models.DeliveryAttempt)
leases = _table(models.Lease)
holds = _table(models.HoldRow)
suspensions = _table(models.SuspensionRow)
plan_notes = _table(models.PlanNote)


def insert_rows(tx: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    """Insert rows that all have the same columns, in few statements."""
    if rows:
        statement, parameters = insert_many(tx, table, rows)
        # Without RETURNING, SQLite would be sent row by row.
        tx.execute(statement.returning(next(iter(table.primary_key))), parameters)


def insert_where_free(tx: Connection, table: Table, rows: list[dict[str, Any]], unique: Sequence[str]) -> set[str]:
    """Insert those of which no row has the same `unique` columns; returns their ids."""
    if not rows:
        return set()
    statement, parameters = insert_many(tx, table, rows)
    free = statement.on_conflict_do_nothing(index_elements=unique).returning(table.c.id)
    return set(tx.execute(free, parameters).scalars())


PAGE = 1_000
"""Rows a statement: well inside SQLite's 32,766 parameters."""


def pages(rows: Sequence[T], size: int = PAGE) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]

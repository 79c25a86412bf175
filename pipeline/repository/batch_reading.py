"""Batches as operators read them: what was frozen for which printer, how far it has come, and what the printer said of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select

from pipeline.lifecycle import BatchStatus
from pipeline.repository.ack_reading import acks_of_batch
from pipeline.repository.counts import revision_counts
from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import batches, drops, pieces, printers


@dataclass(frozen=True)
class BatchFilter:
    """Which batches to list; None means all. `printer_id` is an id."""

    mode: str = "live"
    status: BatchStatus | None = None
    printer_id: str | None = None


@dataclass(frozen=True)
class BatchDetails:
    """One batch with what belongs to it; `placements` by revision, `drops` and `acks` in their order."""

    row: Row[Any]
    by_status: dict[str, int]
    placements: list[dict[str, Any]]
    drops: Sequence[Row[Any]]
    acks: Sequence[Row[Any]]


def list_batches(tx: Connection, wanted: BatchFilter, page: Page) -> Sequence[Row[Any]]:
    """With the name of the `printer`; newest first, one more than the page holds where there is more."""
    query = _named().where(batches.c.mode == wanted.mode)
    if wanted.status is not None:
        query = query.where(batches.c.status == wanted.status)
    if wanted.printer_id is not None:
        query = query.where(batches.c.printer_id == wanted.printer_id)
    return page_of(tx, query, batches.c.id, page)


def batch_details(tx: Connection, batch_id: str) -> BatchDetails | None:
    """None where there is no such batch."""
    row = tx.execute(_named().where(batches.c.id == batch_id)).first()
    if row is None:
        return None
    counted = select(pieces.c.status, func.count()).where(pieces.c.batch_id == batch_id)
    by_status = tx.execute(counted.group_by(pieces.c.status).order_by(pieces.c.status))
    mine = select(drops).where(drops.c.batch_id == batch_id)
    return BatchDetails(
        row,
        {one.status: one[1] for one in by_status},
        revision_counts(tx, batch_id),
        tx.execute(mine.order_by(drops.c.revision)).all(),
        acks_of_batch(tx, batch_id),
    )


def _named() -> Select[Any]:
    of_printer = printers.c.id == batches.c.printer_id
    return select(batches, printers.c.name.label("printer")).join_from(batches, printers, of_printer)

"""Acknowledgement files as operators read them: what each said of which drop, and what of it was refused."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, select

from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import acks, drops

_TOLD = [column for column in acks.c if column is not acks.c.body]
"""Files are kept whole, and may be of megabytes."""


def list_acks(tx: Connection, printer_id: str, page: Page, *, faulty: bool) -> Sequence[Row[Any]]:
    """Of one printer, newest first, one more than the page holds where there is more; `faulty`: only those with faults."""
    query = select(*_TOLD).where(acks.c.printer_id == printer_id)
    if faulty:
        query = query.where(acks.c.fault_count > 0)
    return page_of(tx, query, acks.c.id, page)


def acks_of_batch(tx: Connection, batch_id: str) -> Sequence[Row[Any]]:
    """What the batch's printers said of its drops, be it good or bad, in the order in which it came."""
    named = and_(acks.c.named_stem == drops.c.stem, acks.c.printer_id == drops.c.printer_id)
    told = select(*_TOLD).join_from(acks, drops, named).where(drops.c.batch_id == batch_id)
    return tx.execute(told.order_by(acks.c.id)).all()

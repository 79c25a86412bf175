"""Pages over rows whose ids sort by time: newest first, on either side of an id, which need not exist any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select


@dataclass(frozen=True)
class Page:
    """The `limit` newest rows older than `older_than`, or the `limit` oldest rows newer than `newer_than`."""

    limit: int
    older_than: str | None = None
    newer_than: str | None = None


def page_of(tx: Connection, wanted: Select[Any], row_id: ColumnElement[str], page: Page) -> Sequence[Row[Any]]:
    """Newest first, up to one row more than the limit, the extra one furthest from where the page began."""
    if page.newer_than is not None:
        forward = wanted.where(row_id > page.newer_than).order_by(row_id).limit(page.limit + 1)
        return list(reversed(tx.execute(forward).all()))
    if page.older_than is not None:
        wanted = wanted.where(row_id < page.older_than)
    return tx.execute(wanted.order_by(row_id.desc()).limit(page.limit + 1)).all()

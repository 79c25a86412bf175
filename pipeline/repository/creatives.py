"""Creatives as their sender sees them, and the storing of a new one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select

from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Answer, Known, Once, Refused, claim_one
from pipeline.repository.intake_rows import creative_row, insert_creative_rows
from pipeline.repository.orders import Artwork
from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import creatives
from pipeline.repository.writing import OvertakenError

HTML, MERGED_HTML = "html", "merged_html"
"""Kinds of creatives that were made from HTML. A merged one holds the values of a piece, and is in no list."""

RenderCreative = Callable[[Mapping[str, Any]], str]
"""The body of an answer, from the columns of a creative."""


@dataclass(frozen=True)
class Upload:
    """Artwork that passed preflight and lies in storage, on its own and not as part of a piece."""

    sender: Sender
    request_id: str
    once: Once | None
    product: str
    artwork: Artwork


@dataclass(frozen=True)
class Stored:
    """The creative that an upload became: a new one, or the one with the same bytes."""

    creative_id: str
    body: str
    new: bool


def store_creative(
    tx: Connection, upload: Upload, *, render: RenderCreative, now: datetime, ids: Ids
) -> Stored | Known | Refused:
    """One creative per account, mode, product and content; one that was rejected stays so. Raises `OvertakenError`."""
    existing = same_creative(tx, upload.sender, upload.product, upload.artwork.sha256)
    row = creative_row(ids.new("cr"), upload.sender, upload.product, upload.artwork, now)
    stored = Stored(row["id"], render(row), new=True)
    if existing is not None:
        stored = Stored(existing.id, render(dict(existing._mapping)), new=False)
    known = claim_one(tx, answer, now=now, ids=ids) if (answer := _answer(upload, stored)) else None
    if known is None and stored.new and not insert_creative_rows(tx, [row]):
        raise OvertakenError
    return known or stored


def same_creative(tx: Connection, sender: Sender, product: str, sha256: str) -> Row[Any] | None:
    """The creative of this content, if there is one already."""
    same = and_(creatives.c.product == product, creatives.c.sha256 == sha256)
    return tx.execute(select(creatives).where(_mine(sender), same)).first()


def find_creatives(tx: Connection, sender: Sender, ids: Collection[str]) -> dict[str, Row[Any]]:
    """Those of these that there are, by id."""
    rows = tx.execute(select(creatives).where(_mine(sender), creatives.c.id.in_(sorted(ids))))
    return {row.id: row for row in rows}


def is_template(creative: Row[Any], product: str) -> bool:
    """Whether it has fields that a piece of this product can fill."""
    usable = creative.product == product and creative.status != "rejected"
    return usable and bool(creative.report.get("merge_fields"))


def find_creative(tx: Connection, sender: Sender, creative_id: str) -> Row[Any] | None:
    return tx.execute(select(creatives).where(_mine(sender), creatives.c.id == creative_id)).first()


def list_creatives(tx: Connection, sender: Sender, page: Page, *, product: str | None = None) -> Sequence[Row[Any]]:
    wanted = select(creatives).where(_mine(sender), creatives.c.kind != MERGED_HTML)
    if product is not None:
        wanted = wanted.where(creatives.c.product == product)
    return page_of(tx, wanted, creatives.c.id, page)


def _answer(upload: Upload, stored: Stored) -> Answer | None:
    if upload.once is None:
        return None
    sender, status_code, location = upload.sender, 201 if stored.new else 200, f"/v1/creatives/{stored.creative_id}"
    return Answer(sender.account_id, sender.mode, upload.once, upload.request_id, status_code, stored.body, location)


def _mine(sender: Sender) -> ColumnElement[bool]:
    return and_(creatives.c.account_id == sender.account_id, creatives.c.mode == sender.mode)

"""The statements of intake: what a group of orders stands on, and the insertion of what becomes of it."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from pipeline.models.types import Ids
from pipeline.press.report import unfit_for_address
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Scope
from pipeline.repository.drafts import ArtworkScope, Draft, Ground, KnownCreative, artwork_scope
from pipeline.repository.moves import created
from pipeline.repository.orders import Artwork, Order
from pipeline.repository.prices import read_prices
from pipeline.repository.suspensions import read_suspensions
from pipeline.repository.tables import (
    creatives,
    events,
    insert_rows,
    insert_where_free,
    pages,
    pieces,
    recipients,
    sandbox_clocks,
)


def survey(tx: Connection, orders: Sequence[Order], *, now: datetime, ids: Ids) -> Ground:
    """Read what these orders stand on, in a statement each for creatives, clocks, prices and suspensions."""
    sides = [(order, side) for order in orders for side in order.sides.values()]
    artwork, new = _find_artwork(tx, [(o, side) for o, side in sides if isinstance(side, Artwork)], ids)
    return Ground(
        now=now,
        line_now=_line_times(tx, {order.sender.account_id for order in orders if not order.sender.livemode}),
        prices=read_prices(tx),
        creatives=_find_creatives(tx, {side for _, side in sides if isinstance(side, str)}),
        artwork=artwork,
        new_artwork=new,
        suspensions=read_suspensions(tx, now.date()),
    )


def insert_creatives(tx: Connection, drafts: Sequence[Draft], ground: Ground) -> bool:
    """Insert the new artwork of these drafts; False when somebody else stored some of it meanwhile."""
    rows: dict[str, dict[str, Any]] = {}
    for one in drafts:
        for side in one.order.sides.values():
            if isinstance(side, Artwork):
                creative_id = ground.artwork[artwork_scope(one.order.sender, one.order.product, side)]
                rows[creative_id] = creative_row(creative_id, one.order.sender, one.order.product, side, ground.now)
    fresh = [rows[creative_id] for creative_id in sorted(rows.keys() & ground.new_artwork)]
    return insert_creative_rows(tx, fresh)


def insert_creative_rows(tx: Connection, rows: list[dict[str, Any]]) -> bool:
    """False when somebody else stored some of it meanwhile."""
    return len(insert_where_free(tx, creatives, rows, ("account_id", "mode", "product", "sha256"))) == len(rows)


def insert_pieces(tx: Connection, drafts: Sequence[Draft], *, now: datetime, ids: Ids) -> set[str]:
    """Insert those whose external id is free, with recipient and first event; returns the ids of the pieces."""
    # Sorted, so that two groups cannot wait for each other's external ids.
    ordered = sorted(drafts, key=lambda one: one.order.external_id or "")
    taken = insert_where_free(tx, pieces, [one.piece for one in ordered], ("account_id", "mode", "external_id"))
    mine = [one for one in ordered if one.id in taken]
    if mine:
        insert_rows(tx, recipients, [one.recipient for one in mine])
        insert_rows(tx, events, [created(one.piece, now=now, ids=ids) for one in mine])
    return taken


def pieces_with_external_ids(tx: Connection, orders: Sequence[Order]) -> dict[Scope, str]:
    """The ids of existing pieces that have the external ids of these orders."""
    wanted = sorted({order.external_scope for order in orders if order.external_scope})
    found: dict[Scope, str] = {}
    for page in pages(wanted):
        scope = tuple_(pieces.c.account_id, pieces.c.mode, pieces.c.external_id)
        rows = tx.execute(
            select(pieces.c.id, pieces.c.account_id, pieces.c.mode, pieces.c.external_id).where(scope.in_(page))
        )
        found |= {(row.account_id, row.mode, row.external_id): row.id for row in rows}
    return found


def creative_row(creative_id: str, sender: Sender, product: str, artwork: Artwork, now: datetime) -> dict[str, Any]:
    return {
        "id": creative_id,
        "account_id": sender.account_id,
        "mode": sender.mode,
        "product": product,
        "kind": artwork.kind,
        "sha256": artwork.sha256,
        "size_bytes": artwork.size_bytes,
        "source_key": artwork.source_key,
        "report": dict(artwork.report),
        "created_at": now,
    }


def _find_creatives(tx: Connection, ids: set[str]) -> dict[str, KnownCreative]:
    found: dict[str, KnownCreative] = {}
    kept = creatives.c
    columns = (kept.id, kept.account_id, kept.mode, kept.product, kept.status, kept.report)
    for page in pages(sorted(ids)):
        for row in tx.execute(select(*columns).where(creatives.c.id.in_(page))):
            unfit = unfit_for_address(row.report)
            fields, count = tuple(row.report.get("merge_fields", ())), row.report.get("pages", 1)
            found[row.id] = KnownCreative(row.account_id, row.mode, row.product, row.status, unfit, fields, count)
    return found


def _find_artwork(
    tx: Connection, sides: Sequence[tuple[Order, Artwork]], ids: Ids
) -> tuple[dict[ArtworkScope, str], frozenset[str]]:
    scopes = sorted({artwork_scope(order.sender, order.product, artwork) for order, artwork in sides})
    columns = (creatives.c.account_id, creatives.c.mode, creatives.c.product, creatives.c.sha256)
    found: dict[ArtworkScope, str] = {}
    for page in pages(scopes):
        for row in tx.execute(select(creatives.c.id, *columns).where(tuple_(*columns).in_(page))):
            found[row.account_id, row.mode, row.product, row.sha256] = row.id
    new = {scope: ids.new("cr") for scope in scopes if scope not in found}
    return found | new, frozenset(new.values())


def _line_times(tx: Connection, account_ids: set[str]) -> dict[str, datetime]:
    times: dict[str, datetime] = {}
    for page in pages(sorted(account_ids)):
        wanted = select(sandbox_clocks.c.account_id, sandbox_clocks.c.line_now).where(
            sandbox_clocks.c.account_id.in_(page)
        )
        times |= {row.account_id: row.line_now for row in tx.execute(wanted)}
    return times

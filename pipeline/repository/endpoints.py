"""Webhook endpoints as their owner sees them.

A deleted endpoint stays as a row, disabled for good, and is shown nowhere: deliveries under way still need it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update

from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Answer, Known, Once, Refused, claim_one
from pipeline.repository.claims import FREED
from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import attempts, deliveries, endpoints, events

DELETED = "deleted"
PAUSED = "disabled by its owner"
MOST_ENDPOINTS = 50
"""Endpoints of one account and mode."""

RenderEndpoint = Callable[[Mapping[str, Any]], str]
"""The body of the answer to its creation, with its secret."""


def create_endpoint(
    tx: Connection,
    sender: Sender,
    wanted: Mapping[str, Any],
    *,
    once: Once | None,
    request_id: str,
    render: RenderEndpoint,
    now: datetime,
    ids: Ids,
) -> tuple[str, str] | Known | Refused:
    """A new endpoint's id and the body of its answer. `wanted` has url, events, ordered, description and secrets."""
    row = {
        **wanted,
        "id": ids.new("we"),
        "account_id": sender.account_id,
        "mode": sender.mode,
        "disabled_at": None,
        "disabled_reason": None,
        "created_at": now,
    }
    body, location = render(row), f"/v1/webhook_endpoints/{row['id']}"
    if once is not None:
        answer = Answer(sender.account_id, sender.mode, once, request_id, 201, body, location)
        known = claim_one(tx, answer, now=now, ids=ids)
        if known is not None:
            return known
    tx.execute(insert(endpoints).values(**row))
    return row["id"], body


def too_many(tx: Connection, sender: Sender) -> bool:
    return tx.execute(select(func.count()).select_from(endpoints).where(_mine(sender))).scalar_one() >= MOST_ENDPOINTS


def find_endpoint(tx: Connection, sender: Sender, endpoint_id: str) -> Row[Any] | None:
    return tx.execute(select(endpoints).where(_mine(sender), endpoints.c.id == endpoint_id)).first()


def list_endpoints(tx: Connection, sender: Sender, page: Page) -> Sequence[Row[Any]]:
    return page_of(tx, select(endpoints).where(_mine(sender)), endpoints.c.id, page)


def change_endpoint(tx: Connection, sender: Sender, endpoint_id: str, changes: Mapping[str, Any]) -> Row[Any] | None:
    """The endpoint with these columns changed, or None when there is none."""
    here = and_(_mine(sender), endpoints.c.id == endpoint_id)
    if changes:
        tx.execute(update(endpoints).where(here).values(**changes))
    return find_endpoint(tx, sender, endpoint_id)


def delete_endpoint(tx: Connection, sender: Sender, endpoint_id: str, *, now: datetime) -> bool:
    """Delete an endpoint and cancel what was still to be sent there; False when there is none."""
    here = and_(_mine(sender), endpoints.c.id == endpoint_id)
    if not tx.execute(update(endpoints).where(here).values(disabled_at=now, disabled_reason=DELETED)).rowcount:
        return False
    waiting = and_(deliveries.c.endpoint_id == endpoint_id, deliveries.c.status == "pending")
    tx.execute(update(deliveries).where(waiting).values(**{**FREED, "status": "canceled"}))
    return True


def list_deliveries(tx: Connection, endpoint_id: str, page: Page) -> Sequence[Row[Any]]:
    """Deliveries to an endpoint, newest first, with their event's type."""
    wanted = (
        select(deliveries, events.c.type)
        .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
        .where(deliveries.c.endpoint_id == endpoint_id)
    )
    return page_of(tx, wanted, deliveries.c.id, page)


def attempts_of(tx: Connection, delivery_ids: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """The attempts of each delivery, first to last."""
    found: dict[str, list[Row[Any]]] = {delivery_id: [] for delivery_id in delivery_ids}
    wanted = select(attempts).where(attempts.c.delivery_id.in_(delivery_ids)).order_by(attempts.c.number, attempts.c.id)
    for row in tx.execute(wanted):
        found[row.delivery_id].append(row)
    return found


def _mine(sender: Sender) -> ColumnElement[bool]:
    kept = or_(endpoints.c.disabled_reason.is_(None), endpoints.c.disabled_reason != DELETED)
    return and_(endpoints.c.account_id == sender.account_id, endpoints.c.mode == sender.mode, kept)

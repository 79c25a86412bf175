"""Notify: tell senders of events by webhook, at least once, on a schedule that stands in the row."""

import json
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, not_, or_, select, update

from pipeline.models import Delivery
from pipeline.ports import Attempt, Outgoing, WebhookSender
from pipeline.repository.claims import FREED
from pipeline.repository.tables import attempts, deliveries, endpoints, events, insert_rows, pieces
from pipeline.stages.stage import Context, Done

# The example schedule of the Standard Webhooks specification: ten attempts over 75 hours 35 minutes.
WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_LONGEST_RETRY_AFTER_S = 86_400
_earlier = Delivery.__table__.alias("earlier")  # type: ignore[attr-defined]


class Notify:
    name = "notify"
    table = deliveries
    limit = 100

    def __init__(self, context: Context, sender: WebhookSender) -> None:
        self._context = context
        self._sender = sender

    def where(self) -> ColumnElement[bool]:
        """An ordered endpoint gets a piece's next event only when the one before has ended."""
        before = exists().where(
            _earlier.c.endpoint_id == deliveries.c.endpoint_id,
            _earlier.c.piece_id == deliveries.c.piece_id,
            _earlier.c.sequence < deliveries.c.sequence,
            _earlier.c.status == "pending",
        )
        mine = and_(deliveries.c.mode == self._context.mode, deliveries.c.status == "pending")
        return and_(mine, or_(not_(deliveries.c.ordered), not_(before)))

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (deliveries.c.next_attempt_at.asc().nulls_first(), deliveries.c.id)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        with self._context.db.read() as tx:
            told = {row.delivery_id: row for row in tx.execute(_contents([row.id for row in rows]))}
        live = [row for row in rows if told[row.id].disabled_at is None]
        outgoing = [_outgoing(row, told[row.id]) for row in live]
        results = self._sender.send(outgoing, self._context.machine_clock())
        return Done(lambda tx, now: self._save(tx, rows, results, now))

    def _save(
        self, tx: Connection, rows: Sequence[Row[Any]], results: Sequence[Attempt], now: datetime
    ) -> Collection[str]:
        by_id = {row.id: row for row in rows}
        mine = deliveries.c.claim_token == rows[0].claim_token
        answered = {result.delivery_id for result in results}
        _end(tx, mine, [result.delivery_id for result in results if result.delivered], "delivered", delivered_at=now)
        _end(tx, mine, [row.id for row in rows if row.id not in answered], "canceled")
        failed = [result for result in results if not result.delivered]
        _end(tx, mine, [r.delivery_id for r in failed if by_id[r.delivery_id].tries >= len(WAITS_S)], "exhausted")
        for result in failed:
            tries = by_id[result.delivery_id].tries
            if tries < len(WAITS_S):
                _postpone(tx, mine, result, tries, now)
        _disable(tx, {by_id[r.delivery_id].endpoint_id for r in failed if r.gone}, now)
        insert_rows(tx, attempts, [self._attempt(by_id[result.delivery_id], result, now) for result in results])
        return set(by_id)

    def _attempt(self, row: Row[Any], result: Attempt, now: datetime) -> dict[str, Any]:
        return {
            "id": self._context.ids.new("at"),
            "delivery_id": row.id,
            "number": row.tries + 1,
            "at": now,
            "delivered": result.delivered,
            "status_code": result.status_code,
            "error": result.error,
            "duration_ms": result.duration_ms,
            "response": result.response,
        }


def _contents(ids: Sequence[str]) -> Any:
    return (
        select(
            deliveries.c.id.label("delivery_id"),
            events,
            endpoints.c.url,
            endpoints.c.secrets,
            endpoints.c.disabled_at,
            pieces.c.external_id,
            pieces.c.metadata.label("details"),
        )
        .join_from(deliveries, events, events.c.id == deliveries.c.event_id)
        .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
        .join(pieces, pieces.c.id == deliveries.c.piece_id)
        .where(deliveries.c.id.in_(ids))
    )


def _outgoing(row: Row[Any], told: Row[Any]) -> Outgoing:
    return Outgoing(
        delivery_id=row.id,
        event_id=told.id,
        url=told.url,
        body=event_body(told),
        secrets=tuple(told.secrets),
        attempt=row.tries + 1,
        event_type=told.type,
    )


def event_body(told: Row[Any]) -> bytes:
    """The webhook's body: the same bytes on every attempt, since an event never changes."""
    body = {
        "type": told.type,
        "timestamp": told.at.isoformat(),
        "data": {
            "object": "mail",
            "id": told.piece_id,
            "status": told.status,
            "sequence": told.sequence,
            "livemode": told.mode == "live",
            "external_id": told.external_id,
            "metadata": told.details,
            "evidence": told.evidence,
        },
    }
    return json.dumps(body, separators=(",", ":"), sort_keys=True).encode()


def _end(tx: Connection, mine: ColumnElement[bool], ids: Sequence[str], status: str, **more: Any) -> None:
    if ids:
        ended = update(deliveries).where(mine, deliveries.c.id.in_(ids))
        tx.execute(ended.values(**{**FREED, "status": status, "tries": deliveries.c.tries + 1, **more}))


def _postpone(tx: Connection, mine: ColumnElement[bool], result: Attempt, tries: int, now: datetime) -> None:
    wait_s = max(WAITS_S[tries], min(result.retry_after_s or 0, _LONGEST_RETRY_AFTER_S))
    waiting = {"next_attempt_at": now + timedelta(seconds=wait_s), "tries": tries + 1, "last_error": result.error}
    tx.execute(update(deliveries).where(mine, deliveries.c.id == result.delivery_id).values(**{**FREED, **waiting}))


def _disable(tx: Connection, endpoint_ids: Collection[str], now: datetime) -> None:
    """A receiver that answers 410 wants no more."""
    if endpoint_ids:
        gone = endpoints.c.id.in_(sorted(endpoint_ids))
        tx.execute(update(endpoints).where(gone).values(disabled_at=now, disabled_reason="answered 410 Gone"))

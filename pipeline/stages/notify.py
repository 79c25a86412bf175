"""Notify: tell senders of events by webhook, at least once, on a schedule that stands in the row.

A receiver that hangs must not hold up another one. Each endpoint's part of a chunk is sent in a thread of its own, and the chunk
is saved after `PATIENCE_S` with those that have ended. Of the others the claim stands, its lease long enough for any attempt to
end, and their thread saves them; a process that dies meanwhile leaves a dead claim, like any other. Until then nothing more is
claimed for such an endpoint, and after a silence only one delivery at a time (`SilentEndpoints`).
"""

import json
import threading
from collections.abc import Collection, Sequence
from concurrent.futures import Future, wait
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, String, and_, exists, not_, or_, select, update

from pipeline.errors import PortError
from pipeline.models.events import Delivery
from pipeline.ports import Attempt, Outgoing, WebhookSender
from pipeline.repository.claims import FREED
from pipeline.repository.many import given_rows
from pipeline.repository.tables import attempts, deliveries, endpoints, events, insert_rows, pieces
from pipeline.stages.silent_endpoints import SilentEndpoints
from pipeline.stages.stage import Context, Done

log = structlog.get_logger()

# The example schedule of the Standard Webhooks specification: ten attempts over 75 hours 35 minutes.
WAITS_S = (5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
_LONGEST_RETRY_AFTER_S = 86_400
PATIENCE_S = 1.0
_HELD_LEASE = timedelta(seconds=30)  # more than any attempt takes, with its wait for a connection
_earlier = Delivery.__table__.alias("earlier")  # type: ignore[attr-defined]


class Notify:
    name = "notify"
    table = deliveries
    limit = 500

    def __init__(self, context: Context, sender: WebhookSender) -> None:
        self._context = context
        self._sender = sender
        self._silent = SilentEndpoints()
        self._saving = threading.Lock()

    def where(self) -> ColumnElement[bool]:
        """An ordered endpoint gets a piece's next event only when the one before has ended."""
        before = exists().where(
            _earlier.c.endpoint_id == deliveries.c.endpoint_id,
            _earlier.c.piece_id == deliveries.c.piece_id,
            _earlier.c.sequence < deliveries.c.sequence,
            _earlier.c.status == "pending",
        )
        mine = and_(deliveries.c.mode == self._context.mode, deliveries.c.status == "pending")
        reachable = deliveries.c.endpoint_id.not_in(self._silent.away(self._context.machine_clock()))
        return and_(mine, reachable, or_(not_(deliveries.c.ordered), not_(before)))

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (deliveries.c.next_attempt_at, deliveries.c.id)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        with self._context.db.read() as tx:
            told = {row.delivery_id: row for row in tx.execute(_contents([row.id for row in rows]))}
        canceled = [row.id for row in rows if told[row.id].disabled_at is not None]
        parts = self._parts([row for row in rows if told[row.id].disabled_at is None])
        sent = {self._start(part, [_outgoing(row, told[row.id]) for row in part]): part for part in parts}
        ended, late = wait(sent, PATIENCE_S)
        results = [result for future in ended for result in future.result()]
        for future in late:
            future.add_done_callback(lambda future: self._save_late(sent[future], future.result()))
            self._hold(sent[future][0].endpoint_id, future)
        held = [row.id for future in late for row in sent[future]]
        mine = deliveries.c.claim_token == rows[0].claim_token

        def save(tx: Connection, now: datetime) -> Collection[str]:
            _end(tx, mine, canceled, "canceled")
            if held:
                kept = update(deliveries).where(mine, deliveries.c.id.in_(held))
                tx.execute(kept.values(lease_until=now + _HELD_LEASE))
            return {*canceled, *held, *self._save(tx, rows, results, now)}

        return Done(save)

    def _parts(self, rows: Sequence[Row[Any]]) -> list[list[Row[Any]]]:
        """The rows by endpoint; of an endpoint that was silent only the first, the others are let go."""
        parts: dict[str, list[Row[Any]]] = {}
        for row in rows:
            parts.setdefault(row.endpoint_id, []).append(row)
        return [part[:1] if self._silent.suspect(endpoint_id) else part for endpoint_id, part in parts.items()]

    def _start(self, part: Sequence[Row[Any]], outgoing: Sequence[Outgoing]) -> Future[list[Attempt]]:
        """Send to one endpoint in a daemon thread: a process that stops does not wait for a receiver that hangs."""
        future: Future[list[Attempt]] = Future()
        endpoint_id, probe = part[0].endpoint_id, self._silent.suspect(part[0].endpoint_id)

        def run() -> None:
            results: list[Attempt] = []
            try:
                results = self._sender.send(outgoing, self._context.machine_clock())
            except PortError as error:
                log.warning("webhooks.not_sent", mode=self._context.mode, code=error.code)
            except BaseException as error:  # noqa: BLE001  # a thread's edge: it rises where the answer is waited for
                future.set_exception(error)
                return
            self._silent.learn(endpoint_id, results, self._context.machine_clock())
            future.set_result(results)

        if probe:
            self._hold(endpoint_id, future)
        threading.Thread(target=run, name="notify", daemon=True).start()
        return future

    def _hold(self, endpoint_id: str, future: Future[list[Attempt]]) -> None:
        self._silent.hold(endpoint_id)
        future.add_done_callback(lambda _: self._silent.let_go(endpoint_id))

    def _save_late(self, rows: Sequence[Row[Any]], results: Sequence[Attempt]) -> None:
        """Save, in the thread that sent, what ended after the chunk; the claim still stands unless its lease ran out."""
        now = self._context.machine_clock()
        with self._saving, self._context.db.write() as tx:
            done = self._save(tx, rows, results, now)
            untried = [row.id for row in rows if row.id not in done]
            mine = and_(deliveries.c.claim_token == rows[0].claim_token, deliveries.c.id.in_(untried))
            tx.execute(update(deliveries).where(mine).values(claim_token=None, lease_until=None))

    def _save(
        self, tx: Connection, rows: Sequence[Row[Any]], results: Sequence[Attempt], now: datetime
    ) -> Collection[str]:
        by_id = {row.id: row for row in rows}
        mine = deliveries.c.claim_token == rows[0].claim_token
        _end(tx, mine, [result.delivery_id for result in results if result.delivered], "delivered", delivered_at=now)
        failed = [result for result in results if not result.delivered]
        _end(tx, mine, [r.delivery_id for r in failed if by_id[r.delivery_id].tries >= len(WAITS_S)], "exhausted")
        again = [(r, by_id[r.delivery_id].tries) for r in failed if by_id[r.delivery_id].tries < len(WAITS_S)]
        _postpone(tx, mine, again, now)
        _disable(tx, {by_id[r.delivery_id].endpoint_id for r in failed if r.gone}, now)
        insert_rows(tx, attempts, [self._attempt(by_id[result.delivery_id], result, now) for result in results])
        return {result.delivery_id for result in results}

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


def _postpone(tx: Connection, mine: ColumnElement[bool], again: Sequence[tuple[Attempt, int]], now: datetime) -> None:
    """Each attempt that failed, with the tries before it: its next moment, in one statement for all."""
    if not again:
        return
    c = deliveries.c
    types = {"id": c.id.type, "next_attempt_at": c.next_attempt_at.type, "tries": c.tries.type, "error": String()}
    rows = (
        {
            "id": result.delivery_id,
            "next_attempt_at": now + _wait(result, tries),
            "tries": tries + 1,
            "error": result.error,
        }
        for result, tries in again
    )
    new = given_rows(tx, types, rows)
    waiting = {"next_attempt_at": new.c.next_attempt_at, "tries": new.c.tries, "last_error": new.c.error}
    tx.execute(update(deliveries).where(mine, c.id == new.c.id).values(**{**FREED, **waiting}))


def _wait(result: Attempt, tries: int) -> timedelta:
    return timedelta(seconds=max(WAITS_S[tries], min(result.retry_after_s or 0, _LONGEST_RETRY_AFTER_S)))


def _disable(tx: Connection, endpoint_ids: Collection[str], now: datetime) -> None:
    """A receiver that answers 410 wants no more."""
    if endpoint_ids:
        gone = endpoints.c.id.in_(sorted(endpoint_ids))
        tx.execute(update(endpoints).where(gone).values(disabled_at=now, disabled_reason="answered 410 Gone"))

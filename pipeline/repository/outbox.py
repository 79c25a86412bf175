"""From events to deliveries: the one publisher, which gives committed events their place in the log and fans them out."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.models.types import Ids
from pipeline.repository.many import given_rows
from pipeline.repository.tables import deliveries, endpoints, events, insert_rows, log_heads

PUBLISH_AT_ONCE = 1_000


def publish(tx: Connection, mode: str, *, now: datetime, ids: Ids) -> tuple[int, int]:
    """Give the next unpublished events their positions and their deliveries; returns how many events and deliveries.

    The head row is locked first, so that publishers take turns; only committed events are seen, so that no position is skipped.
    """
    if not _any_unpublished(tx, mode):
        return 0, 0
    head = _lock_head(tx, mode)
    fresh = _unpublished(tx, mode)
    positions = {event.id: head + number for number, event in enumerate(fresh, start=1)}
    types = {"id": events.c.id.type, "position": events.c.position.type}
    new = given_rows(tx, types, ({"id": event_id, "position": position} for event_id, position in positions.items()))
    tx.execute(update(events).where(events.c.id == new.c.id).values(position=new.c.position))
    tx.execute(update(log_heads).where(log_heads.c.mode == mode).values(position=head + len(fresh)))
    rows = _deliveries(fresh, _endpoints(tx, mode, {event.account_id for event in fresh}), now, ids)
    insert_rows(tx, deliveries, rows)
    return len(fresh), len(rows)


def _any_unpublished(tx: Connection, mode: str) -> bool:
    fresh = select(events.c.id).where(events.c.position.is_(None), events.c.mode == mode).limit(1)
    return tx.execute(fresh).first() is not None


def _lock_head(tx: Connection, mode: str) -> int:
    """The last position given out. Writing it back is what locks it, and makes the row where there is none."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    head = insert(log_heads).values(mode=mode, position=0)
    locked = head.on_conflict_do_update(index_elements=["mode"], set_={"position": log_heads.c.position})
    position: int = tx.execute(locked.returning(log_heads.c.position)).scalar_one()
    return position


def _unpublished(tx: Connection, mode: str) -> list[Any]:
    """The oldest unpublished events, with all unpublished events of the same pieces, each piece's in sequence.

    Ids sort by the clock of the machine that made them, which may jump: a piece's own order comes from its sequence alone.
    """
    fresh = events.c.position.is_(None) & (events.c.mode == mode)
    oldest = select(events.c.piece_id).where(fresh).order_by(events.c.id).limit(PUBLISH_AT_ONCE).subquery()
    wanted = select(
        events.c.id, events.c.piece_id, events.c.account_id, events.c.type, events.c.sequence, events.c.told
    )
    # Said so that no index of unpublished events serves it: by piece is the way that costs the same for any backlog.
    unpublished = func.coalesce(events.c.position, 0) == 0
    rows = tx.execute(wanted.where(unpublished, events.c.piece_id.in_(select(oldest.c.piece_id)))).all()
    first: dict[str, str] = {}
    for row in rows:
        first[row.piece_id] = min(first.get(row.piece_id, row.id), row.id)
    return sorted(rows, key=lambda row: (first[row.piece_id], row.piece_id, row.sequence))


def _endpoints(tx: Connection, mode: str, account_ids: set[str]) -> Mapping[str, list[Row[Any]]]:
    wanted = select(endpoints).where(
        endpoints.c.mode == mode, endpoints.c.disabled_at.is_(None), endpoints.c.account_id.in_(sorted(account_ids))
    )
    found: dict[str, list[Row[Any]]] = defaultdict(list)
    for row in tx.execute(wanted):
        found[row.account_id].append(row)
    return found


def _deliveries(
    fresh: Sequence[Row[Any]], listening: Mapping[str, list[Row[Any]]], now: datetime, ids: Ids
) -> list[dict[str, Any]]:
    return [
        {
            "id": ids.new("dl"),
            "endpoint_id": endpoint.id,
            "event_id": event.id,
            "piece_id": event.piece_id,
            "sequence": event.sequence,
            "mode": endpoint.mode,
            "ordered": endpoint.ordered,
            "next_attempt_at": now,
            "created_at": now,
        }
        for event in fresh
        if event.told
        for endpoint in listening.get(event.account_id, ())
        if any(fnmatchcase(event.type, pattern) for pattern in endpoint.events)
    ]

"""Pieces and their events, as their sender sees them. Everything here is within one account and mode."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select

from pipeline.clock import Clock
from pipeline.lifecycle import REACHED_FROM, Move, Status
from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender
from pipeline.repository.database import Database
from pipeline.repository.holds import stopped_at
from pipeline.repository.line_clocks import line_now
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import batches, creatives, events, pieces, recipients, sandbox_clocks

_ROUNDS = 10


@dataclass(frozen=True)
class MailFilter:
    """Which pieces to list; empty means all. `accepted` has bounds by `gt`, `gte`, `lt` and `lte`, in line time."""

    statuses: tuple[str, ...] = ()
    product: str | None = None
    external_id: str | None = None
    accepted: Mapping[str, datetime] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def find_piece(tx: Connection, sender: Sender, piece_id: str) -> Row[Any] | None:
    """The piece with its recipient's columns."""
    return tx.execute(_pieces().where(_mine(sender), pieces.c.id == piece_id)).first()


def list_pieces(tx: Connection, sender: Sender, wanted: MailFilter, page: Page) -> Sequence[Row[Any]]:
    """Newest first, one more than the page holds, so that the caller knows whether there is more."""
    return page_of(tx, _pieces().where(_mine(sender), *_conditions(wanted)), pieces.c.id, page)


@dataclass(frozen=True)
class Printing:
    """What a proof of a piece is made from: normalized artwork by side, and the postage of its batch, if it has one."""

    artwork: Mapping[str, str]
    postage: Mapping[str, Any] | None


def find_printing(tx: Connection, piece: Row[Any]) -> Printing | None:
    """None until all artwork of the piece is ready for press."""
    wanted = {"front": piece.front_creative_id, "back": piece.back_creative_id}
    sides = {side: creative for side, creative in wanted.items() if creative is not None}
    query = select(creatives.c.id, creatives.c.normalized_key).where(creatives.c.id.in_(sorted(set(sides.values()))))
    keys = {row.id: row.normalized_key for row in tx.execute(query)}
    if not all(keys.get(creative) for creative in sides.values()):
        return None
    postage = tx.execute(select(batches.c.postage).where(batches.c.id == piece.batch_id)).scalar()
    return Printing({side: keys[creative] for side, creative in sides.items()}, postage)


def piece_events(tx: Connection, sender: Sender, piece_id: str) -> Sequence[Row[Any]]:
    """All events of a piece, in sequence, those that no webhook tells of included."""
    mine = and_(events.c.account_id == sender.account_id, events.c.mode == sender.mode, events.c.piece_id == piece_id)
    return tx.execute(select(events).where(mine).order_by(events.c.sequence)).all()


def event_log(
    tx: Connection, sender: Sender, *, after: int, limit: int, types: Sequence[str] = ()
) -> Sequence[Row[Any]]:
    """Events that senders are told of, by log position, after position `after`."""
    mine = and_(events.c.account_id == sender.account_id, events.c.mode == sender.mode, events.c.told)
    wanted = select(events).where(mine, events.c.position > after)
    if types:
        wanted = wanted.where(events.c.type.in_(types))
    return tx.execute(wanted.order_by(events.c.position).limit(limit)).all()


def cancel(
    db: Database, sender: Sender, piece_id: str, *, request_id: str, machine_clock: Clock, ids: Ids
) -> Row[Any] | None:
    """Cancel a piece that is not frozen yet; returns it as it then stands, canceled or not, or None if there is none."""
    for _ in range(_ROUNDS):
        with db.write() as tx:
            locked = tx.execute(select_snapshots().where(_mine(sender), pieces.c.id == piece_id)).first()
            if locked is not None and Status(locked.status) in REACHED_FROM[Status.CANCELED]:
                at = line_now(tx, sender.mode, sender.account_id, machine_clock)
                wish = Move(snapshot(locked), Status.CANCELED, at, {"request_id": request_id})
                if not move(tx, [wish], now=machine_clock(), ids=ids):
                    continue  # it changed under us: look again
            return find_piece(tx, sender, piece_id)
    with db.read() as tx:
        return find_piece(tx, sender, piece_id)


def _mine(sender: Sender) -> ColumnElement[bool]:
    return and_(pieces.c.account_id == sender.account_id, pieces.c.mode == sender.mode)


def _pieces() -> Select[Any]:
    person = (recipients.c.given, recipients.c.sender, recipients.c.standardized, recipients.c.corrections)
    clock = and_(sandbox_clocks.c.account_id == pieces.c.account_id, pieces.c.mode == "test")
    truck = select(batches.c.mail_by).where(batches.c.id == pieces.c.batch_id).correlate(pieces)
    mail_by = truck.scalar_subquery().label("mail_by")
    return (
        select(pieces, *person, sandbox_clocks.c.line_now, stopped_at(), mail_by)
        .join_from(pieces, recipients, recipients.c.piece_id == pieces.c.id)
        .outerjoin(sandbox_clocks, clock)
    )


def _conditions(wanted: MailFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        pieces.c.metadata[key].as_string() == v for key, v in wanted.metadata.items()
    ]
    if wanted.statuses:
        conditions.append(pieces.c.status.in_(wanted.statuses))
    if wanted.product is not None:
        conditions.append(pieces.c.product == wanted.product)
    if wanted.external_id is not None:
        conditions.append(pieces.c.external_id == wanted.external_id)
    at = pieces.c.accepted_at
    bounds = {"gt": at.__gt__, "gte": at.__ge__, "lt": at.__lt__, "lte": at.__le__}
    return conditions + [bounds[name](moment) for name, moment in wanted.accepted.items()]

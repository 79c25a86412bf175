"""Intake: everything that was ordered at the same moment becomes pieces in one transaction, of a few statements.

`Intake.save` accepts an order, refuses it, or gives back the answer that its Idempotency-Key already has; nothing
counts as accepted before the commit. What can be judged without the database was judged before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row

from pipeline.clock import Clock
from pipeline.repository import answers
from pipeline.repository.answers import Known, Refused, Scope, known_or_reused
from pipeline.repository.database import Database
from pipeline.repository.drafts import Draft, Ground, Terms, draft
from pipeline.repository.intake_rows import insert_creatives, insert_pieces, pieces_with_external_ids, survey
from pipeline.repository.orders import Order
from pipeline.repository.writing import OvertakenError, write_again


@dataclass(frozen=True)
class Accepted:
    """A new piece, committed. `new_artwork` says that there is work for `prepare`."""

    body: str
    location: str
    new_artwork: bool


Outcome = Accepted | Known | Refused


class Intake:
    """Takes orders of every account and mode."""

    def __init__(self, db: Database, machine_clock: Clock, terms: Terms) -> None:
        self._db = db
        self._machine_clock = machine_clock
        self._terms = terms
        self._ids = terms.ids

    def save(self, orders: Sequence[Order]) -> list[Outcome]:
        """One outcome per order, in order, all committed. Raises `Transient` when the database cannot be had."""
        return write_again(self._db, lambda tx: self._settle(tx, orders))

    def foresee(self, order: Order) -> Known | Refused | None:
        """How this order would end if not by being accepted, as far as can be told before its artwork is stored."""
        now = self._machine_clock()
        with self._db.read() as tx:
            judged = draft(order, survey(tx, [order], now=now, ids=self._ids), self._terms)
            kept = answers.find(tx, {order.scope}, now=now) if order.scope else {}
            clash = pieces_with_external_ids(tx, [order])
        if kept and order.once and order.scope:
            return known_or_reused(order.once, kept[order.scope])
        if isinstance(judged, Refused):
            return judged
        return _clash(clash[order.external_scope]) if clash and order.external_scope else None

    def _settle(self, tx: Connection, orders: Sequence[Order]) -> list[Outcome]:
        ground = survey(tx, orders, now=self._machine_clock(), ids=self._ids)
        judged = [draft(order, ground, self._terms) for order in orders]
        taken = self._take(tx, [one for one in judged if isinstance(one, Draft)], ground)
        left = [
            order for order, one in zip(orders, judged, strict=True) if isinstance(one, Refused) or one.id not in taken
        ]
        kept = answers.find(tx, {order.scope for order in left if order.scope}, now=ground.now) if left else {}
        clashes = pieces_with_external_ids(tx, left)
        return [
            _accepted(one, ground)
            if isinstance(one, Draft) and one.id in taken
            else _otherwise(order, one, kept, clashes)
            for order, one in zip(orders, judged, strict=True)
        ]

    def _take(self, tx: Connection, drafts: Sequence[Draft], ground: Ground) -> set[str]:
        """Insert those whose key and external id are free; returns the ids of the pieces that now exist."""
        first: dict[Scope | str, Draft] = {}
        for one in drafts:
            first.setdefault(one.order.scope or one.id, one)
        wanted = [answer for one in first.values() if (answer := one.answer)]
        won = answers.claim(tx, wanted, now=ground.now, ids=self._ids)
        winners = [one for scope, one in first.items() if isinstance(scope, str) or scope in won]
        if not insert_creatives(tx, winners, ground):
            raise OvertakenError
        taken = insert_pieces(tx, winners, now=ground.now, ids=self._ids)
        answers.withdraw(tx, [one.order.scope for one in winners if one.order.scope and one.id not in taken])
        return taken


def _accepted(one: Draft, ground: Ground) -> Accepted:
    used = {one.piece["front_creative_id"], one.piece["back_creative_id"]}
    return Accepted(one.body, one.location, bool(used & ground.new_artwork))


def _otherwise(
    order: Order, judged: Draft | Refused, kept: dict[Scope, Row[Any]], clashes: dict[Scope, str]
) -> Outcome:
    """The answer that the key has goes first, whatever else is wrong; then what was judged; then the external id."""
    if order.once and order.scope in kept:
        return known_or_reused(order.once, kept[order.scope])
    if isinstance(judged, Refused):
        return judged
    if order.external_scope in clashes:
        return _clash(clashes[order.external_scope])
    return Refused("idempotency_key_in_use", retry_after_s=1)


def _clash(piece_id: str) -> Refused:
    return Refused("external_id_exists", detail=f"The external_id belongs to {piece_id}.", existing_id=piece_id)

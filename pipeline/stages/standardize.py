"""Standardize: an address as the post wants it, or the piece is rejected with the reasons."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from pipeline.errors import Fault
from pipeline.lifecycle import Move, Status
from pipeline.ports import Address, AddressStandardizer, Standardized
from pipeline.press.sheets.address_lines import why_unprintable
from pipeline.products import PRODUCTS, Product
from pipeline.repository.claims import FREED
from pipeline.repository.holds import HoldWish, hold_created
from pipeline.repository.many import given_rows
from pipeline.repository.moves import move, snapshot_in
from pipeline.repository.promote import promote
from pipeline.repository.tables import pieces, recipients
from pipeline.stages.stage import Context, Done

_UNPRINTABLE = "address_unprintable"
SPELLING = frozenset({
    "street_abbreviated", "road_spelled_out", "unit_abbreviated", "note_abbreviated", "box_rewritten", "city_spelled_out",
    "state_abbreviated", "zip_rewritten", "accents_folded",
})  # fmt: skip
"""Corrections of how an address is written. Any other is of what it says, as far as a standardizer can tell."""


class Standardize:
    name = "standardize"
    table = pieces
    limit = 500

    def __init__(self, context: Context, standardizer: AddressStandardizer) -> None:
        self._context = context
        self._standardizer = standardizer

    def where(self) -> ColumnElement[bool]:
        return and_(
            pieces.c.mode == self._context.mode, pieces.c.status == Status.CREATED, pieces.c.address_state == "pending"
        )

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (pieces.c.due_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        with self._context.db.read() as tx:
            wanted = select(recipients.c.piece_id, recipients.c.given).where(
                recipients.c.piece_id.in_([r.id for r in rows])
            )
            given = {row.piece_id: Address(**row.given) for row in tx.execute(wanted)}
        found = dict(zip(given, self._standardizer.standardize(list(given.values())), strict=True))
        answers = {row.id: _with_print_fault(found[row.id], PRODUCTS[row.product]) for row in rows}

        def save(tx: Connection, now: datetime) -> Collection[str]:
            return self._save(tx, rows, answers, now)

        return Done(save)

    def _save(
        self, tx: Connection, rows: Sequence[Row[Any]], answers: dict[str, Standardized], now: datetime
    ) -> set[str]:
        at = self._context.line_clock.read(tx, {row.account_id for row in rows})
        refused = [row for row in rows if _undeliverable(row, answers[row.id]) or _unprintable(answers[row.id])]
        gone = {row.id for row in refused}
        wishes = [
            Move(
                snapshot_in(row),
                Status.REJECTED,
                at[row.account_id],
                {"errors": faults},
                {"errors": faults, "address_state": "done"},
            )
            for row in refused
            for faults in [[asdict(fault) for fault in _at_recipient(answers[row.id])]]
        ]
        moved = move(tx, wishes, now=now, ids=self._context.ids)
        kept = self._mark_done(tx, [row for row in rows if row.id not in gone])
        _write_addresses(tx, {row_id: answers[row_id] for row_id in moved | kept})
        doubts = {row.id: doubt for row in rows if row.id in kept and (doubt := _doubt(row, answers[row.id]))}
        hold_created(tx, [row for row in rows if row.id in doubts], doubts, at, ids=self._context.ids)
        promote(tx, pieces.c.id.in_(sorted(kept)), self._context.line_clock, now=now, ids=self._context.ids)
        return moved | kept

    def _mark_done(self, tx: Connection, rows: Sequence[Row[Any]]) -> set[str]:
        """The address is settled; the claim ends here, so that a piece may wait for its artwork without one."""
        if not rows:
            return set()
        mine = and_(pieces.c.claim_token == rows[0].claim_token, pieces.c.id.in_([row.id for row in rows]))
        done = update(pieces).where(mine, pieces.c.status == Status.CREATED).values(address_state="done", **FREED)
        return set(tx.execute(done.returning(pieces.c.id)).scalars())


def _undeliverable(row: Row[Any], answer: Standardized) -> bool:
    return not answer.deliverable and row.deliverability != "relaxed"


def _doubt(row: Row[Any], answer: Standardized) -> HoldWish | None:
    """What its sender has to decide before a `strict` piece goes on: whether it is for where we read its address to be."""
    understood = [one for one in answer.corrections if one not in SPELLING]
    if row.deliverability != "strict" or not understood:
        return None
    note = f"the address is not as it was given in more than its spelling: {', '.join(understood)}"
    return HoldWish("address_corrected", "policy:strict", note, stops_count=True)


def _with_print_fault(answer: Standardized, product: Product) -> Standardized:
    """What cannot be printed would hold up its whole batch."""
    if not answer.line1:
        return answer
    why = why_unprintable(vars(answer), product)
    if why is None:
        return answer
    remedy = "Shorten or leave out lines; use Latin letters, digits and punctuation."
    return replace(
        answer, faults=(*answer.faults, Fault(_UNPRINTABLE, "", f"The address cannot be printed: {why}.", remedy))
    )


def _unprintable(answer: Standardized) -> bool:
    return any(fault.code == _UNPRINTABLE for fault in answer.faults)


def _at_recipient(answer: Standardized) -> list[Any]:
    return [type(fault)(fault.code, "/to" + fault.pointer, fault.detail, fault.remedy) for fault in answer.faults]


def _write_addresses(tx: Connection, answers: dict[str, Standardized]) -> None:
    if not answers:
        return
    names = ("standardized", "zip5", "routing", "corrections")
    types = {name: recipients.c[name].type for name in ("piece_id", *names)}
    new = given_rows(tx, types, ({"piece_id": one, **_columns(answer)} for one, answer in answers.items()))
    tx.execute(
        update(recipients).where(recipients.c.piece_id == new.c.piece_id).values({name: new.c[name] for name in names})
    )


def _columns(answer: Standardized) -> dict[str, Any]:
    lines = {
        name: getattr(answer, name) for name in ("name", "company", "line1", "line2", "city", "state", "zip5", "zip4")
    }
    routing = answer.zip5 + answer.zip4 + answer.delivery_point if answer.zip4 else answer.zip5
    corrections = list(answer.corrections)
    return {"standardized": lines, "zip5": answer.zip5, "routing": routing, "corrections": corrections}

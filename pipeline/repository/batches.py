"""Freezing pieces into batches: one transaction that takes what is still ready, gives it places and IMbs, and opens the drop."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, select, true, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from pipeline.address.imb import tracking_code
from pipeline.errors import Permanent
from pipeline.lifecycle import BATCH_ORDER, PROMISE_OPEN, PROMISE_VOIDED_BY, BatchStatus, DropStatus, Move, Status
from pipeline.models.profile import Imposition, PrinterProfile
from pipeline.models.types import Ids
from pipeline.press.sheets.layout import plan_places
from pipeline.products import PRODUCTS
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.tables import (
    batches,
    drops,
    insert_rows,
    pages,
    pieces,
    placements,
    printers,
    recipients,
    serials,
)

BEHIND_PRINTED = (Status.BATCHED, Status.SENT)
BEHIND_MAILED = (*BEHIND_PRINTED, Status.PRINTED)
_AT_THE_PRINTER = BEHIND_MAILED


class NotFrozenError(Permanent):
    """Nothing may be frozen as it was ordered, and nothing was; `code` says why. What was written before it has to roll back."""


@dataclass(frozen=True)
class Freeze:
    """What to freeze, for whom. Times are line time; `account_id` is set for test mail only.

    Up to `pieces` are taken, and none where there are fewer than `fewest`. Nothing that is due before `due_from` is: another press
    makes that. With `from_batch`, only what was in that batch is.
    """

    mode: str
    account_id: str | None
    product: str
    stock: str
    mail_class: str
    sheets: int
    pieces: int
    printer_id: str
    profile: PrinterProfile
    at: datetime
    mail_by: datetime
    reason: str
    fewest: int = 1
    due_from: datetime | None = None
    from_batch: str | None = None


def freezable(mode: str, account_id: str | None, at: datetime) -> ColumnElement[bool]:
    """Pieces that a freeze at line time `at` may take."""
    open_now = and_(pieces.c.mode == mode, pieces.c.status == Status.READY, pieces.c.freeze_from <= at)
    return open_now if account_id is None else and_(open_now, pieces.c.account_id == account_id)


def freeze(tx: Connection, order: Freeze, *, now: datetime, ids: Ids) -> str | None:
    """Freeze up to `order.pieces`, the next-due first; returns the batch's id, or None where nothing was left to take.

    Slots follow from what was taken, in the order of the post (ZIP). Raises `Permanent("serials_exhausted")`, and `NotFrozenError`
    with `printer_out_of_use` or `too_few_pieces`.
    """
    _look_at_printer(tx, order)
    candidates = tx.execute(
        select_snapshots(recipients.c.zip5, recipients.c.routing, pieces.c.sla_cause, pieces.c.sla_detail)
        .join_from(pieces, recipients)
        .where(
            freezable(order.mode, order.account_id, order.at),
            pieces.c.product == order.product,
            pieces.c.stock == order.stock,
            pieces.c.mail_class == order.mail_class,
            pieces.c.sheets == order.sheets,
            true() if order.due_from is None else pieces.c.due_at >= order.due_from,
            true() if order.from_batch is None else _was_in(order.from_batch),
        )
        .order_by(pieces.c.due_at, pieces.c.id)
        .limit(order.pieces)
    ).all()
    if not candidates:
        return None
    _hold_to(order, len(candidates))
    batch_id = ids.new("bt")
    imbs = _assign_imbs(tx, order, candidates)
    evidence = {"batch": batch_id, "printer": order.printer_id, "mail_by": order.mail_by.isoformat()}
    wishes = [
        Move(
            snapshot(row),
            Status.BATCHED,
            order.at,
            evidence,
            {"batch_id": batch_id, "imb": imbs[row.id], **_cause_left(row, order)},
        )
        for row in candidates
    ]
    moved = move(tx, wishes, now=now, ids=ids)
    taken = sorted((row for row in candidates if row.id in moved), key=lambda row: (row.zip5, row.routing, row.id))
    if not taken:
        return None
    _hold_to(order, len(taken))
    places = plan_places(len(taken), PRODUCTS[order.product], order.profile.imposition, sheets=order.sheets)
    sheets = order.sheets + max(sheet for sheet, _, _ in places)
    _insert_batch(tx, order, batch_id, taken, sheets)
    open_drop(tx, batch_id, 0, pieces_=len(taken), sheets=sheets, at=order.at, ids=ids)
    _insert_placements(tx, batch_id, 0, [(row.id, imbs[row.id]) for row in taken], places, ids)
    return batch_id


def _look_at_printer(tx: Connection, order: Freeze) -> None:
    """What was planned may be older than an operator's word."""
    usable = and_(printers.c.suspended_at.is_(None), printers.c.quarantined_at.is_(None))
    if tx.execute(select(printers.c.id).where(printers.c.id == order.printer_id, usable)).first() is None:
        raise NotFrozenError("printer_out_of_use", f"printer {order.printer_id} is suspended or quarantined")


def _hold_to(order: Freeze, found: int) -> None:
    if found < order.fewest:
        wanted = f"{order.fewest} of {order.pieces} pieces of {order.product} as {order.mail_class}"
        raise NotFrozenError("too_few_pieces", f"of at least {wanted}, {found} are left")


def _cause_left(row: Row[Any], order: Freeze) -> dict[str, Any]:
    """What was to make a piece miss is over when its batch makes a truck that keeps its promise."""
    kept = row.due_at >= order.mail_by
    return {"sla_cause": None if kept else row.sla_cause, "sla_detail": None if kept else row.sla_detail}


def _was_in(batch_id: str) -> ColumnElement[bool]:
    return pieces.c.id.in_(select(placements.c.piece_id).where(placements.c.batch_id == batch_id))


def batch_mode(tx: Connection, batch_id: str) -> str | None:
    """None where there is no such batch."""
    found: str | None = tx.execute(select(batches.c.mode).where(batches.c.id == batch_id)).scalar()
    return found


def open_drop(
    tx: Connection, batch_id: str, revision: int, *, pieces_: int, sheets: int, at: datetime, ids: Ids
) -> None:
    """A new revision of a batch, waiting to be imposed."""
    batch = tx.execute(select(batches).where(batches.c.id == batch_id)).one()
    row = {
        "id": ids.new("dr"),
        "stem": f"{batch_id}_r{revision:02d}",
        "batch_id": batch_id,
        "printer_id": batch.printer_id,
        "mode": batch.mode,
        "account_id": batch.account_id,
        "revision": revision,
        "status": DropStatus.FROZEN,
        "pieces": pieces_,
        "sheets": sheets,
        "due_at": batch.due_at,
        "frozen_at": at,
    }
    insert_rows(tx, drops, [row])


def reprint(
    tx: Connection, drop: Row[Any], piece_ids: Sequence[str], *, outcome: str, at: datetime, ids: Ids
) -> list[str]:
    """Place pieces again in a new revision of their batch, with the same IMbs, since the printer spoiled or destroyed them.

    Returns those that were live in `drop` and are not in the mail; the others are not touched.
    """
    spoiled = [row for page in pages(piece_ids) for row in _end_placements(tx, drop, page, outcome)]
    if not spoiled:
        return []
    batch = tx.execute(select(batches).where(batches.c.id == drop.batch_id).with_for_update()).one()
    last = tx.execute(select(func.max(drops.c.revision)).where(drops.c.batch_id == drop.batch_id)).scalar_one()
    each, imposition = batch.sheets_per_piece, Imposition.model_validate(batch.imposition)
    places = plan_places(len(spoiled), PRODUCTS[batch.product], imposition, sheets=each)
    again = [(row.piece_id, row.imb) for row in sorted(spoiled, key=lambda row: row.sequence)]
    open_drop(tx, drop.batch_id, last + 1, pieces_=len(again), sheets=each + max(p[0] for p in places), at=at, ids=ids)
    _insert_placements(tx, drop.batch_id, last + 1, again, places, ids)
    return [piece_id for piece_id, _ in again]


def _end_placements(tx: Connection, drop: Row[Any], piece_ids: Sequence[str], outcome: str) -> Sequence[Row[Any]]:
    # Locked, so that no scan can put a piece into the mail while it is placed again.
    makeable = select(pieces.c.id).where(pieces.c.id.in_(piece_ids), pieces.c.status.in_(_AT_THE_PRINTER))
    at_printer = tx.execute(makeable.with_for_update()).scalars().all()
    ended = (
        update(placements)
        .where(live_in(drop), placements.c.piece_id.in_(at_printer))
        .values(live=False, outcome=outcome)
    )
    return tx.execute(ended.returning(placements.c.piece_id, placements.c.imb, placements.c.sequence)).all()


def live_in(drop: Row[Any] | ReadOnlyColumnCollection[str, Any]) -> ColumnElement[bool]:
    """The places that a drop still has, given as a row or as the columns of a statement about drops."""
    return and_(placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision, placements.c.live)


def live_pieces(drop: Row[Any], only: Sequence[str] | None = None) -> ColumnElement[bool]:
    """Pieces whose live placement is in this drop; with `only`, those of them that are listed there."""
    # Compared with the list once a placement: PostgreSQL would compare each piece's id with the whole list.
    listed = true() if only is None else placements.c.piece_id.in_(only)
    return pieces.c.id.in_(select(placements.c.piece_id).where(live_in(drop), listed))


def advance_batch(tx: Connection, batch_id: str, to: BatchStatus) -> None:
    """Move a batch forward along the line; does nothing where it is already there or further."""
    earlier = BATCH_ORDER[: BATCH_ORDER.index(to)]
    tx.execute(
        update(batches)
        .where(batches.c.id == batch_id, batches.c.status.in_(earlier))
        .values(status=to, revision=batches.c.revision + 1)
    )


def advance_batch_if_all(tx: Connection, batch_id: str, to: BatchStatus, behind: Iterable[Status]) -> bool:
    """Move a batch forward once none of its pieces is in a status `behind`; whether that is so."""
    left = select(pieces.c.id).where(pieces.c.batch_id == batch_id, pieces.c.status.in_(sorted(behind))).limit(1)
    if tx.execute(left).first() is not None:
        return False
    advance_batch(tx, batch_id, to)
    return True


def follow_pieces(tx: Connection, batch_id: str, aside: BatchStatus) -> None:
    """Once a drop is set aside: its batch is as far on as the pieces that it still has, and set aside itself where it has none."""
    left = and_(pieces.c.batch_id == batch_id, pieces.c.status.not_in(sorted(PROMISE_VOIDED_BY)))
    if tx.execute(select(pieces.c.id).where(left).limit(1)).first() is None:
        set_aside(tx, batch_id, aside, live=True)
        return
    end_batch_doubt(tx, [batch_id])
    advance_batch_if_all(tx, batch_id, BatchStatus.PRINTED, BEHIND_PRINTED)
    advance_batch_if_all(tx, batch_id, BatchStatus.MAILED, BEHIND_MAILED)


def follow_due(tx: Connection, piece_ids: Collection[str]) -> None:
    """After promises were put off: batches that hold these pieces, and their drops, are due with the first that is still open."""
    theirs = select(pieces.c.batch_id).where(pieces.c.id.in_(sorted(piece_ids)), pieces.c.batch_id.is_not(None))
    open_ = and_(pieces.c.batch_id == batches.c.id, pieces.c.status.in_(sorted(PROMISE_OPEN)))
    first = select(func.min(pieces.c.due_at, type_=pieces.c.due_at.type)).where(open_).scalar_subquery()
    due = func.coalesce(first, batches.c.due_at, type_=batches.c.due_at.type)
    tx.execute(update(batches).where(batches.c.id.in_(theirs)).values(due_at=due))
    of_batch = select(batches.c.due_at).where(batches.c.id == drops.c.batch_id).scalar_subquery()
    tx.execute(update(drops).where(drops.c.batch_id.in_(theirs)).values(due_at=of_batch))


def end_batch_doubt(tx: Connection, batch_ids: Collection[str]) -> None:
    """Batches in doubt are sent again, as soon as none of their drops is in doubt."""
    doubted = select(drops.c.id).where(drops.c.batch_id == batches.c.id, drops.c.status == DropStatus.IN_DOUBT)
    over = and_(batches.c.id.in_(batch_ids), batches.c.status == BatchStatus.IN_DOUBT, ~doubted.exists())
    tx.execute(update(batches).where(over).values(status=BatchStatus.SENT, revision=batches.c.revision + 1))


def set_aside(tx: Connection, batch_id: str, to: BatchStatus, *, live: bool) -> None:
    """Mark a batch refused, recalled, in doubt or void; without `live`, its placements end and its pieces are free."""
    tx.execute(update(batches).where(batches.c.id == batch_id).values(status=to, revision=batches.c.revision + 1))
    if not live:
        tx.execute(update(placements).where(placements.c.batch_id == batch_id, placements.c.live).values(live=False))


def end_doubt(tx: Connection, piece_ids: Collection[str], *, now: datetime) -> None:
    """The carrier has these pieces: the drops in which they were placed have been handed over, whatever we could see of that."""
    if not piece_ids:
        return
    theirs = select(pieces.c.batch_id).where(pieces.c.id.in_(piece_ids))
    doubted = and_(drops.c.batch_id.in_(theirs), drops.c.status == DropStatus.IN_DOUBT)
    placed = select(placements.c.id).where(live_in(drops.c), placements.c.piece_id.in_(piece_ids))
    sent = update(drops).where(doubted, placed.exists()).values(status=DropStatus.SENT, sent_at=now)
    end_batch_doubt(tx, tx.execute(sent.returning(drops.c.batch_id)).scalars().all())


def _assign_imbs(tx: Connection, order: Freeze, rows: Sequence[Row[Any]]) -> dict[str, str]:
    postage = order.profile.postage
    stid = postage.stid(order.mail_class)
    first = _take_serials(tx, postage.mailer_id, len(rows))
    return {
        row.id: tracking_code(stid, postage.mailer_id, first + offset) + row.routing for offset, row in enumerate(rows)
    }


def _take_serials(tx: Connection, mailer_id: str, count: int) -> int:
    """The first of `count` serials that no other piece of this mailer id has had or will have."""
    insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
    upsert = insert(serials).values(mailer_id=mailer_id, next_serial=count)
    raised = upsert.on_conflict_do_update(
        index_elements=[serials.c.mailer_id], set_={"next_serial": serials.c.next_serial + count}
    ).returning(serials.c.next_serial)
    end: int = tx.execute(raised).scalar_one()
    if end > 10 ** (15 - len(mailer_id)):
        raise Permanent(
            "serials_exhausted", f"mailer id {mailer_id} has no serials left: give the printer another mailer id"
        )
    return end - count


def _insert_batch(tx: Connection, order: Freeze, batch_id: str, taken: Sequence[Row[Any]], sheets: int) -> None:
    row = {
        "id": batch_id,
        "mode": order.mode,
        "account_id": order.account_id,
        "printer_id": order.printer_id,
        "status": BatchStatus.FROZEN,
        "product": order.product,
        "stock": order.stock,
        "mail_class": order.mail_class,
        "sheets_per_piece": order.sheets,
        "pieces": len(taken),
        "sheets": sheets,
        "reason": order.reason,
        "frozen_at": order.at,
        "due_at": min(row.due_at for row in taken),
        "mail_by": order.mail_by,
        "postage": order.profile.postage.model_dump(mode="json"),
        "imposition": order.profile.imposition.model_dump(mode="json"),
    }
    insert_rows(tx, batches, [row])


def _insert_placements(
    tx: Connection,
    batch_id: str,
    revision: int,
    in_order: Sequence[tuple[str, str]],
    places: Sequence[tuple[int, int, int]],
    ids: Ids,
) -> None:
    rows = [
        {
            "id": ids.new("pl"),
            "piece_id": piece_id,
            "batch_id": batch_id,
            "revision": revision,
            "sequence": sequence,
            "sheet": sheet,
            "slot": slot,
            "stack_position": stack_position,
            "imb": imb,
        }
        for sequence, ((piece_id, imb), (sheet, slot, stack_position)) in enumerate(zip(in_order, places, strict=True))
    ]
    insert_rows(tx, placements, rows)

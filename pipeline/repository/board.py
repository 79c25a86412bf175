"""What the board counts of live mail: open batches by step, what presses made lately, holds, and who will miss.

Counts by key and from indexes: nothing here depends on how many pieces wait, and little on how many are at the printers.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, case, func, or_, select, true

from pipeline.lifecycle import PROMISE_KEPT_BY, PROMISE_OPEN, BatchStatus, DropStatus, Status
from pipeline.repository.duplicates import possible_duplicates
from pipeline.repository.many import given_rows
from pipeline.repository.tables import (
    accounts,
    acks,
    batches,
    drops,
    holds,
    leases,
    pieces,
    placements,
    plan_notes,
    printers,
)

LEFT_FOR = timedelta(hours=12)
"""Printed batches whose truck left longer ago are the nightly reconciliation's."""

MOST_NAMED = 20_000
"""Pieces that are looked at one by one to say whose they are."""

_MODE = "live"
_UNPRINTED = (
    BatchStatus.FROZEN, BatchStatus.IMPOSED, BatchStatus.HANDING_OVER, BatchStatus.SENT, BatchStatus.ACCEPTED,
    BatchStatus.IN_DOUBT,
)  # fmt: skip
_BEFORE_HAND_OVER = (DropStatus.FROZEN, DropStatus.IMPOSED, DropStatus.HANDING_OVER)
MADE = ("printed", "inserted", "mailed")
"""What a printer can say to have made of a piece, each further than the one before."""


def open_batches(tx: Connection, at: datetime) -> Sequence[Row[Any]]:
    """Batches that are not mailed, and those that are on a truck which has not left.

    `made` is how far the whole batch is by its printer's word (an index into `MADE`, or None). `by_piece`: its pieces are not all
    equally far, or some went elsewhere, so that its places have to be counted.
    """
    columns = (
        "id", "printer_id", "status", "product", "stock", "mail_class", "sheets_per_piece", "pieces", "sheets", "frozen_at",
        "due_at", "mail_by",
    )  # fmt: skip
    open_ = or_(
        batches.c.status.in_(_UNPRINTED),
        and_(batches.c.status == BatchStatus.PRINTED, batches.c.mail_by > at - LEFT_FOR),
        and_(batches.c.status == BatchStatus.MAILED, batches.c.mail_by > at),
    )
    ours = select(printers.c.id).where(printers.c.mode == _MODE)
    more = (_furthest().label("made"), _by_piece().label("by_piece"))
    wanted = select(*(batches.c[name] for name in columns), *more)
    return list(tx.execute(wanted.where(batches.c.printer_id.in_(ours), open_)))


def _furthest() -> Any:
    far = case(*((acks.c.state == state, at) for at, state in enumerate(MADE)))
    mine = and_(drops.c.batch_id == batches.c.id, acks.c.drop_stem == drops.c.stem)
    return select(func.max(far)).select_from(drops, acks).where(mine).correlate(batches).scalar_subquery()


def _by_piece() -> ColumnElement[bool]:
    listing = or_(acks.c.body.like('%"pieces"%'), acks.c.name.like("%.csv"))
    made = acks.c.state.in_((*MADE, "spoiled", "destroyed"))
    listed = select(acks.c.id).where(acks.c.drop_stem == drops.c.stem, made, listing).exists()
    unlike = or_(drops.c.revision > 0, drops.c.set_aside_at.is_not(None), listed)
    return select(drops.c.id).where(drops.c.batch_id == batches.c.id, unlike).correlate(batches).exists()


def places(tx: Connection, batch_ids: Collection[str]) -> Sequence[Row[Any]]:
    """Live places of batches by revision: `all`, and of them by outcome; of a reprint also whether its drop is still to be sent."""
    by_outcome = (func.count().filter(placements.c.outcome == state).label(state) for state in MADE)
    live = select(placements.c.batch_id, placements.c.revision, func.count().label("all"), *by_outcome).where(
        placements.c.live
    )
    by_revision = live.group_by(placements.c.batch_id, placements.c.revision)
    wanted = batches.c.id.in_(sorted(batch_ids))
    counted: Any
    if tx.dialect.name == "postgresql":
        # Batch by batch, from the index: left to itself, it may read the whole table.
        counted = by_revision.where(placements.c.batch_id == batches.c.id).correlate(batches).lateral()
        source = batches.join(counted, true())
    else:
        counted = by_revision.where(placements.c.batch_id.in_(sorted(batch_ids))).subquery()
        source = batches.join(counted, counted.c.batch_id == batches.c.id)
    of_drop = and_(drops.c.batch_id == batches.c.id, drops.c.revision == counted.c.revision, drops.c.revision > 0)
    unsent = drops.c.status.in_(_BEFORE_HAND_OVER).label("unsent")
    found = select(*counted.c, unsent).select_from(source.outerjoin(drops, of_drop)).where(wanted)
    return list(tx.execute(found))


def gone(tx: Connection, batch_ids: Collection[str]) -> Mapping[str, int]:
    """How many pieces of these batches the carrier has, or had, on whosever word."""
    taken = and_(pieces.c.batch_id.in_(sorted(batch_ids)), pieces.c.status.in_(sorted(PROMISE_KEPT_BY)))
    counted = select(pieces.c.batch_id, func.count().label("pieces")).where(taken).group_by(pieces.c.batch_id)
    return {row.batch_id: row.pieces for row in tx.execute(counted)}


def printed_since(tx: Connection, since: datetime) -> Mapping[str, int]:
    """Pieces that each printer said to have printed since then; those that said nothing of the kind are not there."""
    # A file lists ids of pieces, or none where it is of the whole drop.
    listed = (func.length(acks.c.body) - func.length(func.replace(acks.c.body, "ml_", ""))) / 3
    made = func.coalesce(func.nullif(listed, 0), drops.c.pieces)
    heard = and_(acks.c.received_at > since, acks.c.state == "printed", acks.c.mode == _MODE)
    ours = acks.c.printer_id.in_(select(printers.c.id).where(printers.c.mode == _MODE))
    counted = select(acks.c.printer_id, func.sum(made).label("pieces"))
    joined = counted.join_from(acks, drops, drops.c.stem == acks.c.drop_stem).where(ours, heard)
    return {row.printer_id: int(row.pieces) for row in tx.execute(joined.group_by(acks.c.printer_id))}


def misses(tx: Connection, first_trucks: Mapping[str, datetime]) -> Mapping[str, Mapping[str, int]]:
    """By batch and account: pieces that are not mailed and are due before the truck that is given for their batch."""
    if not first_trucks:
        return {}
    given = given_rows(
        tx,
        {"batch_id": batches.c.id.type, "truck": batches.c.mail_by.type},
        ({"batch_id": batch_id, "truck": truck} for batch_id, truck in first_trucks.items()),
    )
    late = and_(pieces.c.status.in_(sorted(PROMISE_OPEN)), pieces.c.due_at < given.c.truck)
    counted = (
        select(pieces.c.batch_id, accounts.c.name, func.count().label("pieces"))
        .join_from(given, pieces, pieces.c.batch_id == given.c.batch_id)
        .join(accounts, accounts.c.id == pieces.c.account_id)
        .where(late)
        .group_by(pieces.c.batch_id, accounts.c.name)
    )
    found: dict[str, dict[str, int]] = {}
    for row in tx.execute(counted):
        found.setdefault(row.batch_id, {})[row.name] = row.pieces
    return found


def waiting_accounts(tx: Connection, key: ColumnElement[bool], due_from: datetime, limit: int) -> Sequence[Row[Any]]:
    """Whose the first `limit` pieces are that wait under a key and are due from then on: `name` and `pieces`, most first."""
    waiting = and_(pieces.c.mode == _MODE, pieces.c.status == Status.READY, key, pieces.c.due_at >= due_from)
    first = select(pieces.c.account_id).where(waiting).order_by(pieces.c.due_at).limit(limit).subquery()
    counted = select(accounts.c.name, func.count().label("pieces")).join_from(
        first, accounts, accounts.c.id == first.c.account_id
    )
    return tx.execute(counted.group_by(accounts.c.name).order_by(func.count().desc(), accounts.c.name)).all()


def of_key(product: str, stock: str, mail_class: str, sheets: int) -> ColumnElement[bool]:
    return and_(
        pieces.c.product == product,
        pieces.c.stock == stock,
        pieces.c.mail_class == mail_class,
        pieces.c.sheets == sheets,
    )


def open_holds(tx: Connection) -> Sequence[Row[Any]]:
    """What is held, by reason, account and who wanted it; the oldest first."""
    held = and_(
        holds.c.until.is_(None), holds.c.mode == _MODE, pieces.c.status.in_(sorted((Status.CREATED, Status.HELD)))
    )
    what = (holds.c.code, holds.c.by, holds.c.stops_count, accounts.c.name)
    since = func.min(holds.c.since, type_=holds.c.since.type).label("since")
    example = func.min(holds.c.piece_id).label("example")
    counted = (
        select(*what, func.count().label("pieces"), since, example)
        .join_from(holds, pieces, pieces.c.id == holds.c.piece_id)
        .join(accounts, accounts.c.id == holds.c.account_id)
        .where(held)
    )
    return tx.execute(counted.group_by(*what).order_by(since, *what)).all()


def doubted_drops(tx: Connection) -> Sequence[Row[Any]]:
    """Drops of which nobody can tell whether their printer has them, the oldest first."""
    doubted = and_(drops.c.mode == _MODE, drops.c.status == DropStatus.IN_DOUBT)
    columns = (drops.c.batch_id, drops.c.stem, drops.c.pieces, drops.c.handing_over_at, printers.c.name)
    wanted = select(*columns).join_from(drops, printers, printers.c.id == drops.c.printer_id).where(doubted)
    return list(tx.execute(wanted.order_by(drops.c.handing_over_at)))


def doubled_drops(tx: Connection, since: datetime) -> Sequence[Row[Any]]:
    """Drops given up since then whose pieces may be in the mail twice, the latest first."""
    lately = and_(drops.c.mode == _MODE, drops.c.set_aside_at > since)
    wanted = possible_duplicates(drops.c.batch_id, drops.c.stem, drops.c.set_aside_at, printers.c.name)
    return tx.execute(wanted.where(lately).order_by(drops.c.set_aside_at.desc(), drops.c.stem)).all()


def noted_plan(tx: Connection) -> Row[Any] | None:
    return tx.execute(select(plan_notes).where(plan_notes.c.mode == _MODE)).first()


def tick_until(tx: Connection, mode: str = _MODE) -> datetime | None:
    """Until when, on the machine clock, somebody leads the tick of a mode; None where nobody ever has."""
    found: datetime | None = tx.execute(select(leases.c.lease_until).where(leases.c.name == f"tick-{mode}")).scalar()
    return found

"""Holds: pieces that wait for a decision. A piece that is not ready yet is held as soon as it would be."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Label, Row, and_, insert, select, update

from pipeline.lifecycle import Move, Snapshot, Status
from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import accounts, holds, insert_rows, pieces, recipients

HOLDABLE = (Status.CREATED, Status.READY)
KEPT_BACK = (Status.CREATED, Status.HELD)
"""The statuses of a piece with an open hold."""


@dataclass(frozen=True)
class HoldWish:
    """Why, in a word that programs read and in a person's; by whom. `stops_count`: it is the sender who wants it."""

    code: str
    by: str
    note: str = ""
    stops_count: bool = False

    @property
    def side(self) -> str:
        """Who that is, as senders are told it."""
        return "sender" if self.stops_count else "operator"


def locked_piece(tx: Connection, piece_id: str, sender: Sender | None = None) -> Row[Any] | None:
    """The piece's snapshot with what its promise is counted from, locked; of this sender only, if one is given."""
    mine = pieces.c.id == piece_id
    if sender is not None:
        mine = and_(mine, pieces.c.account_id == sender.account_id, pieces.c.mode == sender.mode)
    return tx.execute(promised_pieces().where(mine)).first()


def promised_pieces() -> Any:
    """A query for snapshots with all that their due times follow from, locked."""
    more = (pieces.c.accepted_at, pieces.c.send_on, pieces.c.alarm_at)
    whose = (accounts.c.zone, accounts.c.promise)
    zip5 = (recipients.c.zip5, recipients.c.given["zip"].as_string().label("given_zip"))
    return (
        select_snapshots(*more, *whose, *zip5)
        .join_from(pieces, accounts, accounts.c.id == pieces.c.account_id)
        .join(recipients, recipients.c.piece_id == pieces.c.id)
    )


def place_hold(tx: Connection, piece: Row[Any], wish: HoldWish, *, at: datetime, now: datetime, ids: Ids) -> bool:
    """Hold a piece that `locked_piece` gave; False where it has a hold already, or is frozen, held or over."""
    if piece.status not in HOLDABLE or open_holds(tx, [piece.id]):
        return False
    tx.execute(insert(holds).values(**_row(piece, wish, at, ids)))
    stopped = {"alarm_at": None} if wish.stops_count else {}
    if piece.status == Status.READY:
        move(tx, [Move(snapshot(piece), Status.HELD, at, _evidence(wish, at), stopped)], now=now, ids=ids)
    elif stopped:
        tx.execute(update(pieces).where(pieces.c.id == piece.id).values(**stopped))
    return True


def hold_created(
    tx: Connection, rows: Sequence[Row[Any]], wishes: Mapping[str, HoldWish], at: Mapping[str, datetime], *, ids: Ids
) -> None:
    """Hold pieces that are locked and not ready yet, each by its wish, from when it is `at` its account.

    What their sender or an operator wanted before stays, and a sender is told of this when the piece would be ready.
    """
    if not rows:
        return
    before = open_holds(tx, [row.id for row in rows])
    for piece_id, hold in before.items():
        if hold.stops_count:
            told = {"code": wishes[piece_id].code, "note": wishes[piece_id].note}
            tx.execute(update(holds).where(holds.c.id == hold.id).values(**told))
    new = [row for row in rows if row.id not in before]
    insert_rows(tx, holds, [_row(row, wishes[row.id], at[row.account_id], ids) for row in new])
    stopped = [row.id for row in new if wishes[row.id].stops_count]
    if stopped:
        tx.execute(update(pieces).where(pieces.c.id.in_(stopped)).values(alarm_at=None))


def kept_back(piece: Snapshot, hold: Row[Any], at: datetime) -> Move:
    """The move of a piece that would be ready, but for a hold."""
    wish = HoldWish(hold.code, hold.by, hold.note, hold.stops_count)
    stopped = {"alarm_at": None} if wish.stops_count else {}
    return Move(piece, Status.HELD, at, _evidence(wish, hold.since), stopped)


def open_holds(tx: Connection, piece_ids: Collection[str]) -> Mapping[str, Row[Any]]:
    """The holds that keep pieces back, by piece."""
    kept = select(holds).where(holds.c.piece_id.in_(sorted(piece_ids)), holds.c.until.is_(None))
    return {row.piece_id: row for row in tx.execute(kept)}


def stopped_at() -> Label[datetime | None]:
    """Since when its sender holds a row of `pieces`, as `stopped_at`; NULL for one that is not held, or by an operator."""
    open_ = and_(holds.c.piece_id == pieces.c.id, holds.c.until.is_(None), holds.c.stops_count)
    return select(holds.c.since).where(open_).correlate(pieces).scalar_subquery().label("stopped_at")


def end_hold(tx: Connection, hold: Row[Any], *, at: datetime, by: str) -> None:
    tx.execute(update(holds).where(holds.c.id == hold.id).values(until=at, released_by=by))


def senders_holds(tx: Connection, piece_ids: Collection[str]) -> Mapping[str, Sequence[Row[Any]]]:
    """The holds that stopped the count, by piece, in the order in which they began."""
    wanted = select(holds).where(holds.c.piece_id.in_(sorted(piece_ids)), holds.c.stops_count).order_by(holds.c.since)
    found: dict[str, list[Row[Any]]] = {}
    for row in tx.execute(wanted):
        found.setdefault(row.piece_id, []).append(row)
    return found


def list_holds(tx: Connection, mode: str, page: Page) -> Sequence[Row[Any]]:
    """Open holds, newest first, with the piece's status as `status` and its account's name as `account`."""
    wanted = (
        select(holds, pieces.c.status, accounts.c.name.label("account"))
        .join_from(holds, pieces, pieces.c.id == holds.c.piece_id)
        .join(accounts, accounts.c.id == holds.c.account_id)
        .where(holds.c.mode == mode, holds.c.until.is_(None), _waiting())
    )
    return page_of(tx, wanted, holds.c.id, page)


def _waiting() -> ColumnElement[bool]:
    return pieces.c.status.in_(KEPT_BACK)


def _row(piece: Row[Any], wish: HoldWish, since: datetime, ids: Ids) -> dict[str, Any]:
    whose = {"piece_id": piece.id, "account_id": piece.account_id, "mode": piece.mode, "since": since}
    wanted = {"code": wish.code, "by": wish.by, "note": wish.note, "stops_count": wish.stops_count}
    return {"id": ids.new("hd"), **whose, **wanted}


def _evidence(wish: HoldWish, since: datetime) -> dict[str, Any]:
    """Names of operators stay here."""
    return {"code": wish.code, "note": wish.note, "by": wish.side, "since": since.isoformat()}

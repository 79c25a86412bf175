"""Whether what an acknowledgement says can be true: of a drop that its printer has, and of pieces that are in it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select

from pipeline.errors import Fault
from pipeline.lifecycle import PROMISE_KEPT_BY, DropStatus, Status
from pipeline.models.ack_format import AckBody
from pipeline.repository.batches import live_in
from pipeline.repository.tables import drops, pieces, placements
from pipeline.repository.unclear import unclear_in

MADE_TWICE = frozenset({"drop_set_aside", "spoiled_already"})
"""Faults of what is made elsewhere too, and must be stopped at once."""
HANDED_OVER = (DropStatus.HANDING_OVER, DropStatus.IN_DOUBT, DropStatus.SENT)


@dataclass(frozen=True)
class AckRecord:
    """One acknowledgement file as it came, `received_at` on the line clock."""

    printer_id: str
    mode: str
    name: str
    digest: str
    body: str
    received_at: datetime


@dataclass(frozen=True)
class Good:
    """An acknowledgement that can be applied, to which drop, and when it became so; `neighbours` are counted once, not made again.

    `named` are the pieces that it speaks of by themselves. `taken`: the drop was taken after it was refused.
    """

    drop: Row[Any]
    ack: AckBody
    at: datetime
    neighbours: Collection[str]
    named: Collection[str] = ()
    taken: bool = False


@dataclass(frozen=True)
class Checked:
    good: Good | None
    faults: list[Fault]


def check(tx: Connection, record: AckRecord, ack: AckBody, spared: Collection[str] = ()) -> Checked:
    """What of one acknowledgement is good: the drop that it is of, and the pieces of which it can be true.

    Said of the whole drop, it is not said of the pieces that are `spared`, nor of those that are marked by an earlier file, as
    others speak of them that cannot be believed.
    """
    drop, fault = drop_of(tx, record.printer_id, ack)
    if drop is None or fault is not None:
        return Checked(None, [fault] if fault else [])
    neighbours = _neighbours(tx, drop, ack)
    unfit = _unfit_pieces(tx, drop, ack, neighbours)
    named: Collection[str] = ()
    if ack.pieces is not None:
        fit = tuple(one for one in dict.fromkeys(ack.pieces) if one not in unfit and one not in neighbours)
        if ack.pieces and not fit and not neighbours:
            return Checked(None, list(unfit.values()))
        ack, named = ack.model_copy(update={"pieces": fit}), fit
    elif ack.state != "accepted":
        marked = unclear_in(tx, drop)
        ack = _but_for(tx, drop, ack, marked.union(spared))
        if ack.state == "rejected" and ack.pieces is not None:
            return Checked(None, [_UNCLEAR])
        if untold := marked.difference(spared):
            unfit["left out"] = _left_out(untold)
    at = ack.at if drop.handing_over_at <= ack.at <= record.received_at else record.received_at
    return Checked(Good(drop, ack, at, neighbours, named), list(unfit.values()))


def drop_of(tx: Connection, printer_id: str, ack: AckBody) -> tuple[Row[Any] | None, Fault | None]:
    """The printer's drop that an acknowledgement is of, and why it is refused, whatever its pieces are."""
    given = and_(drops.c.stem == ack.drop, drops.c.printer_id == printer_id)
    drop = tx.execute(select(drops, _any_waiting().label("any_waiting")).where(given)).first()
    return drop, _fault(drop, ack, keeps_some=drop is not None and _keeps_some(tx, drop))


_NAMED = 5
"""Pieces that a fault names; `mailstream batches show` counts them all."""
_UNCLEAR = Fault(
    "pieces_unclear",
    "/drop",
    "the drop is rejected, and something else is said of pieces in it that cannot be read",
    "say what became of them, and reject the drop again",
)


def _left_out(marked: Collection[str]) -> Fault:
    more = f" and {len(marked) - _NAMED} more" if len(marked) > _NAMED else ""
    detail = (
        f"left out, as an earlier file says of it what cannot be believed: {', '.join(sorted(marked)[:_NAMED])}{more}"
    )
    return Fault("pieces_unclear", "/drop", detail, "say of each what became of it")


def _but_for(tx: Connection, drop: Row[Any], ack: AckBody, spared: Collection[str]) -> AckBody:
    """What is said of the whole drop as said of each piece that it still has, but for those that are `spared`."""
    if not spared:
        return ack
    mine = set(tx.execute(select(placements.c.piece_id).where(live_in(drop))).scalars())
    return ack if mine.isdisjoint(spared) else ack.model_copy(update={"pieces": tuple(sorted(mine.difference(spared)))})


def _any_waiting() -> ColumnElement[bool]:
    """Whether pieces of a drop are not known to have arrived; once none is, none will be again."""
    behind = and_(live_in(drops.c), pieces.c.status == Status.BATCHED)
    waiting = select(pieces.c.id).join_from(placements, pieces).where(behind)
    return waiting.correlate(drops).exists()


def _keeps_some(tx: Connection, drop: Row[Any]) -> bool:
    """Whether pieces stay with a drop that was set aside: what it had made of them by then is followed to the mail."""
    if drop.set_aside_at is None:
        return False
    return tx.execute(select(placements.c.id).where(live_in(drop)).limit(1)).first() is not None


def _fault(drop: Row[Any] | None, ack: AckBody, *, keeps_some: bool) -> Fault | None:
    if drop is None:
        return Fault(
            "unknown_drop", "/drop", "this printer was never given that drop", "name the stem as it stands in .ready"
        )
    # What was never handed over cannot have been made there, though a piece of it may be in the mail from an earlier revision.
    followed = keeps_some and drop.handing_over_at is not None and ack.state != "rejected"
    if drop.set_aside_at is not None and drop.handing_over_at is not None and ack.state != "rejected" and not followed:
        return _set_aside_fault("/drop", f"the drop is {drop.status}, and its pieces are made elsewhere")
    if drop.status not in HANDED_OVER and not followed:
        return Fault("drop_not_handed_over", "/drop", f"the drop is {drop.status}", "acknowledge only what was taken")
    if ack.digest is not None and ack.digest != drop.digest:
        return Fault(
            "digest_mismatch", "/digest", "the ready file acknowledged is not the one handed over", "look into the drop"
        )
    if ack.pieces == () or (ack.pieces is None and ack.state in ("spoiled", "destroyed")):
        return Fault("pieces_missing", "/pieces", f"{ack.state} says of no piece which", "list the pieces")
    if ack.state == "rejected" and ack.pieces is not None:
        return Fault(
            "pieces_not_allowed", "/pieces", "a drop is rejected whole", "leave the list out, or spoil the pieces"
        )
    return None


def _set_aside_fault(at: str, detail: str) -> Fault:
    return Fault("drop_set_aside", at, detail, "stop it, and destroy what is printed")


def _neighbours(tx: Connection, drop: Row[Any], ack: AckBody) -> set[str]:
    """Good pieces of the batch that came out again on a reprinted sheet, and were destroyed: nothing of them is made again."""
    if ack.state != "destroyed" or drop.revision == 0 or not ack.pieces:
        return set()
    rows = tx.execute(
        select(placements.c.piece_id, placements.c.revision).where(placements.c.batch_id == drop.batch_id)
    ).all()
    here = {row.piece_id for row in rows if row.revision == drop.revision}
    return {row.piece_id for row in rows if row.revision < drop.revision}.intersection(ack.pieces) - here


def _unfit_pieces(tx: Connection, drop: Row[Any], ack: AckBody, neighbours: Collection[str]) -> dict[str, Fault]:
    """Pieces of which this cannot be true, by id. A printer may list anything: the drop's own pieces are what is read.

    What is said of a whole drop is said of what it still has; where some of it was set aside, that is one fault.
    """
    if ack.pieces is None and drop.set_aside_at is None:
        return {}
    in_drop = and_(placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision)
    told: Select[Any] = select(pieces.c.id, pieces.c.status, placements.c.live, placements.c.outcome)
    places = {row.id: row for row in tx.execute(told.join_from(placements, pieces).where(in_drop))}
    if ack.pieces is None:
        freed = sum(not one.live and one.outcome is None for one in places.values())
        detail = f"{freed} pieces of this drop are made elsewhere"
        return {"": _set_aside_fault("/drop", detail)} if freed else {}
    found = {
        one: _piece_fault(ack, n, one, places.get(one)) for n, one in enumerate(ack.pieces) if one not in neighbours
    }
    return {piece_id: fault for piece_id, fault in found.items() if fault}


def _piece_fault(ack: AckBody, number: int, piece_id: str, place: Row[Any] | None) -> Fault | None:
    at = f"/pieces/{number}"
    if place is None:
        remedy = "list pieces of the drop's own manifest"
        return Fault("unknown_piece", at, f"{piece_id} is not in this drop", remedy)
    if not place.live and place.outcome is None:
        return _set_aside_fault(at, f"{piece_id} is made elsewhere")
    if ack.state in ("inserted", "mailed") and place.outcome in ("spoiled", "destroyed"):
        detail = f"{piece_id} was {place.outcome} in this drop, and is printed again"
        return Fault("spoiled_already", at, detail, "destroy one of the two, and look into the piece")
    if ack.state in ("spoiled", "destroyed") and place.status in PROMISE_KEPT_BY:
        return Fault("already_mailed", at, f"{piece_id} is {place.status}: it is not made again", "look into the piece")
    return None

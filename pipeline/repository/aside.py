"""Setting a drop aside: void, recalled or refused, its pieces ready for another batch, in the caller's transaction.

The one place where pieces go back. What a drop has printed stays where it is, unless an operator gives it up; what is in the mail
stays in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from pipeline.lifecycle import BatchStatus, DropStatus, Move, Status
from pipeline.models.types import Ids
from pipeline.repository.batches import follow_pieces, live_in, live_pieces, set_aside
from pipeline.repository.claims import FREED
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.tables import acks, drops, pages, pieces, placements, printers

BEFORE_HAND_OVER = (DropStatus.FROZEN, DropStatus.IMPOSED)
HANDED_OVER = (DropStatus.HANDING_OVER, DropStatus.IN_DOUBT, DropStatus.SENT)
FAILOVER = "failover"
"""Who sets a drop aside where the line itself does."""
_FROM = {
    DropStatus.VOID: BEFORE_HAND_OVER,
    DropStatus.RECALLED: HANDED_OVER,
    DropStatus.REFUSED: HANDED_OVER,
}
FREED_PIECE: dict[str, Any] = {"batch_id": None, "imb": None, "poll_at": None}


@dataclass(frozen=True)
class Aside:
    """Why a drop is set aside, by whom; `at` is line time, `now` the machine's. `duplicates`: it may have been printed.

    `though_taken`: whatever its printer has said and made of it, what is not in the mail is made again.
    """

    to: DropStatus
    by: str
    reason: str
    at: datetime
    now: datetime
    duplicates: bool = False
    though_taken: bool = False


def set_drop_aside(tx: Connection, drop_id: str, why: Aside, *, ids: Ids) -> list[str] | None:
    """The pieces that are ready again; None, and nothing changed, where the drop is not where this may happen to it.

    A drop becomes void before it is handed over or, as possible duplicates, out of doubt, or from anywhere though it was taken;
    recalled or refused after.
    """
    locked_drop(tx, drop_id)
    here = and_(drops.c.id == drop_id, drops.c.status.in_(_from(why)))
    if why.to is not DropStatus.REFUSED and not why.though_taken:
        here = and_(here, ~spoken_of())
    # Wishes to recall end here; a worker that holds the drop finds its claim gone.
    new = {"status": why.to, "set_aside_at": why.at, **FREED}
    if why.to is not DropStatus.REFUSED:
        new |= {"recall_state": "won", "recall_by": why.by, "recall_reason": why.reason}
    drop = tx.execute(update(drops).where(here).values(**new).returning(*drops.c)).first()
    if drop is None:
        return None
    freed = _free(tx, drop, why, ids)
    follow_pieces(tx, drop.batch_id, BatchStatus(why.to.value))
    return freed


def _from(why: Aside) -> tuple[DropStatus, ...]:
    if why.though_taken:
        return HANDED_OVER
    return (DropStatus.IN_DOUBT,) if why.duplicates else _FROM[why.to]


def locked_drop(tx: Connection, drop_id: str) -> Row[Any]:
    """A drop as it stands. Who sets it aside and who hears of it wait for each other here, and then see what the other said."""
    return tx.execute(select(drops).where(drops.c.id == drop_id).with_for_update()).one()


def doubt_drop(tx: Connection, drop: Row[Any], at: datetime) -> bool:
    """In doubt from line time `at` on, with no wish to recall left; False where it is at its printer no more."""
    open_ = and_(drops.c.id == drop.id, drops.c.status.in_(HANDED_OVER))
    doubted = update(drops).where(open_).values(status=DropStatus.IN_DOUBT, recall_state="lost", **FREED)
    if not tx.execute(doubted).rowcount:
        return False
    put_in_doubt(tx, drop, at)
    return True


def put_in_doubt(tx: Connection, drop: Row[Any], at: datetime) -> None:
    """A row of `drops` is in doubt from line time `at` on: so is its batch, and whoever may end that is asked soon."""
    set_aside(tx, drop.batch_id, BatchStatus.IN_DOUBT, live=True)
    wake_ack_poll(tx, drop.printer_id, at)
    # Its pieces may be in the mail: a scan of one of them ends the doubt.
    doubted = and_(live_pieces(drop), pieces.c.status == Status.BATCHED)
    tx.execute(update(pieces).where(doubted).values(poll_at=at))


def wake_ack_poll(tx: Connection, printer_id: str, at: datetime) -> None:
    """Ask the printer for acknowledgements no later than at `at`."""
    asleep = or_(printers.c.poll_at.is_(None), printers.c.poll_at > at)
    tx.execute(update(printers).where(printers.c.id == printer_id, asleep).values(poll_at=at))


def spoken_of() -> ColumnElement[bool]:
    """The condition that the printer has said something of a row of `drops`: then it has it, whatever lies in its folder.

    A refusal does not say that.
    """
    return select(acks.c.id).where(acks.c.drop_stem == drops.c.stem, acks.c.state != "rejected").exists()


def unmade(tx: Connection, drop: Row[Any]) -> Sequence[Row[Any]]:
    """Snapshots of the drop's pieces of which this revision has made nothing, as far as we know; locked.

    A reprint's piece may be `printed`: the copy that was, is spoiled.
    """
    open_ = [Status.BATCHED, Status.SENT] + ([Status.PRINTED] if drop.revision else [])
    nothing_said = select(placements.c.piece_id).where(live_in(drop), placements.c.outcome.is_(None))
    return tx.execute(select_snapshots().where(pieces.c.id.in_(nothing_said), pieces.c.status.in_(open_))).all()


def _not_in_the_mail(tx: Connection, drop: Row[Any]) -> Sequence[Row[Any]]:
    """Snapshots of the drop's pieces that nobody says are mailed; locked."""
    open_ = [Status.BATCHED, Status.SENT, Status.PRINTED]
    return tx.execute(select_snapshots().where(live_pieces(drop), pieces.c.status.in_(open_))).all()


def _free(tx: Connection, drop: Row[Any], why: Aside, ids: Ids) -> list[str]:
    evidence = {"drop": drop.stem, why.to.value: why.reason, "by": why.by}
    if why.duplicates:
        evidence["possible_duplicate"] = True
    rows = _not_in_the_mail(tx, drop) if why.though_taken else unmade(tx, drop)
    wishes = [Move(snapshot(row), Status.READY, why.at, evidence, FREED_PIECE) for row in rows]
    moved = sorted(move(tx, wishes, now=why.now, ids=ids))
    for page in pages(moved):
        # A place that was freed has no outcome: whoever speaks of it again is told that it is made elsewhere.
        freed = update(placements).where(live_in(drop), placements.c.piece_id.in_(page))
        tx.execute(freed.values(live=False, outcome=None))
    return moved

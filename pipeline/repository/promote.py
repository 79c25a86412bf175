"""From created to ready: a piece moves when its address is settled and its artwork accepted, whichever comes last.

Where somebody wants it held, it is held then.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, or_

from pipeline.lifecycle import Move, Status
from pipeline.models.types import Ids
from pipeline.repository.holds import kept_back, open_holds
from pipeline.repository.line_clocks import LineClock
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.tables import PAGE, creatives, pieces

_front = creatives.alias("front")
_back = creatives.alias("back")


def promote(tx: Connection, which: ColumnElement[bool], line_clock: LineClock, *, now: datetime, ids: Ids) -> set[str]:
    """Move those of `which` that have become ready, or whose artwork was rejected, up to `PAGE` of them."""
    settled = and_(
        which,
        pieces.c.status == Status.CREATED,
        pieces.c.address_state == "done",
        pieces.c.lease_until.is_(None),
        _front.c.status != "checked",
        or_(_back.c.id.is_(None), _back.c.status != "checked"),
    )
    rows = tx.execute(
        select_snapshots(
            _front.c.status.label("front"), _back.c.status.label("back"), _front.c.report, pieces.c.deliverability
        )
        .join_from(pieces, _front, _front.c.id == pieces.c.front_creative_id)
        .outerjoin(_back, _back.c.id == pieces.c.back_creative_id)
        .where(settled)
        .order_by(pieces.c.due_at)
        .limit(PAGE)
    ).all()
    if not rows:
        return set()
    at = line_clock.read(tx, {row.account_id for row in rows})
    # Asked once the pieces are locked, so that no hold comes between.
    held = open_holds(tx, [row.id for row in rows])
    wishes = [_wish(row, at[row.account_id], held.get(row.id)) for row in rows]
    return move(tx, wishes, now=now, ids=ids)


def _wish(row: Any, at: datetime, hold: Any) -> Move:
    if "rejected" in (row.front, row.back):
        side = "front" if row.front == "rejected" else "back"
        errors = [
            {
                "code": "artwork_rejected",
                "pointer": f"/{side}",
                "detail": "the artwork could not be made ready for press",
                "remedy": "read the creative's report, correct the artwork and send the piece again",
            }
        ]
        return Move(snapshot(row), Status.REJECTED, at, {"errors": errors}, {"errors": errors})
    if hold is not None:
        return kept_back(snapshot(row), hold, at)
    return Move(
        snapshot(row), Status.READY, at, {"address": "standardized", "policy": row.deliverability}, {"ready_at": at}
    )

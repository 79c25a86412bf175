"""What the sandbox clocks wait for: work that is due where they stand, and the moments ahead at which something falls due."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, union, union_all, update

from pipeline.lifecycle import PROMISE_OPEN, DropStatus, Status
from pipeline.repository.tables import creatives, drops, pieces, printers, sandbox_clocks

_ON_THE_MOVE = (DropStatus.FROZEN, DropStatus.IMPOSED, DropStatus.HANDING_OVER)
_front = creatives.alias("front")
_back = creatives.alias("back")
_clock = sandbox_clocks


@dataclass(frozen=True)
class Standing:
    """One account's clock: `busy` while work is due where it stands, `next_due` the next moment ahead, if there is one."""

    account_id: str
    line_now: datetime
    rate: float
    advance_to: datetime | None
    moved_at: datetime
    busy: bool
    next_due: datetime | None


def standings(tx: Connection) -> list[Standing]:
    """Every clock that has a reason to move, or not to."""
    busy = set(tx.execute(union(*_busy())).scalars())
    ahead = union_all(*_moments()).subquery()
    soonest: Mapping[str, datetime] = {
        row.account_id: row.moment
        for row in tx.execute(
            select(ahead.c.account_id, func.min(ahead.c.moment).label("moment")).group_by("account_id")
        )
    }
    asked = _clock.c.advance_to > _clock.c.line_now
    wanted = select(_clock).where(or_(_clock.c.account_id.in_(sorted(busy | set(soonest))), asked))
    return [
        Standing(
            account_id=row.account_id,
            line_now=row.line_now,
            rate=row.rate,
            advance_to=row.advance_to,
            moved_at=row.moved_at,
            busy=row.account_id in busy,
            next_due=soonest.get(row.account_id),
        )
        for row in tx.execute(wanted)
    ]


def set_clock(tx: Connection, standing: Standing, line_now: datetime, *, now: datetime) -> bool:
    """Move a clock on, unless somebody else did; `now` is the machine's."""
    stands = and_(_clock.c.account_id == standing.account_id, _clock.c.line_now == standing.line_now)
    return bool(tx.execute(update(_clock).where(stands).values(line_now=line_now, moved_at=now)).rowcount)


def _busy() -> list[Select[Any]]:
    """Accounts with work that is due now. What is quarantined waits for an operator and holds no clock."""
    unquarantined = pieces.c.quarantined_at.is_(None)
    created = (
        select(pieces.c.account_id)
        .join(_front, _front.c.id == pieces.c.front_creative_id)
        .outerjoin(_back, _back.c.id == pieces.c.back_creative_id)
        .where(
            pieces.c.mode == "test",
            pieces.c.status == Status.CREATED,
            unquarantined,
            _front.c.quarantined_at.is_(None),
            _back.c.quarantined_at.is_(None),
        )
    )
    moving = select(drops.c.account_id).where(
        drops.c.mode == "test", drops.c.status.in_(_ON_THE_MOVE), drops.c.quarantined_at.is_(None)
    )
    printing = _of_account(printers.c.account_id).where(
        printers.c.mode == "test", printers.c.poll_at <= _clock.c.line_now, printers.c.quarantined_at.is_(None)
    )
    tracking = _of_account(pieces.c.account_id).where(
        pieces.c.mode == "test", pieces.c.poll_at <= _clock.c.line_now, unquarantined
    )
    return [created, moving, printing, tracking]


def _moments() -> list[Select[Any]]:
    """Per account, the next of each kind of moment ahead of its clock."""
    waiting = and_(pieces.c.mode == "test", pieces.c.status == Status.READY)
    promised = and_(pieces.c.mode == "test", pieces.c.status.in_(sorted(PROMISE_OPEN)))
    polled = and_(pieces.c.mode == "test", pieces.c.poll_at.is_not(None), pieces.c.quarantined_at.is_(None))
    asked = and_(printers.c.mode == "test", printers.c.quarantined_at.is_(None))
    return [
        _next(pieces.c.account_id, pieces.c.freeze_from, waiting),
        _next(pieces.c.account_id, pieces.c.alarm_at, promised),
        _next(pieces.c.account_id, pieces.c.poll_at, polled),
        _next(printers.c.account_id, printers.c.poll_at, asked),
    ]


def _next(account_id: ColumnElement[Any], moment: ColumnElement[Any], which: ColumnElement[bool]) -> Select[Any]:
    soonest = func.min(moment, type_=moment.type).label("moment")
    return _of_account(account_id, soonest).where(which, moment > _clock.c.line_now).group_by(account_id)


def _of_account(account_id: ColumnElement[Any], *more: ColumnElement[Any]) -> Select[Any]:
    return select(account_id, *more).join(_clock, _clock.c.account_id == account_id)

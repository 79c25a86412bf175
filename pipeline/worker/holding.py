"""Holding and releasing pieces, and counting promises anew: where a sender's hold ends, or days are suspended."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import Connection, Row, and_, or_, update

from pipeline.clock import Clock
from pipeline.lifecycle import PROMISE_OPEN, Move, SlaState, Status
from pipeline.models.types import Ids
from pipeline.repository.accounts import Sender
from pipeline.repository.batches import follow_due
from pipeline.repository.database import Database
from pipeline.repository.holds import (
    HoldWish,
    end_hold,
    locked_piece,
    open_holds,
    place_hold,
    promised_pieces,
    senders_holds,
)
from pipeline.repository.line_clocks import line_now
from pipeline.repository.moves import move, reschedule, snapshot
from pipeline.repository.printers import Deed, record
from pipeline.repository.suspensions import (
    Suspension,
    add_suspension,
    locked_suspension,
    note_put_off,
    read_suspensions,
    suspended_days,
    unfinished_suspensions,
)
from pipeline.repository.tables import PAGE, pieces, recipients
from pipeline.repository.writing import OvertakenError, write_again
from pipeline.sla.promise import Hold, Terms, counts_from, promised

log = structlog.get_logger()

_AT_WORK = timedelta(minutes=1)
"""Who made a suspension puts off its promises himself, and says how many, unless he died over it."""

_AT_RISK_SHARE = 4
"""As at intake: a piece that is not mailed when a quarter of its time is left is looked at."""

_FURTHEST_ZONE = timedelta(hours=15)
"""A day begins no earlier than this before it does in UTC."""


class Held(StrEnum):
    """How a wish to hold or release ended."""

    DONE = "done"
    MISSING = "missing"
    TOO_LATE = "too_late"  # frozen, or over
    NOT_HELD = "not_held"
    HELD_ALREADY = "held_already"
    NOT_YOURS = "not_yours"  # an operator's hold, which its sender cannot end


@dataclass(frozen=True)
class Holding:
    """Works on pieces of both modes, each by its own line clock."""

    db: Database
    machine_clock: Clock
    ids: Ids

    def hold(self, piece_id: str, wish: HoldWish, *, sender: Sender | None = None, deed: Deed | None = None) -> Held:
        """Keep a piece back. A `sender` reaches none but its own; an operator's `deed` is kept. Repeating it changes nothing."""

        def work(tx: Connection) -> Held:
            piece = locked_piece(tx, piece_id, sender)
            if piece is None:
                return Held.MISSING
            at, now = self._line_now(tx, piece), self.machine_clock()
            if not place_hold(tx, piece, wish, at=at, now=now, ids=self.ids):
                return Held.HELD_ALREADY if _waits(piece) and open_holds(tx, [piece_id]) else Held.TOO_LATE
            if deed is not None:
                record(tx, "mail.hold", piece_id, deed, {"code": wish.code}, ids=self.ids)
            return Held.DONE

        return write_again(self.db, work)

    def release(self, piece_id: str, by: str, *, sender: Sender | None = None, deed: Deed | None = None) -> Held:
        """Let a piece go on. Where its sender held it, its promise is counted on from here, and a new due time is told."""

        def work(tx: Connection) -> Held:
            piece = locked_piece(tx, piece_id, sender)
            if piece is None:
                return Held.MISSING
            hold = open_holds(tx, [piece_id]).get(piece_id) if _waits(piece) else None
            if hold is None:
                return Held.NOT_HELD
            if sender is not None and not hold.stops_count:
                return Held.NOT_YOURS
            self._release(tx, piece, hold, by)
            if deed is not None:
                record(tx, "mail.release", piece_id, deed, {"code": hold.code, "held_by": hold.by}, ids=self.ids)
            return Held.DONE

        return write_again(self.db, work)

    def suspend(self, one: Suspension, deed: Deed) -> tuple[str, int]:
        """Let these days not count. Returns the suspension's id, and how many open promises were put off by it."""
        with self.db.write() as tx:
            suspension_id = add_suspension(tx, one, deed, ids=self.ids)
        return suspension_id, self._put_off(suspension_id)

    def finish_suspensions(self) -> None:
        """Put off what a suspension was to, whose process died over it."""
        with self.db.read() as tx:
            left = unfinished_suspensions(tx, self.machine_clock() - _AT_WORK)
        for suspension_id in left:
            moved = self._put_off(suspension_id)
            log.warning("suspension.finished", suspension=suspension_id, put_off=moved)

    def _put_off(self, suspension_id: str) -> int:
        """Page by page; how far it is stands on the suspension, in the transaction that puts off."""
        moved = 0
        while True:
            with self.db.write() as tx:
                left = locked_suspension(tx, suspension_id)
                if left is None:
                    return moved
                one, after = left
                rows = _touched(tx, one, after)
                moved += self._count_anew(tx, rows, {"suspension": suspension_id, "reason": one.reason})
                note_put_off(tx, suspension_id, rows[-1].id if len(rows) == PAGE else None)

    def _release(self, tx: Connection, piece: Row[Any], hold: Row[Any], by: str) -> None:
        at, now = self._line_now(tx, piece), self.machine_clock()
        end_hold(tx, hold, at=at, by=by)
        if piece.status == Status.HELD:
            evidence = {"released": "sender" if hold.stops_count else "operator", "code": hold.code}
            wish = Move(snapshot(piece), Status.READY, at, evidence, {"ready_at": at})
            if not move(tx, [wish], now=now, ids=self.ids):
                raise OvertakenError
        if hold.stops_count:
            # A hold that moved nothing still stopped the alarm.
            tx.execute(update(pieces).where(pieces.c.id == piece.id).values(alarm_at=_next_look(piece, at)))
            again = locked_piece(tx, piece.id)
            self._count_anew(tx, [again] if again is not None else [], {"hold": hold.code})

    def _count_anew(self, tx: Connection, rows: Sequence[Row[Any]], why: dict[str, Any]) -> int:
        """Give pieces the due times that follow from all that is known now, where those are later."""
        if not rows:
            return 0
        now = self.machine_clock()
        suspensions = read_suspensions(tx, now.date())
        holds = senders_holds(tx, {row.id for row in rows})
        put_off: dict[datetime, list[Any]] = {}
        for row in rows:
            due = _due(row, suspensions, [Hold(one.since, one.until) for one in holds.get(row.id, ())])
            at = self._line_now(tx, row)
            if due is not None and due > row.due_at and row.sla_state in (SlaState.ON_TRACK, SlaState.AT_RISK):
                put_off.setdefault(at, []).append((snapshot(row), due, _look_at(due, at)))
        moved: set[str] = set()
        for at, some in put_off.items():
            moved |= reschedule(tx, some, why=why, at=at, now=now, ids=self.ids)
        if moved:
            follow_due(tx, moved)
        return len(moved)

    def _line_now(self, tx: Connection, piece: Row[Any]) -> datetime:
        return line_now(tx, piece.mode, piece.account_id, self.machine_clock)


def _waits(piece: Row[Any]) -> bool:
    return piece.status in (Status.CREATED, Status.HELD)


def _due(row: Row[Any], suspensions: Iterable[Suspension], holds: Sequence[Hold]) -> datetime | None:
    zone = ZoneInfo(row.zone)
    days = suspended_days(suspensions, zip5=row.zip5 or (row.given_zip or "")[:5])
    start = counts_from(row.accepted_at, row.send_on, zone)
    return promised(start, Terms(zone, row.promise), holds=holds, suspended=days)


def _look_at(due: datetime, at: datetime) -> datetime:
    """When a promise is next looked at."""
    return due - max(due - at, timedelta()) / _AT_RISK_SHARE


def _next_look(piece: Row[Any], at: datetime) -> datetime | None:
    """What was told of a promise is not told again."""
    if piece.sla_state == SlaState.AT_RISK:
        due_at: datetime = piece.due_at
        return due_at
    return _look_at(piece.due_at, at) if piece.sla_state == SlaState.ON_TRACK else None


def _touched(tx: Connection, one: Suspension, after: str) -> Sequence[Row[Any]]:
    """A page of open promises that these days may put off, by id; those that stand still are counted when they are released."""
    first = datetime.combine(one.first, time(), ZoneInfo("UTC")) - _FURTHEST_ZONE
    open_ = and_(pieces.c.status.in_(sorted(PROMISE_OPEN)), pieces.c.due_at > first, pieces.c.id > after)
    there = (
        or_(
            recipients.c.zip5.startswith(one.zip3, autoescape=True),
            and_(recipients.c.zip5 == "", recipients.c.given["zip"].as_string().startswith(one.zip3, autoescape=True)),
        )
        if one.zip3 is not None
        else pieces.c.id.is_not(None)
    )
    rows = tx.execute(promised_pieces().where(open_, there).order_by(pieces.c.id).limit(PAGE)).all()
    return list(rows)

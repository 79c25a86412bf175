"""The one writer of a piece's status: compare-and-set on revision and claim, with its events, in the caller's transaction.

Moves come in chunks and cost two statements a page of rows. A move whose piece has changed meanwhile does nothing, and its
caller is told.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, select, update

from pipeline.lifecycle import (
    EVENT_TYPES,
    EXCUSED,
    PROMISE_KEPT_BY,
    PROMISE_VOIDED_BY,
    REACHED_FROM,
    Cause,
    Move,
    SlaState,
    Snapshot,
    Status,
    event_type,
    promise_after,
)
from pipeline.models.types import Ids
from pipeline.repository.claims import FREED
from pipeline.repository.many import given_rows
from pipeline.repository.tables import events, insert_rows, pages, pieces

_SNAPSHOT = (
    pieces.c.id,
    pieces.c.account_id,
    pieces.c.mode,
    pieces.c.revision,
    pieces.c.attempt,
    pieces.c.status,
    pieces.c.sla_state,
    pieces.c.due_at,
)
# A chunk has many rows, and an enumeration takes its time to find a member by its value.
_STATUSES: Mapping[str, Status] = {one.value: one for one in Status}
_SLA_STATES: Mapping[str, SlaState] = {one.value: one for one in SlaState}
_SETTLED = PROMISE_KEPT_BY | PROMISE_VOIDED_BY


def snapshot(row: Row[Any]) -> Snapshot:
    """The snapshot in a row of `select_snapshots`, which begins with it. By place: by name a row takes ten times as long."""
    id_, account_id, mode, revision, attempt, status, sla_state, due_at = row[: len(_SNAPSHOT)]
    return Snapshot(id_, account_id, mode, revision, attempt, _STATUSES[status], _SLA_STATES[sla_state], due_at)


def snapshot_in(row: Row[Any]) -> Snapshot:
    """The snapshot in a whole row of pieces."""
    return Snapshot(
        id=row.id,
        account_id=row.account_id,
        mode=row.mode,
        revision=row.revision,
        attempt=row.attempt,
        status=_STATUSES[row.status],
        sla_state=_SLA_STATES[row.sla_state],
        due_at=row.due_at,
    )


def select_snapshots(*more: ColumnElement[Any]) -> Select[Any]:
    """A query for snapshots, locking the rows where the database can."""
    return look_at_snapshots(*more).with_for_update(of=pieces)


def look_at_snapshots(*more: ColumnElement[Any]) -> Select[Any]:
    """The same without locks, for marks that do nothing where a piece has changed meanwhile and are tried again anyway."""
    return select(*_SNAPSHOT, *more)


def move(tx: Connection, moves: Sequence[Move], *, now: datetime, ids: Ids) -> set[str]:
    """Apply what still holds; returns the ids of the pieces that moved. `now` is the machine clock.

    A move does not hold when its piece's revision or claim attempt has changed, or its status cannot lead there. Moving frees
    the row's claim.
    """
    alike: dict[tuple[Status, frozenset[str]], list[Move]] = defaultdict(list)
    for one in moves:
        alike[one.to, frozenset(one.sets)].append(one)
    moved: set[str] = set()
    for (to, _), group in alike.items():
        for page in pages(group):
            moved |= _move_page(tx, to, page)
    _insert_events(tx, (event for one in moves if one.piece.id in moved for event in _events(one, now, ids)))
    return moved


class Alarm(NamedTuple):
    """A promise to be marked: its new state, when to look at it again, and why it will be missed, where that is known."""

    piece: Snapshot
    to: SlaState
    look_at: datetime | None
    cause: Cause | None = None

    def columns(self) -> dict[str, Any]:
        code, detail = self.cause or (None, None)
        return {"sla_state": self.to, "alarm_at": self.look_at, "sla_cause": code, "sla_detail": detail}

    def evidence(self) -> dict[str, Any]:
        due = {"due_at": self.piece.due_at.isoformat()}
        return due if self.cause is None else {"cause": self.cause.code, "detail": self.cause.detail, **due}


def alarm(
    tx: Connection,
    alarms: Sequence[Alarm],
    *,
    at: datetime,
    now: datetime,
    ids: Ids,
    evidence: Mapping[str, Any] | None = None,
) -> set[str]:
    """Mark promises at risk or breached. Same compare-and-set; status stays. `evidence` is what else there is for it."""
    moved = _mark(tx, [(one.piece, one.columns()) for one in alarms])
    told = (
        _event(one.piece, ids, f"mail.sla_{one.to}", one.piece.revision + 1, status=one.piece.status, at=at, now=now,
               evidence={**(evidence or {}), **one.evidence()})
        for one in alarms
        if one.piece.id in moved
    )  # fmt: skip
    _insert_events(tx, told)
    return moved


def correct(
    tx: Connection, late: Sequence[tuple[Snapshot, datetime, Mapping[str, Any]]], *, now: datetime, ids: Ids
) -> set[str]:
    """Take back breaches that evidence come late disproves: (piece, when it was mailed, what shows that); status stays."""
    moved = _mark(tx, [(piece, {"sla_state": SlaState.KEPT, "mailed_at": at}) for piece, at, _ in late])
    told = (
        _event(piece, ids, "mail.sla_corrected", piece.revision + 1, status=piece.status, at=at, now=now,
               evidence={**shown, "due_at": piece.due_at.isoformat(), "mailed_at": at.isoformat()})
        for piece, at, shown in late
        if piece.id in moved
    )  # fmt: skip
    _insert_events(tx, told)
    return moved


def reschedule(
    tx: Connection,
    put_off: Sequence[tuple[Snapshot, datetime, datetime]],
    *,
    why: Mapping[str, Any],
    at: datetime,
    now: datetime,
    ids: Ids,
) -> set[str]:
    """Give promises that are not broken another due time: (piece, due time, when to look at it); status stays."""
    on_track = {"sla_state": SlaState.ON_TRACK, "sla_cause": None, "sla_detail": None}
    moved = _mark(tx, [(piece, {"due_at": due, "alarm_at": look, **on_track}) for piece, due, look in put_off])
    told = (
        _event(piece, ids, "mail.sla_rescheduled", piece.revision + 1, status=piece.status, at=at, now=now,
               evidence={**why, "due_at": due.isoformat(), "due_before": piece.due_at.isoformat()})
        for piece, due, _ in put_off
        if piece.id in moved
    )  # fmt: skip
    _insert_events(tx, told)
    return moved


def excuse(
    tx: Connection, excused: Sequence[Snapshot], *, reason: str, by: str, at: datetime, now: datetime, ids: Ids
) -> set[str]:
    """Note why a promise may be missed: the report counts it apart. Nothing of the piece changes, and its sender is not told."""
    moved = _mark(tx, [(piece, {}) for piece in excused])
    told = (
        _event(piece, ids, EXCUSED, piece.revision + 1, status=piece.status, at=at, now=now,
               evidence={"reason": reason, "by": by})
        for piece in excused
        if piece.id in moved
    )  # fmt: skip
    _insert_events(tx, told)
    return moved


def created(piece: Mapping[str, Any], *, now: datetime, ids: Ids) -> dict[str, Any]:
    """The first event of a piece that is being inserted, as a row: what was ordered, and what was promised of it."""
    promised = {name: piece[name].isoformat() for name in ("freeze_from", "due_at")}
    return {
        "id": ids.new("ev"),
        "piece_id": piece["id"],
        "account_id": piece["account_id"],
        "mode": piece["mode"],
        "type": event_type(Status.CREATED),
        "sequence": piece["revision"],
        "position": None,
        "told": True,
        "status": Status.CREATED,
        "at": piece["accepted_at"],
        "recorded_at": now,
        "evidence": {"request_id": piece["request_id"], "product": piece["product"], **promised},
    }


def _mark(tx: Connection, marks: Sequence[tuple[Snapshot, Mapping[str, Any]]]) -> set[str]:
    """Change columns of pieces that stay where they are, all the same columns, by compare-and-set on the revision."""
    moved: set[str] = set()
    for page in pages(marks):
        names = list(page[0][1])
        new = _new(tx, names, page)
        statement = (
            update(pieces)
            .where(pieces.c.id == new.c.id, pieces.c.revision == new.c.expected_revision)
            .values(revision=pieces.c.revision + 1, **{name: new.c[name] for name in names})
            .returning(pieces.c.id)
        )
        moved |= set(tx.execute(statement).scalars())
    return moved


def _move_page(tx: Connection, to: Status, page: Sequence[Move]) -> set[str]:
    changed = [*page[0].sets, "revision", "sla_state"]
    rows = ((one.piece, {**one.sets, **_promise_columns(one)}) for one in page)
    new = _new(tx, changed, rows)
    sets: dict[str, Any] = {name: new.c[name] for name in changed}
    if to in _SETTLED:
        sets["alarm_at"] = None
    statement = (
        update(pieces)
        .where(
            pieces.c.id == new.c.id,
            pieces.c.revision == new.c.expected_revision,
            pieces.c.attempt == new.c.expected_attempt,
            pieces.c.status.in_(sorted(REACHED_FROM[to])),
        )
        .values(status=to, **FREED, **sets)
        .returning(pieces.c.id)
    )
    return set(tx.execute(statement).scalars())


def _promise_columns(one: Move) -> dict[str, Any]:
    state, extra = promise_after(one)
    return {"revision": one.piece.revision + (2 if extra else 1), "sla_state": state}


def _new(tx: Connection, names: Sequence[str], rows: Iterable[tuple[Snapshot, Mapping[str, Any]]]) -> Any:
    """New values by piece, with what the piece is expected to be."""
    c = pieces.c
    expected = {"id": c.id.type, "expected_revision": c.revision.type, "expected_attempt": c.attempt.type}
    given = (
        {"id": piece.id, "expected_revision": piece.revision, "expected_attempt": piece.attempt, **values}
        for piece, values in rows
    )
    return given_rows(tx, expected | {name: c[name].type for name in names}, given)


def _events(one: Move, now: datetime, ids: Ids) -> list[dict[str, Any]]:
    piece, first = one.piece, one.piece.revision + 1
    told = [_event(piece, ids, event_type(one.to), first, status=one.to, at=one.at, now=now, evidence=one.evidence)]
    _, extra = promise_after(one)
    if extra:
        evidence = {"due_at": piece.due_at.isoformat(), "mailed_at": one.at.isoformat()}
        told.append(_event(piece, ids, extra, first + 1, status=one.to, at=one.at, now=now, evidence=evidence))
    return told


def _event(
    piece: Snapshot,
    ids: Ids,
    type_: str,
    sequence: int,
    *,
    status: Status,
    at: datetime,
    now: datetime,
    evidence: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "id": ids.new("ev"),
        "piece_id": piece.id,
        "account_id": piece.account_id,
        "mode": piece.mode,
        "type": type_,
        "sequence": sequence,
        "position": None,
        "told": type_ in EVENT_TYPES,
        "status": status,
        "at": at,
        "recorded_at": now,
        "evidence": dict(evidence),
    }


def _insert_events(tx: Connection, rows: Iterable[dict[str, Any]]) -> None:
    insert_rows(tx, events, list(rows))

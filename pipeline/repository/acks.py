"""What an acknowledgement changes: pieces, placements, its drop and its batch. Recorded with the file that says so."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, or_, select, update

from pipeline.clock import Clock
from pipeline.errors import Fault
from pipeline.lifecycle import (
    PROMISE_KEPT_BY,
    REACHED_FROM,
    Basis,
    BatchStatus,
    DropStatus,
    Move,
    SlaState,
    Status,
)
from pipeline.models.ack_format import AckBody, Reading
from pipeline.models.types import Ids
from pipeline.repository.aside import Aside, set_drop_aside
from pipeline.repository.batches import (
    BEHIND_MAILED,
    BEHIND_PRINTED,
    advance_batch,
    advance_batch_if_all,
    end_batch_doubt,
    live_pieces,
    reprint,
)
from pipeline.repository.claims import FREED
from pipeline.repository.database import Database
from pipeline.repository.moves import correct, move, select_snapshots, snapshot
from pipeline.repository.tables import acks, drops, insert_rows, pages, pieces, placements

_BULK = 1_000
_MOST_FAULTS = 1_000
"""Faults kept of one file; the file itself is kept whole."""
MADE_TWICE = frozenset({"drop_set_aside", "spoiled_already"})
"""Faults of what is made elsewhere too, and must be stopped at once."""
_HANDED_OVER = (DropStatus.HANDING_OVER, DropStatus.IN_DOUBT, DropStatus.SENT)


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
class Applied:
    """Whether anything of a file was good, and what was not."""

    good: bool
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class _Good:
    """An acknowledgement that can be applied, to which drop, and when it became so; `neighbours` are counted, not made again."""

    drop: Row[Any]
    ack: AckBody
    at: datetime
    neighbours: int


@dataclass(frozen=True)
class _Checked:
    good: _Good | None
    faults: list[Fault]


def is_recorded(tx: Connection, printer_id: str, digest: str) -> bool | None:
    """None when this file is new; otherwise whether any of it was good."""
    known = select(acks.c.state).where(acks.c.printer_id == printer_id, acks.c.digest == digest)
    row = tx.execute(known).first()
    return None if row is None else row.state is not None


class AckWriter:
    """Applies acknowledgements. Large drops move some pieces a transaction; the record comes last, so that a crash in between
    repeats moves that then do nothing."""

    def __init__(self, db: Database, machine_clock: Clock, ids: Ids) -> None:
        self._db = db
        self._now = machine_clock
        self._ids = ids

    def apply(self, record: AckRecord, reading: Reading) -> Applied:
        """Apply what is good of a file and record it, the rest with its faults."""
        faults = list(reading.faults)
        good: list[_Good] = []
        for ack in reading.acks:
            checked = self._check(record, ack)
            faults += checked.faults
            if checked.good is not None:
                good.append(checked.good)
        for one in good:
            self._move(record, one)
        with self._db.write() as tx:
            for one in good:
                self._settle_drop(tx, one)
            insert_rows(tx, acks, [_row(record, self._ids, good, faults)])
        return Applied(bool(good), tuple(faults))

    def _check(self, record: AckRecord, ack: AckBody) -> "_Checked":
        with self._db.read() as tx:
            named = and_(drops.c.stem == ack.drop, drops.c.printer_id == record.printer_id)
            drop = tx.execute(select(drops, _any_waiting().label("any_waiting")).where(named)).first()
            fault = _fault(drop, ack, keeps_some=drop is not None and _keeps_some(tx, drop))
            if drop is None or fault is not None:
                return _Checked(None, [fault] if fault else [])
            neighbours = _neighbours(tx, drop, ack)
            unfit = _unfit_pieces(tx, drop, ack, neighbours)
        if ack.pieces is not None:
            fit = tuple(one for one in dict.fromkeys(ack.pieces) if one not in unfit and one not in neighbours)
            if ack.pieces and not fit and not neighbours:
                return _Checked(None, list(unfit.values()))
            ack = ack.model_copy(update={"pieces": fit})
        at = ack.at if drop.handing_over_at <= ack.at <= record.received_at else record.received_at
        return _Checked(_Good(drop, ack, at, len(neighbours)), list(unfit.values()))

    def _move(self, record: AckRecord, good: "_Good") -> None:
        if good.ack.state != "rejected" and good.drop.any_waiting:
            self._move_arrived(good.drop, record, good.at)
        if good.ack.state in ("printed", "mailed"):
            self._move_pieces(good.drop, good.ack, record, good.at)

    def _move_arrived(self, drop: Row[Any], record: AckRecord, at: datetime) -> None:
        """A printer that speaks of a drop has it, even where nobody could tell: its pieces are sent, and scans are asked for."""
        evidence = {"ack": record.digest, "drop": drop.stem, "digest": drop.digest}
        waiting = and_(live_pieces(drop), pieces.c.status == Status.BATCHED)
        self._move_all(waiting, Status.SENT, at, evidence, {"poll_at": record.received_at})

    def _move_pieces(self, drop: Row[Any], ack: AckBody, record: AckRecord, at: datetime) -> None:
        to = Status(ack.state)
        sets: dict[str, Any] = {"mailed_at": at, "mailed_basis": Basis.PRINTER} if to is Status.MAILED else {}
        evidence = {"ack": record.digest, "drop": drop.stem, "printer_time": ack.at.isoformat()}
        if to is Status.MAILED:
            evidence["basis"] = Basis.PRINTER
        for named in _named(drop, ack):
            self._move_all(and_(named, pieces.c.status.in_(sorted(REACHED_FROM[to]))), to, at, evidence, sets)
            if to is Status.MAILED:
                self._correct(named, at, evidence)

    def _move_all(
        self, which: ColumnElement[bool], to: Status, at: datetime, evidence: Mapping[str, Any], sets: Mapping[str, Any]
    ) -> None:
        while True:
            with self._db.write() as tx:
                rows = tx.execute(select_snapshots().where(which).limit(_BULK)).all()
                wishes = [Move(snapshot(row), to, at, evidence, sets) for row in rows]
                move(tx, wishes, now=self._now(), ids=self._ids)
            if len(rows) < _BULK:
                return

    def _correct(self, which: ColumnElement[bool], at: datetime, evidence: Mapping[str, Any]) -> None:
        """Pieces that went on by later evidence, and count as late, may have been mailed in time all the same."""
        breached = and_(pieces.c.sla_state == SlaState.BREACHED, pieces.c.due_at >= at)
        gone = pieces.c.status.in_(sorted(PROMISE_KEPT_BY))
        while True:
            with self._db.write() as tx:
                rows = tx.execute(select_snapshots().where(which, breached, gone).limit(_BULK)).all()
                correct(tx, [(snapshot(row), at, evidence) for row in rows], now=self._now(), ids=self._ids)
            if len(rows) < _BULK:
                return

    def _settle_drop(self, tx: Connection, good: "_Good") -> None:
        drop, ack, at = good.drop, good.ack, good.at
        if ack.state == "rejected":
            self._refused(tx, drop, ack, at)
            return
        if drop.status != DropStatus.SENT:
            self._end_doubt(tx, drop)
        advance_batch(tx, drop.batch_id, BatchStatus.ACCEPTED)
        _note_made(tx, drop, ack)
        if ack.state in ("spoiled", "destroyed") and ack.pieces:
            reprint(tx, drop, ack.pieces, outcome=ack.state, at=at, ids=self._ids)
        elif ack.state == "printed":
            advance_batch_if_all(tx, drop.batch_id, BatchStatus.PRINTED, BEHIND_PRINTED)
        elif ack.state == "mailed":
            advance_batch_if_all(tx, drop.batch_id, BatchStatus.MAILED, BEHIND_MAILED)

    def _end_doubt(self, tx: Connection, drop: Row[Any]) -> None:
        """Whatever it says, a printer that speaks of a drop has it: that ends any doubt about the hand-over."""
        had = and_(drops.c.id == drop.id, drops.c.status.in_(_HANDED_OVER), drops.c.status != DropStatus.SENT)
        tx.execute(update(drops).where(had).values(status=DropStatus.SENT, sent_at=self._now(), **FREED))
        end_batch_doubt(tx, [drop.batch_id])

    def _refused(self, tx: Connection, drop: Row[Any], ack: AckBody, at: datetime) -> None:
        """The printer will not make this drop: what it has not made is ready again."""
        reason = ack.reason or "no reason given"
        set_drop_aside(tx, drop.id, Aside(DropStatus.REFUSED, "printer", reason, at, self._now()), ids=self._ids)


def _any_waiting() -> ColumnElement[bool]:
    """Whether pieces of a drop are not known to have arrived; once none is, none will be again."""
    placed = and_(
        placements.c.batch_id == drops.c.batch_id, placements.c.revision == drops.c.revision, placements.c.live
    )
    waiting = select(pieces.c.id).join_from(placements, pieces).where(placed, pieces.c.status == Status.BATCHED)
    return waiting.correlate(drops).exists()


def _keeps_some(tx: Connection, drop: Row[Any]) -> bool:
    """Whether pieces stay with a drop that was set aside: what it had made of them by then is followed to the mail."""
    if drop.set_aside_at is None:
        return False
    here = and_(placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision, placements.c.live)
    return tx.execute(select(placements.c.id).where(here).limit(1)).first() is not None


def _fault(drop: Row[Any] | None, ack: AckBody, *, keeps_some: bool) -> Fault | None:
    if drop is None:
        return Fault(
            "unknown_drop", "/drop", "this printer was never given that drop", "name the stem as it stands in .ready"
        )
    followed = keeps_some and ack.state != "rejected"
    if drop.set_aside_at is not None and drop.handing_over_at is not None and ack.state != "rejected" and not followed:
        return _set_aside_fault("/drop", f"the drop is {drop.status}, and its pieces are made elsewhere")
    if drop.status not in _HANDED_OVER and not followed:
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


def _named(drop: Row[Any], ack: AckBody) -> Iterator[ColumnElement[bool]]:
    """The pieces that an acknowledgement is of, in parts that a statement can hold."""
    if ack.pieces is None:
        yield live_pieces(drop)
        return
    for page in pages(ack.pieces):
        yield live_pieces(drop, page)


_MADE = ("printed", "inserted", "mailed")


def _note_made(tx: Connection, drop: Row[Any], ack: AckBody) -> None:
    """What became of each place of the drop, so that what was sent can be counted against what was made. Only forward."""
    if ack.state not in _MADE:
        return
    earlier = placements.c.outcome.in_(_MADE[: _MADE.index(ack.state)])
    here = and_(placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision, placements.c.live)
    made = update(placements).where(here, or_(placements.c.outcome.is_(None), earlier)).values(outcome=ack.state)
    if ack.pieces is None:
        tx.execute(made)
        return
    for page in pages(ack.pieces):
        tx.execute(made.where(placements.c.piece_id.in_(page)))


def _row(record: AckRecord, ids: Ids, good: Sequence[_Good], faults: Sequence[Fault]) -> dict[str, Any]:
    """`state` and `at` are those of the last thing that a file says."""
    last = good[-1] if good else None
    return {
        "id": ids.new("ak"),
        "printer_id": record.printer_id,
        "mode": record.mode,
        "name": record.name,
        "digest": record.digest,
        "body": record.body,
        "drop_stem": last.ack.drop if last else None,
        "state": last.ack.state if last else None,
        "at": last.at if last else None,
        "received_at": record.received_at,
        "faults": [fault.as_dict() for fault in faults[:_MOST_FAULTS]],
        "neighbours": sum(one.neighbours for one in good) or None,
    }

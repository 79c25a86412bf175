"""What an acknowledgement changes: pieces, placements, its drop and its batch. Recorded with the file that says so."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

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
from pipeline.repository.ack_checks import HANDED_OVER, AckRecord, Checked, Good, check
from pipeline.repository.aside import Aside, doubt_drop, locked_drop, set_drop_aside
from pipeline.repository.batches import (
    BEHIND_MAILED,
    BEHIND_PRINTED,
    advance_batch,
    advance_batch_if_all,
    end_batch_doubt,
    live_in,
    live_pieces,
    reprint,
)
from pipeline.repository.claims import FREED
from pipeline.repository.database import Database
from pipeline.repository.many import insert_many
from pipeline.repository.moves import correct, move, select_snapshots, snapshot
from pipeline.repository.tables import acks, drops, insert_where_free, neighbours, pages, pieces, placements
from pipeline.repository.unclear import end_unclear, mark_unclear

Withdraw = Callable[[Row[Any]], bool]
"""Takes a refused drop off its printer's shelf; whether the printer took it all the same."""
_BULK = 1_000
_MOST_FAULTS = 1_000
"""Faults kept of one file; the file itself is kept whole."""


@dataclass(frozen=True)
class Applied:
    """Whether anything of a file was good, and what was not."""

    good: bool
    faults: tuple[Fault, ...]


def is_recorded(tx: Connection, printer_id: str, digest: str) -> bool | None:
    """None when this file is new; otherwise whether any of it was good."""
    known = select(acks.c.state).where(acks.c.printer_id == printer_id, acks.c.digest == digest)
    row = tx.execute(known).first()
    return None if row is None else row.state is not None


class AckWriter:
    """Applies acknowledgements, one after the other: each is checked by what those before it have changed. Large drops move some
    pieces a transaction; the record comes last, so that a crash in between repeats what then does nothing."""

    def __init__(self, db: Database, machine_clock: Clock, ids: Ids) -> None:
        self._db = db
        self._now = machine_clock
        self._ids = ids

    def apply(
        self, record: AckRecord, reading: Reading, withdraw: Withdraw, *, spared: Collection[str] = ()
    ) -> Applied:
        """Apply what is good of a file and record it, the rest with its faults. Raises what `withdraw` raises, unrecorded.

        Pieces that are `spared`, since another file has another word of them, or named in a line that is refused, in this file or
        an earlier one, are left out of what is said of the whole drop.
        Where another worker, taken to be dead or so taking us, has recorded the file meanwhile, its word stands.
        """
        try:
            return self._apply(record, reading, withdraw, reading.unclear.union(spared))
        except _RecordedMeanwhileError:
            with self._db.read() as tx:
                return Applied(bool(is_recorded(tx, record.printer_id, record.digest)), ())

    def _apply(self, record: AckRecord, reading: Reading, withdraw: Withdraw, spared: frozenset[str]) -> Applied:
        said = dict[int, Checked]()
        turns = _in_turn(reading.acks)
        for number, ack in turns[:-1]:
            begun = self._begin(record, ack, spared, withdraw)
            with self._db.write() as tx:
                said[number] = self._settle(tx, record, ack, spared, begun)
            if said[number].good is None:
                spared = spared.union(ack.pieces or ())
        last = [(number, ack, self._begin(record, ack, spared, withdraw)) for number, ack in turns[-1:]]
        with self._db.write() as tx:
            for number, ack, begun in last:
                said[number] = self._settle(tx, record, ack, spared, begun)
            in_order = [said[number] for number in sorted(said)]
            good = [one.good for one in in_order if one.good is not None]
            refused = [ack for number, ack in turns if said[number].good is None]
            mark_unclear(tx, record.printer_id, reading.words_of(refused), record.received_at)
            faults = [*reading.faults, *(fault for one in in_order for fault in one.faults)]
            row = _row(record, self._ids, reading.drop, good, faults)
            if not insert_where_free(tx, acks, [row], ("printer_id", "digest")):
                raise _RecordedMeanwhileError
        return Applied(bool(good), tuple(faults))

    def _begin(self, record: AckRecord, ack: AckBody, spared: Collection[str], withdraw: Withdraw) -> Checked:
        """Check one acknowledgement by all that stands now, and move what it moves. A refused drop is taken off the shelf first."""
        with self._db.read() as tx:
            checked = check(tx, record, ack, spared)
        if checked.good is None:
            return checked
        if ack.state == "rejected":
            return replace(checked, good=replace(checked.good, taken=withdraw(checked.good.drop)))
        self._move(record, checked.good)
        return checked

    def _move(self, record: AckRecord, good: Good) -> None:
        if good.drop.any_waiting:
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
            behind = and_(named, pieces.c.status.in_(sorted(REACHED_FROM[to])))
            self._move_all(behind, to, at, evidence, sets, gone=named if to is Status.MAILED else None)

    def _move_all(
        self,
        which: ColumnElement[bool],
        to: Status,
        at: datetime,
        evidence: Mapping[str, Any],
        sets: Mapping[str, Any],
        *,
        gone: ColumnElement[bool] | None = None,
    ) -> None:
        """Page by page. Those of `gone` that went on by later evidence and count as late are corrected once all have moved."""
        while True:
            with self._db.write() as tx:
                rows = tx.execute(select_snapshots().where(which).limit(_BULK)).all()
                wishes = [Move(snapshot(row), to, at, evidence, sets) for row in rows]
                move(tx, wishes, now=self._now(), ids=self._ids)
                over = len(rows) < _BULK and (gone is None or self._correct(tx, gone, at, evidence))
            if over:
                return

    def _correct(self, tx: Connection, which: ColumnElement[bool], at: datetime, evidence: Mapping[str, Any]) -> bool:
        """A page of pieces that may have been mailed in time all the same; whether it was the last."""
        breached = and_(pieces.c.sla_state == SlaState.BREACHED, pieces.c.due_at >= at)
        gone = pieces.c.status.in_(sorted(PROMISE_KEPT_BY))
        rows = tx.execute(select_snapshots().where(which, breached, gone).limit(_BULK)).all()
        correct(tx, [(snapshot(row), at, evidence) for row in rows], now=self._now(), ids=self._ids)
        return len(rows) < _BULK

    def _settle(
        self, tx: Connection, record: AckRecord, ack: AckBody, spared: Collection[str], said: Checked
    ) -> Checked:
        """Save the rest of it. Where its drop was set aside since it was checked, it is checked again by that."""
        if said.good is None:
            return said
        stands = locked_drop(tx, said.good.drop.id)
        if stands.set_aside_at != said.good.drop.set_aside_at:
            said = check(tx, record, ack, spared)
        if said.good is not None:
            self._settle_drop(tx, said.good, stands.status)
        return said

    def _settle_drop(self, tx: Connection, good: Good, status: str) -> None:
        """`status` is the drop's, which may be in doubt since it was checked."""
        drop, ack, at = good.drop, good.ack, good.at
        if ack.state == "rejected":
            self._refused(tx, good)
            return
        if status != DropStatus.SENT:
            self._end_doubt(tx, drop)
        _note_made(tx, drop, ack)
        if ack.state != "accepted":
            end_unclear(tx, drop, good.named)
        _note_neighbours(tx, drop, good.neighbours)
        if ack.state in ("spoiled", "destroyed") and ack.pieces:
            reprint(tx, drop, ack.pieces, outcome=ack.state, at=at, ids=self._ids)
        all_made = _ALL_MADE.get(ack.state)
        if all_made is None or not advance_batch_if_all(tx, drop.batch_id, *all_made):
            advance_batch(tx, drop.batch_id, BatchStatus.ACCEPTED)

    def _end_doubt(self, tx: Connection, drop: Row[Any]) -> None:
        """Whatever it says, a printer that speaks of a drop has it: that ends any doubt about the hand-over."""
        had = and_(drops.c.id == drop.id, drops.c.status.in_(HANDED_OVER), drops.c.status != DropStatus.SENT)
        tx.execute(update(drops).where(had).values(status=DropStatus.SENT, sent_at=self._now(), **FREED))
        end_batch_doubt(tx, [drop.batch_id])

    def _refused(self, tx: Connection, good: Good) -> None:
        """The printer will not make this drop: what it has not made is ready again. Unless it took it all the same: who knows?"""
        if good.taken:
            doubt_drop(tx, good.drop, good.at)
            return
        reason = good.ack.reason or "no reason given"
        why = Aside(DropStatus.REFUSED, "printer", reason, good.at, self._now())
        set_drop_aside(tx, good.drop.id, why, ids=self._ids)


def _in_turn(listed: Sequence[AckBody]) -> list[tuple[int, AckBody]]:
    """Acknowledgements as they count, with their places in the file: what is said of pieces, then what is said of the whole drop.

    A shop that lists what it spoiled and says `mailed` means all the others, whichever line comes first.
    """
    return sorted(enumerate(listed), key=lambda one: one[1].pieces is None)


def _named(drop: Row[Any], ack: AckBody) -> Iterator[ColumnElement[bool]]:
    """The pieces that an acknowledgement is of, in parts that a statement can hold."""
    if ack.pieces is None:
        yield live_pieces(drop)
        return
    for page in pages(ack.pieces):
        yield live_pieces(drop, page)


_MADE = ("printed", "inserted", "mailed")
_ALL_MADE = {"printed": (BatchStatus.PRINTED, BEHIND_PRINTED), "mailed": (BatchStatus.MAILED, BEHIND_MAILED)}
"""Where a batch is once nothing of it is behind."""


def _note_made(tx: Connection, drop: Row[Any], ack: AckBody) -> None:
    """What became of each place of the drop, so that what was sent can be counted against what was made. Only forward."""
    if ack.state not in _MADE:
        return
    earlier = placements.c.outcome.in_(_MADE[: _MADE.index(ack.state)])
    made = (
        update(placements).where(live_in(drop), or_(placements.c.outcome.is_(None), earlier)).values(outcome=ack.state)
    )
    if ack.pieces is None:
        tx.execute(made)
        return
    for page in pages(ack.pieces):
        tx.execute(made.where(placements.c.piece_id.in_(page)))


def _note_neighbours(tx: Connection, drop: Row[Any], listed: Collection[str]) -> None:
    """A shop that tells all of it each time tells the same piece again, which came out once more all the same."""
    if not listed:
        return
    rows = [{"batch_id": drop.batch_id, "revision": drop.revision, "piece_id": one} for one in sorted(listed)]
    statement, parameters = insert_many(tx, neighbours, rows)
    key = neighbours.primary_key.columns
    tx.execute(statement.on_conflict_do_nothing(index_elements=key).returning(neighbours.c.piece_id), parameters)


class _RecordedMeanwhileError(Exception):
    """A file that is recorded already, found as we record it: the transaction has to end as if it had not been."""


def _row(
    record: AckRecord, ids: Ids, named: str | None, good: Sequence[Good], faults: Sequence[Fault]
) -> dict[str, Any]:
    """`state` and `at` are those of the last thing that a file says."""
    last = good[-1] if good else None
    return {
        "id": ids.new("ak"),
        "printer_id": record.printer_id,
        "mode": record.mode,
        "name": record.name,
        "digest": record.digest,
        "body": record.body,
        "named_stem": named,
        "drop_stem": last.ack.drop if last else None,
        "state": last.ack.state if last else None,
        "at": last.at if last else None,
        "received_at": record.received_at,
        "faults": [fault.as_dict() for fault in faults[:_MOST_FAULTS]],
        "fault_count": len(faults),
    }

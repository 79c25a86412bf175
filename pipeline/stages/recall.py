"""Recall: take a drop back before its printer takes it, and settle what nobody could tell.

Before the hand-over a drop is simply void. After it, the wish to recall is committed first and then one rename decides: a crash
in between leaves the wish in its row, and the next worker looks again. What is lost changes nothing.

Where the printer does not take drops by renaming, that rename decides nothing. The line itself never tries it there; an operator's
wish puts the drop in doubt, which the printer's refusal or the operator's own word ends. A part that is renamed away proves at any
printer that nothing was handed over.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import ColumnElement, Connection, Row, and_, or_, select, update

from pipeline.errors import PortError
from pipeline.lifecycle import DropStatus, Move, Status
from pipeline.models.profile import PrinterProfile, proves_by_renaming
from pipeline.ports import Lies
from pipeline.repository.aside import (
    BEFORE_HAND_OVER,
    FAILOVER,
    HANDED_OVER,
    Aside,
    doubt_drop,
    locked_drop,
    set_drop_aside,
    spoken_of,
)
from pipeline.repository.batches import end_batch_doubt, live_pieces
from pipeline.repository.claims import FREED
from pipeline.repository.moves import move, select_snapshots, snapshot
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import drops, pieces, printers
from pipeline.stages.shelf import ON_THE_SHELF, take_back
from pipeline.stages.stage import Context, Done, PrinterDirectory

log = structlog.get_logger()


class _Ended(Enum):
    WON = auto()
    LOST = auto()
    UNPROVEN = auto()
    """The ready file was withdrawn where it still lay, and the printer may have read it before."""


@dataclass(frozen=True)
class Outcome:
    """What became of one drop: `void`, `recalled`, `lost` (the printer has it), `asked` (to be tried again), `in_doubt` (nobody
    can tell, so ask the printer) or `settled`."""

    stem: str
    state: str
    pieces: int = 0
    detail: str = ""


class Recall:
    name = "recall"
    table = drops
    limit = 1

    def __init__(self, context: Context, directory: PrinterDirectory) -> None:
        self._context = context
        self._directory = directory

    def where(self) -> ColumnElement[bool]:
        return and_(drops.c.mode == self._context.mode, drops.c.recall_state == "asked")

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (drops.c.due_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        [drop] = rows
        ended = self._withdraw(drop)

        def save(tx: Connection, now: datetime) -> Collection[str]:
            self._save(tx, drop, ended, now)
            return {drop.id}

        return Done(save)

    def recall(self, batch_id: str, deed: Deed) -> list[Outcome]:
        """Take back every drop of a batch that can be; in the order of revisions. Repeating it changes nothing."""
        with self._context.db.write() as tx:
            found = self._open_drops(tx, batch_id)
            record(tx, "batch.recall", batch_id, deed, {"drops": [one.stem for one in found]}, ids=self._context.ids)
            at_once = {one.id: freed for one in found if (freed := self._void(tx, one, deed)) is not None}
            for one in found:
                if one.id not in at_once:
                    ask_recall(tx, one.id, deed.who, deed.reason)
        return [
            Outcome(one.stem, "void", len(at_once[one.id])) if one.id in at_once else self._try(one) for one in found
        ]

    def settle(self, batch_id: str, deed: Deed, *, taken: bool, even_if_taken: bool = False) -> list[Outcome]:
        """Say whether the printer has the drops of a batch that are in doubt; in one transaction, kept with who and why.

        Not taken: what still lies on the shelf is taken away first, where the printer can be reached; what it has taken is `lost`.
        With `even_if_taken` every drop at the printer is given up, whatever was said of it: only what is in the mail stays.
        """
        override = even_if_taken and not taken
        with self._context.db.read() as tx:
            wanted = HANDED_OVER if override else (DropStatus.IN_DOUBT,)
            found = [one for one in self._open_drops(tx, batch_id) if one.status in wanted]
        had = set() if taken else {one.id for one in found if self._has(one) and not override}
        with self._context.db.write() as tx:
            freed = {
                one.id: self._settle(tx, one, deed, taken=taken, override=override)
                for one in found
                if one.id not in had
            }
            settled = [one for one in found if freed.get(one.id) is not None]
            if settled:
                data = {
                    "taken": taken,
                    "even_if_taken": override,
                    "drops": [one.stem for one in settled],
                    "possible_duplicates": [] if taken else [piece for one in settled for piece in freed[one.id] or ()],
                }
                record(tx, "batch.settle", batch_id, deed, data, ids=self._context.ids)
        for one in settled:
            log.warning("drop.settled", drop=one.stem, taken=taken, by=deed.who, pieces=len(freed[one.id] or ()))
        return [_settled(one, freed.get(one.id), taken=taken) for one in found]

    def _has(self, drop: Row[Any]) -> bool:
        """Whether what lies at a printer says that it has a drop. Where it cannot be reached, an operator's word stands."""
        with self._context.db.read() as tx:
            printer_row = tx.execute(select(printers).where(printers.c.id == drop.printer_id)).one()
        try:
            with self._directory.open(printer_row) as printer:
                lies = printer.look(drop.stem, drop.ready_part)
                return lies is Lies.TAKEN or (lies in ON_THE_SHELF and take_back(printer, drop) is not Lies.RECALLED)
        except PortError as error:
            log.warning("drop.not_withdrawn", drop=drop.stem, code=error.code, reason=str(error))
            return False

    def _open_drops(self, tx: Connection, batch_id: str) -> Sequence[Row[Any]]:
        mine = and_(drops.c.batch_id == batch_id, drops.c.mode == self._context.mode)
        open_ = drops.c.status.in_([*BEFORE_HAND_OVER, *HANDED_OVER])
        return tx.execute(select(drops).where(mine, open_).order_by(drops.c.revision)).all()

    def _void(self, tx: Connection, drop: Row[Any], deed: Deed) -> list[str] | None:
        why = Aside(DropStatus.VOID, deed.who, deed.reason, self._line_now(tx, drop), deed.at)
        return set_drop_aside(tx, drop.id, why, ids=self._context.ids)

    def _try(self, drop: Row[Any]) -> Outcome:
        with self._context.db.read() as tx:
            drop = tx.execute(select(drops).where(drops.c.id == drop.id)).one()
        if drop.status not in HANDED_OVER:  # somebody else has set it aside meanwhile
            return Outcome(drop.stem, drop.status)
        try:
            ended = self._withdraw(drop)
        except PortError as error:
            return Outcome(drop.stem, "asked", detail=str(error))
        with self._context.db.write() as tx:
            return self._save(tx, drop, ended, self._context.machine_clock())

    def _withdraw(self, drop: Row[Any]) -> _Ended:
        """The one rename. A drop that is not handed over yet has nothing to rename."""
        if drop.status not in HANDED_OVER:
            return _Ended.LOST
        with self._context.db.read() as tx:
            if tx.execute(select(drops.c.id).where(drops.c.id == drop.id, spoken_of())).first():
                return _Ended.LOST
            printer_row = tx.execute(select(printers).where(printers.c.id == drop.printer_id)).one()
        proves = proves_by_renaming(printer_row.profile)
        ours = not proves and drop.recall_by == FAILOVER
        if ours and drop.status == DropStatus.SENT:
            return _Ended.LOST
        with self._directory.open(printer_row) as printer:
            if not proves and printer.recall_part(drop.stem, drop.ready_part):
                return _Ended.WON
            if ours:
                return _Ended.LOST
            lies = take_back(printer, drop)
        if lies is Lies.RECALLED:
            return _Ended.WON if proves else _Ended.UNPROVEN
        return _Ended.LOST if proves or lies is Lies.TAKEN else _Ended.UNPROVEN

    def _save(self, tx: Connection, drop: Row[Any], ended: _Ended, now: datetime) -> Outcome:
        asked = tx.execute(select(drops).where(drops.c.id == drop.id)).one()
        by, reason = asked.recall_by or "", asked.recall_reason or ""
        if ended is _Ended.UNPROVEN and (doubt := self._doubt(tx, drop)):
            return doubt
        if ended is _Ended.WON:
            why = Aside(DropStatus.RECALLED, by, reason, self._line_now(tx, drop), now)
            freed = set_drop_aside(tx, drop.id, why, ids=self._context.ids)
            if freed is not None:
                log.warning("drop.recalled", drop=drop.stem, by=by, reason=reason, pieces=len(freed))
                return Outcome(drop.stem, "recalled", len(freed))
            if asked.status not in HANDED_OVER:
                return Outcome(drop.stem, asked.status)
        mine = and_(drops.c.id == drop.id, drops.c.recall_state == "asked")
        tx.execute(update(drops).where(mine).values(recall_state="lost", **FREED))
        log.warning("drop.recall_lost", drop=drop.stem, by=by, reason=reason)
        return Outcome(drop.stem, "lost", detail=f"the drop is {asked.status}: the printer has it, or may have it")

    def _doubt(self, tx: Connection, drop: Row[Any]) -> Outcome | None:
        """In doubt from here on; None where the printer has spoken of it meanwhile, or somebody has set it aside."""
        locked_drop(tx, drop.id)
        at = self._line_now(tx, drop)
        spoken = tx.execute(select(drops.c.id).where(drops.c.id == drop.id, spoken_of())).first()
        if spoken or not doubt_drop(tx, drop, at):
            return None
        log.error("drop.in_doubt", drop=drop.stem, runbook="drop-in-doubt")
        printer = tx.execute(select(printers.c.name, printers.c.profile).where(printers.c.id == drop.printer_id)).one()
        whom = _to_ask(printer.profile, at - drop.handing_over_at) or "its press room"
        return Outcome(
            drop.stem,
            "in_doubt",
            detail=f"{printer.name} does not take drops by renaming, so that nothing proves that it has not taken this one: "
            f"ask {whom}, then settle the batch by what they say",
        )

    def _settle(
        self, tx: Connection, drop: Row[Any], deed: Deed, *, taken: bool, override: bool
    ) -> Sequence[str] | None:
        """The pieces that moved; None where the drop is not where this may happen to it any more."""
        at = self._line_now(tx, drop)
        if not taken:
            why = Aside(DropStatus.VOID, deed.who, deed.reason, at, deed.at, duplicates=True, though_taken=override)
            return set_drop_aside(tx, drop.id, why, ids=self._context.ids)
        doubted = and_(drops.c.id == drop.id, drops.c.status == DropStatus.IN_DOUBT)
        sent = update(drops).where(doubted).values(status=DropStatus.SENT, sent_at=deed.at, **FREED)
        if not tx.execute(sent).rowcount:
            return None
        evidence = {"drop": drop.stem, "digest": drop.digest, "settled": deed.reason, "by": deed.who}
        waiting = and_(live_pieces(drop), pieces.c.status == Status.BATCHED)
        rows = tx.execute(select_snapshots().where(waiting)).all()
        wishes = [Move(snapshot(row), Status.SENT, at, evidence, {"poll_at": at}) for row in rows]
        end_batch_doubt(tx, [drop.batch_id])
        return sorted(move(tx, wishes, now=deed.at, ids=self._context.ids))

    def _line_now(self, tx: Connection, drop: Row[Any]) -> datetime:
        account = drop.account_id or ""
        return self._context.line_clock.read(tx, {account})[account]


def _settled(drop: Row[Any], moved: Sequence[str] | None, *, taken: bool) -> Outcome:
    if moved is not None:
        return Outcome(drop.stem, "settled" if taken else "void", len(moved))
    return Outcome(drop.stem, "lost", detail="the printer has taken it, or has spoken of it: see what it says")


def _to_ask(profile: Mapping[str, Any], waited: timedelta) -> str:
    try:
        return PrinterProfile.model_validate(profile).to_ask(waited.total_seconds() / 60)
    except ValidationError:
        return ""


def ask_recall(tx: Connection, drop_id: str, by: str, reason: str) -> bool:
    """Leave the wish in the drop's row, for whoever comes first; False where the drop is not at its printer."""
    here = and_(drops.c.id == drop_id, drops.c.status.in_(HANDED_OVER))
    new = or_(drops.c.recall_state.is_(None), drops.c.recall_state == "lost")
    asked = update(drops).where(here, new).values(recall_state="asked", recall_by=by, recall_reason=reason)
    return bool(tx.execute(asked).rowcount)

"""Acknowledge: read what a printer says of its drops and move pieces by it. A repeated or late file changes nothing wrongly."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import structlog
from sqlalchemy import ColumnElement, Connection, Row, and_, select, update

from pipeline.errors import Fault, Permanent, PortError
from pipeline.lifecycle import BatchStatus
from pipeline.models.ack_files import apart, read_acks
from pipeline.models.ack_format import Reading
from pipeline.models.profile import proves_by_renaming
from pipeline.ports import AckFile, Lies, Printer
from pipeline.repository.ack_checks import MADE_TWICE, AckRecord, drop_of
from pipeline.repository.acks import AckWriter, is_recorded
from pipeline.repository.claims import FREED
from pipeline.repository.tables import batches, drops, printers
from pipeline.repository.unclear import drops_among
from pipeline.stages.shelf import ON_THE_SHELF, take_back
from pipeline.stages.stage import Context, Done, PrinterDirectory
from pipeline.stages.waiting_acks import Waiting, Waits

log = structlog.get_logger()
_FILES = 50
_OPEN_BATCHES = (
    BatchStatus.HANDING_OVER,
    BatchStatus.SENT,
    BatchStatus.ACCEPTED,
    BatchStatus.PRINTED,
    BatchStatus.IN_DOUBT,
)


REFUSED = "refused"
"""The `recall_state` of a drop that is taken off the shelf since its printer refused it."""


_LEFT = "acks_left"
"""The `last_error` of a printer whose acknowledgements lie there for good: its alarm is told once."""


@dataclass(frozen=True)
class _Part:
    """What a file says of one drop. It is recorded by itself, so that every word of a printer is kept with its drop."""

    body: bytes
    digest: str
    reading: Reading


@dataclass(frozen=True)
class _Taken:
    """Whether anything of a part is good, whether it is `new`, and then what is wrong with it."""

    good: bool
    new: bool
    drop: str | None = None
    faults: Sequence[Fault] = ()


@dataclass(frozen=True)
class _Heard:
    """How many files were new, whether there may be `more`, the printer's `last_error` where some cannot be moved away, and what
    is `waiting` for the next poll."""

    new: int
    more: bool
    left: str | None
    waiting: Waits


class Acknowledge:
    name = "acknowledge"
    table = printers
    limit = 1

    def __init__(self, context: Context, directory: PrinterDirectory, *, poll_s: float) -> None:
        self._context = context
        self._directory = directory
        self._poll = timedelta(seconds=poll_s)
        self._writer = AckWriter(context.db, context.machine_clock, context.ids)

    def where(self) -> ColumnElement[bool]:
        account = printers.c.account_id
        return and_(
            printers.c.mode == self._context.mode, self._context.line_clock.reached(printers.c.poll_at, account)
        )

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (printers.c.poll_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        [row] = rows
        with self._directory.open(row) as printer:
            heard = self._hear(row, printer)
        return Done(lambda tx, now: self._save(tx, row, now, heard))

    def _hear(self, row: Row[Any], printer: Printer) -> _Heard:
        """Take what lies there, in the order in which it was said. What cannot be taken or moved away keeps back no other file.

        Shops are asked to rename files when they are whole, and not all do: what may be unfinished waits for another poll to read
        the same, and with it what others say of the same whole drop; what is another one than was read is read again before it is
        moved.
        """
        left: dict[str, PortError] = {}
        seen: set[str] = set()
        waiting, new = self._waiting(row), 0
        while True:
            lying = printer.acks(_FILES, but=seen)
            files = [(file, _read(file)) for file in self._whole(row, waiting, lying)]
            known = self._recorded(row, [part for _, parts in files for part in parts])
            spared = self._spared(row, [part for _, parts in files for part in parts if part.digest not in known])
            good: dict[str, bool] = {}
            for file, parts in sorted(files, key=_said_at):
                ripe = [part for part in parts if part.digest in known or not waiting.keeps(file, part.reading)]
                taken = self._take_all(row, printer, file.name, ripe, spared, left)
                new += any(one.new for one in taken)
                if len(taken) == len(parts):
                    good[file.name] = any(one.good for one in taken)
            changed = _changed(printer, seen, [file for file in lying if file.name in good])
            _move_away(row, printer, {name: is_good for name, is_good in good.items() if name not in changed}, left)
            seen.update(file.name for file in lying)
            stays = bool(left or waiting.kept or changed)
            if not (lying and stays):  # what stays lies before what is new
                waits = {**waiting.kept, **waiting.final(left)}
                return _Heard(new, len(lying) == _FILES, _tell_left(row, left), waits)

    def _waiting(self, row: Row[Any]) -> Waiting:
        with self._context.db.read() as tx:
            return Waiting(row.waiting_acks or {}, self._line_now(tx, row))

    def _whole(self, row: Row[Any], waiting: Waiting, lying: Sequence[AckFile]) -> Sequence[AckFile]:
        with self._context.db.read() as tx:
            return waiting.sift(tx, row.id, lying)

    def _take_all(
        self,
        row: Row[Any],
        printer: Printer,
        file_name: str,
        parts: Sequence[_Part],
        spared: Mapping[str, Collection[str]],
        left: dict[str, PortError],
    ) -> list[_Taken]:
        """The parts of a file, one after the other. Where one cannot be taken, the file is `left` with the rest of them."""
        taken: list[_Taken] = []
        try:
            for part in parts:
                taken.append(self._take(row, printer, file_name, part, spared))
        except PortError as error:
            left[file_name] = error
        _tell_faults(row, file_name, taken)
        return taken

    def _take(
        self, row: Row[Any], printer: Printer, file_name: str, part: _Part, spared: Mapping[str, Collection[str]]
    ) -> _Taken:
        """It is recorded before its file is moved away: a crash in between meets a file that is known, and moves it."""
        with self._context.db.read() as tx:
            known = is_recorded(tx, row.id, part.digest)
            now = self._line_now(tx, row)
        if known is not None:
            return _Taken(known, new=False)
        name = _text(file_name.encode("utf-8", "replace"))
        record = AckRecord(row.id, row.mode, name, part.digest, _text(part.body), now)
        applied = self._writer.apply(
            record,
            part.reading,
            lambda drop: self._withdraw(row, printer, drop),
            spared=spared.get(part.reading.drop or "", ()),
        )
        return _Taken(applied.good, new=True, drop=part.reading.drop, faults=applied.faults)

    def _recorded(self, row: Row[Any], parts: Iterable[_Part]) -> set[str]:
        """The digests of those that were taken before."""
        with self._context.db.read() as tx:
            return {part.digest for part in parts if is_recorded(tx, row.id, part.digest) is not None}

    def _spared(self, row: Row[Any], parts: Iterable[_Part]) -> Mapping[str, Collection[str]]:
        """By drop, the pieces that any new file says to be spoiled or destroyed, and those of which it says what cannot be read or
        believed: they are left out of what all of these files say of the whole drop, whichever is taken first."""
        spared: dict[str, set[str]] = defaultdict(set)
        with self._context.db.read() as tx:
            for part in parts:
                refused = [ack for ack in part.reading.acks if drop_of(tx, row.id, ack)[1] is not None]
                words = part.reading.words_of(refused)
                for drop in drops_among(tx, row.id, words):
                    spared[drop.stem].update(words)
                for ack in part.reading.acks:
                    if ack.state in ("spoiled", "destroyed"):
                        spared[ack.drop].update(ack.pieces or ())
        return spared

    def _withdraw(self, row: Row[Any], printer: Printer, drop: Row[Any]) -> bool:
        """Take a refused drop off the shelf; whether the printer took it after it had refused it, or still can.

        That we try is committed before the rename, so that after a crash what is taken by then tells the same.
        """
        proves, tried = proves_by_renaming(row.profile), drop.recall_state == REFUSED
        try:
            lies = printer.look(drop.stem, drop.ready_part)
            if lies in ON_THE_SHELF:
                with self._context.db.write() as tx:
                    tx.execute(update(drops).where(drops.c.id == drop.id).values(recall_state=REFUSED))
                lies, tried = take_back(printer, drop), True
        except Permanent as error:
            log.warning("drop.not_withdrawn", drop=drop.stem, code=error.code, reason=str(error))
            return proves
        if not proves or not tried or lies is Lies.RECALLED:
            return False
        log.error("drop.in_doubt", drop=drop.stem, runbook="drop-in-doubt")
        return True

    def _line_now(self, tx: Connection, row: Row[Any]) -> datetime:
        account = row.account_id or ""
        return self._context.line_clock.read(tx, {account})[account]

    def _save(self, tx: Connection, row: Row[Any], now: datetime, heard: _Heard) -> Collection[str]:
        at = self._line_now(tx, row)
        open_batches = (
            select(batches.c.id).where(batches.c.printer_id == row.id, batches.c.status.in_(_OPEN_BATCHES)).limit(1)
        )
        # A sandbox clock stops at every poll, so a sandbox printer is asked only while it has work.
        idle = row.account_id is not None and tx.execute(open_batches).first() is None
        next_poll = None if idle and not heard.waiting else at if heard.more else at + self._poll
        heard_at = {"last_ack_at": now} if heard.new else {}
        mine = and_(printers.c.id == row.id, printers.c.attempt == row.attempt)
        kept = {"last_error": heard.left, "waiting_acks": heard.waiting or None}
        tx.execute(update(printers).where(mine).values(poll_at=next_poll, **kept, **heard_at, **FREED))
        return {row.id}


def _changed(printer: Printer, seen: Collection[str], read: Sequence[AckFile]) -> set[str]:
    """Those that are not any more as they were read: written on, or written anew under the same name."""
    listed = {file.name: file.body for file in read}
    again = printer.acks(_FILES, but=seen) if listed else []
    return {file.name for file in again if file.body != listed.get(file.name, file.body)}


def _move_away(row: Row[Any], printer: Printer, good: Mapping[str, bool], left: dict[str, PortError]) -> None:
    """What the printer's server does not let be moved is `left`."""
    for name, is_good in good.items():
        try:
            printer.settle_ack(name, good=is_good)
        except PortError as error:
            left[name] = error
        else:
            log.info("ack.applied" if is_good else "ack.refused", printer=row.name, file=name)


def _read(file: AckFile) -> list[_Part]:
    bodies = apart(file.name, file.body)
    return [_Part(body, sha256(body).hexdigest(), read_acks(file.name, body)) for body in bodies]


def _said_at(read: tuple[AckFile, Sequence[_Part]]) -> tuple[bool, datetime, str]:
    """What is said of single pieces, then what is said of whole drops alone, as within a file: clocks may go wrong in between.

    Of each by what a file says first, since its name only makes it new.
    """
    file, parts = read
    said = [ack for part in parts for ack in part.reading.acks]
    first = min((ack.at for ack in said), default=datetime.max.replace(tzinfo=UTC))
    return all(ack.pieces is None for ack in said), first, file.name


def _tell_faults(row: Row[Any], file_name: str, taken: Sequence[_Taken]) -> None:
    """What cannot be read or believed is an alarm, once for its file, since it is not read again."""
    codes = {fault.code for one in taken for fault in one.faults}
    told = {
        "printer": row.name,
        "file": file_name,
        "drops": sorted({one.drop for one in taken if one.faults and one.drop}),
    }
    if codes & MADE_TWICE:
        log.error("drop.acknowledged_after_all", **told, runbook="drop-acknowledged-after-all")
    if others := codes - MADE_TWICE:
        found = sum(len(one.faults) for one in taken)
        log.error("ack.faults", **told, codes=sorted(others), found=found, runbook="ack-faults")


def _tell_left(row: Row[Any], left: Mapping[str, PortError]) -> str | None:
    """Tell of files that stay where they are. What will not pass by itself is an alarm, once."""
    if not left:
        return None
    name, error = next(
        ((name, one) for name, one in left.items() if isinstance(one, Permanent)), next(iter(left.items()))
    )
    told = {"printer": row.name, "files": len(left), "example": name, "code": error.code, "reason": str(error)}
    if not isinstance(error, Permanent):
        log.warning("acks.left", **told)
        return None
    if row.last_error != _LEFT:
        log.error("acks.left", **told, runbook="acks-left")
    return _LEFT


def _text(body: bytes) -> str:
    """Text that every database takes: PostgreSQL has no NUL in any."""
    return body.decode("utf-8", "replace").replace("\0", "\ufffd")

"""An operator's choice of printer: a batch goes elsewhere, or is split. The plan is not asked, but nothing is made twice.

A batch never changes: it is taken back, which is free before the hand-over and takes a won recall after it, and its pieces are
frozen anew at once. What somebody else froze in between, or what could not be taken back, stays there and is told.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import structlog
from sqlalchemy import Connection, Row, select

from pipeline.errors import Permanent
from pipeline.lifecycle import BatchStatus, Standing
from pipeline.ports import Doorbell, Note
from pipeline.repository.backlog import known_printers
from pipeline.repository.batches import Freeze, NotFrozenError, freeze
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import batches, printers
from pipeline.sla.lots import BatchKey
from pipeline.sla.presses import Bench, Press
from pipeline.sla.work import as_time
from pipeline.stages.recall import Outcome, Recall
from pipeline.stages.stage import Context
from pipeline.worker.floor import read_presses

log = structlog.get_logger()

_OVER = (BatchStatus.MAILED, BatchStatus.VOID, BatchStatus.RECALLED, BatchStatus.REFUSED)


class CannotRerouteError(Permanent):
    """Nothing was changed; `code` says why."""


@dataclass(frozen=True)
class Part:
    """So many pieces of a batch for this printer; None: all that are left."""

    printer: str
    pieces: int | None = None


@dataclass(frozen=True)
class Frozen:
    """A new batch that pieces of the old one came into."""

    batch_id: str
    printer: str
    pieces: int


@dataclass(frozen=True)
class Rerouted:
    """What became of the old batch's drops, and of its pieces; `left` are free, and wait for the plan."""

    outcomes: tuple[Outcome, ...]
    frozen: tuple[Frozen, ...]
    left: int


class Rerouting:
    """Works on live mail, with the recall that reaches its printers."""

    def __init__(self, context: Context, recall: Recall, doorbell: Doorbell | None = None) -> None:
        self._context = context
        self._recall = recall
        self._doorbell = doorbell

    def reroute(self, batch_id: str, printer: str, deed: Deed) -> Rerouted:
        """All that is not made yet to another printer. Raises `CannotRerouteError`."""
        batch = self._batch(batch_id)
        if batch.printer == printer:
            raise CannotRerouteError("same_printer", f"{batch_id} is at {printer} already")
        return self._regroup(batch, [Part(printer)], "batch.reroute", deed)

    def split(self, batch_id: str, keep: int, printer: str | None, deed: Deed) -> Rerouted:
        """Keep so many pieces, the next-due, at the batch's printer; the others go to `printer`, or wait for the plan.

        Raises `CannotRerouteError`.
        """
        batch = self._batch(batch_id)
        if not 0 < keep < batch.pieces:
            raise CannotRerouteError(
                "nothing_to_split", f"{batch_id} has {batch.pieces} pieces: keep some, and not all"
            )
        parts = [Part(batch.printer, keep), *([] if printer is None else [Part(printer)])]
        return self._regroup(batch, parts, "batch.split", deed)

    def _batch(self, batch_id: str) -> Row[Any]:
        with self._context.db.read() as tx:
            wanted = select(batches, printers.c.name.label("printer")).join_from(batches, printers)
            row = tx.execute(wanted.where(batches.c.id == batch_id, batches.c.mode == self._context.mode)).first()
        if row is None:
            raise CannotRerouteError("no_such_batch", f"there is no batch {batch_id}")
        if row.status in _OVER:
            raise CannotRerouteError("batch_is_over", f"{batch_id} is {row.status}")
        return row

    def _regroup(self, batch: Row[Any], parts: Sequence[Part], action: str, deed: Deed) -> Rerouted:
        with self._context.db.read() as tx:
            presses = {part.printer: self._press(tx, part.printer, batch) for part in parts}
        outcomes = self._recall.recall(batch.id, deed)
        freed = sum(one.pieces for one in outcomes)
        frozen: list[Frozen] = []
        left = freed
        for part in parts:
            wanted = left if part.pieces is None else min(part.pieces, left)
            some = self._freeze(batch, presses[part.printer], part.printer, wanted, deed)
            frozen += some
            left -= sum(one.pieces for one in some)
        with self._context.db.write() as tx:
            data = {
                "from": batch.printer,
                "to": [part.printer for part in parts],
                "drops": {one.stem: one.state for one in outcomes},
                "batches": [one.batch_id for one in frozen],
                "pieces": freed,
                "left": left,
            }
            record(tx, action, batch.id, deed, data, ids=self._context.ids)
        if frozen and self._doorbell is not None:
            self._doorbell.ring(Note("impose", self._context.mode))
        return Rerouted(tuple(outcomes), tuple(frozen), left)

    def _press(self, tx: Connection, name: str, batch: Row[Any]) -> Press:
        """A printer that can make these pieces; looked at before anything is taken back."""
        at = self._context.machine_clock()
        rows = [row for row in known_printers(tx, self._context.mode, None, at) if row.name == name]
        if not rows:
            raise CannotRerouteError("no_such_printer", f"there is no printer {name}")
        presses = read_presses(tx, rows, at)
        if not presses:
            raise CannotRerouteError("printer_profile_invalid", f"the profile of {name} cannot be read")
        [press] = presses
        if press.standing in (Standing.SUSPENDED, Standing.QUARANTINED):
            raise CannotRerouteError("printer_out_of_use", f"{name} is out of use")
        if press.lacks(_key(batch)):
            raise CannotRerouteError(
                "printer_cannot", f"{name} makes no {batch.product} on {batch.stock} as {batch.mail_class}"
            )
        return press

    def _freeze(self, batch: Row[Any], press: Press, name: str, pieces: int, deed: Deed) -> list[Frozen]:
        """In as many batches as the printer's caps ask for; fewer pieces than it makes at least stay free."""
        at = self._context.machine_clock()
        most, fewest = (
            press.most_pieces(batch.product, batch.sheets_per_piece),
            press.profile.postage.min_pieces(batch.mail_class),
        )
        made: list[Frozen] = []
        while pieces >= max(1, fewest):
            order = Freeze(
                mode=batch.mode,
                account_id=None,
                product=batch.product,
                stock=batch.stock,
                mail_class=batch.mail_class,
                sheets=batch.sheets_per_piece,
                pieces=min(pieces, most),
                fewest=max(1, fewest),
                printer_id=press.printer_id,
                profile=press.profile,
                at=at,
                mail_by=as_time(_truck(Bench(press, at), batch.due_at.timestamp())),
                reason=f"by {deed.who}: {deed.reason}",
                from_batch=batch.id,
            )
            try:
                with self._context.db.write() as tx:
                    batch_id = freeze(tx, order, now=at, ids=self._context.ids)
                    if batch_id is None:
                        break
                    taken = tx.execute(select(batches.c.pieces).where(batches.c.id == batch_id)).scalar_one()
            except NotFrozenError as error:
                log.warning("reroute.overtaken", printer=name, code=error.code, reason=str(error))
                break
            made.append(Frozen(batch_id, name, taken))
            pieces -= taken
        return made


def _key(batch: Row[Any]) -> BatchKey:
    return BatchKey(batch.mode, None, batch.product, batch.stock, batch.mail_class, batch.sheets_per_piece)


def _truck(bench: Bench, due: float) -> float:
    """The last truck that keeps the promise, or the first one at all; without any, the promise itself."""
    kept = [truck for truck in bench.trucks if truck <= due]
    return max(kept) if kept else bench.trucks[0] if bench.trucks else due

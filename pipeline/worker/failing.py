"""Failing a piece: an operator's recorded decision that it will never be mailed. Nothing can happen to it after that."""

from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, select

from pipeline.clock import Clock
from pipeline.lifecycle import REACHED_FROM, Move, Status
from pipeline.models.types import Ids
from pipeline.repository.database import Database
from pipeline.repository.holds import locked_piece
from pipeline.repository.line_clocks import line_now
from pipeline.repository.moves import move, snapshot
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import pieces
from pipeline.repository.writing import OvertakenError, write_again


class FailedAs(StrEnum):
    """How a wish to fail a piece ended."""

    DONE = "done"
    MISSING = "missing"
    TOO_LATE = "too_late"  # in the mail, or over


@dataclass(frozen=True)
class Failed:
    """`batch_id` is the batch that it was in: its place there stays, and the printer may still make it."""

    ended: FailedAs
    batch_id: str | None = None


@dataclass(frozen=True)
class Failing:
    """Works on pieces of both modes, each by its own line clock."""

    db: Database
    machine_clock: Clock
    ids: Ids

    def fail(self, piece_id: str, deed: Deed) -> Failed:
        """End a piece that nobody has in the mail, with who and why; its sender is told why."""

        def work(tx: Connection) -> Failed:
            piece = locked_piece(tx, piece_id)
            if piece is None:
                return Failed(FailedAs.MISSING)
            if piece.status not in REACHED_FROM[Status.FAILED]:
                return Failed(FailedAs.TOO_LATE)
            batch_id = tx.execute(select(pieces.c.batch_id).where(pieces.c.id == piece_id)).scalar_one()
            at = line_now(tx, piece.mode, piece.account_id, self.machine_clock)
            evidence = {"reason": deed.reason, "by": "operator"}  # names of operators stay here
            wish = Move(snapshot(piece), Status.FAILED, at, evidence, {"poll_at": None})
            if not move(tx, [wish], now=deed.at, ids=self.ids):
                raise OvertakenError
            record(tx, "mail.fail", piece_id, deed, {"status": piece.status, "batch": batch_id}, ids=self.ids)
            return Failed(FailedAs.DONE, batch_id)

        return write_again(self.db, work)

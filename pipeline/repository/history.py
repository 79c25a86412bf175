"""What became of promises: each piece of a time with all its moves, streamed in one statement, for the report on the promise."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, case, select

from pipeline.lifecycle import Status, event_type
from pipeline.repository.tables import accounts, batches, events, pieces, printers, sandbox_clocks

EXCUSED = "mail.sla_excused"
"""The type of the event by which an operator excuses a miss; its evidence has the `reason`. Senders are not told of it."""

_ALARMS = "mail.sla_"
_AT_ONCE = 5_000
_REFUSED_OR_EXCUSED = (event_type(Status.READY), EXCUSED)


@dataclass(frozen=True)
class Span:
    """Pieces of one mode whose promise fell due from `start` up to but not including `end`, of one account or of all."""

    mode: str
    start: datetime
    end: datetime
    account_id: str | None = None


@dataclass(frozen=True)
class Moved:
    """One move. `refusal` is why a printer refused the drop, where that is why the piece moved."""

    status: Status
    at: datetime
    refusal: str | None = None


@dataclass(frozen=True)
class History:
    """One piece with all its moves in sequence, the first of them its acceptance. All times are line time.

    `now` is where the line clock of its account stands, `printer` that of its last batch, `excuse` the recorded reason, if
    there is one.
    """

    piece_id: str
    account: str
    product: str
    printer: str | None
    freeze_from: datetime
    due_at: datetime
    now: datetime
    moves: tuple[Moved, ...]
    excuse: str | None = None

    @property
    def accepted_at(self) -> datetime:
        return self.moves[0].at


def histories(tx: Connection, span: Span, *, now: datetime) -> Iterator[History]:
    """Each piece of the span, by id. `now` is the machine clock, which is the line clock of live mail.

    Holds the transaction open while it is read, and a few thousand rows in memory.
    """
    rows = tx.execute(_moves(span), execution_options={"yield_per": _AT_ONCE})
    for _, group in groupby(rows, key=lambda row: row.id):
        yield _history(list(group), now)


def _history(rows: list[Row[Any]], now: datetime) -> History:
    first = rows[0]
    moves = tuple(
        Moved(Status(row.status), row.at, (row.evidence or {}).get("refused"))
        for row in rows
        if not row.type.startswith(_ALARMS)
    )
    excuses = [row.evidence.get("reason") or "no reason given" for row in rows if row.type == EXCUSED]
    return History(
        piece_id=first.id,
        account=first.account,
        product=first.product,
        printer=first.printer,
        freeze_from=first.freeze_from,
        due_at=first.due_at,
        now=first.line_now or now,
        moves=moves,
        excuse=excuses[-1] if excuses else None,
    )


def _moves(span: Span) -> Select[Any]:
    # Evidence is read where it can matter: most rows need not be decoded.
    evidence = case((events.c.type.in_(_REFUSED_OR_EXCUSED), events.c.evidence)).label("evidence")
    of_piece = (pieces.c.id, pieces.c.product, pieces.c.freeze_from, pieces.c.due_at)
    of_others = (accounts.c.name.label("account"), printers.c.name.label("printer"))
    clock = and_(sandbox_clocks.c.account_id == pieces.c.account_id, pieces.c.mode == "test")
    return (
        select(*of_piece, *of_others, sandbox_clocks.c.line_now, events.c.type, events.c.status, events.c.at, evidence)
        .join_from(pieces, events, events.c.piece_id == pieces.c.id)
        .join(accounts, accounts.c.id == pieces.c.account_id)
        .outerjoin(batches, batches.c.id == pieces.c.batch_id)
        .outerjoin(printers, printers.c.id == batches.c.printer_id)
        .outerjoin(sandbox_clocks, clock)
        .where(*_within(span))
        .order_by(pieces.c.id, events.c.sequence)
    )


def _within(span: Span) -> list[ColumnElement[bool]]:
    inside = [pieces.c.mode == span.mode, pieces.c.due_at >= span.start, pieces.c.due_at < span.end]
    return inside if span.account_id is None else [*inside, pieces.c.account_id == span.account_id]

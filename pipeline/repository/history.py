"""What became of promises: each piece of a time with all its moves, streamed in one statement, for the report on the promise."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Connection, Row, ScalarSelect, Select, and_, case, func, select

from pipeline.lifecycle import EXCUSED, Cause, Status, event_type
from pipeline.repository.duplicates import possible_duplicates
from pipeline.repository.holds import stopped_at
from pipeline.repository.tables import accounts, batches, events, pieces, placements, printers, sandbox_clocks

_ALARMS = "mail.sla_"
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Span:
    """Pieces of one mode whose promise fell due from `start` up to but not including `end`, of one account or of all."""

    mode: str
    start: datetime
    end: datetime
    account_id: str | None = None


@dataclass(frozen=True)
class Moved:
    """One move. Where a piece is ready again: why its printer refused the drop, or why that was taken back."""

    status: Status
    at: datetime
    refusal: str | None = None
    taken_back: str | None = None


@dataclass(frozen=True)
class History:
    """One piece with all its moves in sequence, the first of them its acceptance. All times are line time.

    `now` is where the line clock of its account stands, `printer` that of its last batch, `excuse` the recorded reason, if
    there is one. `stopped_at` is since when its sender holds it: until it is released, nobody knows when it is due. `cause` is
    why it would be missed, by what was foreseen last and came to nothing else.
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
    stopped_at: datetime | None = None
    cause: Cause | None = None

    @property
    def stopped(self) -> bool:
        """Whether its promise stands still, and stood still before it was due."""
        return self.stopped_at is not None and self.stopped_at <= self.due_at

    @property
    def accepted_at(self) -> datetime:
        return self.moves[0].at


@dataclass(frozen=True)
class Made:
    """How many pieces a printer said it made, reprints too, and how many of those it spoiled or destroyed. `doubled` were given up
    there on an operator's word and made again, and may be in the mail twice."""

    pieces: int
    spoiled: int
    doubled: int = 0


def made_by(tx: Connection, span: Span) -> dict[str, Made]:
    """By the name of the printer, for the pieces of the span; those of which it has said nothing are left out, unless given up."""
    spoiled = func.sum(case((placements.c.outcome.in_(("spoiled", "destroyed")), 1), else_=0))
    told = (
        select(printers.c.name, func.count().label("told"), spoiled.label("spoiled"))
        .join_from(placements, batches, batches.c.id == placements.c.batch_id)
        .join(printers, printers.c.id == batches.c.printer_id)
        .join(pieces, pieces.c.id == placements.c.piece_id)
        .where(*_within(span), placements.c.outcome.is_not(None))
        .group_by(printers.c.name)
    )
    made = {row.name: Made(row.told, int(row.spoiled)) for row in tx.execute(told)}
    for row in tx.execute(possible_duplicates(printers.c.name).where(*_within(span))):
        made[row.name] = replace(made.get(row.name, Made(0, 0)), doubled=row.pieces)
    return made


def histories(tx: Connection, span: Span, *, now: datetime) -> Iterator[History]:
    """Each piece of the span, by id. `now` is the machine clock, which is the line clock of live mail.

    Holds the transaction open while it is read, and a few thousand rows in memory.
    """
    for row in tx.execute(_pieces(span, tx.dialect.name), execution_options={"yield_per": _AT_ONCE}):
        yield _history(row, now)


def _history(row: Row[Any], now: datetime) -> History:
    told = sorted(row.told)  # by sequence, which comes first in each
    moves = tuple(
        Moved(Status(status), _moment(at), note, taken_back)
        for _, type_, status, at, note, taken_back in told
        if not type_.startswith(_ALARMS)
    )
    excuses = [note or "no reason given" for _, type_, _, _, note, _ in told if type_ == EXCUSED]
    return History(
        piece_id=row.id,
        account=row.account,
        product=row.product,
        printer=row.printer,
        freeze_from=row.freeze_from,
        due_at=row.due_at,
        now=row.line_now or now,
        moves=moves,
        excuse=excuses[-1] if excuses else None,
        stopped_at=row.stopped_at,
        cause=None if row.sla_cause is None else Cause(row.sla_cause, row.sla_detail),
    )


def _moment(text: str) -> datetime:
    """A time within JSON, as the database writes it: with an offset on PostgreSQL, in UTC without one on SQLite."""
    at = datetime.fromisoformat(text)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _pieces(span: Span, dialect: str) -> Select[Any]:
    """One row a piece with its events as a JSON array: a row an event would cost eight times the rows and their decoding."""
    columns = ("id", "product", "freeze_from", "due_at", "sla_cause", "sla_detail")
    of_piece = [pieces.c[name] for name in columns]
    of_others = (accounts.c.name.label("account"), printers.c.name.label("printer"))
    clock = and_(sandbox_clocks.c.account_id == pieces.c.account_id, pieces.c.mode == "test")
    return (
        select(*of_piece, *of_others, sandbox_clocks.c.line_now, stopped_at(), _events(dialect).label("told"))
        .join_from(pieces, accounts, accounts.c.id == pieces.c.account_id)
        .outerjoin(batches, batches.c.id == pieces.c.batch_id)
        .outerjoin(printers, printers.c.id == batches.c.printer_id)
        .outerjoin(sandbox_clocks, clock)
        .where(*_within(span))
        .order_by(pieces.c.id)
    )


def _events(dialect: str) -> ScalarSelect[Any]:
    """`[[sequence, type, status, at, note, taken back], …]`: a refusal or an excuse, and why a drop was taken back, read from the
    evidence that may have one."""
    note = case(
        (events.c.type == event_type(Status.READY), events.c.evidence["refused"].as_string()),
        (events.c.type == EXCUSED, events.c.evidence["reason"].as_string()),
    )
    aside = func.coalesce(*(events.c.evidence[how].as_string() for how in ("void", "recalled")))
    taken_back = case((events.c.type == event_type(Status.READY), aside))
    array, group = (func.json_array, func.json_group_array)
    if dialect == "postgresql":
        array, group = (func.json_build_array, func.json_agg)
    one = array(events.c.sequence, events.c.type, events.c.status, events.c.at, note, taken_back)
    return select(group(one, type_=JSON)).where(events.c.piece_id == pieces.c.id).scalar_subquery()


def _within(span: Span) -> list[ColumnElement[bool]]:
    inside = [pieces.c.mode == span.mode, pieces.c.due_at >= span.start, pieces.c.due_at < span.end]
    return inside if span.account_id is None else [*inside, pieces.c.account_id == span.account_id]

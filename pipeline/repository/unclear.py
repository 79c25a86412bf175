"""Places of which something was said that cannot be read or believed. What is said of the whole drop is not said of them, until a
good line names them: ops/decisions/0016-what-is-said-of-the-rest.md."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, and_, select, update

from pipeline.lifecycle import PROMISE_OPEN
from pipeline.repository.batches import live_in
from pipeline.repository.tables import drops, pages, pieces, placements

_TO_BE_MAILED = pieces.c.status.in_(sorted(PROMISE_OPEN))


def mark_unclear(tx: Connection, printer_id: str, words: Collection[str], at: datetime) -> None:
    """Mark those pieces of the printer's drops that are among these words and still to be mailed: one may be lost for all we know.

    Words are what stands in refused lines, stems of drops and ids of pieces or not. A drop whose stem is not among them is left.
    """
    for drop in drops_among(tx, printer_id, words):
        there = tx.execute(_placed().where(live_in(drop), _TO_BE_MAILED)).scalars()
        for page in pages(sorted(set(words).intersection(there))):
            tx.execute(update(placements).where(live_in(drop), placements.c.piece_id.in_(page)).values(unclear_at=at))


def drops_among(tx: Connection, printer_id: str, words: Collection[str]) -> Sequence[Row[Any]]:
    """The printer's drops whose stems are among these words. What was never handed over cannot have been spoken of."""
    given = and_(drops.c.printer_id == printer_id, drops.c.handing_over_at.is_not(None))
    asked: Select[Any] = select(drops.c.stem, drops.c.batch_id, drops.c.revision).where(given)
    return [drop for page in pages(sorted(words)) for drop in tx.execute(asked.where(drops.c.stem.in_(page)))]


def unclear_in(tx: Connection, drop: Row[Any]) -> set[str]:
    """Pieces of the drop that are marked, and did not go on by other evidence since."""
    return set(tx.execute(_placed().where(live_in(drop), is_unclear())).scalars())


def is_unclear() -> ColumnElement[bool]:
    """Of a place, joined with its piece: a scan or an operator who gives the piece up ends what was unclear of it."""
    return and_(placements.c.live, placements.c.unclear_at.is_not(None), _TO_BE_MAILED)


def end_unclear(tx: Connection, drop: Row[Any], named: Collection[str]) -> None:
    """A good line names these pieces: what is said of the whole drop is said of them again."""
    marked = and_(live_in(drop), placements.c.unclear_at.is_not(None))
    for page in pages(sorted(named)):
        tx.execute(update(placements).where(marked, placements.c.piece_id.in_(page)).values(unclear_at=None))


def _placed() -> Select[Any]:
    """Ids of placed pieces, by what stands in the place and in the piece."""
    return select(placements.c.piece_id).join_from(placements, pieces)

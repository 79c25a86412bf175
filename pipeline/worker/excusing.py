"""Excusing misses: an operator's word, with a reason, that a promise was not ours to keep. The report counts it apart."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select

from pipeline.clock import Clock
from pipeline.lifecycle import SlaState
from pipeline.models.types import Ids
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import line_now
from pipeline.repository.moves import excuse, select_snapshots, snapshot
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import PAGE, batches, pieces

_EXCUSABLE = (SlaState.ON_TRACK, SlaState.AT_RISK, SlaState.BREACHED)
_MOST_LISTED = 100


def excuse_pieces(db: Database, piece_ids: Collection[str], deed: Deed, *, clock: Clock, ids: Ids) -> list[str]:
    """Those of these pieces whose promise may still be missed, or was; kept and void ones need no excuse."""
    done = _excuse(db, pieces.c.id.in_(sorted(piece_ids)), deed, clock, ids)
    _record(db, "mail.excuse", done[0] if len(done) == 1 else "mail", done, deed, ids)
    return done


def excuse_batch(db: Database, batch_id: str, deed: Deed, *, clock: Clock, ids: Ids) -> list[str] | None:
    """The same for all pieces that are in a batch; None where there is no such batch."""
    with db.read() as tx:
        if tx.execute(select(batches.c.id).where(batches.c.id == batch_id)).first() is None:
            return None
    done = _excuse(db, pieces.c.batch_id == batch_id, deed, clock, ids)
    _record(db, "batch.excuse", batch_id, done, deed, ids)
    return done


def excuse_cause(db: Database, cause: str, product: str | None, deed: Deed, *, clock: Clock, ids: Ids) -> list[str]:
    """The same for all live pieces that were told to miss for this cause, of one product or of all."""
    which = and_(pieces.c.mode == "live", pieces.c.sla_cause == cause)
    done = _excuse(db, which if product is None else and_(which, pieces.c.product == product), deed, clock, ids)
    _record(db, "mail.excuse", cause, done, deed, ids)
    return done


def _excuse(db: Database, which: ColumnElement[bool], deed: Deed, clock: Clock, ids: Ids) -> list[str]:
    """Page by page, in the order of ids, so that what is excused once is not excused again."""
    done: list[str] = []
    after = ""
    while True:
        with db.write() as tx:
            open_ = and_(which, pieces.c.sla_state.in_(_EXCUSABLE), pieces.c.id > after)
            rows = tx.execute(select_snapshots().where(open_).order_by(pieces.c.id).limit(PAGE)).all()
            for (mode, account_id), some in _by_account(rows).items():
                at = line_now(tx, mode, account_id, clock)
                found = [snapshot(row) for row in some]
                done += sorted(excuse(tx, found, reason=deed.reason, by=deed.who, at=at, now=deed.at, ids=ids))
        if len(rows) < PAGE:
            return sorted(done)
        after = rows[-1].id


def _by_account(rows: Collection[Row[Any]]) -> dict[tuple[str, str], list[Row[Any]]]:
    found: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        found.setdefault((row.mode, row.account_id), []).append(row)
    return found


def _record(db: Database, action: str, subject: str, done: list[str], deed: Deed, ids: Ids) -> None:
    """An audit row, where there was something to excuse."""
    if done:
        with db.write() as tx:
            record(tx, action, subject, deed, {"pieces": len(done), "first": done[:_MOST_LISTED]}, ids=ids)

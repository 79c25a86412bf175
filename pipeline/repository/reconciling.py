"""What the nightly reconciliation looks for: drops, acknowledgements and scans that do not belong together. Live mail only."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, or_, select

from pipeline.lifecycle import DropStatus, Status
from pipeline.repository.aside import spoken_of
from pipeline.repository.batches import BEHIND_MAILED
from pipeline.repository.tables import acks, batches, drops, pieces, placements, printers


def drops_without_acks(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many drops handed over in that time were never spoken of, and the first of them."""
    span = drops.c.handing_over_at.between(since, until)
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), drops.c.status == DropStatus.SENT, span)
    return _by_printer(tx, drops.c.printer_id, func.min(drops.c.stem), and_(here, ~spoken_of()))


def acks_without_drops(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many files of that time had nothing good in them, and one of their names."""
    here = and_(acks.c.mode == mode, acks.c.received_at.between(since, until), acks.c.state.is_(None))
    return _by_printer(tx, acks.c.printer_id, func.min(acks.c.name), here)


def mailed_without_scans(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many pieces that it mailed in that time no carrier has scanned, and one of them."""
    here = and_(pieces.c.mode == mode, pieces.c.status == Status.MAILED, pieces.c.mailed_at.between(since, until))
    return _by_printer(tx, batches.c.printer_id, func.min(pieces.c.id), and_(here, pieces.c.batch_id == batches.c.id))


def short_pieces(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many places of drops handed over in that time were passed over while others were mailed, and one drop."""
    made = placements.alias("made")
    others = select(made.c.id).where(
        made.c.batch_id == placements.c.batch_id, made.c.revision == placements.c.revision, made.c.outcome == "mailed"
    )
    of_drop = and_(drops.c.batch_id == placements.c.batch_id, drops.c.revision == placements.c.revision)
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), drops.c.handing_over_at.between(since, until))
    passed_over = and_(placements.c.live, placements.c.outcome.is_(None), others.exists())
    return _by_printer(tx, drops.c.printer_id, func.min(drops.c.stem), and_(of_drop, here, passed_over))


def never_mailed(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many places of drops that it has spoken of, and that were to be mailed in that time, are not, and one drop.

    What was passed over while others were mailed is short, and told as that.
    """
    mailed = placements.alias("mailed")
    others = select(mailed.c.id).where(
        mailed.c.batch_id == placements.c.batch_id,
        mailed.c.revision == placements.c.revision,
        mailed.c.outcome == "mailed",
    )
    of_drop = and_(drops.c.batch_id == placements.c.batch_id, drops.c.revision == placements.c.revision)
    due = and_(batches.c.id == placements.c.batch_id, batches.c.mail_by.between(since, until))
    here = and_(of_drop, due, drops.c.mode == mode, drops.c.account_id.is_(None), spoken_of())
    there = and_(pieces.c.id == placements.c.piece_id, pieces.c.status.in_(BEHIND_MAILED), placements.c.live)
    not_short = or_(placements.c.outcome.is_not(None), ~others.exists())
    return _by_printer(tx, drops.c.printer_id, func.min(drops.c.stem), and_(here, there, not_short))


def drops_in_doubt(tx: Connection, mode: str, since: datetime, until: datetime) -> Sequence[Row[Any]]:
    """By printer: how many drops whose hand-over began in that time are in doubt, or still on their way, and the first of them."""
    span = drops.c.handing_over_at.between(since, until)
    open_ = drops.c.status.in_([DropStatus.HANDING_OVER, DropStatus.IN_DOUBT])
    here = and_(drops.c.mode == mode, drops.c.account_id.is_(None), open_, span)
    return _by_printer(tx, drops.c.printer_id, func.min(drops.c.stem), here)


def _by_printer(tx: Connection, printer_id: Any, example: Any, where: Any) -> Sequence[Row[Any]]:
    counted = select(printers.c.name.label("printer"), func.count().label("found"), example.label("example"))
    return tx.execute(
        counted.where(where, printers.c.id == printer_id).group_by(printers.c.name).order_by(printers.c.name)
    ).all()

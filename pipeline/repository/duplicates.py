"""Pieces that may be in the mail twice: made again on an operator's word, though a printer may have made them."""

from typing import Any

from sqlalchemy import ColumnElement, Select, and_, distinct, func, select

from pipeline.lifecycle import DropStatus, Status, event_type
from pipeline.repository.tables import drops, events, pieces, placements, printers


def possible_duplicates(*columns: ColumnElement[Any]) -> Select[Any]:
    """By `columns` of `drops`, `printers` or `pieces`: how many `pieces` of drops that were given up were made again as possible
    duplicates. The printer is the one that was given up.

    Such drops are few, so that they are found first, and then the events that say so of their pieces.
    """
    given_up = and_(drops.c.status == DropStatus.VOID, drops.c.handing_over_at.is_not(None))
    placed = and_(placements.c.batch_id == drops.c.batch_id, placements.c.revision == drops.c.revision)
    freed = and_(events.c.piece_id == placements.c.piece_id, events.c.type == event_type(Status.READY))
    so_told = and_(
        events.c.evidence["drop"].as_string() == drops.c.stem, events.c.evidence["possible_duplicate"].as_boolean()
    )
    return (
        select(*columns, func.count(distinct(pieces.c.id)).label("pieces"))
        .join_from(drops, printers, printers.c.id == drops.c.printer_id)
        .join(placements, placed)
        .join(pieces, pieces.c.id == placements.c.piece_id)
        .join(events, freed)
        .where(given_up, so_told)
        .group_by(*columns)
    )

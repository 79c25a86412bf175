"""What was sent against what was made: every place of a batch counted once, under the furthest that was said of it."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, func, select

from pipeline.repository.tables import neighbours, pieces, placements
from pipeline.repository.unclear import is_unclear

OUTCOMES = ("printed", "inserted", "mailed", "spoiled", "destroyed")
PLACES = (*OUTCOMES, "freed", "short", "waiting")
"""Under one of these each place of a revision is counted, so that together they are what was placed.

`freed` are those whose pieces went back, to be planned again. `short` are those of which nothing was said while others of the
revision are made, and `waiting` those of a revision of which nothing is made yet.
"""


def revision_counts(tx: Connection, batch_id: str) -> list[dict[str, Any]]:
    """By revision: what was `placed`, how much of it is `live`, what became of it by `PLACES`, `unclear` places that need a
    word of their own, and `neighbours`, which came out once more on the sheets of a reprint and were destroyed."""
    outcome, nothing = placements.c.outcome, placements.c.outcome.is_(None)
    told = [_counted(outcome == name).label(name) for name in OUTCOMES]
    again = and_(neighbours.c.batch_id == placements.c.batch_id, neighbours.c.revision == placements.c.revision)
    summary: Select[Any] = (
        select(
            placements.c.revision,
            func.count().label("placed"),
            _counted(placements.c.live).label("live"),
            *told,
            _counted(and_(nothing, ~placements.c.live)).label("freed"),
            _counted(and_(nothing, placements.c.live)).label("unsaid"),
            _counted(is_unclear()).label("unclear"),
            select(func.count()).select_from(neighbours).where(again).scalar_subquery().label("neighbours"),
        )
        .join_from(placements, pieces)
        .where(placements.c.batch_id == batch_id)
        .group_by(placements.c.batch_id, placements.c.revision)
        .order_by(placements.c.revision)
    )
    return [_named(dict(row._mapping)) for row in tx.execute(summary)]


def _counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.count().filter(condition)


def _named(counts: dict[str, Any]) -> dict[str, Any]:
    unsaid, neighbours = counts.pop("unsaid"), int(counts.pop("neighbours"))
    made = counts["printed"] + counts["inserted"] + counts["mailed"]
    short, waiting = (unsaid, 0) if made else (0, unsaid)
    return counts | {"short": short, "waiting": waiting, "neighbours": neighbours}

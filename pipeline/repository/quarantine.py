"""What was put aside because its worker died with it again and again: listed, and let go, by an operator.

Nothing else looks at these rows: a promise that hangs on one runs on.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, literal, null, select, union_all, update

from pipeline.models.types import Ids
from pipeline.repository.claims import FREED
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import creatives, deliveries, drops, pieces, printers

_TABLES = {"mail": pieces, "creative": creatives, "drop": drops, "printer": printers, "delivery": deliveries}
_NAMES = {"drop": drops.c.stem, "printer": printers.c.name}


def listed(tx: Connection, mode: str) -> Sequence[Row[Any]]:
    """What is quarantined, the longest first: `kind`, `id`, `name`, `quarantined_at` and `last_error`.

    A drop's name is its stem; only printers have another.
    """
    parts = [
        select(
            literal(kind).label("kind"),
            table.c.id,
            _NAMES.get(kind, null()).label("name"),
            table.c.quarantined_at,
            table.c.last_error,
        ).where(table.c.mode == mode, table.c.solo_deaths > 0, table.c.quarantined_at.is_not(None))
        for kind, table in _TABLES.items()
    ]
    return tx.execute(union_all(*parts).order_by("quarantined_at", "id")).all()


def release(tx: Connection, row_id: str, deed: Deed, *, ids: Ids) -> str | None:
    """Let a row be worked on again, as if its worker had never died; returns its kind, or None where none is quarantined."""
    for kind, table in _TABLES.items():
        here = (table.c.id == row_id, table.c.quarantined_at.is_not(None))
        if tx.execute(update(table).where(*here).values(quarantined_at=None, **FREED)).rowcount:
            record(tx, "quarantine.release", row_id, deed, {"kind": kind}, ids=ids)
            return kind
    return None

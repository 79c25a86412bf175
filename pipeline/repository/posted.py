"""Test pieces that were mailed, as the simulated carrier asks for them."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from pipeline.repository.tables import pages, pieces, sandbox_clocks


def find_posted(tx: Connection, imbs: Sequence[str]) -> list[Any]:
    """`imb`, `mailed_at` and the account's `line_now` of those that are mailed."""
    wanted = (
        select(pieces.c.imb, pieces.c.mailed_at, sandbox_clocks.c.line_now)
        .join(sandbox_clocks, sandbox_clocks.c.account_id == pieces.c.account_id)
        .where(pieces.c.mode == "test", pieces.c.mailed_at.is_not(None))
    )
    return [row for page in pages(imbs) for row in tx.execute(wanted.where(pieces.c.imb.in_(page)))]

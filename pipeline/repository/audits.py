"""What operators did, as it was kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select

from pipeline.repository.pages import Page, page_of
from pipeline.repository.tables import audit


@dataclass(frozen=True)
class AuditFilter:
    """Which deeds to list; None means all. `action` is whole (`batch.recall`) or the part before its dot (`batch`)."""

    subject: str | None = None
    action: str | None = None
    who: str | None = None


def list_audit(tx: Connection, wanted: AuditFilter, page: Page) -> Sequence[Row[Any]]:
    """Newest first, one more than the page holds where there is more."""
    query = select(audit)
    if wanted.subject is not None:
        query = query.where(audit.c.subject == wanted.subject)
    if wanted.who is not None:
        query = query.where(audit.c.who == wanted.who)
    if wanted.action is not None:
        exact = audit.c.action == wanted.action
        below = audit.c.action.startswith(f"{wanted.action}.", autoescape=True)
        query = query.where(exact if "." in wanted.action else below)
    return page_of(tx, query, audit.c.id, page)

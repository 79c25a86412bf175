"""Dated suspensions: days on which a printer mails nothing, or nothing is mailed to some ZIP codes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from pipeline.models.types import Ids
from pipeline.repository.printers import Deed, record
from pipeline.repository.tables import printers, suspensions

_DAY = timedelta(days=1)
KEPT_FOR = timedelta(days=60)
"""A promise may have begun before a suspension that is long over, and is counted anew when a hold on it ends."""


@dataclass(frozen=True)
class Suspension:
    """Days, the last one included, on which nothing is mailed by a printer, or to the ZIP codes that begin with `zip3`.

    Of `printer` (its id) and `zip3` the one that is None does not matter; with neither, the suspension is for all.
    """

    first: date
    last: date
    printer: str | None = None
    zip3: str | None = None
    reason: str = ""

    def touches_piece(self, zip5: str) -> bool:
        """Whether it stops the count of a piece; a printer that stands still stops none, since another may print."""
        return self.printer is None and (self.zip3 is None or zip5.startswith(self.zip3))

    def touches_printer(self, printer: str) -> bool:
        return self.zip3 is None and self.printer in (None, printer)


def suspended_days(found: Iterable[Suspension], *, zip5: str) -> frozenset[date]:
    """The days that do not count for a piece."""
    return frozenset(day for one in found if one.touches_piece(zip5) for day in _days(one))


def closed_days(found: Iterable[Suspension], *, printer: str) -> frozenset[date]:
    """The days on which a printer neither prints nor loads a truck, as `Floor.closed_dates` takes them."""
    return frozenset(day for one in found if one.touches_printer(printer) for day in _days(one))


def read_suspensions(tx: Connection, today: date) -> list[Suspension]:
    """Those that may matter to a piece that is still to be mailed on `today`."""
    rows = tx.execute(select(suspensions).where(suspensions.c.last >= today - KEPT_FOR))
    return [Suspension(row.first, row.last, row.printer_id, row.zip3, row.reason) for row in rows]


def list_suspensions(tx: Connection, since: date) -> Sequence[Row[Any]]:
    """Those that end on `since` or later, by their first day, with the name of the printer as `printer`."""
    return tx.execute(_named().where(suspensions.c.last >= since).order_by(suspensions.c.first, suspensions.c.id)).all()


def find_suspension(tx: Connection, suspension_id: str) -> Row[Any] | None:
    """As `list_suspensions` gives it."""
    return tx.execute(_named().where(suspensions.c.id == suspension_id)).first()


def add_suspension(tx: Connection, one: Suspension, deed: Deed, *, ids: Ids) -> str:
    """Its id. The caller counts anew what it touches."""
    suspension_id = ids.new("su")
    values = {"first": one.first, "last": one.last, "printer_id": one.printer, "zip3": one.zip3}
    tx.execute(
        insert(suspensions).values(id=suspension_id, **values, reason=deed.reason, by=deed.who, created_at=deed.at)
    )
    data = {"first": one.first.isoformat(), "last": one.last.isoformat(), "printer": one.printer, "zip3": one.zip3}
    record(tx, "suspension.add", suspension_id, deed, data, ids=ids)
    return suspension_id


def end_suspension(tx: Connection, suspension_id: str, today: date, deed: Deed, *, ids: Ids) -> bool:
    """Let `today` and what follows count again; False where there is no such suspension, or it is over.

    Promises that were put off because of it stay where they are: none is moved to an earlier time.
    """
    here = suspensions.c.id == suspension_id
    cut = update(suspensions).where(here, suspensions.c.first < today, suspensions.c.last >= today)
    done = tx.execute(cut.values(last=today - _DAY)).rowcount
    done = done or tx.execute(delete(suspensions).where(here, suspensions.c.first >= today)).rowcount
    if done:
        record(tx, "suspension.end", suspension_id, deed, {}, ids=ids)
    return bool(done)


def _days(suspension: Suspension) -> list[date]:
    return [suspension.first + n * _DAY for n in range((suspension.last - suspension.first).days + 1)]


def _named() -> Any:
    of_printer = printers.c.id == suspensions.c.printer_id
    return select(suspensions, printers.c.name.label("printer")).outerjoin_from(suspensions, printers, of_printer)

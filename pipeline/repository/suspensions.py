"""Dated suspensions: days on which a printer mails nothing, or nothing is mailed to some ZIP codes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, insert, select, update

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
    return [_suspension(row) for row in rows]


def list_suspensions(tx: Connection, since: date) -> Sequence[Row[Any]]:
    """Those that end on `since` or later, by their first day, with the name of the printer as `printer`."""
    return tx.execute(_named().where(suspensions.c.last >= since).order_by(suspensions.c.first, suspensions.c.id)).all()


def find_suspension(tx: Connection, suspension_id: str) -> Row[Any] | None:
    """As `list_suspensions` gives it."""
    return tx.execute(_named().where(suspensions.c.id == suspension_id)).first()


def add_suspension(tx: Connection, one: Suspension, deed: Deed, *, ids: Ids) -> str:
    """Its id. The caller counts anew what it touches, page by page; until that is done, `unfinished_suspensions` has it."""
    suspension_id = ids.new("su")
    values = {"first": one.first, "last": one.last, "printer_id": one.printer, "zip3": one.zip3}
    if one.printer is None:
        values["put_off_to"] = ""
    tx.execute(
        insert(suspensions).values(id=suspension_id, **values, reason=deed.reason, by=deed.who, created_at=deed.at)
    )
    data = {"first": one.first.isoformat(), "last": one.last.isoformat(), "printer": one.printer, "zip3": one.zip3}
    record(tx, "suspension.add", suspension_id, deed, data, ids=ids)
    return suspension_id


def unfinished_suspensions(tx: Connection, before: datetime) -> Sequence[str]:
    """Those made before then of which not every promise was counted anew."""
    left = and_(suspensions.c.put_off_to.is_not(None), suspensions.c.created_at <= before)
    return tx.execute(select(suspensions.c.id).where(left).order_by(suspensions.c.id)).scalars().all()


def locked_suspension(tx: Connection, suspension_id: str) -> tuple[Suspension, str] | None:
    """With the last piece that was counted anew; None where all were, or it was called off before it began."""
    left = and_(suspensions.c.id == suspension_id, suspensions.c.put_off_to.is_not(None))
    row = tx.execute(select(suspensions).where(left).with_for_update()).first()
    return None if row is None else (_suspension(row), row.put_off_to)


def note_put_off(tx: Connection, suspension_id: str, to: str | None) -> None:
    """How far its promises are counted anew: up to the piece `to`, or all."""
    tx.execute(update(suspensions).where(suspensions.c.id == suspension_id).values(put_off_to=to))


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


def _suspension(row: Row[Any]) -> Suspension:
    return Suspension(row.first, row.last, row.printer_id, row.zip3, row.reason)


def _days(suspension: Suspension) -> list[date]:
    return [suspension.first + n * _DAY for n in range((suspension.last - suspension.first).days + 1)]


def _named() -> Any:
    of_printer = printers.c.id == suspensions.c.printer_id
    return select(suspensions, printers.c.name.label("printer")).outerjoin_from(suspensions, printers, of_printer)

"""Printers as the planner and the board see them: rows, queues and suspensions, made into presses."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import structlog
from pydantic import ValidationError
from sqlalchemy import Connection, Row

from pipeline.errors import Permanent
from pipeline.lifecycle import BatchStatus
from pipeline.models.profile import Imposition, PrinterProfile
from pipeline.press.sheets.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import backlog
from pipeline.repository.suspensions import closed_days, read_suspensions
from pipeline.sla.presses import HEARD, Committed, Pace, Press
from pipeline.sla.shifts import worked_between

log = structlog.get_logger()

_UNHEARD = (BatchStatus.HANDING_OVER, BatchStatus.SENT)


def read_presses(tx: Connection, printers: Sequence[Row[Any]], at: datetime) -> list[Press]:
    """One for each of these rows of `backlog.known_printers` whose profile can be read, in their order, with what it has to
    print at line time `at`.
    """
    profiles = {row.id: profile for row in printers if (profile := profile_of(row)) is not None}
    printers = [row for row in printers if row.id in profiles]
    if not printers:
        return []
    queued = backlog.unprinted_batches(tx, {row.id for row in printers})
    printed = backlog.last_printed(tx, {one.printer_id for one in queued}, at) if queued else {}
    # A sandbox printer is asked only where its account's clock stops, and is never late.
    real = {row.id for row in printers if row.account_id is None}
    words = backlog.first_words(tx, real, at, drops_=HEARD) if real else {}
    suspensions = read_suspensions(tx, at.date())
    return [
        _press(
            row,
            profiles[row.id],
            [one for one in queued if one.printer_id == row.id],
            printed.get(row.id),
            words.get(row.id, ()),
            closed_days(suspensions, printer=row.id),
        )
        for row in printers
    ]


def profile_of(printer: Row[Any]) -> PrinterProfile | None:
    """None where it cannot be read: another version wrote it, or a hand on the database."""
    try:
        return PrinterProfile.model_validate(printer.profile)
    except ValidationError:
        return None


def _press(
    row: Row[Any],
    profile: PrinterProfile,
    queued: Sequence[Row[Any]],
    printed_at: datetime | None,
    words: Sequence[tuple[datetime, datetime]],
    closed: frozenset[date],
) -> Press:
    profile = _without(closed, profile)
    floor = profile.floor
    silent = [one.handed_over_at for one in queued if one.status in _UNHEARD and one.handed_over_at is not None]
    return Press(
        row.id,
        row.account_id,
        profile,
        {name: Pace(n_up, floor.sheets_per_hour, floor.cost_cents_per_sheet) for name, n_up in _slots(profile).items()},
        queue=tuple(Committed(one.product, one.sheets, one.frozen_at) for one in queued),
        unacknowledged_since=min(silent, default=None) if row.account_id is None else None,
        heard_after=max((worked_between(floor, *one) for one in words), default=None),
        printed_at=printed_at,
        standing=backlog.standing(row),
        back_at=backlog.back_at(row),
        name=row.name,
    )


def _without(closed: frozenset[date], profile: PrinterProfile) -> PrinterProfile:
    """The profile with these days closed too."""
    if not closed:
        return profile
    dates = tuple(sorted(closed.union(profile.floor.closed_dates)))
    return profile.model_copy(update={"floor": profile.floor.model_copy(update={"closed_dates": dates})})


def _slots(profile: PrinterProfile) -> Mapping[str, int]:
    """Pieces a sheet, by product; a product that does not fit this printer's sheet is one it cannot make."""
    counted = {name: _n_up(name, profile.imposition) for name in profile.products}
    return {name: slots for name, slots in counted.items() if slots}


@lru_cache(maxsize=1024)
def _n_up(product: str, imposition: Imposition) -> int:
    try:
        return n_up(PRODUCTS[product], imposition) if product in PRODUCTS else 0
    except Permanent as error:
        log.warning("layout.does_not_fit", product=product, reason=str(error))
        return 0

"""The promise of one piece: from when it counts, what stops the count, and by when the piece must be mailed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from pipeline.sla.calendar import PROMISE, counted, due_at

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Suspension:
    """Days, the last one included, on which nothing is mailed by a printer, or to the ZIP codes that begin with `zip3`.

    Of `printer` and `zip3` the one that is None does not matter; with neither, the suspension is for all.
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


@dataclass(frozen=True)
class Hold:
    """A hold that the sender asked for; `until` is None while it lasts. Holds of ours stop no count and are not told here."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True)
class Terms:
    """What an account was promised; `promise` is `default` or `clock`."""

    zone: ZoneInfo
    promise: str = "default"


def suspended_days(suspensions: Iterable[Suspension], *, zip5: str) -> frozenset[date]:
    """The days that do not count for a piece."""
    return frozenset(day for one in suspensions if one.touches_piece(zip5) for day in _days(one))


def closed_days(suspensions: Iterable[Suspension], *, printer: str) -> frozenset[date]:
    """The days on which a printer neither prints nor loads a truck, as `Floor.closed_dates` takes them."""
    return frozenset(day for one in suspensions if one.touches_printer(printer) for day in _days(one))


def counts_from(accepted_at: datetime, send_on: date | None, zone: ZoneInfo) -> datetime:
    """Acceptance, or the start of `send_on` in the account's zone where that is later; in UTC."""
    if send_on is None:
        return accepted_at.astimezone(UTC)
    return max(accepted_at, datetime.combine(send_on, time(), zone)).astimezone(UTC)


def promised(
    start: datetime, terms: Terms, *, holds: Sequence[Hold] = (), suspended: frozenset[date] = frozenset()
) -> datetime | None:
    """By when a piece whose count began at `start` must be mailed; None while its sender holds it.

    A hold that begins when the time is up, or later, changes nothing.
    """
    at, left = start.astimezone(UTC), PROMISE
    for hold in sorted(holds, key=lambda one: one.since):
        due = due_at(at, terms.zone, promise=terms.promise, suspended=suspended, left=left)
        if hold.since >= due:
            return due
        if hold.until is not None and hold.until <= at:
            continue
        begins = max(hold.since, at)
        left -= counted(at, begins, terms.zone, promise=terms.promise, suspended=suspended)
        if hold.until is None:
            return None
        at = max(hold.until.astimezone(UTC), begins)
    return due_at(at, terms.zone, promise=terms.promise, suspended=suspended, left=left)


def _days(suspension: Suspension) -> list[date]:
    return [suspension.first + n * _DAY for n in range((suspension.last - suspension.first).days + 1)]

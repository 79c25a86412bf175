"""The promise of one piece: from when it counts, what stops the count, and by when the piece must be mailed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from pipeline.sla.calendar import PROMISE, counted, due_at


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

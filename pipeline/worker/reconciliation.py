"""The nightly reconciliation of drops, acknowledgements and scans: each gap is an alarm, once a night and printer.

It changes nothing: what it finds, a person looks into, by the runbook that the alarm names.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import Any

import structlog
from sqlalchemy import Connection, Row

from pipeline.repository import reconciling
from pipeline.repository.leadership import lead
from pipeline.sla.calendar import is_mailing_day
from pipeline.stages.stage import Context

log = structlog.get_logger()

AT_NIGHT = time(8, 0, tzinfo=UTC)
"""Midnight to four in the morning in the states: the last trucks have left and the day's scans are in."""

SCANNED_WITHIN = 3
"""Mailing days within which a mailed piece has its first scan."""

_SETTLED_AFTER = timedelta(hours=24)
_BACK = timedelta(days=10)
Find = Callable[[Connection, str, datetime, datetime], Sequence[Row[Any]]]


class Reconciliation:
    """`run` does nothing but once a night, whoever leads the tick: a lease row says that it was done."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def run(self) -> bool:
        """Whether it was this call that reconciled."""
        now = self._context.machine_clock()
        mode = self._context.mode
        until_next_s = (next_night(now) - now).total_seconds()
        with self._context.db.write() as tx:
            # An owner of its own each time: the lease is then free again no sooner than the next night.
            if lead(tx, f"reconcile-{mode}", self._context.ids.new("rc"), now=now, for_s=until_next_s) is None:
                return False
            at = self._context.line_clock.read(tx, {""})[""]
        settled = at - _SETTLED_AFTER
        checks: tuple[tuple[str, Find, datetime, str], ...] = (
            ("reconcile.drops_unacknowledged", reconciling.drops_without_acks, settled, "reconcile-acks"),
            ("reconcile.acks_refused", reconciling.acks_without_drops, at, "reconcile-acks"),
            ("reconcile.pieces_short", reconciling.short_pieces, settled, "reconcile-acks"),
            ("reconcile.never_mailed", reconciling.never_mailed, settled, "never-mailed"),
            ("reconcile.drops_in_doubt", reconciling.drops_in_doubt, settled, "drop-in-doubt"),
            ("reconcile.never_scanned", reconciling.mailed_without_scans, mailing_days_before(at), "never-scanned"),
        )
        for event, find, until, runbook in checks:
            with self._context.db.read() as tx:
                found = find(tx, mode, until - _BACK, until)
            for row in found:
                log.error(event, printer=row.printer, found=row.found, example=row.example, runbook=runbook)
        return True


def next_night(now: datetime) -> datetime:
    """The next time for it after `now`."""
    today = datetime.combine(now.astimezone(UTC).date(), AT_NIGHT)
    return today if today > now else today + timedelta(days=1)


def mailing_days_before(at: datetime, days: int = SCANNED_WITHIN) -> datetime:
    """`at` on the mailing day which `days` whole mailing days have followed."""
    while days:
        if is_mailing_day(at.date()):
            days -= 1
        at -= timedelta(days=1)
    return at

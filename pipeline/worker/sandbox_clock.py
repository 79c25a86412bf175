"""What moves the sandbox clocks: as fast as their rate allows, stopping at each moment at which something falls due.

A clock stands still while work is due where it stands, so that a fast day has the same order of events as a slow one.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from pipeline.repository.sandbox_moments import Standing, set_clock, standings
from pipeline.stages.stage import Context

LONGEST_STEP = timedelta(seconds=2)
"""Machine time that one step may count: a service that was down for an hour does not leap when it comes back."""


def move_clocks(context: Context, next_close_at: Mapping[str, datetime]) -> int:
    """Move every clock that may move; `next_close_at` is when, by the plan, an account's next batch closes."""
    now = context.machine_clock()
    with context.db.read() as tx:
        found = standings(tx)
    steps = [(one, _target(one, next_close_at.get(one.account_id), now)) for one in found]
    if not steps:
        return 0
    with context.db.write() as tx:
        return sum(set_clock(tx, one, target, now=now) for one, target in steps)


def _target(one: Standing, next_close_at: datetime | None, now: datetime) -> datetime:
    """Where the clock goes now; where it stands, if it has to wait or has nothing to wait for."""
    if one.busy:
        return one.line_now
    ahead = [moment for moment in (one.next_due, next_close_at) if moment is not None and moment > one.line_now]
    if one.advance_to is not None and one.advance_to > one.line_now:
        return min([one.advance_to, *ahead])
    if not ahead:
        return one.line_now
    passed = min(max(now - one.moved_at, timedelta()), LONGEST_STEP)
    return min(one.line_now + passed * one.rate, *ahead)

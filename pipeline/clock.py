"""The two clocks, both passed in: nothing in `pipeline/` reads a clock by itself.

The *machine clock* rules leases, attempts and signatures. The *line clock* rules promises, cut-offs and batching; for live
mail it is the machine clock, for a test account it is that account's own (see `pipeline.repository.sandbox_clocks`).
Both give aware UTC.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def machine_clock() -> datetime:
    """Now, as this machine has it."""
    return datetime.now(UTC)


class ManualClock:
    """A clock that moves only when told to, for tests and simulations."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        self._now += by
        return self._now

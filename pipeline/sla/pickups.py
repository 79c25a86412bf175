"""Whether the printers' pick-ups can keep the promise at all, for every hour at which a piece may be accepted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.models.profile import Floor
from pipeline.sla.calendar import due_at
from pipeline.sla.presses import EPSILON_S, LINE_OVERHEAD
from pipeline.sla.shifts import shifts

_HOUR = timedelta(hours=1)
_WEEK_HOURS = 7 * 24


def hours_without_pickup(
    floors: Sequence[Floor], zone: ZoneInfo, *, start: datetime, window: timedelta, promise: str = "default"
) -> list[datetime]:
    """The hours of the week from `start` (aware) at which no printer has a truck that a piece accepted then can still catch.

    `window` is for how long a sender may cancel. Counts one sheet on an idle press: what fails here fails always.
    """
    hours = [start + n * _HOUR for n in range(_WEEK_HOURS)]
    return [at for at in hours if not any(_keeps(floor, at, zone, window, promise) for floor in floors)]


def _keeps(floor: Floor, accepted_at: datetime, zone: ZoneInfo, window: timedelta, promise: str) -> bool:
    """Whether one sheet can be printed, in the press's hours, before a truck stops taking that leaves by the due time."""
    hours = shifts(floor, accepted_at)
    ready = (accepted_at + window + LINE_OVERHEAD).timestamp()
    printed = hours.worked(ready) + 60.0 * floor.setup_minutes + 3600.0 / floor.sheets_per_hour
    due = due_at(accepted_at, zone, promise=promise).timestamp()
    return any(
        truck <= due and hours.worked(truck - 60.0 * floor.lead_minutes) >= printed - EPSILON_S
        for truck in hours.trucks_after(ready)
    )

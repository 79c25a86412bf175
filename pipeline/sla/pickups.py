"""Whether the printers' pick-ups can keep the promise at all, whenever in the week a piece is accepted."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.models.profile import Floor
from pipeline.sla.calendar import due_at
from pipeline.sla.presses import EPSILON_S, LINE_OVERHEAD
from pipeline.sla.shifts import shifts

_QUARTER = timedelta(minutes=15)
_WEEK = timedelta(days=7)


def times_without_pickup(
    floors: Collection[Floor], zone: ZoneInfo, *, start: datetime, window: timedelta, promise: str = "default"
) -> list[datetime]:
    """The quarters of an hour of the week from `start` (aware) in which no printer has a truck for all that is accepted then.

    `window` is for how long a sender may cancel. Counts one sheet on an idle press: what fails here fails always. Looks at the
    start of each quarter and at the second before each truck, since what misses one truck is nowhere nearer to its due time.
    """
    moments = {start + n * _QUARTER for n in range(_WEEK // _QUARTER)}
    for floor in floors:
        leaving = (datetime.fromtimestamp(truck - 1, UTC) for truck in shifts(floor, start).trucks)
        moments.update(at for at in leaving if start <= at < start + _WEEK)
    unkept = (at for at in moments if not any(_keeps(floor, at, zone, window, promise) for floor in floors))
    return sorted({at - (at - start) % _QUARTER for at in unkept})


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

"""Whether the printers' pick-ups can keep the promise at all, for every hour at which a piece may be accepted."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from pipeline.models.profile import Floor
from pipeline.sla.calendar import due_at, trucks_between
from pipeline.sla.presses import LINE_OVERHEAD

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
    making = (
        timedelta(minutes=floor.setup_minutes + floor.lead_minutes + floor.ack_minutes) + _HOUR / floor.sheets_per_hour
    )
    earliest = accepted_at + window + LINE_OVERHEAD + making
    due = due_at(accepted_at, zone, promise=promise)
    return bool(trucks_between(earliest, due, floor.zoneinfo, floor.trucks))

"""A printer's opening hours in words. Hours that close no later than they open end on the next day, as a night shift's do: whoever
wrote 02:00 for 14:00 has to see that, when the profile is saved and when the printer is checked."""

from collections.abc import Iterator, Sequence
from datetime import time, timedelta

from pipeline.models.profile import Floor

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


def hours_in_words(floor: Floor) -> str:
    """Such as `22:00 to 06:00 of the next day (8 h) on Mon, Tue; America/Boise`."""
    hours = " and ".join(_in_words(opens, closes) for opens, closes, _ in _hours(floor))
    days = [name for number, name in enumerate(_DAYS) if number not in floor.closed_weekdays]
    return f"{hours} on {', '.join(days) if len(days) < len(_DAYS) else 'all days'}; {floor.zone}"


def hour_warnings(floor: Floor) -> Sequence[str]:
    """What is let pass and may be a slip: `floor.closes: 06:00 to 02:00 of the next day (20 h), …`."""
    return [
        f"{field}: {_in_words(opens, closes)}, since it closes no later than it opens; if that is no night shift, correct the hours"
        for opens, closes, field in _hours(floor)
        if closes <= opens
    ]


def _hours(floor: Floor) -> Iterator[tuple[time, time, str]]:
    """With the field that says when they end."""
    yield floor.opens, floor.closes, "floor.closes"
    for number, (opens, closes) in enumerate(floor.extra_hours):
        yield opens, closes, f"floor.extra_hours.{number}"


def _in_words(opens: time, closes: time) -> str:
    next_day = closes <= opens
    length = _since_midnight(closes) - _since_midnight(opens) + timedelta(days=next_day)
    until = f"{closes:%H:%M} of the next day" if next_day else f"{closes:%H:%M}"
    return f"{opens:%H:%M} to {until} ({length / timedelta(hours=1):.3g} h)"


def _since_midnight(at: time) -> timedelta:
    return timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)

"""Opening hours in words: what ends on the next day, and how long it is."""

from datetime import time
from typing import Any

import pytest

from pipeline.models.floor_hours import hour_warnings, hours_in_words
from pipeline.models.profile import Floor


@pytest.mark.parametrize(
    ("hours", "words"),
    [
        ({"opens": "06:00", "closes": "22:00"}, "06:00 to 22:00 (16 h)"),
        ({"opens": "22:00", "closes": "06:00"}, "22:00 to 06:00 of the next day (8 h)"),
        ({"opens": "06:00", "closes": "02:00"}, "06:00 to 02:00 of the next day (20 h)"),
        ({"opens": "00:00", "closes": "00:00"}, "00:00 to 00:00 of the next day (24 h)"),
        ({"opens": "06:00", "closes": "05:45"}, "06:00 to 05:45 of the next day (23.8 h)"),
    ],
)
def test_hours_say_when_they_end_and_how_long_they_are(hours: dict[str, Any], words: str) -> None:
    floor = Floor.model_validate({"zone": "America/Boise", **hours})
    assert hours_in_words(floor) == f"{words} on all days; America/Boise"
    assert [one.partition(",")[0] for one in hour_warnings(floor)] == (
        [f"floor.closes: {words}"] if "next day" in words else []
    )


def test_further_hours_are_told_by_their_own_field() -> None:
    floor = Floor(closes=time(12), extra_hours=((time(13), time(1)), (time(2), time(3))), closed_weekdays=(0, 6))
    words = "06:00 to 12:00 (6 h) and 13:00 to 01:00 of the next day (12 h) and 02:00 to 03:00 (1 h)"
    assert hours_in_words(floor) == f"{words} on Tue, Wed, Thu, Fri, Sat; America/New_York"
    [warning] = hour_warnings(floor)
    assert warning.startswith("floor.extra_hours.0: 13:00 to 01:00 of the next day (12 h), since it closes no later")

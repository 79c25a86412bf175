"""How long something took, over many times, in little memory: durations are counted, not kept.

Each is rounded to whole seconds, and above 1,000 s to three significant digits, so that there are at most 900 different
ones in each power of ten and a percentile is at most half a percent, or half a second, from the exact one.
"""

from collections import Counter
from datetime import timedelta

PERCENTILES = (50, 90, 99)


def rounded_s(duration: timedelta) -> int:
    """Of a duration that is not negative."""
    seconds = round(duration.total_seconds())
    if seconds < 1_000:
        return seconds
    step = int(10 ** (len(str(seconds)) - 3))
    return round(seconds / step) * step


class Durations:
    """Counts of rounded durations."""

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()

    def add(self, seconds: int) -> None:
        """One more, as `rounded_s` gives it."""
        self._counts[seconds] += 1

    @property
    def count(self) -> int:
        return self._counts.total()

    def percentile_s(self, percent: int) -> int | None:
        """The duration in seconds that `percent` of 100 did not exceed (nearest rank); None where there is none."""
        rank, seen = -(-self.count * percent // 100), 0
        for seconds, times in sorted(self._counts.items()):
            seen += times
            if seen >= rank:
                return seconds
        return None

    def as_dict(self) -> dict[str, int | None]:
        return {"count": self.count} | {f"p{percent}_s": self.percentile_s(percent) for percent in PERCENTILES}

"""Chance in numbers, not in pieces: how many of many, drawn so that the same seed always draws the same."""

from collections.abc import Sequence
from math import log, sqrt
from random import Random

_FEW = 40.0


def binomial(rng: Random, n: int, p: float) -> int:
    """How many of `n` happen, each with chance `p`: exact where few do, by the normal law where many do."""
    if n <= 0 or p <= 0:
        return 0
    if p > 0.5:
        return n - binomial(rng, n, 1 - p)
    if n * p < _FEW:
        return _by_gaps(rng, n, p)
    drawn = round(rng.gauss(n * p, sqrt(n * p * (1 - p))))
    return min(max(drawn, 0), n)


def _by_gaps(rng: Random, n: int, p: float) -> int:
    """Leap from one that happens to the next."""
    leap, at, found = log(1 - p), -1, 0
    while True:
        at += 1 + int(log(1 - rng.random()) / leap)
        if at >= n:
            return found
        found += 1


def split(rng: Random, n: int, weights: Sequence[float]) -> list[int]:
    """`n` over groups by weight; they always add up to `n`."""
    left, total, counts = n, sum(weights), []
    for weight in weights:
        chance = min(1.0, weight / total) if total > 0 else 0.0
        counts.append(binomial(rng, left, chance))
        left -= counts[-1]
        total -= weight
    if left and counts:
        counts[-1] += left
    return counts

"""Compass directions (Publication 28, 233): before a street's name or behind it they are one or two letters."""

DIRECTIONS = {
    word: short
    for short, word in (
        ("N", "NORTH"), ("S", "SOUTH"), ("E", "EAST"), ("W", "WEST"),
        ("NE", "NORTHEAST"), ("NW", "NORTHWEST"), ("SE", "SOUTHEAST"), ("SW", "SOUTHWEST"),
    )
    for word in (short, word)
}  # fmt: skip
_PAIRS = frozenset({"NE", "NW", "SE", "SW"})


def paired(first: str, second: str) -> str:
    """The direction that two words make together (NORTH WEST is NW), or an empty text."""
    both = DIRECTIONS.get(first, "-") + DIRECTIONS.get(second, "-")
    return both if both in _PAIRS else ""

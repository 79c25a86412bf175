"""A line with a house number and a street (Publication 28, 23), read in one pass over its words.

House number, direction, name, suffix, direction, unit: only the words at the edges of a name are abbreviated, since inside it
they are the name itself (BAY WEST DR, MAIN AVENUE DR, 9 NORTH AVE).
"""

import re
from collections.abc import Sequence

from pipeline.address.delivery_line import DeliveryLine, Kind
from pipeline.address.directions import DIRECTIONS, paired
from pipeline.address.highways import read_highway
from pipeline.address.suffixes import NUMBERED, SUFFIXES
from pipeline.address.units import find_unit, is_ordinal, is_unit_mark, opens_with_unit, write_unit

_FRACTION = re.compile(r"\d/\d\d?").fullmatch
# Wisconsin's and Utah's grids: N6W23001, S1234.
_GRID = re.compile(r"[NSEW]\d+(?:[NSEW]\d+)?[A-Z]?").fullmatch
_HAS_DIGIT = re.compile(r"\d").search
# ONE MICROSOFT WAY.
_NUMBER_WORDS = frozenset(
    {
        "ONE",
        "TWO",
        "THREE",
        "FOUR",
        "FIVE",
        "SIX",
        "SEVEN",
        "EIGHT",
        "NINE",
        "TEN",
        "ELEVEN",
        "TWELVE",
        "TWENTY",
        "FIFTY",
    }
)
# AVENUE OF THE PINES has no suffix.
_NAME_GOES_ON = frozenset({"THE", "OF", "LA", "LAS", "LOS", "EL", "DE", "DEL", "DU", "A", "AND", "&"})
_AVENUES = frozenset(word for word, suffix in SUFFIXES.items() if suffix == "AVE")
_UNITS_AT_ONCE = frozenset({"APT", "APARTMENT", "STE", "SUITE", "#"})


def read_street(words: list[str]) -> DeliveryLine:
    """A line that is no box; at least one word."""
    if opens_with_unit(words):
        at = _street_behind_unit(words)
        if not at:
            written = write_unit(words)
            return DeliveryLine(
                Kind.UNIT, [], written, "missing_street", ["unit_abbreviated"] if written != words else []
            )
        line = read_street(words[at:])
        line.unit = [*line.unit, *write_unit(words[:at])]
        line.corrections = [*line.corrections, "unit_moved"]
        return line
    number = _house_number(words)
    at_once = number < len(words) and number > 0 and words[number] in _UNITS_AT_ONCE
    unit_at = find_unit(words, number if at_once else number + 1)
    street, unit = words[number:unit_at], words[unit_at:]
    if not unit:
        street, unit = _bare_unit(street)
    name, numbered_road = write_street(street)
    written = write_unit(unit) if unit else unit
    missing = _missing(words, number, street, numbered_road)
    corrections = []
    if name != street:
        corrections.append("road_spelled_out" if numbered_road else "street_abbreviated")
    if written != words[unit_at:]:
        corrections.append("unit_abbreviated")
    return DeliveryLine(_kind(number, street, missing), [*words[:number], *name], written, missing, corrections)


def is_house_number(words: Sequence[str]) -> bool:
    """Whether these words are a house number and nothing else."""
    return _house_number(words) == len(words)


def write_street(words: list[str]) -> tuple[list[str], bool]:
    """A street without its house number as the post writes it, and whether it is a numbered road."""
    if not words:
        return words, False
    before = 0
    road, length = read_highway(words)
    if not length and words[0] in DIRECTIONS and len(words) > 2:
        before = 1
        road, length = read_highway(words[1:])
    if length:
        rest, suffix = _take_suffix(*_take_direction(words[before + length :], road[-1]), inside=True)
        return [*(DIRECTIONS[word] for word in words[:before]), *road, *rest, *suffix], True
    lettered = len(words[-1]) == 1 or words[-1] in DIRECTIONS
    return (lettered and _lettered_avenue(words)) or _named_street(words), False


def _lettered_avenue(words: list[str]) -> list[str]:
    """AVENUE B and S AVENUE N are spelled out; nothing where this is another street."""
    name, end = _take_direction(words)
    if not end and len(words[-1]) == 1:
        name, end = words[:-1], words[-1:]
    if not end or not name or name[-1] not in _AVENUES:
        return []
    front, taken = _front(name)
    return [*front, "AVENUE", *end] if len(name) == taken + 1 else []


def _named_street(words: list[str]) -> list[str]:
    name, end = _take_suffix(*_take_direction(words), inside=False)
    front, taken = _front(name)
    return [*front, *name[taken:], *end]


def _front(name: list[str]) -> tuple[list[str], int]:
    """The direction in front of a name, of which something must be left, and how many words it took."""
    if len(name) > 2 and (pair := paired(name[0], name[1])):
        return [pair], 2
    if len(name) > 1 and name[0] in DIRECTIONS:
        return [DIRECTIONS[name[0]]], 1
    return [], 0


def _take_direction(words: list[str], before: str = "") -> tuple[list[str], list[str]]:
    """What is left without a direction at the end, and that direction. `before` is the word in front of the first."""
    if not words or words[-1] not in DIRECTIONS:
        return words, []
    pair = paired(words[-2], words[-1]) if len(words) > 1 else ""
    if pair and _may_precede_direction(words[-3] if len(words) > 2 else before):
        return words[:-2], [pair]
    if _may_precede_direction(words[-2] if len(words) > 1 else before):
        return words[:-1], [DIRECTIONS[words[-1]]]
    return words, []


def _may_precede_direction(word: str) -> bool:
    if word in SUFFIXES or word == "BROADWAY" or _HAS_DIGIT(word):
        return True
    return len(word) == 1 and word not in DIRECTIONS


def _take_suffix(words: list[str], end: list[str], *, inside: bool) -> tuple[list[str], list[str]]:
    """What is left without a suffix at the end, and the end with it. `inside`: a name stands before these words."""
    if not words or words[-1] not in SUFFIXES:
        return words, end
    name_before = inside if len(words) == 1 else words[-2] not in _NAME_GOES_ON
    return (words[:-1], [SUFFIXES[words[-1]], *end]) if name_before else (words, end)


def _bare_unit(street: list[str]) -> tuple[list[str], list[str]]:
    """OAK ST 4B: a number behind the suffix that nobody says the meaning of."""
    if len(street) < 3 or not _HAS_DIGIT(street[-1]) or is_ordinal(street[-1]):
        return street, []
    before = street[-3] if street[-2] in DIRECTIONS and len(street) > 3 else street[-2]
    if before not in SUFFIXES or SUFFIXES[before] in NUMBERED or read_highway(street)[1]:
        return street, []
    return street[:-1], ["#", street[-1]]


def _house_number(words: Sequence[str]) -> int:
    """How many words the house number takes."""
    first = words[0]
    if first[0].isdigit():
        if not first.isdigit() and is_ordinal(first):
            return 0
        return 2 if len(words) > 1 and _FRACTION(words[1]) else 1
    return 1 if _GRID(first) else 0


def _street_behind_unit(words: Sequence[str]) -> int:
    """Where the house number stands in STE 400 123 MAIN ST; 0 where the line is about a unit alone."""
    for at in range(2, len(words) - 1):
        if words[at][0].isdigit() and not is_ordinal(words[at]) and not is_unit_mark(words[at - 1]):
            return 0 if is_unit_mark(words[at + 1]) else at
    return 0


def _missing(words: Sequence[str], number: int, street: Sequence[str], numbered_road: bool) -> str:
    if not street:
        return "missing_street"
    if number or words[0] in _NUMBER_WORDS or (not numbered_road and _holds_number(street)):
        return ""
    return "missing_house_number"


def _kind(number: int, street: Sequence[str], missing: str) -> Kind:
    if number and street:
        return Kind.PLACE
    return Kind.NAMED if missing else Kind.NUMBERED


def _holds_number(street: Sequence[str]) -> bool:
    return any(_HAS_DIGIT(word) and not is_ordinal(word) for word in street)

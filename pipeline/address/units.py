"""Secondary units (Publication 28, appendix C2): which part of a building, and how the end of a delivery line is read for it."""

import re
from collections.abc import Sequence

from pipeline.address.directions import DIRECTIONS
from pipeline.address.suffixes import SUFFIXES

# Their number or letter follows: APT 4B.
_RANGED = {
    "APT": "APARTMENT APPT APRT APTS",
    "BLDG": "BUILDING BLD BLG BUILD",
    "DEPT": "DEPARTMENT DPT",
    "FL": "FLOOR FLR FLRS",
    "HNGR": "HANGAR HANGER HGR",
    "KEY": "",
    "LOT": "",
    "PIER": "",
    "PMB": "",
    "RM": "ROOM",
    "SLIP": "",
    "SPC": "SPACE SP",
    "STE": "SUITE SUIT STES SUITES",
    "STOP": "",
    "TRLR": "TRAILER",
    "UNIT": "UNT UNITS",
}
# These need none: PH, REAR.
_ALONE = {
    "BSMT": "BASEMENT",
    "FRNT": "FRONT",
    "LBBY": "LOBBY",
    "LOWR": "LOWER",
    "OFC": "OFFICE",
    "PH": "PENTHOUSE",
    "REAR": "",
    "SIDE": "",
    "UPPR": "UPPER",
}


def _by_word(table: dict[str, str]) -> dict[str, str]:
    return {word: short for short, words in table.items() for word in (short, *words.split())}


UNITS = _by_word(_RANGED | _ALONE)
_NEED_RANGE = frozenset(_by_word(_RANGED))
# Nobody names a street so; what may also be the name of one stands behind a suffix or another unit.
_NEVER_STREETS = frozenset({"BSMT", "BASEMENT", "LBBY", "LOBBY", "PENTHOUSE", "PH"})
_MARKS = UNITS.keys() | {"#"}
_FLOORS = frozenset({"FL", "FLOOR", "FLR"})
_NUMBER_WORDS = frozenset({"NO", "NUM", "NUMBER", "NBR"})
_ORDINAL = re.compile(r"(\d*(?:1ST|2ND|3RD|[04-9]TH|1[123]TH))").fullmatch
_HAS_DIGIT = re.compile(r"\d").search


def is_ordinal(word: str) -> bool:
    return _ORDINAL(word) is not None


def find_unit(words: Sequence[str], start: int) -> int:
    """Where the unit begins in a delivery line, looking from `start`; `len(words)` when it has none."""
    if _MARKS.isdisjoint(words):
        return len(words)
    for at in range(start, len(words)):
        if words[at] in _MARKS and _is_unit(words, at):
            return at
        if words[at] in _FLOORS and at > start and is_ordinal(words[at - 1]):
            return at - 1
    return len(words)


def opens_with_unit(words: Sequence[str]) -> bool:
    """Whether a line is about a part of a building from its first word on."""
    first = words[0]
    if first == "#":
        return len(words) > 1
    if len(words) > 1 and words[1] in _FLOORS and is_ordinal(first):
        return True
    if first in _NEED_RANGE:
        return len(words) > 1 and _is_range(words, 1)
    return first in UNITS and (len(words) == 1 or _is_range(words, 1))


def write_unit(words: Sequence[str]) -> list[str]:
    """The words of a unit as the post wants them: designators short, numbers bare, `# 4` where nobody says what 4 is."""
    written: list[str] = []
    for at, word in enumerate(words):
        after_mark = bool(written) and written[-1] in _MARKS
        if word == "#":
            if not after_mark and at + 1 < len(words) and words[at + 1] not in _MARKS:
                written.append(word)
        elif word in _NUMBER_WORDS and after_mark and at + 1 < len(words):
            continue
        elif word in _FLOORS and written and is_ordinal(written[-1]):
            ordinal = written.pop()
            written += ["FL", ordinal[:-2]]
        else:
            written.append(UNITS.get(word, word))
    return written


def _is_unit(words: Sequence[str], at: int) -> bool:
    word = words[at]
    if word == "#":
        return at + 1 < len(words)
    if word in _NEED_RANGE:
        return _is_range(words, at + 1)
    if at + 1 < len(words) and words[at + 1] not in _MARKS and not _is_range(words, at + 1):
        return False
    return word in _NEVER_STREETS or words[at - 1] in SUFFIXES or words[at - 1] in DIRECTIONS


def _is_range(words: Sequence[str], at: int) -> bool:
    """Whether a unit's number or letter stands here: 12, 4B, B, or, at the line's end, a word such as EAST."""
    if at >= len(words):
        return False
    word = words[at]
    if word == "#" or word in _NUMBER_WORDS:
        return at + 1 < len(words)
    if word in _MARKS:
        return False
    if _HAS_DIGIT(word):
        return not is_ordinal(word)
    return word not in SUFFIXES and (len(word) <= 2 or at == len(words) - 1)


def is_unit_mark(word: str) -> bool:
    """Whether a unit's number follows this word."""
    return word in _MARKS or word in _NUMBER_WORDS

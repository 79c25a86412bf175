"""The two lines of an address, laid out as the post reads them: what is for people above, the delivery line just over the city.

A unit stands at the end of the delivery line, or on the line above where it does not fit (Publication 28, 213).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipeline.address.boxes import read_box
from pipeline.address.delivery_line import DeliveryLine, Kind
from pipeline.address.plain import words
from pipeline.address.street import is_house_number, read_street
from pipeline.address.units import is_unit_mark, opens_with_unit

# About what an address block 2.775 in wide takes at 8 pt.
LONGEST = 46
_NOTES = {"ATTN": 1, "ATTENTION": 1, "C/O": 1, "URB": 1, "URBANIZACION": 1, "URBANIZATION": 1}
_NOTE_WORDS = {"ATTENTION": "ATTN", "CARE": "C/O", "URBANIZACION": "URB", "URBANIZATION": "URB"}
_ROUNDS = 4
_PLAIN_NUMBER = re.compile(r"[0-9]+[A-Z]?").fullmatch
_HAS_DIGIT = re.compile(r"\d").search


@dataclass(slots=True)
class LaidOut:
    """`missing` is the code of the fault that keeps mail from being delivered, or empty.

    `sure`: these lines would read the same again.
    """

    line1: str
    line2: str
    missing: str
    corrections: Sequence[str]
    sure: bool = False


def lay_out(line1: str, line2: str) -> LaidOut:
    """What was put together is read again until that changes nothing, since a word may mean something else in its new place."""
    laid = _lay_out(line1, line2)
    for _ in range(_ROUNDS):
        if laid.sure:
            break
        again = _lay_out(laid.line1, laid.line2)
        if (again.line1, again.line2, again.missing) == (laid.line1, laid.line2, laid.missing):
            break
        laid = replace(again, corrections=(*laid.corrections, *again.corrections))
    return laid


def _lay_out(line1: str, line2: str) -> LaidOut:
    first = _line(line1)
    if not line2:
        return _alone(_read(first))
    second = _line(line2)
    if not first or not second:
        return _alone(_read(first or second))
    if (
        is_house_number(first)
        and (joined := _read([*first, *second])).kind is Kind.PLACE
        and _read(second).kind < Kind.PLACE
    ):
        return _alone(joined, "lines_reordered")
    above, below = _read(first), _read_second(second, above=first)
    if below.kind is Kind.UNIT and above.kind > Kind.NOTE:
        return _alone(_with_unit(above, below))
    if above.kind is Kind.UNIT and below.kind > Kind.NOTE:
        laid = _alone(_with_unit(below, above))
        return laid if laid.line2 else _alone(_with_unit(below, above), "unit_moved")
    if above.kind > below.kind:
        return _two(below, second, above, "lines_reordered")
    return _two(above, first, below)


def _line(text: str) -> list[str]:
    """The words of a line. A `#` with nothing behind it says nothing."""
    line = words(text)
    while line and line[-1] == "#":
        line.pop()
    return line


def _read(line: list[str]) -> DeliveryLine:
    if not line:
        return DeliveryLine(Kind.EMPTY, missing="missing_street")
    if taken := _NOTES.get(line[0]) or (2 if line[:2] == ["CARE", "OF"] else 0):
        return _note(line, taken)
    return read_box(line) or read_street(line)


def _read_second(line: list[str], *, above: list[str]) -> DeliveryLine:
    """A number or letter on a line of its own is a unit, if there is something that it can be a unit of."""
    bare = len(line) == 1 and (len(line[0]) == 1 or _HAS_DIGIT(line[0]))
    if bare and not opens_with_unit(above):
        return DeliveryLine(Kind.UNIT, unit=["#", *line], missing="missing_street", corrections=("unit_abbreviated",))
    return _read(line)


def _note(line: list[str], taken: int) -> DeliveryLine:
    """In Puerto Rico, the urbanization and the house may stand on one line; nobody can tell where one ends."""
    written = [_NOTE_WORDS.get(line[0], line[0]), *line[taken:]]
    missing = "" if any(map(_HAS_DIGIT, line)) else "missing_street"
    return DeliveryLine(
        Kind.NOTE, written, missing=missing, corrections=() if written == line else ("note_abbreviated",)
    )


def _with_unit(line: DeliveryLine, unit: DeliveryLine) -> DeliveryLine:
    corrections = [*line.corrections, *unit.corrections]
    return DeliveryLine(line.kind, line.words, [*line.unit, *unit.unit], line.missing, corrections)


def _alone(line: DeliveryLine, *corrections: str) -> LaidOut:
    whole = " ".join(line.whole)
    found = (*line.corrections, *corrections)
    if len(whole) > LONGEST:
        # Joined words may read differently, and must be taken apart where anyone else would.
        apart = _read(line.whole)
        if apart.words and apart.unit and opens_with_unit(apart.unit):
            return LaidOut(" ".join(apart.unit), " ".join(apart.words), apart.missing, found)
    return LaidOut(whole, "", line.missing, found, _is_ordinary(line))


def _is_ordinary(line: DeliveryLine) -> bool:
    """House number, street, and at most one unit such as APT 4B: nine of ten addresses, which need no second look."""
    unit = line.unit
    if line.kind is not Kind.PLACE or line.missing:
        return not unit and not line.corrections
    return not unit or (len(unit) == 2 and _PLAIN_NUMBER(unit[1]) is not None and not is_unit_mark(line.words[-1]))


def _two(above: DeliveryLine, given: list[str], below: DeliveryLine, *corrections: str) -> LaidOut:
    """Two lines of which the second delivers; a building's name is left as it was given."""
    plain = above.kind in (Kind.NAMED, Kind.NUMBERED)
    upper = given if plain else above.whole
    found = (*(() if plain else above.corrections), *below.corrections, *corrections)
    return LaidOut(" ".join(upper), " ".join(below.whole), below.missing, found)

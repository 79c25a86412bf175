"""What a printer measured on its press form: read from CSV or JSON, checked mark by mark, several sheets averaged.

Crosses are measured to the two nearest edges of the paper, on each side of the sheet as one looks at it. Ladders are read, not
measured: the number that stands at the whole bar nearest the edge, in hundredths of an inch.
"""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Literal

from pipeline.errors import Fault, Permanent

Place = Literal["upper_left", "upper_right", "lower_left", "lower_right"]
Edge = Literal["left", "right", "head", "foot"]
SideName = Literal["front", "back"]

SIDES: tuple[SideName, ...] = ("front", "back")
PLACES: tuple[Place, ...] = ("upper_left", "upper_right", "lower_left", "lower_right")
EDGES: tuple[Edge, ...] = ("left", "right", "head", "foot")

CROSS_IN = 1.5
"""From each edge to the nearest cross, both ways, where the press moves nothing."""
MM_PER_INCH = 25.4
MOST_OFF_IN = 0.5
"""What is further off was measured from another edge, or in another unit."""
MOST_BLANK = 200
_COLUMNS = ("side", "mark", "value")


@dataclass(frozen=True)
class Reading:
    """One side. `crosses` are inches to the nearest upright and level edge; `blank` is what stays white, None where not read."""

    crosses: Mapping[Place, tuple[float, float]]
    blank: Mapping[Edge, float] | None = None


@dataclass(frozen=True)
class Measures:
    front: Reading
    back: Reading


def cross_marks() -> list[str]:
    """The names of a side's eight measured numbers, in the order of the form."""
    return [f"{place}_{axis}" for place, axis in product(PLACES, ("x", "y"))]


def ladder_marks() -> list[str]:
    return [f"ladder_{edge}" for edge in EDGES]


def blank_table() -> str:
    """The CSV to be filled in, one number a line."""
    rows = [f"{side},{mark}," for side in SIDES for mark in (*cross_marks(), *ladder_marks())]
    return "\n".join([",".join(_COLUMNS), *rows, ""])


def read_measures(text: str, *, unit: Literal["in", "mm"] = "in") -> Measures:
    """One sheet's measures, as CSV (`side,mark,value`) or JSON (`{"unit": "mm", "front": {mark: value}, "back": …}`).

    `unit` is that of crosses; JSON may name its own. Raises `Permanent("measures_invalid")` with a fault for each wrong mark.
    """
    faults: list[Fault] = []
    given = _rows_of_json(text, faults) if text.lstrip().startswith("{") else _rows_of_csv(text, faults)
    if ("unit", "") in given:
        unit = given.pop(("unit", ""))
        if unit not in ("in", "mm"):
            faults.append(_fault("/unit", f"there is no unit {unit}", "give in or mm"))
    values = _numbers(given, faults)
    scale = MM_PER_INCH if unit == "mm" else 1.0
    sides = [_reading(side, values, scale, unit, faults) for side in SIDES]
    if (sides[0].blank is None) != (sides[1].blank is None):
        less = "front" if sides[0].blank is None else "back"
        faults.append(
            _fault(f"/{less}/ladder_left", "the ladders of one side alone are read", f"read the {less}'s too")
        )
    if faults:
        raise Permanent(
            "measures_invalid", "; ".join(f"{one.pointer}: {one.detail}" for one in faults), faults=tuple(faults)
        )
    return Measures(*sides)


def averaged(sheets: Sequence[Measures]) -> Measures:
    """The mean of all crosses, and the widest of all white edges: what prints on every sheet."""
    return Measures(_averaged([one.front for one in sheets]), _averaged([one.back for one in sheets]))


def _averaged(readings: Sequence[Reading]) -> Reading:
    crosses = {
        place: (_mean(one.crosses[place][0] for one in readings), _mean(one.crosses[place][1] for one in readings))
        for place in PLACES
    }
    blanks = [one.blank for one in readings if one.blank is not None]
    return Reading(crosses, {edge: max(one[edge] for one in blanks) for edge in EDGES} if blanks else None)


def _mean(values: Iterable[float]) -> float:
    listed = list(values)
    return sum(listed) / len(listed)


def _rows_of_csv(text: str, faults: list[Fault]) -> dict[tuple[str, str], Any]:
    rows = csv.reader(io.StringIO(text.lstrip("\ufeff")))
    head = tuple(cell.strip().lower() for cell in next(rows, []))
    if head != _COLUMNS:
        faults.append(_fault("", "the first line is not side,mark,value", "keep the first line of the form's table"))
        return {}
    found: dict[tuple[str, str], Any] = {}
    for number, row in enumerate(rows, 2):
        cells = [cell.strip() for cell in row]
        if not any(cells):
            continue
        if len(cells) != len(_COLUMNS):
            faults.append(_fault(f"/{number}", f"line {number} has not three columns", "write side,mark,value"))
            continue
        side, mark, value = cells[0].lower(), cells[1].lower(), cells[2]
        if (side, mark) in found:
            faults.append(_fault(f"/{side}/{mark}", "comes twice", "leave one of the two out"))
        found[side, mark] = value
    return found


def _rows_of_json(text: str, faults: list[Fault]) -> dict[tuple[str, str], Any]:
    try:
        body = json.loads(text)
    except ValueError as error:
        faults.append(_fault("", f"is not JSON ({error})", "write one object with front and back"))
        return {}
    found: dict[tuple[str, str], Any] = {}
    for name, part in body.items():
        if isinstance(part, dict):
            found |= {(name, mark): value for mark, value in part.items()}
        else:
            found[name, ""] = part
    return found


def _numbers(given: Mapping[tuple[str, str], Any], faults: list[Fault]) -> dict[tuple[str, str], float]:
    known = {(side, mark) for side in SIDES for mark in (*cross_marks(), *ladder_marks())}
    found: dict[tuple[str, str], float] = {}
    for (side, mark), value in given.items():
        at = f"/{side}/{mark}".rstrip("/")
        if (side, mark) not in known:
            faults.append(_fault(at, "there is no such mark on the form", "use the names of the form's table"))
        elif value not in ("", None):
            try:
                found[side, mark] = float(value)
            except (TypeError, ValueError):
                faults.append(_fault(at, f"{value!r} is not a number", "write it with a decimal point, without a unit"))
    return found


def _reading(
    side: SideName, values: Mapping[tuple[str, str], float], scale: float, unit: str, faults: list[Fault]
) -> Reading:
    crosses = {
        place: (
            _cross(side, f"{place}_x", values, scale, unit, faults),
            _cross(side, f"{place}_y", values, scale, unit, faults),
        )
        for place in PLACES
    }
    if not any((side, mark) in values for mark in ladder_marks()):
        return Reading(crosses)
    blank: dict[Edge, float] = {}
    for edge in EDGES:
        number = values.get((side, f"ladder_{edge}"))
        if number is None:
            faults.append(_fault(f"/{side}/ladder_{edge}", "is missing", "read it too, or leave out all ladders"))
        elif not 0 <= number <= MOST_BLANK:
            detail = f"{number:g} is no number of a ladder"
            remedy = f"give hundredths of an inch, 0 to {MOST_BLANK}, as the ladder shows them"
            faults.append(_fault(f"/{side}/ladder_{edge}", detail, remedy))
        blank[edge] = (number or 0.0) / 100
    return Reading(crosses, blank)


def _cross(
    side: SideName, mark: str, values: Mapping[tuple[str, str], float], scale: float, unit: str, faults: list[Fault]
) -> float:
    value = values.get((side, mark))
    if value is None:
        faults.append(_fault(f"/{side}/{mark}", "is missing", "measure it: the offset needs all crosses of both sides"))
        return CROSS_IN
    if not abs(value / scale - CROSS_IN) <= MOST_OFF_IN:
        nominal = f"{CROSS_IN * scale:g} {unit}"
        detail = f"{value:g} {unit} is too far from {nominal}"
        faults.append(_fault(f"/{side}/{mark}", detail, "measure to the nearest edge, and say in which unit"))
    return value / scale


def _fault(pointer: str, detail: str, remedy: str) -> Fault:
    return Fault("invalid_measure", pointer, detail, remedy)

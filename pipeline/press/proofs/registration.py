"""From a measured press form to the profile: the back's offset that brings both sides together, and what the press can image.

Behind a cross of the front lies one of the back, both measured to the same edges of the same sheet. So the sheet's own size
drops out, and only what the press moves is left.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import atan2, ceil, degrees, floor, hypot

from pipeline.models.profile import Imposition, Sheet
from pipeline.press.proofs.measures import CROSS_IN, EDGES, PLACES, Edge, Measures, Place, Reading
from pipeline.press.sheets.layout import turns_upright

TOLERANCE_IN = 1 / 32
"""What is left at a cross and more than this shows on a trimmed card: a quarter of the bleed."""

_OVER_UPRIGHT: dict[Place, Place] = {
    "upper_left": "upper_right", "upper_right": "upper_left", "lower_left": "lower_right", "lower_right": "lower_left",
}  # fmt: skip
_OVER_LEVEL: dict[Place, Place] = {
    "upper_left": "lower_left", "upper_right": "lower_right", "lower_left": "upper_left", "lower_right": "upper_right",
}  # fmt: skip
Vector = tuple[float, float]


@dataclass(frozen=True)
class Registration:
    """`offset` moves the back, in inches to the right and up as one looks at the back.

    `left_over_in` is how far the two sides are still apart at the worst cross, `turned_deg` by how much the back is turned against
    the front, counter-clockwise: no offset mends that. `front_in` is how far the front is moved on the paper. `sheet` is None where
    no ladders were read.
    """

    offset_x_in: float
    offset_y_in: float
    left_over_in: float
    turned_deg: float
    front_in: Vector
    sheet: Sheet | None

    @property
    def is_tight(self) -> bool:
        return self.left_over_in <= TOLERANCE_IN

    def applied_to(self, imposition: Imposition) -> Imposition:
        changed = {"back_offset_x_in": self.offset_x_in, "back_offset_y_in": self.offset_y_in}
        return imposition.model_copy(update=changed | ({"sheet": self.sheet} if self.sheet else {}))


def register(measures: Measures, imposition: Imposition) -> Registration:
    """The form is always drawn without an offset, so that what comes out replaces the one that was."""
    upright = turns_upright(imposition)
    behind = _OVER_UPRIGHT if upright else _OVER_LEVEL
    front, back = _moved(measures.front), _moved(measures.back)
    wanted = {behind[place]: _through(vector, upright=upright) for place, vector in front.items()}
    apart = {place: _less(wanted[place], back[place]) for place in PLACES}
    offset = _mean(apart)
    left = {place: _less(vector, offset) for place, vector in apart.items()}
    return Registration(
        offset_x_in=_rounded(offset[0]),
        offset_y_in=_rounded(offset[1]),
        left_over_in=max(hypot(*vector) for vector in left.values()),
        turned_deg=-_turned(apart, imposition.sheet),
        front_in=_mean(front),
        sheet=_sheet(measures, imposition.sheet, upright=upright),
    )


def _moved(reading: Reading) -> dict[Place, Vector]:
    """By how much each cross lies further right and up than it was drawn; for all alike too far out where the paper is larger."""
    signs = {place: (1 if "left" in place else -1, 1 if "lower" in place else -1) for place in PLACES}
    return {
        place: (signs[place][0] * (x - CROSS_IN), signs[place][1] * (y - CROSS_IN))
        for place, (x, y) in reading.crosses.items()
    }


def _through(vector: Vector, *, upright: bool) -> Vector:
    """A movement of the front, as one sees it from the back."""
    return (-vector[0], vector[1]) if upright else (vector[0], -vector[1])


def _less(one: Vector, other: Vector) -> Vector:
    return one[0] - other[0], one[1] - other[1]


def _mean(vectors: Mapping[Place, Vector]) -> Vector:
    return sum(x for x, _ in vectors.values()) / len(vectors), sum(y for _, y in vectors.values()) / len(vectors)


def _rounded(inches: float) -> float:
    return round(inches, 3) + 0.0  # a zero without a sign


def _turned(vectors: Mapping[Place, Vector], sheet: Sheet) -> float:
    """The turn, counter-clockwise, that best explains these movements of the four crosses (least squares)."""
    half_x, half_y = sheet.width_in / 2 - CROSS_IN, sheet.height_in / 2 - CROSS_IN
    across = sum(
        (half_x if "right" in place else -half_x) * y - (half_y if "upper" in place else -half_y) * x
        for place, (x, y) in vectors.items()
    )
    return degrees(atan2(across, 4 * (half_x**2 + half_y**2)))


def _sheet(measures: Measures, sheet: Sheet, *, upright: bool) -> Sheet | None:
    front, back = measures.front.blank, measures.back.blank
    if front is None or back is None:
        return None
    seen: dict[Edge, Edge] = {"left": "right", "right": "left"} if upright else {"head": "foot", "foot": "head"}
    return imaging(sheet, {edge: max(front[edge], back[seen.get(edge, edge)]) for edge in EDGES})


def imaging(sheet: Sheet, blank: Mapping[Edge, float]) -> Sheet:
    """The sheet with what the press leaves white at each edge of the front.

    A profile has one width and one height in the middle of the sheet, and one edge with more: the gripper. The edge that is most
    unlike the one across becomes that.
    """
    across, up = max(blank["left"], blank["right"]), max(blank["head"], blank["foot"])
    uneven_x, uneven_y = abs(blank["left"] - blank["right"]), abs(blank["head"] - blank["foot"])
    edge, gripper = sheet.gripper_edge, 0.0
    if max(uneven_x, uneven_y) > 1e-9:
        pair: tuple[Edge, Edge] = ("left", "right") if uneven_x > uneven_y else ("foot", "head")
        edge = max(pair, key=lambda one: blank[one])
        gripper = blank[edge]
        less = min(blank[one] for one in pair)
        across, up = (less, up) if uneven_x > uneven_y else (across, less)
    return sheet.model_copy(
        update={
            "imageable_width_in": _hundredths(sheet.width_in - 2 * across),
            "imageable_height_in": _hundredths(sheet.height_in - 2 * up),
            "gripper_in": ceil(gripper * 100 - 1e-6) / 100,
            "gripper_edge": edge,
        }
    )


def _hundredths(inches: float) -> float:
    """Rounded down, so that nothing is promised that does not print."""
    return floor(inches * 100 + 1e-6) / 100

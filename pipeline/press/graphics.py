"""The part of a PDF's graphics state that preflight follows: where things come to lie, and in which inks."""

from dataclasses import dataclass
from math import hypot, sqrt

import pikepdf

Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1, 0, 0, 1, 0, 0)

# By the number of operands; what is named by `cs` is followed for these three families and told apart from spot colours.
_DEVICE = {"/DeviceGray": "gray", "/DeviceRGB": "rgb", "/DeviceCMYK": "cmyk"}


@dataclass(frozen=True)
class Ink:
    """A colour as it was set: `space` is "gray", "rgb", "cmyk", "spot" or "other"."""

    space: str
    values: tuple[float, ...]

    @property
    def white(self) -> bool:
        if self.space in ("gray", "rgb"):
            return all(value >= 1 for value in self.values)
        return self.space == "cmyk" and not any(self.values)

    @property
    def coverage(self) -> float:
        """Ink in all separations together; 3.2 is 320 %. What is not CMYK is for the press to turn into it."""
        return sum(self.values) if self.space == "cmyk" else 0.0

    @property
    def several(self) -> bool:
        """Printed from more than one separation, so that small type shows every misregister."""
        if self.space == "cmyk":
            return sum(value > 0 for value in self.values) > 1
        return self.space == "rgb" and len(set(self.values)) > 1


BLACK = Ink("gray", (0.0,))


@dataclass
class State:
    """Copied at every `q`."""

    matrix: Matrix
    font: pikepdf.Object | None = None
    size: float = 0.0
    invisible: bool = False
    fill: Ink = BLACK
    stroke: Ink = BLACK
    line_width: float = 1.0
    overprint: bool = False
    leading: float = 0.0
    line: Matrix = SAME

    def text_size_pt(self) -> float:
        return abs(self.size) * scale(times(self.line, self.matrix))

    def text_origin(self) -> tuple[float, float]:
        return times(self.line, self.matrix)[4:]

    def move(self, across: float, up: float) -> None:
        self.line = times((1, 0, 0, 1, across, up), self.line)


def ink(space: str, values: list[float]) -> Ink:
    return Ink(_DEVICE.get(space, space), tuple(values))


def scale(matrix: Matrix) -> float:
    """The mean of a matrix's two scales."""
    return sqrt(abs(matrix[0] * matrix[3] - matrix[1] * matrix[2]))


def sides(matrix: Matrix) -> tuple[float, float]:
    """How long the sides of the unit square become."""
    return hypot(matrix[0], matrix[1]), hypot(matrix[2], matrix[3])


def bounds(matrix: Matrix) -> tuple[float, float, float, float]:
    """Left, bottom, right and top of the unit square."""
    a, b, c, d, e, f = matrix
    across, up = (e, e + a, e + c, e + a + c), (f, f + b, f + d, f + b + d)
    return min(across), min(up), max(across), max(up)


def matrix_of(values: object) -> Matrix:
    a, b, c, d, e, f = (float(value) for value in values)  # type: ignore[attr-defined]
    return a, b, c, d, e, f


def times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    return (
        a * then[0] + b * then[2], a * then[1] + b * then[3],
        c * then[0] + d * then[2], c * then[1] + d * then[3],
        e * then[0] + f * then[2] + then[4], e * then[1] + f * then[3] + then[5],
    )  # fmt: skip

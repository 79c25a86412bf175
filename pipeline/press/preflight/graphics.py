"""The part of a PDF's graphics state that preflight follows: where things come to lie, and in which inks."""

from dataclasses import dataclass
from math import hypot, sqrt

import pikepdf

from pipeline.press.preflight.inks import BLACK, Ink

Matrix = tuple[float, float, float, float, float, float]
SAME: Matrix = (1, 0, 0, 1, 0, 0)


Place = tuple[float, float, float, float]
"""Left, bottom, right and top, in points on the bleed page."""


@dataclass
class State:
    """Copied at every `q`. `clip` is where things are seen, None for all over."""

    matrix: Matrix
    font: pikepdf.Object | None = None
    size: float = 0.0
    invisible: bool = False
    fill: Ink = BLACK
    stroke: Ink = BLACK
    line_width: float = 1.0
    overprint: bool = False
    stroke_overprint: bool = False
    leading: float = 0.0
    line: Matrix = SAME
    clip: Place | None = None

    def text_size_pt(self) -> float:
        return abs(self.size) * scale(times(self.line, self.matrix))

    def text_origin(self) -> tuple[float, float]:
        return times(self.line, self.matrix)[4:]

    def move(self, across: float, up: float) -> None:
        self.line = times((1, 0, 0, 1, across, up), self.line)


def around(place: Place | None, matrix: Matrix, points: list[float]) -> Place:
    """`place` with these points in it, which stand as x and y by turns."""
    a, b, c, d, e, f = matrix
    pairs = list(zip(points[::2], points[1::2], strict=True))
    across, up = [a * x + c * y + e for x, y in pairs], [b * x + d * y + f for x, y in pairs]
    if place is not None:
        across, up = [*across, place[0], place[2]], [*up, place[1], place[3]]
    return min(across), min(up), max(across), max(up)


def within(first: Place | None, second: Place | None) -> Place | None:
    """What two places have in common, None being all."""
    if first is None or second is None:
        return first or second
    return max(first[0], second[0]), max(first[1], second[1]), min(first[2], second[2]), min(first[3], second[3])


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

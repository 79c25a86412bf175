"""Finds room for the marks around the grid: slug, finisher's barcode, colour bar, registration targets.

Beside each cell at the grid's edge, between its crop marks and fold marks, is a *bay*, as deep as the press can image. Marks
take bays in turn; one that finds none stops this grid, so that a smaller one is tried or the layout refused, with the numbers.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from pipeline.models.profile import Marks
from pipeline.press.folds import Creases
from pipeline.press.geometry import Rect, pt
from pipeline.press.sheets.grid import Grid
from pipeline.press.slots import Mark, MarkKind

Edge = Literal["foot", "head", "left", "right"]

# A crop mark is cut back where the press cannot image it; below this length a cutter operator no longer finds it.
SHORTEST_MARK_IN = 0.0625
# Between a mark and the bleed, and between a mark and a crop mark's line.
CLEAR_PT = 0.5
BESIDE_PT = 6.0
SLUG_PT = (250.0, 6.0)
# Eight characters of Code 39 at 0.75 pt to the narrow bar, with 6 mm free at its ends and 1.6 mm above and below.
BARCODE_PT = (122.0, 21.0)
COLOR_BAR_PT = (132.0, 14.0)
TARGET_PT = 18.0
THINNEST_PT = 6.0


class NoRoomError(Exception):
    """A mark that the profile wants and the sheet has no room for. The message gives the numbers."""


@dataclass
class _Bay:
    """Free room beside one cell, from `start` to `end` along the edge."""

    edge: Edge
    start: float
    end: float
    depth: float

    @property
    def length(self) -> float:
        return self.end - self.start


def margins_pt(marks: Marks) -> float:
    """What crop marks need on each side of the grid."""
    return pt(marks.crop_offset_in + min(SHORTEST_MARK_IN, marks.crop_length_in)) if marks.crop else 0.0


def furnish(grid: Grid, outline: Rect, imageable: Rect, marks: Marks, folds: Creases) -> tuple[Mark, ...]:
    """All marks but crop marks and fold marks. Raises `NoRoomError`."""
    room = _Room(grid, outline, imageable, marks, folds if marks.crop else Creases())
    placed = list(room.targets()) if marks.registration else []
    if marks.slug:
        placed.append(room.place("slug", SLUG_PT, ("foot", "head", "left", "right")))
    if marks.barcode:
        placed.append(room.place("barcode", BARCODE_PT, ("foot", "head", "left", "right")))
    if marks.color_bar:
        placed.append(room.place("color_bar", COLOR_BAR_PT, ("head", "left", "right", "foot")))
    return tuple(placed)


class _Room:
    def __init__(self, grid: Grid, outline: Rect, imageable: Rect, marks: Marks, folds: Creases) -> None:
        self._grid, self._outline, self._marks, self._folds = grid, outline, marks, folds
        self._offset = pt(marks.crop_offset_in) + CLEAR_PT
        self._depths: dict[Edge, float] = {
            "foot": outline.y_pt - imageable.y_pt - self._offset,
            "head": imageable.top_pt - outline.top_pt - self._offset,
            "left": outline.x_pt - imageable.x_pt - self._offset,
            "right": imageable.right_pt - outline.right_pt - self._offset,
        }
        self._bays = [bay for edge in self._depths for bay in self._beside(edge)]

    def targets(self) -> tuple[Mark, ...]:
        """In the middle of every edge that has room, at the least of two that face one another."""
        made = {edge: mark for edge in self._depths if (mark := self._target(edge))}
        if not ({"foot", "head"} <= made.keys() or {"left", "right"} <= made.keys()):
            facing: tuple[tuple[Edge, Edge], ...] = (("foot", "head"), ("left", "right"))
            deepest = max(min(self._depths[one], self._depths[other]) for one, other in facing)
            raise NoRoomError(
                f"registration marks need {THINNEST_PT / 72:.3f} in at two facing edges, which have "
                f"{max(deepest, 0) / 72:.3f} in"
            )
        return tuple(made.values())

    def place(self, kind: MarkKind, size_pt: tuple[float, float], edges: tuple[Edge, ...]) -> Mark:
        length, thick = size_pt
        # The barcode has a height to keep; others are as thin as they must be.
        thinnest = thick if kind == "barcode" else THINNEST_PT
        for bay in (bay for edge in edges for bay in self._bays if bay.edge == edge):
            if bay.length >= length and bay.depth >= thinnest - 1e-6:
                mark = self._mark(kind, bay.edge, bay.start, length, 0.0, min(thick, bay.depth))
                bay.start += length + BESIDE_PT
                return mark
        widest = max(self._bays, key=lambda bay: (bay.depth, bay.length))
        raise NoRoomError(
            f"the {kind.replace('_', ' ')} needs {length / 72:.3f} x {thinnest / 72:.3f} in beside them, and there are "
            f"{max(widest.length, 0) / 72:.3f} x {max(widest.depth, 0) / 72:.3f} in"
        )

    def _target(self, edge: Edge) -> Mark | None:
        across = edge in ("foot", "head")
        middle = (
            self._outline.x_pt + self._outline.width_pt / 2
            if across
            else self._outline.y_pt + self._outline.height_pt / 2
        )
        bays = [bay for bay in self._bays if bay.edge == edge]
        # In the middle of an odd grid is a cell; in that of an even one are crop marks, as fold marks are in that of a cell,
        # which it stands behind if it can.
        middle_bay = next((bay for bay in bays if bay.start < middle < bay.end), None)
        behind = 0.0 if middle_bay or not self._marks.crop else pt(self._marks.crop_length_in) + CLEAR_PT
        if self._depths[edge] - behind >= THINNEST_PT - 1e-6:
            size = min(TARGET_PT, self._depths[edge] - behind)
            if middle_bay:
                self._split(middle_bay, middle, size)
            else:
                self._cut_back(bays, middle, size)
            return self._mark("target", edge, middle - size / 2, size, behind, size)
        if not bays or self._depths[edge] < THINNEST_PT - 1e-6:
            return None
        size = min(TARGET_PT, self._depths[edge])
        bays[-1].end -= size + BESIDE_PT
        return self._mark("target", edge, bays[-1].end + BESIDE_PT, size, 0.0, size)

    def _split(self, bay: _Bay, middle: float, size: float) -> None:
        gone = size / 2 + BESIDE_PT
        self._bays.insert(self._bays.index(bay) + 1, _Bay(bay.edge, middle + gone, bay.end, bay.depth))
        bay.end = middle - gone

    def _cut_back(self, bays: list[_Bay], middle: float, size: float) -> None:
        """A target behind crop marks may be wider than the room between two bays."""
        half = size / 2 + CLEAR_PT
        for bay in bays:
            if bay.end <= middle:
                bay.end = min(bay.end, middle - half)
            else:
                bay.start = max(bay.start, middle + half)

    def _beside(self, edge: Edge) -> list[_Bay]:
        across = edge in ("foot", "head")
        trims = [
            self._grid.trim(self._outline, number, 0) if across else self._grid.trim(self._outline, 0, number)
            for number in range(self._grid.columns if across else self._grid.rows)
        ]
        spans = [(trim.x_pt, trim.right_pt) if across else (trim.y_pt, trim.top_pt) for trim in trims]
        folds = self._folds.upright_pt if across else self._folds.level_pt
        parts = [
            part for low, high in spans for part in pairwise((low, *(at for at in folds if low < at < high), high))
        ]
        return [_Bay(edge, low + BESIDE_PT, high - BESIDE_PT, self._depths[edge]) for low, high in parts]

    def _mark(self, kind: MarkKind, edge: Edge, start: float, length: float, behind: float, thick: float) -> Mark:
        away, outline = self._offset + behind, self._outline
        if edge == "foot":
            return Mark(kind, Rect(start, outline.y_pt - away - thick, length, thick))
        if edge == "head":
            return Mark(kind, Rect(start, outline.top_pt + away, length, thick))
        if edge == "left":
            return Mark(kind, Rect(outline.x_pt - away - thick, start, thick, length), upright=True)
        return Mark(kind, Rect(outline.right_pt + away, start, thick, length), upright=True)

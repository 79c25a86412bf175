"""The places of pieces and marks on one side of the sheet, and the same places seen through the paper."""

from dataclasses import dataclass, replace
from typing import Literal

from pipeline.press.geometry import Rect

Turn = Literal[0, 90, 180, 270]
Face = Literal["front", "back"]
FACES: tuple[Face, Face] = ("front", "back")
MarkKind = Literal["slug", "barcode", "color_bar", "target"]

_MATRICES: dict[Turn, tuple[int, int, int, int]] = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@dataclass(frozen=True)
class Slot:
    """A piece's bleed rectangle on one side of the sheet; its artwork is turned by `turn`, counter-clockwise.

    `face` is the side of the piece that shows. `clip` is what of the bleed is printed where neighbours share a gutter; None: all.
    """

    rect: Rect
    turn: Turn
    face: Face = "front"
    clip: Rect | None = None

    @property
    def shown(self) -> Rect:
        return self.clip or self.rect

    def matrix(self, x_pt: float = 0, y_pt: float = 0) -> tuple[float, float, float, float, float, float]:
        """The PDF matrix that takes the point (x, y) of the piece's own bleed page to its place on the sheet."""
        a, b, c, d = _MATRICES[self.turn]
        origin_x = self.rect.right_pt if self.turn in (90, 180) else self.rect.x_pt
        origin_y = self.rect.top_pt if self.turn in (180, 270) else self.rect.y_pt
        return a, b, c, d, origin_x + a * x_pt + c * y_pt, origin_y + b * x_pt + d * y_pt


@dataclass(frozen=True)
class Mark:
    """The room of one mark beside the grid. Where `upright`, it is turned by a quarter and reads from the foot up."""

    kind: MarkKind
    box: Rect
    upright: bool = False


@dataclass(frozen=True)
class Side:
    """One side of the sheet. `grid` is the outline of all bleeds, `imageable` what the press can print."""

    slots: tuple[Slot, ...]
    grid: Rect
    imageable: Rect
    marks: tuple[Mark, ...] = ()

    def box(self, kind: MarkKind) -> Mark | None:
        """The first mark of a kind."""
        return next((mark for mark in self.marks if mark.kind == kind), None)


@dataclass(frozen=True)
class Paper:
    """How the sheet is turned for its back: over its upright axis, left to right, or over the level one, head to foot."""

    sheet: Rect
    upright: bool
    offset_x_pt: float = 0.0
    offset_y_pt: float = 0.0

    def through(self, rect: Rect) -> Rect:
        """Where a place of the front lies on the back, the press's own offset left out."""
        if self.upright:
            return Rect(self.sheet.width_pt - rect.right_pt, rect.y_pt, rect.width_pt, rect.height_pt)
        return Rect(rect.x_pt, self.sheet.height_pt - rect.top_pt, rect.width_pt, rect.height_pt)

    def printed(self, rect: Rect) -> Rect:
        """The same, moved by the offset: where it is drawn in the file."""
        return self.through(rect).moved(self.offset_x_pt, self.offset_y_pt)

    def slot(self, slot: Slot) -> Slot:
        clip = None if slot.clip is None else self.printed(slot.clip)
        return replace(slot, rect=self.printed(slot.rect), clip=clip)

    def behind(self, turn: Turn, *, head_to_foot: bool = False) -> Turn:
        """The turn of a piece's one side behind the other: with its head on the same edge of the paper, or on the opposite."""
        over_upright: dict[Turn, Turn] = {0: 0, 90: 270, 180: 180, 270: 90}
        over_level: dict[Turn, Turn] = {0: 180, 90: 90, 180: 0, 270: 270}
        same = over_upright[turn] if self.upright else over_level[turn]
        return _UPSIDE_DOWN[same] if head_to_foot else same


_UPSIDE_DOWN: dict[Turn, Turn] = {0: 180, 90: 270, 180: 0, 270: 90}

"""A grid of equal trims, each with its bleed: whole at the grid's edges, cut back where neighbours share a gutter."""

from dataclasses import dataclass

from pipeline.press.geometry import Rect
from pipeline.press.slots import Slot, Turn


@dataclass(frozen=True)
class Grid:
    """`across_pt` and `up_pt` are one trim as it lies on the sheet, `gap_pt` the space between two trims."""

    columns: int
    rows: int
    turn: Turn
    across_pt: float
    up_pt: float
    gap_pt: float
    bleed_pt: float

    @property
    def width_pt(self) -> float:
        """With the outer bleeds."""
        return self.columns * self.across_pt + (self.columns - 1) * self.gap_pt + 2 * self.bleed_pt

    @property
    def height_pt(self) -> float:
        return self.rows * self.up_pt + (self.rows - 1) * self.gap_pt + 2 * self.bleed_pt

    def centred(self, room: Rect) -> Rect:
        """The outline of all bleeds, in the middle of `room`."""
        x = room.x_pt + (room.width_pt - self.width_pt) / 2
        return Rect(x, room.y_pt + (room.height_pt - self.height_pt) / 2, self.width_pt, self.height_pt)

    def trim(self, outline: Rect, column: int, row: int) -> Rect:
        """Columns from the left, rows from the head."""
        x = outline.x_pt + self.bleed_pt + column * (self.across_pt + self.gap_pt)
        top = outline.top_pt - self.bleed_pt - row * (self.up_pt + self.gap_pt)
        return Rect(x, top - self.up_pt, self.across_pt, self.up_pt)

    def slot(self, outline: Rect, column: int, row: int) -> Slot:
        trim = self.trim(outline, column, row)
        inner = min(self.bleed_pt, self.gap_pt / 2)
        if inner == self.bleed_pt:
            return Slot(trim.grown(self.bleed_pt), self.turn)
        left, right = (self.bleed_pt if column == end else inner for end in (0, self.columns - 1))
        head, foot = (self.bleed_pt if row == end else inner for end in (0, self.rows - 1))
        clip = Rect(trim.x_pt - left, trim.y_pt - foot, trim.width_pt + left + right, trim.height_pt + foot + head)
        return Slot(trim.grown(self.bleed_pt), self.turn, clip=clip)

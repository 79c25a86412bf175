"""Where pieces lie on the press sheet: how many, in which slots, front and back, and which piece goes where.

Slots count from 0 at the top left of the front, row by row. `gutter_in` is the space between two *bleeds*, so that 0
leaves two bleeds between neighbouring trims. Crop marks stand outside the outermost bleed.
"""

from dataclasses import dataclass
from itertools import product as pairs
from typing import Literal

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.geometry import Rect, bleed_rect, pt, trim_rect
from pipeline.products import Product

Turn = Literal[0, 90, 180, 270]

# A crop mark is cut back where the press cannot image it; below this length a cutter operator no longer finds it.
SHORTEST_MARK_IN = 0.0625
# Below the grid, the slug line and the air above it (`pipeline.press.marks`).
SLUG_HEIGHT_IN = 0.1

_MATRICES: dict[Turn, tuple[int, int, int, int]] = {
    0: (1, 0, 0, 1),
    90: (0, 1, -1, 0),
    180: (-1, 0, 0, -1),
    270: (0, -1, 1, 0),
}


@dataclass(frozen=True)
class Slot:
    """A piece's bleed rectangle on one side of the sheet; its artwork is turned by `turn`, counter-clockwise."""

    rect: Rect
    turn: Turn

    def matrix(self, x_pt: float = 0, y_pt: float = 0) -> tuple[float, float, float, float, float, float]:
        """The PDF matrix that takes the point (x, y) of the piece's own bleed page to its place on the sheet."""
        a, b, c, d = _MATRICES[self.turn]
        origin_x = self.rect.right_pt if self.turn in (90, 180) else self.rect.x_pt
        origin_y = self.rect.top_pt if self.turn in (180, 270) else self.rect.y_pt
        return a, b, c, d, origin_x + a * x_pt + c * y_pt, origin_y + b * x_pt + d * y_pt


@dataclass(frozen=True)
class Side:
    """One side of the sheet. `grid` is the outline of all bleeds, `imageable` what the press can print."""

    slots: tuple[Slot, ...]
    grid: Rect
    imageable: Rect


@dataclass(frozen=True)
class Layout:
    sheet: Rect
    columns: int
    rows: int
    front: Side
    back: Side
    marked: bool

    @property
    def n_up(self) -> int:
        return self.columns * self.rows


def lay_out(product: Product, imposition: Imposition) -> Layout:
    """The sheet for one product at one printer.

    Raises `Permanent("layout_does_not_fit")` with the numbers when not even one piece fits with its bleed and marks, or
    when the back's offset pushes the grid off what the press can image.
    """
    if imposition.mode == "one_up":
        return _one_up(product)
    sheet = Rect(0, 0, pt(imposition.sheet.width_in), pt(imposition.sheet.height_in))
    imageable = _imageable(imposition, sheet)
    columns, rows, turn = _best_grid(product, imposition, imageable)
    size = _cell(product, turn)
    grid = _centred(imageable, columns, rows, size, pt(imposition.gutter_in))
    front = tuple(
        Slot(_cell_rect(grid, column, row, size, pt(imposition.gutter_in)), turn)
        for row, column in pairs(range(rows), range(columns))
    )
    back = _back(imposition, sheet, Side(front, grid, imageable))
    return Layout(sheet, columns, rows, Side(front, grid, imageable), back, marked=True)


def n_up(product: Product, imposition: Imposition) -> int:
    """Pieces on one sheet. Raises `Permanent("layout_does_not_fit")`."""
    return lay_out(product, imposition).n_up


def plan_places(pieces: int, product: Product, imposition: Imposition) -> list[tuple[int, int, int]]:
    """`(sheet, slot, stack_position)` of each piece in mailing order, all from 0.

    Cut and stack: each slot is one stack, filled to the end before the next, so that the stacks laid on one another in
    slot order are in mailing order. The last stacks may be short or empty.
    """
    sheets = -(-pieces // n_up(product, imposition))
    return [(piece % sheets, piece // sheets, piece % sheets) for piece in range(pieces)]


def _one_up(product: Product) -> Layout:
    page = bleed_rect(product)
    side = Side((Slot(page, 0),), page, page)
    return Layout(page, 1, 1, side, side, marked=False)


def _imageable(imposition: Imposition, sheet: Rect) -> Rect:
    width = pt(min(imposition.sheet.imageable_width_in, imposition.sheet.width_in))
    height = pt(min(imposition.sheet.imageable_height_in, imposition.sheet.height_in))
    foot = max((sheet.height_pt - height) / 2, pt(imposition.sheet.gripper_in))
    # Turned over its horizontal axis, the sheet's head becomes the gripper edge of the back: keep it clear as well.
    head = (sheet.height_pt - height) / 2 if _turns_over_upright_axis(imposition) else foot
    return Rect((sheet.width_pt - width) / 2, foot, width, sheet.height_pt - foot - head)


def _turns_over_upright_axis(imposition: Imposition) -> bool:
    portrait = imposition.sheet.height_in >= imposition.sheet.width_in
    return (imposition.back_turn == "long_edge") == portrait


def _best_grid(product: Product, imposition: Imposition, imageable: Rect) -> tuple[int, int, Turn]:
    """Upright unless turning every piece by a quarter puts more on the sheet."""
    counted = [(*_grid(_cell(product, turn), imposition, imageable), turn) for turn in _UPRIGHT_FIRST]
    columns, rows, turn = max(counted, key=lambda grid: grid[0] * grid[1])
    if columns * rows == 0:
        raise _does_not_fit(product, imposition, imageable)
    return columns, rows, turn


_UPRIGHT_FIRST: tuple[Turn, Turn] = (0, 90)


def _cell(product: Product, turn: Turn) -> tuple[float, float]:
    page = bleed_rect(product)
    return (page.width_pt, page.height_pt) if turn in (0, 180) else (page.height_pt, page.width_pt)


def _grid(cell: tuple[float, float], imposition: Imposition, imageable: Rect) -> tuple[int, int]:
    gutter, (across, up) = pt(imposition.gutter_in), map(pt, _margins_in(imposition))
    # The tiny allowance keeps a sheet that fits exactly from losing a column to floating point.
    columns = int((imageable.width_pt - 2 * across + gutter) / (cell[0] + gutter) + 1e-6)
    rows = int((imageable.height_pt - 2 * up + gutter) / (cell[1] + gutter) + 1e-6)
    return max(columns, 0), max(rows, 0)


def _margins_in(imposition: Imposition) -> tuple[float, float]:
    """What marks need beside the grid, and above and below it, where the slug stands between the crop marks."""
    marks = imposition.marks
    across = marks.crop_offset_in + min(SHORTEST_MARK_IN, marks.crop_length_in) if marks.crop else 0.0
    return across, max(across, marks.crop_offset_in + SLUG_HEIGHT_IN) if marks.slug else across


def _does_not_fit(product: Product, imposition: Imposition, imageable: Rect) -> Permanent:
    across, up = (2 * margin for margin in _margins_in(imposition))
    sheet = imposition.sheet
    return Permanent(
        "layout_does_not_fit",
        f"{product.name} with bleed and marks needs {product.bleed_width_in + across:.3f} x "
        f"{product.bleed_height_in + up:.3f} in; the {sheet.width_in:g} x {sheet.height_in:g} in sheet images "
        f"{imageable.width_pt / 72:.3f} x {imageable.height_pt / 72:.3f} in. Use a larger sheet, or one_up.",
    )


def _centred(imageable: Rect, columns: int, rows: int, cell: tuple[float, float], gutter: float) -> Rect:
    width = columns * cell[0] + (columns - 1) * gutter
    height = rows * cell[1] + (rows - 1) * gutter
    x = imageable.x_pt + (imageable.width_pt - width) / 2
    return Rect(x, imageable.y_pt + (imageable.height_pt - height) / 2, width, height)


def _cell_rect(grid: Rect, column: int, row: int, cell: tuple[float, float], gutter: float) -> Rect:
    x = grid.x_pt + column * (cell[0] + gutter)
    return Rect(x, grid.top_pt - (row + 1) * cell[1] - row * gutter, *cell)


def _back(imposition: Imposition, sheet: Rect, front: Side) -> Side:
    """The front seen through the sheet: positions mirrored, artwork head to head, then the press's own offset."""
    upright = _turns_over_upright_axis(imposition)
    offset = (pt(imposition.back_offset_x_in), pt(imposition.back_offset_y_in))
    slots = tuple(
        Slot(_moved(_mirrored(slot.rect, sheet, upright=upright), *offset), _back_turn(slot.turn, upright=upright))
        for slot in front.slots
    )
    grid = _moved(_mirrored(front.grid, sheet, upright=upright), *offset)
    back = Side(slots, grid, _mirrored(front.imageable, sheet, upright=upright))
    _check_back(imposition, back)
    return back


def _mirrored(rect: Rect, sheet: Rect, *, upright: bool) -> Rect:
    if upright:
        return Rect(sheet.width_pt - rect.right_pt, rect.y_pt, rect.width_pt, rect.height_pt)
    return Rect(rect.x_pt, sheet.height_pt - rect.top_pt, rect.width_pt, rect.height_pt)


def _moved(rect: Rect, x_pt: float, y_pt: float) -> Rect:
    return Rect(rect.x_pt + x_pt, rect.y_pt + y_pt, rect.width_pt, rect.height_pt)


def _back_turn(turn: Turn, *, upright: bool) -> Turn:
    # The head of the piece points the same way through the sheet: mirrored left to right, or head to foot.
    over_upright: dict[Turn, Turn] = {0: 0, 90: 270, 180: 180, 270: 90}
    over_level: dict[Turn, Turn] = {0: 180, 90: 90, 180: 0, 270: 270}
    return over_upright[turn] if upright else over_level[turn]


def _check_back(imposition: Imposition, back: Side) -> None:
    across, up = (pt(margin) - 1e-3 for margin in _margins_in(imposition))
    grid, area = back.grid, back.imageable
    over_side = grid.x_pt - across < area.x_pt or grid.right_pt + across > area.right_pt
    if over_side or grid.y_pt - up < area.y_pt or grid.top_pt + up > area.top_pt:
        raise Permanent(
            "layout_does_not_fit",
            f"the back's offset of {imposition.back_offset_x_in:g}, {imposition.back_offset_y_in:g} in moves bleed or "
            f"marks off the {area.width_pt / 72:.3f} x {area.height_pt / 72:.3f} in that the press images. Reduce it.",
        )


def trims(side: Side, product: Product) -> tuple[Rect, ...]:
    """Each slot's trim on the sheet, in slot order. The bleed is the same on all four sides, whatever the turn."""
    return tuple(slot.rect.grown(trim_rect(product).x_pt * -1) for slot in side.slots)

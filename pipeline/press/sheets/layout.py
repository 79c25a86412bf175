"""Where pieces lie on the press sheet: how many, in which slots, front and back, with which marks, and which piece goes where.

Slots count from 0 at the top left of the front, row by row; one number is one place of the paper, whichever side it is seen
from. Crop marks and all other marks stand outside the outermost bleed.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product as pairs

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.folds import creases
from pipeline.press.geometry import Rect, bleed_rect, pt, trim_rect
from pipeline.press.sheets.furniture import NoRoomError, furnish, margins_pt
from pipeline.press.sheets.grid import Grid
from pipeline.press.slots import Face, Paper, Side, Slot, Turn
from pipeline.products import Product

__all__ = ["Layout", "Side", "Slot", "Turn", "lay_out", "n_up", "places_in_order", "plan_places", "trims"]


@dataclass(frozen=True)
class Layout:
    """`front` and `back` are the sides of the sheet; in work-and-turn and -tumble each shows fronts and backs of pieces."""

    sheet: Rect
    columns: int
    rows: int
    front: Side
    back: Side
    marked: bool

    @property
    def n_up(self) -> int:
        return self.columns * self.rows

    def faces(self, face: Face) -> tuple[Slot, ...]:
        """Per slot, where the piece's front or its back is printed, on whichever side of the sheet."""
        both = zip(self.front.slots, self.back.slots, strict=True)
        return tuple(one if one.face == face else other for one, other in both)

    def sides(self, face: Face) -> tuple[Face, ...]:
        """Per slot, on which side of the sheet that is."""
        return tuple("front" if slot.face == face else "back" for slot in self.front.slots)


@lru_cache(maxsize=256)
def lay_out(product: Product, imposition: Imposition) -> Layout:
    """The sheet for one product at one printer: the grid of most pieces for which all marks that the profile wants have room.

    Raises `Permanent("layout_does_not_fit")` with the numbers when not even one piece fits with its bleed and marks, when the
    grid that the profile asks for does not, or when the back's offset pushes it off what the press can image.
    """
    if imposition.mode == "one_up":
        return _one_up(product)
    sheet = Rect(0, 0, pt(imposition.sheet.width_in), pt(imposition.sheet.height_in))
    imageable = _imageable(imposition, sheet)
    crowded = ""
    for grid in sorted(_grids(product, imposition, imageable), key=_preference):
        try:
            return _with_marks(product, imposition, sheet, imageable, grid)
        except NoRoomError as error:
            crowded = crowded or f" Without other marks {grid.columns} x {grid.rows} pieces fit, but {error}."
    raise _does_not_fit(product, imposition, imageable, crowded)


def n_up(product: Product, imposition: Imposition) -> int:
    """Pieces on one sheet. Raises `Permanent("layout_does_not_fit")`."""
    return lay_out(product, imposition).n_up


def plan_places(
    pieces: int, product: Product, imposition: Imposition, *, sheets: int = 1
) -> list[tuple[int, int, int]]:
    """`(sheet, slot, stack_position)` of each piece in mailing order, all from 0.

    Cut and stack: each slot is one stack, filled to the end before the next, so that the stacks of a lift, laid on one another
    in slot order, are in mailing order, and so are the lifts. The last stacks may be short or empty. Across: the next piece
    is the next slot of the same sheet. A piece of several `sheets` has its slot on each of as many that follow one another,
    from the given one on, so that they lie on one another in its stack; no lift parts them.
    """
    return list(places_in_order(pieces, product, imposition, sheets=sheets))


def places_in_order(
    pieces: int, product: Product, imposition: Imposition, *, sheets: int = 1
) -> Iterator[tuple[int, int, int]]:
    """As `plan_places`, one at a time."""
    across = n_up(product, imposition)
    if imposition.order == "across":
        yield from ((piece // across * sheets, piece % across, piece // across * sheets) for piece in range(pieces))
        return
    depth = sets_in_lift(imposition, sheets) or max(-(-pieces // across), 1)
    for lift, first in enumerate(range(0, pieces, depth * across)):
        count = min(depth * across, pieces - first)
        deep = -(-count // across)
        yield from (((lift * depth + at % deep) * sheets, at // deep, at % deep * sheets) for at in range(count))


def sets_in_lift(imposition: Imposition, sheets: int) -> int | None:
    """How many pieces of so many sheets lie on one another in a lift of the cutter; None: all."""
    return None if imposition.stack_depth is None else max(imposition.stack_depth // sheets, 1)


def trims(side: Side, product: Product) -> tuple[Rect, ...]:
    """Each slot's trim on the sheet, in slot order. The bleed is the same on all four sides, whatever the turn."""
    return tuple(slot.rect.grown(trim_rect(product).x_pt * -1) for slot in side.slots)


def _one_up(product: Product) -> Layout:
    page = bleed_rect(product)
    return Layout(
        page, 1, 1, Side((Slot(page, 0),), page, page), Side((Slot(page, 0, "back"),), page, page), marked=False
    )


def _imageable(imposition: Imposition, sheet: Rect) -> Rect:
    """What the press can print of the front. Where turning the sheet brings another edge to the gripper, both are kept clear."""
    across = (sheet.width_pt - pt(min(imposition.sheet.imageable_width_in, imposition.sheet.width_in))) / 2
    up = (sheet.height_pt - pt(min(imposition.sheet.imageable_height_in, imposition.sheet.height_in))) / 2
    blank = {"foot": up, "head": up, "left": across, "right": across}
    edge = imposition.sheet.gripper_edge
    gripped = [edge, _OPPOSITE[edge]] if (edge in ("left", "right")) == turns_upright(imposition) else [edge]
    for clear in gripped:
        blank[clear] = max(blank[clear], pt(imposition.sheet.gripper_in))
    width, height = sheet.width_pt - blank["left"] - blank["right"], sheet.height_pt - blank["foot"] - blank["head"]
    return Rect(blank["left"], blank["foot"], max(width, 0), max(height, 0))


_OPPOSITE = {"foot": "head", "head": "foot", "left": "right", "right": "left"}


def turns_upright(imposition: Imposition) -> bool:
    """Whether the sheet is turned for its back over its upright axis, left to right, or over the level one, head to foot."""
    if imposition.work_style != "sheetwise":
        return imposition.work_style == "work_and_turn"
    portrait = imposition.sheet.height_in >= imposition.sheet.width_in
    return (imposition.back_turn == "long_edge") == portrait


def _grids(product: Product, imposition: Imposition, imageable: Rect) -> Iterator[Grid]:
    """Every grid that the imageable area holds with its bleeds and crop marks."""
    margin, bleed = margins_pt(imposition.marks), pt(product.bleed_in)
    width, height = pt(product.trim_width_in), pt(product.trim_height_in)
    turns: tuple[tuple[Turn, float, float], ...] = ((0, width, height), (90, height, width))
    for gap, (turn, across, up) in pairs(_gaps_pt(product, imposition), turns):
        columns = _most(imageable.width_pt - 2 * margin, across, gap, bleed)
        rows = _most(imageable.height_pt - 2 * margin, up, gap, bleed)
        for column, row in pairs(range(1, columns + 1), range(1, rows + 1)):
            grid = Grid(column, row, turn, across, up, gap, bleed)
            if _is_wanted(grid, imposition):
                yield grid


def _gaps_pt(product: Product, imposition: Imposition) -> list[float]:
    whole, shared = 2 * pt(product.bleed_in) + pt(imposition.gutter_in), imposition.shared_gutter_in
    return [whole] if shared is None or pt(shared) >= whole else [whole, pt(shared)]


def _most(room: float, trim: float, gap: float, bleed: float) -> int:
    # The tiny allowance keeps a sheet that fits exactly from losing a column to floating point.
    return max(int((room - 2 * bleed + gap) / (trim + gap) + 1e-6), 0)


def _is_wanted(grid: Grid, imposition: Imposition) -> bool:
    asked = imposition.columns in (None, grid.columns) and imposition.rows in (None, grid.rows)
    # Fronts take one half of the sheet and backs the other.
    halved = {"work_and_turn": grid.columns, "work_and_tumble": grid.rows}.get(imposition.work_style, 2)
    return asked and halved % 2 == 0


def _preference(grid: Grid) -> tuple[float, ...]:
    """Most pieces first; then whole bleeds before shared ones, upright before turned, square before long."""
    return -grid.columns * grid.rows, -grid.gap_pt, grid.turn, abs(grid.columns - grid.rows)


def _with_marks(product: Product, imposition: Imposition, sheet: Rect, imageable: Rect, grid: Grid) -> Layout:
    """Raises `NoRoomError`, and `Permanent` for an offset that leaves the sheet."""
    outline = grid.centred(imageable)
    offset_x, offset_y = pt(imposition.back_offset_x_in), pt(imposition.back_offset_y_in)
    paper = Paper(sheet, turns_upright(imposition), offset_x, offset_y)
    foot = (imposition.backs == "head_to_foot") != product.head_to_foot
    above, below = [], []
    for row, column in pairs(range(grid.rows), range(grid.columns)):
        place = grid.slot(outline, column, row)
        faces = (
            replace(place, face="front"),
            replace(place, face="back", turn=paper.behind(place.turn, head_to_foot=foot)),
        )
        flipped = _is_flipped(imposition, grid, column, row)
        above.append(faces[flipped])
        below.append(paper.slot(faces[not flipped]))
    # Marks lie on the back as on the front, and must not be moved off the sheet there.
    room = imageable.inset(abs(offset_x), abs(offset_y))
    marks = furnish(grid, outline, room, imposition.marks, creases(above, product))
    front = Side(tuple(above), outline, imageable, marks)
    behind = tuple(replace(mark, box=paper.printed(mark.box)) for mark in marks)
    back = Side(tuple(below), paper.printed(outline), paper.through(imageable), behind)
    _check_back(imposition, back)
    return Layout(sheet, grid.columns, grid.rows, front, back, marked=True)


def _is_flipped(imposition: Imposition, grid: Grid, column: int, row: int) -> bool:
    """Whether the piece shows its back on the front of the sheet."""
    if imposition.work_style == "work_and_turn":
        return column >= grid.columns // 2
    return imposition.work_style == "work_and_tumble" and row >= grid.rows // 2


def _check_back(imposition: Imposition, back: Side) -> None:
    boxes = [back.grid.grown(margins_pt(imposition.marks)), *(mark.box for mark in back.marks)]
    if not all(back.imageable.holds(box.grown(-1e-3)) for box in boxes):
        area = back.imageable
        raise Permanent(
            "layout_does_not_fit",
            f"the back's offset of {imposition.back_offset_x_in:g}, {imposition.back_offset_y_in:g} in moves bleed or "
            f"marks off the {area.width_pt / 72:.3f} x {area.height_pt / 72:.3f} in that the press images. Reduce it.",
        )


def _does_not_fit(product: Product, imposition: Imposition, imageable: Rect, crowded: str) -> Permanent:
    sheet, columns, rows = imposition.sheet, imposition.columns or 1, imposition.rows or 1
    gap, around = _gaps_pt(product, imposition)[-1], 2 * margins_pt(imposition.marks)
    asked = Grid(columns, rows, 0, pt(product.trim_width_in), pt(product.trim_height_in), gap, pt(product.bleed_in))
    grid = f"{columns} x {rows} of {product.name}" if columns * rows > 1 else product.name
    style = imposition.work_style.replace("_", "-")
    halves = "" if style == "sheetwise" else f" {style.capitalize()} wants an even number of them side by side."
    smaller = "a smaller grid, " if imposition.columns or imposition.rows else ""
    remedy = f"Take a larger sheet, {smaller}fewer marks, or single pieces (mode one_up; --one-up)."
    return Permanent(
        "layout_does_not_fit",
        f"{grid} with bleed and marks needs {(asked.width_pt + around) / 72:.3f} x {(asked.height_pt + around) / 72:.3f} in; "
        f"the {sheet.width_in:g} x {sheet.height_in:g} in sheet images {imageable.width_pt / 72:.3f} x "
        f"{imageable.height_pt / 72:.3f} in.{crowded}{halves} {remedy}",
    )

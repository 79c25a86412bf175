"""Draws what stands beside the pieces: crop marks, fold marks, registration targets, colour bar, slug and the finisher's barcode.

Crop marks and text are 100 % K: on a digital press a mark in all inks is four chances of misregister. The targets are in all
inks, since misregister is what they show.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache

from pipeline.models.profile import Marks
from pipeline.press.folds import creases
from pipeline.press.geometry import Rect, numbers, pt
from pipeline.press.job import Job
from pipeline.press.sheets import code39
from pipeline.press.sheets.layout import Side, trims
from pipeline.press.slots import Mark
from pipeline.press.typeface import address_typeface, escaped, printable, show
from pipeline.press.writer import PdfWriter
from pipeline.products import Product

MARK_WEIGHT_PT = 0.25
# Fold marks are dashed, so that nobody cuts there.
FOLD_DASH = "[2 1.5] 0 d"
SLUG_SIZE_PT = 5.5
BARCODE_FONT = "C"
# Solids, overprints and tints, and a grey of three inks to hold against the one of black (GRACoL's 50/40/40).
PATCHES = (
    (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0), (1, 1, 0, 0),
    (0.5, 0, 0, 0), (0, 0.5, 0, 0), (0, 0, 0.5, 0), (0, 0, 0, 0.5), (0.5, 0.4, 0.4, 0),
)  # fmt: skip

# A circle of radius 1 by four curves: the distance of their control points.
_ROUND = 0.5523


def crop_marks(side: Side, product: Product, marks: Marks) -> str:
    """PDF operators for every trim edge and every fold, at all four sides of the grid, cut back where the press cannot image."""
    if not marks.crop:
        return ""
    outlines = trims(side, product)
    edges_x = sorted({round(edge, 3) for trim in outlines for edge in (trim.x_pt, trim.right_pt)})
    edges_y = sorted({round(edge, 3) for trim in outlines for edge in (trim.y_pt, trim.top_pt)})
    folds = creases(side.slots, product)
    lines = [f"q 0 0 0 1 K {MARK_WEIGHT_PT} w 0 J", *_ticks(side, marks, edges_x, edges_y)]
    if product.folds:
        lines += [f"S {FOLD_DASH}", *_ticks(side, marks, folds.upright_pt, folds.level_pt)]
    return "\n".join([*lines, "S Q\n"])


def _ticks(side: Side, marks: Marks, xs: Iterable[float], ys: Iterable[float]) -> list[str]:
    """Lines at these places before and after the grid, along either axis."""
    area, lines = side.imageable, []
    for low, high in _reaches(side.grid.y_pt, side.grid.top_pt, area.y_pt, area.top_pt, marks):
        lines += [f"{numbers(x, low)} m {numbers(x, high)} l" for x in xs]
    for low, high in _reaches(side.grid.x_pt, side.grid.right_pt, area.x_pt, area.right_pt, marks):
        lines += [f"{numbers(low, y)} m {numbers(high, y)} l" for y in ys]
    return lines


def _reaches(low: float, high: float, first: float, last: float, marks: Marks) -> tuple[tuple[float, float], ...]:
    """From where to where a mark runs before and after the grid, along one axis."""
    offset, length = pt(marks.crop_offset_in), pt(marks.crop_length_in)
    return (
        (max(low - offset - length, first), low - offset),
        (high + offset, min(high + offset + length, last)),
    )


def write_press_marks(writer: PdfWriter, side: Side) -> int | None:
    """Targets and colour bar of one side as a form over the whole sheet; gives its object number."""
    drawn = [_target(mark.box) for mark in side.marks if mark.kind == "target"]
    drawn += [_color_bar(mark) for mark in side.marks if mark.kind == "color_bar"]
    if not drawn:
        return None
    all_inks = b"[/Separation/All/DeviceCMYK<</FunctionType 2/Domain[0 1]/C0[0 0 0 0]/C1[1 1 1 1]/N 1>>]"
    entries = f"/Type/XObject/Subtype/Form/BBox{side.imageable.array()}/Resources<</ColorSpace<</All ".encode()
    return writer.stream(entries + all_inks + b">>>>", "".join(drawn).encode())


def _target(box: Rect) -> str:
    """A cross in a circle."""
    x, y, reach = box.x_pt + box.width_pt / 2, box.y_pt + box.height_pt / 2, box.width_pt / 2
    cross = f"{numbers(x - reach, y)} m {numbers(x + reach, y)} l {numbers(x, y - reach)} m {numbers(x, y + reach)} l"
    return f"q /All CS 1 SCN {MARK_WEIGHT_PT} w {cross} {_circle(x, y, reach * 0.6)} S Q\n"


def _circle(x: float, y: float, radius: float) -> str:
    bend = radius * _ROUND
    turns = ((1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0))
    curves = [
        numbers(
            x + radius * a + bend * c, y + radius * b + bend * d, x + radius * c + bend * a, y + radius * d + bend * b,
            x + radius * c, y + radius * d,
        )
        for a, b, c, d in turns
    ]  # fmt: skip
    return f"{numbers(x + radius, y)} m " + " ".join(f"{curve} c" for curve in curves)


def _color_bar(mark: Mark) -> str:
    box = mark.box
    each = (box.height_pt if mark.upright else box.width_pt) / len(PATCHES)
    drawn = []
    for at, inks in enumerate(PATCHES):
        x, y = (box.x_pt, box.y_pt + at * each) if mark.upright else (box.x_pt + at * each, box.y_pt)
        size = (box.width_pt, each) if mark.upright else (each, box.height_pt)
        drawn.append(f"{numbers(*inks)} k {numbers(x, y, *size)} re f")
    return "q " + " ".join(drawn) + " Q\n"


def slug_text(job: Job, sheet: int, sheets: int, side: str) -> str:
    """`sheet` counts from 1. The time is the batch's freeze time, so that a second imposition prints the same."""
    return f"{job.stem}   sheet {sheet} of {sheets}   {side}   {_stamp(job.frozen_at)}"


@lru_cache(maxsize=16)
def _stamp(moment: datetime) -> str:
    # Formatting a date costs as much as setting half an address.
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def draw_slug(mark: Mark, text: str, *, font: str) -> bytes:
    """The line in its room, set smaller where it is too long for it."""
    codes = printable(text)
    room = mark.box.height_pt if mark.upright else mark.box.width_pt
    width = address_typeface().width_pt(codes, SLUG_SIZE_PT)
    before, after = _around_slug(mark, font, SLUG_SIZE_PT if width <= room else SLUG_SIZE_PT * room / width)
    return before + escaped(codes) + after


@lru_cache(maxsize=16)
def _around_slug(mark: Mark, font: str, size_pt: float) -> tuple[bytes, bytes]:
    """What stands before its codes and behind them, the same on nearly all sheets: it costs three times as much as the rest."""
    box, capitals = mark.box, size_pt * address_typeface().cap_height / 1000
    if mark.upright:
        x = box.x_pt + (box.width_pt + capitals) / 2
        drawn = f"q 0 1 -1 0 {numbers(x, box.y_pt)} cm {show('', font=font, size_pt=size_pt, at=(0, 0))}Q\n"
    else:
        drawn = show("", font=font, size_pt=size_pt, at=(box.x_pt, box.y_pt + (box.height_pt - capitals) / 2))
    before, _, after = drawn.encode().partition(b"()")
    return before + b"(", b")" + after


def barcode_text(marks: Marks, sheet: int) -> str:
    """What the finisher reads on this sheet: its program where the profile names one, the sheet's number from 1 otherwise."""
    return marks.finisher_program or f"{sheet:06}"


def draw_barcode(mark: Mark, text: str) -> bytes:
    """Code 39 in the middle of its room, quiet zones around it."""
    box, length = mark.box, code39.length_pt(text)
    room, thick = (box.height_pt, box.width_pt) if mark.upright else (box.width_pt, box.height_pt)
    along, beside = (room - length) / 2, (thick - code39.HEIGHT_PT) / 2
    matrix = (
        f"0 1 -1 0 {numbers(box.right_pt - beside, box.y_pt + along)}"
        if mark.upright
        else f"1 0 0 1 {numbers(box.x_pt + along, box.y_pt + beside)}"
    )
    return f"BT 0 0 0 1 k /{BARCODE_FONT} 1 Tf {matrix} Tm (*{text}*) Tj ET\n".encode()


def outer_trim(side: Side, product: Product) -> Rect:
    """The outline of all trims: the sheet page's TrimBox."""
    outlines = trims(side, product)
    x, y = min(trim.x_pt for trim in outlines), min(trim.y_pt for trim in outlines)
    right, top = max(trim.right_pt for trim in outlines), max(trim.top_pt for trim in outlines)
    return Rect(x, y, right - x, top - y)

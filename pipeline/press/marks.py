"""Crop marks outside the outermost bleed, and the slug line that names the sheet.

Both are 100 % K: on a digital press a mark in all inks is four chances of misregister.
"""

from pipeline.models.profile import Marks
from pipeline.press.geometry import Rect, numbers, pt
from pipeline.press.job import Job
from pipeline.press.layout import Side, trims
from pipeline.products import Product

MARK_WEIGHT_PT = 0.25
SLUG_SIZE_PT = 5.5
# Clear of the bleed above it, and of the trim mark at its left.
SLUG_DROP_PT = 2.2
SLUG_INDENT_PT = 12.0


def crop_marks(side: Side, product: Product, marks: Marks) -> str:
    """PDF operators for every trim edge, at all four sides of the grid, cut back where the press cannot image."""
    if not marks.crop:
        return ""
    outlines = trims(side, product)
    edges_x = sorted({round(edge, 3) for trim in outlines for edge in (trim.x_pt, trim.right_pt)})
    edges_y = sorted({round(edge, 3) for trim in outlines for edge in (trim.y_pt, trim.top_pt)})
    lines = [f"q 0 0 0 1 K {MARK_WEIGHT_PT} w 0 J"]
    for low, high in _reaches(side.grid.y_pt, side.grid.top_pt, side.imageable.y_pt, side.imageable.top_pt, marks):
        lines += [f"{numbers(x, low)} m {numbers(x, high)} l" for x in edges_x]
    for low, high in _reaches(side.grid.x_pt, side.grid.right_pt, side.imageable.x_pt, side.imageable.right_pt, marks):
        lines += [f"{numbers(low, y)} m {numbers(high, y)} l" for y in edges_y]
    return "\n".join([*lines, "S Q\n"])


def _reaches(low: float, high: float, first: float, last: float, marks: Marks) -> tuple[tuple[float, float], ...]:
    """From where to where a mark runs before and after the grid, along one axis."""
    offset, length = pt(marks.crop_offset_in), pt(marks.crop_length_in)
    return (
        (max(low - offset - length, first), low - offset),
        (high + offset, min(high + offset + length, last)),
    )


def slug_place(side: Side, product: Product, marks: Marks) -> tuple[float, float]:
    """Baseline of the slug: below the grid, between the trim marks of the first column, where it takes no room."""
    leftmost = min(trim.x_pt for trim in trims(side, product))
    return leftmost + SLUG_INDENT_PT, side.grid.y_pt - pt(marks.crop_offset_in) - SLUG_DROP_PT - SLUG_SIZE_PT * 0.73


def slug_text(job: Job, sheet: int, sheets: int, side: str) -> str:
    """`sheet` counts from 1. The time is the batch's freeze time, so that a second imposition prints the same."""
    return f"{job.stem}   sheet {sheet} of {sheets}   {side}   {job.frozen_at:%Y-%m-%d %H:%M} UTC"


def outer_trim(side: Side, product: Product) -> Rect:
    """The outline of all trims: the sheet page's TrimBox."""
    outlines = trims(side, product)
    x, y = min(trim.x_pt for trim in outlines), min(trim.y_pt for trim in outlines)
    right, top = max(trim.right_pt for trim in outlines), max(trim.top_pt for trim in outlines)
    return Rect(x, y, right - x, top - y)

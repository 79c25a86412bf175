"""Which part of a PDF page is the artwork, and how to bring it upright to the bleed page's origin.

Designers export three ways: the page is the bleed; the page is larger, with marks around it, and its TrimBox or
BleedBox says where the piece lies. UserUnit scales and Rotate turns what a reader sees, so both count for the size.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians, sin

import pikepdf

from pipeline.press.geometry import Rect, bleed_rect, trim_rect
from pipeline.products import Product

# Exports round page sizes to whole millimetres or points: 0.02 in of a bleed of 0.125 in does no harm.
TOLERANCE_PT = 1.44
LARGEST_SIDE_PT = 14_400.0


class NoBoxError(Exception):
    """A page that does not say how large it is. The message goes on from "The page"."""


Matrix = tuple[float, float, float, float, float, float]


@dataclass(frozen=True)
class PageView:
    """A page as a reader shows it: `visible` in the page's own units, and what they are turned and multiplied by."""

    visible: Rect
    media: Rect
    trim: Rect | None
    bleed: Rect | None
    rotate: int
    unit: float

    def size_pt(self, rect: Rect) -> tuple[float, float]:
        """Width and height as shown."""
        width, height = rect.width_pt * self.unit, rect.height_pt * self.unit
        return (height, width) if self.rotate in (90, 270) else (width, height)


def view(page: pikepdf.Page) -> PageView:
    """Raises `NoBoxError` when the page has no usable MediaBox, or says it in units of no size."""
    if "/MediaBox" not in page.obj:
        raise NoBoxError("has no MediaBox")
    media = _box(page.mediabox)
    unit = float(page.get("/UserUnit", 1))
    if not 0 < unit <= LARGEST_SIDE_PT:
        raise NoBoxError("has a UserUnit that is not a positive number")
    crop = _box(page.cropbox) if "/CropBox" in page else media
    rotate = int(page.get("/Rotate", 0)) % 360
    return PageView(
        visible=_overlap(crop, media) or media,
        media=media,
        trim=_declared(page, "/TrimBox"),
        bleed=_declared(page, "/BleedBox"),
        rotate=rotate - rotate % 90,
        unit=unit,
    )


def artwork_box(seen: PageView, product: Product) -> Rect | None:
    """The part of the page that is the product's bleed page, in the page's own units; None when the size is wrong."""
    bleed, trim = bleed_rect(product), trim_rect(product)
    if seen.trim and _is(seen, seen.trim, trim):
        grown = seen.trim.grown(trim.x_pt / seen.unit)
        if seen.media.holds(grown, TOLERANCE_PT / seen.unit):
            return grown
    for candidate in (seen.visible, seen.bleed, seen.media):
        if candidate and _is(seen, candidate, bleed):
            return candidate
    return None


def placing(seen: PageView, box: Rect, product: Product) -> Matrix:
    """The matrix that takes the page's own units to the bleed page, centre on centre, turned upright."""
    page = bleed_rect(product)
    turn = radians(-seen.rotate)
    a, b = round(cos(turn)) * seen.unit, round(sin(turn)) * seen.unit
    centre_x, centre_y = box.x_pt + box.width_pt / 2, box.y_pt + box.height_pt / 2
    return (
        a, b, -b, a,
        page.width_pt / 2 - a * centre_x + b * centre_y,
        page.height_pt / 2 - b * centre_x - a * centre_y,
    )  # fmt: skip


def _is(seen: PageView, rect: Rect, wanted: Rect) -> bool:
    width, height = seen.size_pt(rect)
    return abs(width - wanted.width_pt) <= TOLERANCE_PT and abs(height - wanted.height_pt) <= TOLERANCE_PT


def _declared(page: pikepdf.Page, key: str) -> Rect | None:
    return _box(page.obj[key]) if key in page.obj else None


def _box(values: Sequence[object] | pikepdf.Object) -> Rect:
    corners = [float(value) for value in values]  # type: ignore[arg-type]
    if len(corners) != 4:
        raise NoBoxError("has a box that is not four numbers")
    x, right = sorted((corners[0], corners[2]))
    y, top = sorted((corners[1], corners[3]))
    if not (0 < right - x <= LARGEST_SIDE_PT and 0 < top - y <= LARGEST_SIDE_PT):
        raise NoBoxError("has a box without area, or with more than a PDF page can have")
    return Rect(x, y, right - x, top - y)


def _overlap(one: Rect, other: Rect) -> Rect | None:
    x, y = max(one.x_pt, other.x_pt), max(one.y_pt, other.y_pt)
    right, top = min(one.right_pt, other.right_pt), min(one.top_pt, other.top_pt)
    return Rect(x, y, right - x, top - y) if right > x and top > y else None

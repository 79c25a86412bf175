"""Text that comes too near to the trim, found on the normalized page, whose units are the piece's own."""

import ctypes
import sys
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium

from pipeline.press.geometry import inches, pt, trim_rect
from pipeline.press.report import Finding, finding, warning
from pipeline.products import Product

# Beyond the safe line a sender is warned; nearer to the trim than this, a cutter's ordinary drift takes letters off.
REFUSED_IN = 0.0625
MOST_CHARACTERS = 50_000
_INVISIBLE = 3

Place = tuple[float, float, float, float]
"""Left, bottom, right and top in points."""


def unsafe_text(normalized: bytes, product: Product, number: int = 0) -> Iterator[Finding]:
    """Of one page, up to two findings an edge: what is refused, and what is only near."""
    safe, refused = pt(product.safe_in), pt(REFUSED_IN)
    trim = trim_rect(product)
    near: dict[tuple[str, bool], list[tuple[float, Place]]] = {}
    for place in characters(normalized, number):
        left, bottom, right, top = place
        if right <= trim.x_pt or left >= trim.right_pt or top <= trim.y_pt or bottom >= trim.top_pt:
            continue
        gaps = {
            "left": left - trim.x_pt,
            "bottom": bottom - trim.y_pt,
            "right": trim.right_pt - right,
            "top": trim.top_pt - top,
        }
        edge = min(gaps, key=lambda name: gaps[name])
        # Two decimals of a point: what stands on the line is inside.
        if round(gaps[edge], 2) < safe:
            near.setdefault((edge, round(gaps[edge], 2) < refused), []).append((gaps[edge], place))
    for (edge, too_near), found in near.items():
        yield _said(edge, too_near, found, product)


def _said(edge: str, too_near: bool, found: list[tuple[float, Place]], product: Product) -> Finding:
    gap_in = inches(min(gap for gap, _ in found))
    where = f"{gap_in:.3f} in from" if gap_in >= 0 else f"{-gap_in:.3f} in over"
    least = REFUSED_IN if too_near else product.safe_in
    make = finding if too_near else warning
    return make(
        "text_outside_safe_area",
        f"Text stands {where} the {edge} trim; the cut may take letters off.",
        f"Keep text at least {product.safe_in:g} in from the trim.",
        box_in=_box_in([place for _, place in found], product),
        measured=f"{gap_in:.3f} in",
        required=f"{least:g} in",
    )


def characters(pdf: bytes, number: int) -> Iterator[Place]:
    """Of each visible character of one page that is not a space."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        page = document[number]
        text = page.get_textpage()
        box = [ctypes.c_double() for _ in range(4)]
        references = [ctypes.byref(value) for value in box]
        for at in range(min(text.count_chars(), MOST_CHARACTERS)):
            if _is_space(pdfium.FPDFText_GetUnicode(text, at)) or _is_invisible(text, at):
                continue
            if pdfium.FPDFText_GetCharBox(text, at, *references):
                left, right, bottom, top = (value.value for value in box)
                if right > left and top > bottom:
                    yield left, bottom, right, top
        text.close()
    finally:
        document.close()


def _is_space(letter: int) -> bool:
    """Where a font does not say which letter a code is, the code is told, which may be larger than any letter."""
    return letter <= sys.maxunicode and chr(letter).isspace()


def _is_invisible(text: pypdfium2.PdfTextPage, at: int) -> bool:
    shown = pdfium.FPDFText_GetTextObject(text, at)
    return bool(shown) and pdfium.FPDFTextObj_GetTextRenderMode(shown) == _INVISIBLE


def _box_in(places: list[Place], product: Product) -> tuple[float, float, float, float]:
    trim = trim_rect(product)
    left, bottom = min(place[0] for place in places), min(place[1] for place in places)
    right, top = max(place[2] for place in places), max(place[3] for place in places)
    edges = (left - trim.x_pt, trim.top_pt - top, right - left, top - bottom)
    x, y, width, height = (round(inches(edge), 3) for edge in edges)
    return x, y, width, height

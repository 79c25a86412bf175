"""Renders artwork as viewers show it. Blocks and may crash on hostile files: for a child process with limits."""

from math import ceil
from pathlib import Path

import pypdfium2
from PIL import Image

from pipeline.press.geometry import Rect

Pdf = bytes | Path


def render(pdf: Pdf, ppi: float, *, page: int = 0) -> Image.Image:
    """One page in RGB on white, without what comments and form fields show."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return _rendered(document[page], ppi / 72)
    finally:
        document.close()


def page_count(pdf: Pdf) -> int:
    document = pypdfium2.PdfDocument(pdf)
    try:
        return len(document)
    finally:
        document.close()


def render_part(pdf: Pdf, ppi: float, part: Rect, *, unit: float = 1.0, page: int = 0) -> Image.Image:
    """What lies within `part`, in the page's own units, each of `unit` points, turned as the page says."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        shown = document[page]
        corners = (part.x_pt, part.y_pt, part.right_pt, part.top_pt)
        shown.set_mediabox(*corners)
        shown.set_cropbox(*corners)
        shown.close()
        # pdfium measures a page when it opens it.
        return _rendered(document[page], ppi / 72 * unit)
    finally:
        document.close()


def pixels(size_pt: float, ppi: float) -> int:
    """As pdfium rounds a page's size."""
    return ceil(size_pt * ppi / 72 - 1e-3)


def _rendered(page: pypdfium2.PdfPage, scale: float) -> Image.Image:
    image: Image.Image = page.render(scale=scale, may_draw_forms=False, draw_annots=False).to_pil()
    return image.convert("RGB")

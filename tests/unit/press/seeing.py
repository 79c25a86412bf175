"""Looks at what a press would print: renders pages, cuts pieces out of them, and compares pictures."""

from pathlib import Path

import pypdfium2
from PIL import Image, ImageChops

from pipeline.press.geometry import Rect
from pipeline.press.sheets.layout import Slot

PPI = 100
# A pixel counts as different when one of its channels is further off than edges and rounding explain.
FAR = 48


def render(file: Path, page: int = 0, *, ppi: float = PPI, within: Rect | None = None) -> Image.Image:
    """One page in RGB, or the part of it that lies `within`, in points from the lower left."""
    document = pypdfium2.PdfDocument(file)
    try:
        shown = document[page]
        width, height = shown.get_size()
        box = within or Rect(0, 0, width, height)
        crop = (box.x_pt, box.y_pt, width - box.right_pt, height - box.top_pt)
        image: Image.Image = shown.render(scale=ppi / 72, crop=crop).to_pil().convert("RGB")
    finally:
        document.close()
    return image


def text_within(file: Path, page: int, box: Rect) -> str:
    document = pypdfium2.PdfDocument(file)
    try:
        text = document[page].get_textpage()
        found: str = text.get_text_bounded(box.x_pt, box.y_pt, box.right_pt, box.top_pt)
        text.close()
    finally:
        document.close()
    return found


def cut_out(sheet: Image.Image, slot: Slot, sheet_height_pt: float, *, ppi: float = PPI) -> Image.Image:
    """One piece with its bleed, turned upright."""
    scale = ppi / 72
    box = (
        round(slot.rect.x_pt * scale),
        round((sheet_height_pt - slot.rect.top_pt) * scale),
        round(slot.rect.right_pt * scale),
        round((sheet_height_pt - slot.rect.y_pt) * scale),
    )
    return sheet.crop(box).rotate(-slot.turn, expand=True)


def difference(one: Image.Image, other: Image.Image) -> float:
    """The share of pixels that differ, where the pictures lie best within a pixel of one another."""
    other = other if other.size == one.size else other.resize(one.size, Image.Resampling.LANCZOS)
    shifts = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]
    return min(_differing(one, ImageChops.offset(other, *shift)) for shift in shifts)


def _differing(one: Image.Image, other: Image.Image) -> float:
    # What an offset wraps around stands in the outermost pixels.
    inner = (2, 2, one.width - 2, one.height - 2)
    bands = ImageChops.difference(one, other).crop(inner).split()
    worst = bands[0]
    for band in bands[1:]:
        worst = ImageChops.lighter(worst, band)
    counts = worst.histogram()
    return sum(counts[FAR + 1 :]) / sum(counts)

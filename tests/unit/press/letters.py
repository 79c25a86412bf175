"""Letters to impose: documents whose pages can be told apart, sets placed as the line places them, and marks read back."""

from collections.abc import Sequence
from pathlib import Path

import zxingcpp
from PIL import Image
from reportlab.lib.colors import CMYKColor
from reportlab.pdfgen.canvas import Canvas

from pipeline.models.profile import Imposition
from pipeline.press.geometry import bleed_rect, on_piece
from pipeline.press.job import Placed
from pipeline.press.sheets.layout import plan_places
from pipeline.products import LETTER
from tests.unit.press import artwork_files as art
from tests.unit.press.jobs import make_pieces

CUT_SHEET = {
    "sheet": {"width_in": 8.5, "height_in": 11, "imageable_width_in": 8.5, "imageable_height_in": 11},
    "marks": {"crop": False, "slug": False, "registration": False, "color_bar": False},
}
"""A press that is fed with letter paper: nothing is cut, and there is nothing beside the page."""


def document(out: Path, pages: int, *, shade: float = 0.25) -> Path:
    """Of each page, a bar as long as its number; nothing where the address goes, or the mark."""
    art.plain(out)  # registers the typeface
    page = bleed_rect(LETTER)
    canvas = Canvas(str(out), pagesize=(page.width_pt, page.height_pt), initialFontName=art.VERA)
    for number in range(1, pages + 1):
        canvas.setFillColor(CMYKColor(shade, 0.5, 0, 0))
        canvas.rect(80, 80, 38 * number, 300, stroke=0, fill=1)
        canvas.setFillColor(CMYKColor(0, 0, 0, 1))
        canvas.setFont(art.VERA, 30)
        canvas.drawString(90, 440, f"Page {number}")
        canvas.showPage()
    canvas.save()
    return out


def spotted(out: Path, pages: int, spots: dict[int, tuple[float, float]]) -> Path:
    """A document with a black square of half an inch at a place of some pages, in points from the lower left."""
    art.plain(out)
    canvas = Canvas(str(out), pagesize=(612, 792), initialFontName=art.VERA)
    for page in range(1, pages + 1):
        canvas.setFillColor(CMYKColor(0, 0, 0, 1))
        canvas.rect(200, 200, 200, 200, stroke=0, fill=1)
        if page in spots:
            canvas.rect(*spots[page], 36, 36, stroke=0, fill=1)
        canvas.showPage()
    canvas.save()
    return out


def make_sets(
    count: int, imposition: Imposition, *, sheets: int, keys: Sequence[str] = ("letter",), simplex: bool = False
) -> tuple[Placed, ...]:
    """In mailing order, the documents by turns."""
    places = plan_places(count, LETTER, imposition, sheets=sheets)
    return tuple(
        piece._replace(
            sheet=sheet, slot=slot, stack_position=position, front=keys[at % len(keys)],
            back=None if simplex else keys[at % len(keys)],
        )
        for at, (piece, (sheet, slot, position)) in enumerate(zip(make_pieces(count, Imposition()), places, strict=True))
    )  # fmt: skip


def read_mark(page: Image.Image, *, ppi: float) -> str:
    """Of an upright letter, whatever is read where the product has its mark. Raises `ValueError` where there is nothing."""
    assert LETTER.sheet_mark is not None
    box = on_piece(LETTER.sheet_mark, LETTER)
    scale = ppi / 72
    part = page.crop((
        round(box.x_pt * scale), round(page.height - box.top_pt * scale), round(box.right_pt * scale),
        round(page.height - box.y_pt * scale),
    ))  # fmt: skip
    [found] = zxingcpp.read_barcodes(part.convert("L"), formats=zxingcpp.BarcodeFormat.DataMatrix)
    text: str = found.text
    return text

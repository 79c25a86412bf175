"""Artwork drawn for one product at a time, right or wrong in one way."""

from collections.abc import Callable
from pathlib import Path

import reportlab
from reportlab.lib.colors import CMYKColor
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from pipeline.press.geometry import bleed_rect, on_piece, pt, trim_rect
from pipeline.products import POSTCARD_4X6, Product

VERA = "ArtworkVera"


def draw(out: Path, change: Callable[[Canvas], None], product: Product = POSTCARD_4X6, *, ground: bool = True) -> Path:
    """One page of the bleed size, on a ground that fills it unless told otherwise, with what `change` draws."""
    if VERA not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(TTFont(VERA, str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf")))
    page = bleed_rect(product)
    canvas = Canvas(str(out), pagesize=(page.width_pt, page.height_pt), initialFontName=VERA)
    if ground:
        canvas.setFillColor(CMYKColor(0.6, 0.2, 0, 0))
        canvas.rect(0, 0, page.width_pt, page.height_pt, stroke=0, fill=1)
    change(canvas)
    canvas.save()
    return out


def plain(out: Path, product: Product = POSTCARD_4X6) -> Path:
    return draw(out, lambda _: None, product)


def address_side(out: Path, product: Product = POSTCARD_4X6) -> Path:
    """A ground all around, and white where the address goes."""
    box = on_piece(product.ink_free, product)

    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0, 0, 0))
        canvas.rect(box.x_pt, box.y_pt, box.width_pt, box.height_pt, stroke=0, fill=1)

    return draw(out, change, product)


def to_the_trim(out: Path, product: Product = POSTCARD_4X6, *, beyond_in: float = 0.0) -> Path:
    """The bleed is declared; the ground ends `beyond_in` outside the trim."""
    area = trim_rect(product).grown(pt(beyond_in))

    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0.6, 0.2, 0, 0))
        canvas.rect(area.x_pt, area.y_pt, area.width_pt, area.height_pt, stroke=0, fill=1)

    return draw(out, change, product, ground=False)


def text_at(out: Path, x_in: float, y_in: float, *, size: float = 12, font: str = VERA) -> Path:
    """A white word whose letters begin `x_in` from the trim's left and stand `y_in` above its foot."""

    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0, 0, 0))
        canvas.setFont(font, size)
        # The letter H of Vera begins 0.098 em to the right of where it is set.
        canvas.drawString(9 + pt(x_in) - 0.098 * size, 9 + pt(y_in), "HHH")

    return draw(out, change)

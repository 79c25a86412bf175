"""The template of a product: a PDF page a side, of the artwork's own size, with every zone drawn and named."""

from pathlib import Path

from reportlab.pdfgen.canvas import Canvas

from pipeline.press.geometry import Rect, bleed_rect, pt, trim_rect
from pipeline.press.proofs.zone_drawing import BOLD, FONT, INK, SAFE, TRIM, draw_side, new_canvas
from pipeline.press.zones import side_title
from pipeline.products import Product, Side

_SIDES: tuple[Side, Side] = ("front", "back")
_TITLE_PT, _TEXT_PT = 8.0, 6.0


def write_template(product: Product, out_pdf: Path) -> None:
    """Front and back, TrimBox and BleedBox set. Place it as a layer that does not print, and take it out to export."""
    page = bleed_rect(product)
    canvas = new_canvas(out_pdf, (page.width_pt, page.height_pt), f"{product.title}: template")
    for side in _SIDES:
        canvas.setTrimBox(_corners(trim_rect(product)))
        canvas.setBleedBox(_corners(page))
        draw_side(canvas, product, side, filled=True)
        _describe(canvas, product, side)
        canvas.showPage()
    canvas.save()


def _describe(canvas: Canvas, product: Product, side: Side) -> None:
    """In the upper left of the safe area, where no product has a zone of its own."""
    x = pt(product.bleed_in + product.safe_in) + 6
    y = bleed_rect(product).height_pt - pt(product.bleed_in + product.safe_in) - 14
    if product.envelope is not None and side == product.address_side:
        # The windows stand there: below the address panel's fold, then.
        y -= pt(product.face.height_in)
    canvas.setFillColor(INK)
    canvas.setFont(BOLD, _TITLE_PT)
    canvas.drawString(x, y, f"{product.title}: {side_title(product, side)}")
    canvas.setFont(FONT, _TEXT_PT)
    for colour, line in _lines(product):
        y -= 1.5 * _TEXT_PT
        canvas.setFillColor(colour)
        canvas.drawString(x, y, line)


def _lines(product: Product) -> list[tuple[object, str]]:
    artwork = f"artwork {product.bleed_width_in:g} x {product.bleed_height_in:g} in"
    bleed = f": {product.bleed_in:g} in of bleed on each side, filled" if product.bleed_in else ", no bleed"
    return [
        (INK, artwork + bleed),
        (TRIM, f"trim {product.trim_width_in:g} x {product.trim_height_in:g} in"),
        (SAFE, f"text at least {product.safe_in:g} in inside the trim"),
        (INK, f"images {product.min_ppi} ppi; fonts embedded; CMYK or sRGB"),
        (INK, "this template does not print: take it out before you export"),
    ]


def _corners(rect: Rect) -> tuple[float, float, float, float]:
    return rect.x_pt, rect.y_pt, rect.right_pt, rect.top_pt

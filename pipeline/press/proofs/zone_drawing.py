"""Draws a side's bleed, trim, safe line, zones and folds, each with its name: for templates and for proofs."""

from functools import cache
from pathlib import Path

import reportlab
from reportlab.lib.colors import Color
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from pipeline.press.geometry import Rect, bleed_rect, on_piece, pt, trim_rect
from pipeline.press.zones import Kind, Zone, zones
from pipeline.products import Box, Product, Side

FONT, BOLD = "Vera", "VeraBd"
LABEL_PT = 5.5

TRIM = Color(0.84, 0, 0.43)
SAFE = Color(0, 0.55, 0.25)
BLEED = Color(0.84, 0, 0.43, alpha=0.12)
FOLD = Color(0.1, 0.35, 0.85)
WINDOW = Color(0.45, 0.3, 0.65)
INK = Color(0.2, 0.2, 0.2)

_ZONE_COLOURS: dict[Kind, Color] = {
    "barcode_clear": Color(0.95, 0.6, 0),
    "ink_free": Color(0.35, 0.35, 0.35),
    "indicia": Color(0.1, 0.45, 0.7),
    "return_address": Color(0.1, 0.45, 0.7),
    "address": Color(0.1, 0.45, 0.7),
    "glue": Color(0.55, 0.35, 0.1),
    "sheet_mark": Color(0.35, 0.35, 0.35),
}


@cache
def _registered() -> None:
    folder = Path(reportlab.__file__).parent / "fonts"
    for name in (FONT, BOLD):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"{name}.ttf")))


def new_canvas(out: Path, size_pt: tuple[float, float], title: str) -> Canvas:
    """A page in our own embedded typeface; the same drawing gives the same bytes."""
    _registered()
    canvas = Canvas(str(out), pagesize=size_pt, invariant=1, initialFontName=FONT, pageCompression=1)
    canvas.setTitle(title)
    canvas.setCreator("MailStream")
    return canvas


def draw_side(canvas: Canvas, product: Product, side: Side, *, filled: bool) -> None:
    """On the bleed page, whose lower left corner is the origin. `filled` tints the zones, for pages without artwork."""
    _draw_bleed(canvas, product, filled=filled)
    for zone in zones(product, side):
        _draw_zone(canvas, zone, on_piece(zone.box, product), filled=filled)
    if side == product.address_side:
        _draw_windows(canvas, product)
    _draw_folds(canvas, product, side)
    _draw_lines(canvas, product)


def label(canvas: Canvas, text: str, x: float, y: float, colour: Color, *, size: float = LABEL_PT) -> None:
    """On a white ground, so that it can be read on any artwork."""
    width = canvas.stringWidth(text, FONT, size)
    canvas.setFillColorRGB(1, 1, 1, alpha=0.85)
    canvas.rect(x - 1, y - 0.25 * size, width + 2, 1.2 * size, stroke=0, fill=1)
    canvas.setFillColor(colour)
    canvas.setFont(FONT, size)
    canvas.drawString(x, y, text)


def _draw_bleed(canvas: Canvas, product: Product, *, filled: bool) -> None:
    outer, trim = bleed_rect(product), trim_rect(product)
    if not product.bleed_in:
        return
    path = canvas.beginPath()
    path.rect(outer.x_pt, outer.y_pt, outer.width_pt, outer.height_pt)
    path.rect(trim.x_pt, trim.y_pt, trim.width_pt, trim.height_pt)
    canvas.setFillColor(BLEED if filled else Color(1, 1, 1, alpha=0.55))
    canvas.drawPath(path, stroke=0, fill=1, fillMode=0)


def _draw_zone(canvas: Canvas, zone: Zone, rect: Rect, *, filled: bool) -> None:
    colour = _ZONE_COLOURS[zone.kind]
    if filled:
        canvas.setFillColor(Color(colour.red, colour.green, colour.blue, alpha=0.1))
        canvas.rect(*_operands(rect), stroke=0, fill=1)
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(0.6)
    canvas.setDash()
    canvas.rect(*_operands(rect), stroke=1, fill=0)
    # What holds other zones has its name below them.
    y = rect.y_pt + 3 if zone.kind in ("barcode_clear", "ink_free", "glue") else rect.top_pt - 1.4 * LABEL_PT
    text = zone.title
    if canvas.stringWidth(text, FONT, LABEL_PT) > rect.width_pt - 4:
        text = text.partition(":")[0]
    label(canvas, text, rect.x_pt + 3, y, colour)


def _draw_windows(canvas: Canvas, product: Product) -> None:
    """Where the envelope's windows lie over a sheet at rest."""
    envelope = product.envelope
    if envelope is None:
        return
    for title, window in (("address window", envelope.address_window), ("return window", envelope.return_window)):
        x, y = window.x_in - envelope.sheet.x_in, window.y_in - envelope.sheet.y_in
        rect = on_piece(Box(x, y, window.width_in, window.height_in), product)
        canvas.setStrokeColor(WINDOW)
        canvas.setLineWidth(0.6)
        canvas.setDash(2, 2)
        canvas.roundRect(*_operands(rect), pt(0.08), stroke=1, fill=0)
        canvas.setDash()
        width = canvas.stringWidth(title, FONT, LABEL_PT)
        label(canvas, title, rect.right_pt - width - 6, rect.y_pt + 3, WINDOW)


def _draw_folds(canvas: Canvas, product: Product, side: Side) -> None:
    page = bleed_rect(product)
    canvas.setStrokeColor(FOLD)
    canvas.setLineWidth(0.6)
    for fold in product.folds:
        if fold.side != side:
            continue
        at = pt(product.bleed_in + fold.at_in)
        canvas.setDash(6, 3)
        if fold.direction == "level":
            canvas.line(0, page.height_pt - at, page.width_pt, page.height_pt - at)
            place = (pt(product.bleed_in + product.safe_in) + 6, page.height_pt - at + 2)
        else:
            canvas.line(at, 0, at, page.height_pt)
            place = (at + 3, page.height_pt / 2)
        canvas.setDash()
        label(
            canvas, f"fold, {fold.at_in:g} in from the {'top' if fold.direction == 'level' else 'left'}", *place, FOLD
        )


def _draw_lines(canvas: Canvas, product: Product) -> None:
    trim = trim_rect(product)
    canvas.setLineWidth(0.5)
    canvas.setStrokeColor(SAFE)
    canvas.setDash(3, 2)
    canvas.rect(*_operands(trim.grown(-pt(product.safe_in))), stroke=1, fill=0)
    canvas.setDash()
    canvas.setStrokeColor(TRIM)
    canvas.rect(*_operands(trim), stroke=1, fill=0)


def _operands(rect: Rect) -> tuple[float, float, float, float]:
    return rect.x_pt, rect.y_pt, rect.width_pt, rect.height_pt

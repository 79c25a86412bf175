"""The proof that preflight draws: the artwork with trim, safe line and zones, findings in red, and what they say below.

One drawing, as PDF, or rendered from it as PNG.
"""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
from PIL import Image
from reportlab.lib.colors import Color
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from pipeline.errors import Permanent
from pipeline.models.profile import Postage
from pipeline.press.creative.normalize import normalize
from pipeline.press.file_kind import sniff
from pipeline.press.geometry import bleed_rect, on_piece, pt
from pipeline.press.job import Placed
from pipeline.press.limits import MOST_PIXELS
from pipeline.press.picture import render
from pipeline.press.preflight.appearance import OTHER
from pipeline.press.proofs.proof import address_side_pdf
from pipeline.press.proofs.zone_drawing import BOLD, FONT, INK, draw_side, label, new_canvas
from pipeline.press.report import Finding, Report
from pipeline.press.zones import side_title
from pipeline.products import Box, Product, Side

PPI = 150
MARGIN_PT = 28.0
_TEXT_PT, _PITCH_PT = 7.5, 10.5
_RED = Color(0.85, 0.05, 0.05)
_AMBER = Color(0.8, 0.45, 0)
_LARGEST_SIDE_PT = 3000.0

SAMPLE_SCALE = 0.75
_SAMPLE = Placed(
    piece_id="sample", sheet=0, slot=0, stack_position=0, imb="0031012345600000000183702123456",
    address=("ADA LOVELACE", "100 MAIN ST APT 4", "BOISE ID 83702-1234"),
    return_address=("YOUR COMPANY", "1 RETURN ST", "BOISE ID 83702"), front="art", back="art", recipient_hash="",
)  # fmt: skip
_SAMPLE_POSTAGE = Postage(
    mailer_id="123456", permit_number="1", permit_city="Boise", permit_state="ID", endorsement_first_class="return"
)

Told = tuple[int, Finding]
"""A finding and its number in the list."""


def marked_proof(source: Path, product: Product, side: Side, report: Report, out: Path, *, png: bool) -> None:
    """Of any file that preflight has seen, even one that it refused: then as far as it can be shown.

    Of a document its first page, and those on which something was found, beside one another.
    """
    told = list(enumerate((*report.findings, *report.warnings), start=1))
    lines = [line for number, found in told for line in _lines(number, found, product)]
    normal = out.with_name(out.name + ".normal.pdf")
    shown = _shown_pages(report, [found for _, found in told], product)
    pictures, exact = _artwork(source, product, normal, shown)
    sample = _sample(product, side, normal) if exact else None
    page = bleed_rect(product)
    step = page.width_pt + MARGIN_PT
    width = max(len(shown) * step - MARGIN_PT, 300.0) + 2 * MARGIN_PT
    below = _PITCH_PT * (len(lines) + 3) + (SAMPLE_SCALE * page.height_pt + 3 * _PITCH_PT if sample else 0)
    pdf = out.with_name(out.name + ".pdf") if png else out
    canvas = new_canvas(pdf, (width, page.height_pt + 2 * MARGIN_PT + below), f"Proof: {product.title}")
    canvas.translate(MARGIN_PT, MARGIN_PT + below)
    for at, (number, picture) in enumerate(zip(shown, pictures, strict=True)):
        canvas.saveState()
        canvas.translate(at * step, 0)
        _draw_artwork(canvas, product, picture, exact=exact)
        draw_side(canvas, product, side if number == 1 else OTHER[product.address_side], filled=False)
        if product.is_document:
            label(canvas, f"page {number}", 4, page.height_pt + 4, INK, size=_TEXT_PT)
        _draw_findings(canvas, product, told, number)
        canvas.restoreState()
    canvas.translate(0, -below)
    _write(canvas, product, side, report, lines, below)
    if sample is not None:
        _draw_sample(canvas, product, sample)
    canvas.save()
    normal.unlink(missing_ok=True)
    if png:
        render(pdf, PPI).save(out, "PNG")
        pdf.unlink()


def _shown_pages(report: Report, found: Sequence[Finding], product: Product) -> list[int]:
    """Counted from 1."""
    if not product.is_document:
        return [1]
    last = min(report.pages, product.most_pages)
    return sorted({1, *(one.page for one in found if one.page is not None and one.page <= last)})


def _artwork(
    source: Path, product: Product, normal: Path, shown: Sequence[int]
) -> tuple[list[Image.Image | None], bool]:
    """A picture of each page, and whether that is the bleed page. What has another size is shown at its own."""
    try:
        normalize(source, product, normal)
        return [render(normal, PPI, page=number - 1) for number in shown], True
    except (Permanent, pypdfium2.PdfiumError):
        return [_as_it_is(source, product, number - 1) for number in shown], False


def _sample(product: Product, side: Side, normal: Path) -> Image.Image | None:
    """The address side as it will print, with an address and a barcode on it."""
    if side != product.address_side:
        return None
    # An envelope hides what it has no window for.
    mail_class = "marketing" if product.envelope else "first_class"
    return render(address_side_pdf(product, normal, _SAMPLE, _SAMPLE_POSTAGE, mail_class), PPI)


def _draw_sample(canvas: Canvas, product: Product, sample: Image.Image) -> None:
    width, height = bleed_rect(product).width_pt * SAMPLE_SCALE, bleed_rect(product).height_pt * SAMPLE_SCALE
    canvas.drawImage(ImageReader(sample), 0, 0, width, height)
    canvas.setStrokeColor(INK)
    canvas.setLineWidth(0.4)
    inset = pt(product.bleed_in) * SAMPLE_SCALE
    canvas.rect(inset, inset, width - 2 * inset, height - 2 * inset, stroke=1, fill=0)
    canvas.setFillColor(INK)
    canvas.setFont(FONT, _TEXT_PT)
    canvas.drawString(
        0, height + 4, "As it will print, with a sample address, and an endorsement where the printer is to print one:"
    )


def _as_it_is(source: Path, product: Product, page: int) -> Image.Image | None:
    kind = sniff(source)
    try:
        if kind == "pdf":
            with pypdfium2.PdfDocument(source) as document:
                if max(document[page].get_size()) > _LARGEST_SIDE_PT:
                    return None
            return render(source, PPI, page=page)
        with Image.open(source) as image:
            if image.width * image.height > MOST_PIXELS:
                return None
            scale = PPI / product.min_ppi
            return image.convert("RGB").resize(
                (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
            )
    except (pypdfium2.PdfiumError, OSError, ValueError, SyntaxError):
        return None


def _draw_artwork(canvas: Canvas, product: Product, art: Image.Image | None, *, exact: bool) -> None:
    page = bleed_rect(product)
    if art is None:
        canvas.setFillColor(Color(0.93, 0.93, 0.93))
        canvas.rect(0, 0, page.width_pt, page.height_pt, stroke=0, fill=1)
        label(canvas, "the artwork cannot be shown", page.width_pt / 2 - 50, page.height_pt / 2, _RED, size=8)
        return
    width, height = (page.width_pt, page.height_pt) if exact else (art.width * 72 / PPI, art.height * 72 / PPI)
    x, y = (page.width_pt - width) / 2, (page.height_pt - height) / 2
    canvas.drawImage(ImageReader(art), x, y, width, height)


def _draw_findings(canvas: Canvas, product: Product, told: Sequence[Told], page: int) -> None:
    for number, found in told:
        if found.box is not None and (found.page or 1) == page:
            _draw_finding(canvas, product, number, found, found.box)


def _draw_finding(canvas: Canvas, product: Product, number: int, found: Finding, box: Box) -> None:
    colour = _RED if found.severity == "error" else _AMBER
    rect = on_piece(box, product).grown(1.5)
    canvas.setFillColor(Color(colour.red, colour.green, colour.blue, alpha=0.15))
    canvas.setStrokeColor(colour)
    canvas.setLineWidth(1.2)
    canvas.rect(rect.x_pt, rect.y_pt, rect.width_pt, rect.height_pt, stroke=1, fill=1)
    page = bleed_rect(product)
    x = min(max(rect.right_pt - 7, 4), page.width_pt - 12)
    y = min(max(rect.top_pt - 10, 4), page.height_pt - 12)
    canvas.setFillColor(colour)
    canvas.circle(x + 3, y + 3, 6, stroke=0, fill=1)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.setFont(BOLD, _TEXT_PT)
    canvas.drawCentredString(x + 3, y + 0.3, str(number))


def _lines(number: int, found: Finding, product: Product) -> list[tuple[Color, str, str]]:
    """Colour, typeface and text of each line."""
    colour = _RED if found.severity == "error" else _AMBER
    page = f"page {found.page}, " if found.page and product.is_document else ""
    numbers = f" Measured: {found.measured}" + (f"; required: {found.required}." if found.required else ".")
    text = f"{found.detail} {found.remedy}{numbers if found.measured else ''}"
    room = int((max(bleed_rect(product).width_pt, 300.0)) / (_TEXT_PT * 0.56))
    head = (colour, BOLD, f"{number}  {page}{found.severity}: {found.code}")
    return [head, *((INK, FONT, line) for line in textwrap.wrap(text, room))]


def _write(
    canvas: Canvas, product: Product, side: Side, report: Report, lines: Sequence[tuple[Color, str, str]], room: float
) -> None:
    verdict = "can be printed" if report.ok else "cannot be printed"
    size = f"{report.size_in[0]:g} x {report.size_in[1]:g} in" if report.size_in else "size unknown"
    y = room - pt(0.18)
    canvas.setFillColor(INK if report.ok else _RED)
    canvas.setFont(BOLD, _TEXT_PT + 1.5)
    canvas.drawString(0, y, f"{product.title}, {side_title(product, side)}: {verdict}")
    y -= _PITCH_PT
    canvas.setFillColor(INK)
    canvas.setFont(FONT, _TEXT_PT)
    canvas.drawString(0, y, f"{report.kind}, {size}" + (f", {report.ppi:.0f} ppi" if report.ppi else ""))
    for colour, face, text in lines:
        y -= _PITCH_PT
        canvas.setFillColor(colour)
        canvas.setFont(face, _TEXT_PT)
        canvas.drawString(0, y, text)

"""What a sender sees before anything is printed: one side of a piece as it will print, with the cut shown."""

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageDraw

from pipeline.models.profile import Imposition, Postage
from pipeline.press.geometry import Rect, bleed_rect, on_piece, trim_rect
from pipeline.press.job import Job, Placed
from pipeline.press.picture import page_count, render
from pipeline.press.sheets.layout import lay_out
from pipeline.press.sheets.sheet_file import SheetFile
from pipeline.products import Product

PPI = 150
# The pages of a document stand beside one another, smaller.
PAGES_PPI = 75
PAGES_ACROSS = 4
GAP_PX = 12
_BETWEEN = (200, 200, 200)
_CUT = (214, 0, 110)
_VEIL = (255, 255, 255, 150)
NO_PRINTER = Postage(method="meter", mailer_id="000000")


def proof(
    product: Product,
    out_png: Path,
    *,
    art: Path | None,
    side: str = "front",
    piece: Placed | None = None,
    postage: Postage | None = None,
    mail_class: str = "first_class",
    ppi: int = PPI,
) -> None:
    """Render one side from its normalized artwork, the bleed veiled and the trim drawn; of a document, all pages.

    An address side with a piece shows its addresses, its barcode once it has one, and the indicia once `postage` says whose.
    One without shows the white zone that will lie over the artwork. Raises `Permanent` as `impose` does.
    """
    addressed = side == product.address_side
    if addressed and piece is not None:
        pdf: bytes | Path = address_side_pdf(product, art, piece, postage or NO_PRINTER, mail_class)
    else:
        pdf = art if art is not None else b""
    pages = page_count(pdf) if pdf else 1
    ppi = ppi if pages == 1 else min(ppi, PAGES_PPI)
    shown = [_shown(pdf, page, product, ppi, zone=addressed and piece is None) for page in range(pages)]
    _beside_one_another(shown).save(out_png, "PNG")


def _shown(pdf: bytes | Path, page: int, product: Product, ppi: int, *, zone: bool) -> Image.Image:
    image = render(pdf, ppi, page=page) if pdf else Image.new("RGB", _pixels(product, ppi), "white")
    if zone and page == 0:
        _show_zone(image, product, ppi)
    return _show_cut(image, product, ppi)


def _beside_one_another(pages: Sequence[Image.Image]) -> Image.Image:
    if len(pages) == 1:
        return pages[0]
    width, height, rows = pages[0].width + GAP_PX, pages[0].height + GAP_PX, -(-len(pages) // PAGES_ACROSS)
    across = min(len(pages), PAGES_ACROSS)
    whole = Image.new("RGB", (across * width - GAP_PX, rows * height - GAP_PX), _BETWEEN)
    for at, page in enumerate(pages):
        whole.paste(page, (at % PAGES_ACROSS * width, at // PAGES_ACROSS * height))
    return whole


def address_side_pdf(product: Product, art: Path | None, piece: Placed, postage: Postage, mail_class: str) -> bytes:
    """The address side as imposition draws it, on a page of its own."""
    out = BytesIO()
    sheets, placed = _one_up(out, product, art, piece, postage, mail_class)
    (sheets.front if product.address_side == "front" else sheets.back)([(0, placed)], "")
    sheets.close()
    return out.getvalue()


def document_pdf(
    product: Product, art: Path, piece: Placed, postage: Postage, mail_class: str, *, sheets: int
) -> bytes:
    """All pages of a set as imposition draws them: front and back by turns, or fronts alone where the piece has no back."""
    out = BytesIO()
    drawn, placed = _one_up(out, product, art, piece, postage, mail_class, sheets=sheets)
    placed = placed._replace(back=piece.back and "art")
    for nth in range(sheets):
        drawn.front([(0, placed)], "", nth=nth)
        if placed.back:
            drawn.back([(0, placed)], "", nth=nth)
    drawn.close()
    return out.getvalue()


def _one_up(
    out: BinaryIO,
    product: Product,
    art: Path | None,
    piece: Placed,
    postage: Postage,
    mail_class: str,
    *,
    sheets: int = 1,
) -> tuple[SheetFile, Placed]:
    artwork = {} if art is None else {"art": art}
    placed = piece._replace(sheet=0, slot=0, stack_position=0, front="art", back=None if art is None else "art")
    now = datetime(2000, 1, 1, tzinfo=UTC)
    job = Job(
        stem="proof", batch_id="", revision=0, product=product.name, mail_class=mail_class, frozen_at=now, mail_by=now,
        zone="UTC", printer="", contact="", imposition=Imposition(mode="one_up"), postage=postage, artwork=artwork,
        pieces=(placed,), sheets_per_piece=sheets,
    )  # fmt: skip
    return SheetFile(out, job, product, lay_out(product, job.imposition)), placed


def _pixels(product: Product, ppi: int) -> tuple[int, int]:
    page = bleed_rect(product)
    return round(page.width_pt * ppi / 72), round(page.height_pt * ppi / 72)


def _on_image(rect: Rect, image: Image.Image, ppi: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom in pixels from the top left."""
    scale = ppi / 72
    top, bottom = image.height - rect.top_pt * scale, image.height - rect.y_pt * scale
    return round(rect.x_pt * scale), round(top), round(rect.right_pt * scale), round(bottom)


def _show_zone(image: Image.Image, product: Product, ppi: int) -> None:
    box = _on_image(on_piece(product.ink_free, product), image, ppi)
    ImageDraw.Draw(image).rectangle(box, fill="white", outline=(150, 150, 150))


def _show_cut(image: Image.Image, product: Product, ppi: int) -> Image.Image:
    box = _on_image(trim_rect(product), image, ppi)
    veil = Image.new("RGBA", image.size, _VEIL)
    veil.paste((0, 0, 0, 0), box)
    shown = Image.alpha_composite(image.convert("RGBA"), veil).convert("RGB")
    ImageDraw.Draw(shown).rectangle(box, outline=_CUT)
    return shown

"""What a sender sees before anything is printed: one side of a piece as it will print, with the cut shown."""

from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from pipeline.models.profile import Imposition, Postage
from pipeline.press.geometry import Rect, bleed_rect, on_piece, trim_rect
from pipeline.press.job import Job, Placed
from pipeline.press.layout import lay_out
from pipeline.press.picture import render
from pipeline.press.sheets import SheetFile
from pipeline.products import Product

PPI = 150
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
    """Render one side from its normalized artwork, the bleed veiled and the trim drawn.

    A back with a piece shows its addresses, its barcode once it has one, and the indicia once `postage` says whose. A
    back without shows the white zone that will lie over the artwork. Raises `Permanent` as `impose` does.
    """
    if side == "back" and piece is not None:
        pdf: bytes | Path = address_side_pdf(product, art, piece, postage or NO_PRINTER, mail_class)
    else:
        pdf = art if art is not None else b""
    image = render(pdf, ppi) if pdf else Image.new("RGB", _pixels(product, ppi), "white")
    if side == "back" and piece is None:
        _show_zone(image, product, ppi)
    _show_cut(image, product, ppi).save(out_png, "PNG")


def address_side_pdf(product: Product, art: Path | None, piece: Placed, postage: Postage, mail_class: str) -> bytes:
    """The back as imposition draws it, on a page of its own."""
    artwork = {} if art is None else {"art": art}
    placed = piece._replace(sheet=0, slot=0, stack_position=0, front="art", back=None if art is None else "art")
    now = datetime(2000, 1, 1, tzinfo=UTC)
    job = Job(
        stem="proof", batch_id="", revision=0, product=product.name, mail_class=mail_class, frozen_at=now, mail_by=now,
        zone="UTC", printer="", contact="", imposition=Imposition(mode="one_up"), postage=postage, artwork=artwork,
        pieces=(placed,),
    )  # fmt: skip
    out = BytesIO()
    sheets = SheetFile(out, job, product, lay_out(product, job.imposition))
    sheets.back([(0, placed)], "")
    sheets.close()
    return out.getvalue()


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

"""The proof of one piece: both sides as they will print, address and barcode on them, with the trim drawn."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pikepdf

from pipeline.press.geometry import bleed_rect, trim_rect
from pipeline.press.job import Placed
from pipeline.press.mailing import Mailing
from pipeline.press.proof import NO_PRINTER, address_side_pdf
from pipeline.products import Product, Side

_SIDES: tuple[Side, Side] = ("front", "back")


def mail_proof(art: Mapping[Side, Path | None], product: Product, mailing: Mailing, out_pdf: Path) -> None:
    """Front and back, a page each. `art` is normalized. Raises `Permanent` as imposing does."""
    with pikepdf.new() as pdf:
        for side in _SIDES:
            if side == product.address_side:
                _add(pdf, BytesIO(_address_side(art.get(side), product, mailing)))
            else:
                _add_artwork(pdf, art.get(side), product)
            _draw_trim(pdf, product)
        pdf.save(out_pdf, deterministic_id=True)


def _address_side(art: Path | None, product: Product, mailing: Mailing) -> bytes:
    piece = Placed(
        piece_id="proof", sheet=0, slot=0, stack_position=0, imb=mailing.imb, address=mailing.address,
        return_address=mailing.return_address, front="art", back="art", recipient_hash="",
    )  # fmt: skip
    return address_side_pdf(product, art, piece, mailing.postage or NO_PRINTER, mailing.mail_class)


def _add_artwork(pdf: pikepdf.Pdf, source: Path | None, product: Product) -> None:
    if source is not None:
        _add(pdf, source)
        return
    size = bleed_rect(product)
    pdf.add_blank_page(page_size=(size.width_pt, size.height_pt))


def _add(pdf: pikepdf.Pdf, source: Path | BytesIO) -> None:
    with pikepdf.open(source) as given:
        pdf.pages.append(given.pages[-1])


def _draw_trim(pdf: pikepdf.Pdf, product: Product) -> None:
    drawn = f"q 0.84 0 0.43 RG 0.5 w {trim_rect(product).path()} re S Q".encode()
    pdf.pages[-1].contents_add(drawn)

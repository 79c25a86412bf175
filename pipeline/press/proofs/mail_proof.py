"""The proof of one piece: both sides as they will print, address and barcode on them, with the trim drawn."""

from collections.abc import Mapping
from io import BytesIO
from pathlib import Path

import pikepdf

from pipeline.press.geometry import bleed_rect, trim_rect
from pipeline.press.job import Placed
from pipeline.press.mailing import Mailing
from pipeline.press.picture import page_count
from pipeline.press.proofs.proof import NO_PRINTER, address_side_pdf, document_pdf
from pipeline.products import Product, Side, sheets_of

_SIDES: tuple[Side, Side] = ("front", "back")


def mail_proof(art: Mapping[Side, Path | None], product: Product, mailing: Mailing, out_pdf: Path) -> None:
    """Front and back, a page each; of a document, the pages of all its sheets. `art` is normalized. Raises as imposing does."""
    document = art.get("front")
    if product.is_document and document is not None:
        _document_proof(document, product, mailing, out_pdf)
        return
    with pikepdf.new() as pdf:
        for side in _SIDES:
            if side == product.address_side:
                _add(pdf, BytesIO(_address_side(art.get(side), product, mailing)))
            else:
                _add_artwork(pdf, art.get(side), product)
            _draw_trim(pdf.pages[-1], product)
        pdf.save(out_pdf, deterministic_id=True)


def _document_proof(art: Path, product: Product, mailing: Mailing, out_pdf: Path) -> None:
    sheets = sheets_of(page_count(art), mailing.sides)
    postage = mailing.postage or NO_PRINTER
    drawn = document_pdf(product, art, _piece(mailing), postage, mailing.mail_class, sheets=sheets)
    with pikepdf.open(BytesIO(drawn)) as pdf:
        for page in pdf.pages:
            _draw_trim(page, product)
        pdf.save(out_pdf, deterministic_id=True)


def _address_side(art: Path | None, product: Product, mailing: Mailing) -> bytes:
    return address_side_pdf(product, art, _piece(mailing), mailing.postage or NO_PRINTER, mailing.mail_class)


def _piece(mailing: Mailing) -> Placed:
    return Placed(
        piece_id="proof", sheet=0, slot=0, stack_position=0, imb=mailing.imb, address=mailing.address,
        return_address=mailing.return_address, front="art", back=None if mailing.sides == "simplex" else "art",
        recipient_hash="",
    )  # fmt: skip


def _add_artwork(pdf: pikepdf.Pdf, source: Path | None, product: Product) -> None:
    if source is not None:
        _add(pdf, source)
        return
    size = bleed_rect(product)
    pdf.add_blank_page(page_size=(size.width_pt, size.height_pt))


def _add(pdf: pikepdf.Pdf, source: Path | BytesIO) -> None:
    with pikepdf.open(source) as given:
        pdf.pages.append(given.pages[-1])


def _draw_trim(page: pikepdf.Page, product: Product) -> None:
    drawn = f"q 0.84 0 0.43 RG 0.5 w {trim_rect(product).path()} re S Q".encode()
    page.contents_add(drawn)

"""Every card and self-mailer, from artwork to sheets and proofs, through the press process. Letters: `test_letters.py`."""

import csv
from pathlib import Path

import pytest
from reportlab.lib.colors import CMYKColor
from reportlab.pdfgen.canvas import Canvas

from pipeline.models.profile import Imposition
from pipeline.press.geometry import Rect, bleed_rect, on_piece
from pipeline.press.mailing import Mailing
from pipeline.press.process import child
from pipeline.press.sheets.layout import lay_out, plan_places
from pipeline.press.whites import white_areas
from pipeline.products import PRODUCTS, Product
from tests.unit.press import artwork_files as art
from tests.unit.press.jobs import PERMIT, make_job, make_pieces
from tests.unit.press.seeing import cut_out, difference, render, text_within

OF_TWO_SIDES = [product for product in PRODUCTS.values() if not product.is_document]
PIECES = 7


@pytest.mark.parametrize("product", OF_TWO_SIDES, ids=lambda product: product.name)
def test_a_product_goes_from_artwork_to_sheets_and_proofs(tmp_path: Path, product: Product) -> None:
    sources = {
        "front": art.draw(tmp_path / "front.pdf", lambda canvas: _corner(canvas, product), product),
        "back": art.address_side(tmp_path / "back.pdf", product),
    }
    artwork = {}
    for side, source in sources.items():
        report = child.inspect(source, product, "front" if side == "front" else "back")
        assert report.ok, report.findings
        artwork[side] = tmp_path / f"{side}-normal.pdf"
        child.normalize(source, product, artwork[side])
        child.marked_proof(source, product, "front" if side == "front" else "back", report, tmp_path / f"{side}.png")
        child.proof(artwork[side], product, tmp_path / f"{side}-plain.png")
    _impose(tmp_path, product, artwork)
    _prove(tmp_path, product, artwork)


def _corner(canvas: Canvas, product: Product) -> None:
    canvas.setFillColor(CMYKColor(0, 0, 0, 1))
    canvas.rect(40, 100, 200, 90, stroke=0, fill=1)
    canvas.setFillColor(CMYKColor(0, 0, 0, 0))
    for area in white_areas(product, "front"):
        canvas.rect(area.x_pt, area.y_pt, area.width_pt, area.height_pt, stroke=0, fill=1)


def _impose(folder: Path, product: Product, artwork: dict[str, Path]) -> None:
    places = plan_places(PIECES, product, Imposition())
    pieces = [
        piece._replace(sheet=place[0], slot=place[1], stack_position=place[2])
        for piece, place in zip(make_pieces(PIECES, Imposition()), places, strict=True)
    ]
    made = child.impose(make_job(artwork, pieces, product=product.name), folder / "drop")
    layout = lay_out(product, Imposition())
    assert made.sheets == -(-PIECES // layout.n_up)
    sheets, manifest = made.files[0], next(file for file in made.files if file.suffix == ".csv")
    with manifest.open() as file:
        assert [row["piece_id"] for row in csv.DictReader(file)] == [piece.piece_id for piece in pieces]
    front = render(artwork["front"])
    for piece in pieces:
        shown = render(sheets, 2 * piece.sheet)
        seen = cut_out(shown, layout.front.slots[piece.slot], layout.sheet.height_pt)
        assert difference(front, seen) < 0.01
        assert difference(front.rotate(180), seen) > 0.05
        slot = layout.back.slots[piece.slot].rect
        text = text_within(sheets, 2 * piece.sheet + 1, slot)
        assert " ".join(text.split()).count("ADA LOVELACE") == 1


def _prove(folder: Path, product: Product, artwork: dict[str, Path]) -> None:
    mailing = Mailing(
        address=("ADA LOVELACE", "185 BERRY ST STE 6100", "SAN FRANCISCO CA 94107-1234"),
        return_address=("HARBOR BOOKS", "3 QUAY ST", "BOISE ID 83702"),
        imb="0031012345600000000194107123499",
        postage=PERMIT,
    )
    proof = folder / "mail.pdf"
    child.mail_proof({"front": artwork["front"], "back": artwork["back"]}, product, mailing, proof)
    assert difference(render(proof), render(artwork["front"])) < 0.03
    assert text_within(proof, 0, bleed_rect(product)).strip() == ""
    for box, wanted in ((product.address, "185 BERRY ST"), (product.return_address, "3 QUAY ST")):
        assert wanted in text_within(proof, 1, on_piece(box, product))
    assert product.indicia is not None
    assert "PERMIT NO. 1042" in text_within(proof, 1, on_piece(product.indicia, product))
    below = Rect(0, 0, bleed_rect(product).width_pt, on_piece(product.ink_free, product).y_pt)
    assert text_within(proof, 1, below).strip() == ""
    child.mail_proof({"front": artwork["front"], "back": None}, product, mailing, folder / "bare.pdf")
    assert "185 BERRY ST" in text_within(folder / "bare.pdf", 1, on_piece(product.address, product))

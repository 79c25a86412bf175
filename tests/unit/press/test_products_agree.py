"""Whatever is made from the product table says the same: template, preflight, normalized page, sheet, API and prices."""

from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from api import views
from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import bleed_rect, on_piece, trim_rect
from pipeline.press.picture import render
from pipeline.press.preflight.inspect import inspect
from pipeline.press.proofs.marked_proof import MARGIN_PT, marked_proof
from pipeline.press.proofs.template import write_template
from pipeline.press.sheets.layout import lay_out
from pipeline.press.zones import side_title, zones
from pipeline.products import PRODUCTS, Product, Side
from pipeline.repository.prices import Price
from tests.unit.press import artwork_files as art
from tests.unit.press.seeing import text_within

SIDES: tuple[Side, Side] = ("front", "back")
every_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda product: product.name)


def box_of(page: pikepdf.Page, name: str) -> list[float]:
    return [float(edge) for edge in page.obj[name].as_list()]


@every_product
def test_the_template_has_the_tables_boxes_and_names_every_zone(tmp_path: Path, product: Product) -> None:
    file = tmp_path / "template.pdf"
    write_template(product, file)
    bleed, trim = bleed_rect(product), trim_rect(product)
    with pikepdf.open(file) as pdf:
        assert len(pdf.pages) == 2
        for page in pdf.pages:
            assert box_of(page, "/MediaBox") == pytest.approx([0, 0, bleed.width_pt, bleed.height_pt], abs=0.01)
            assert box_of(page, "/TrimBox") == pytest.approx(
                [trim.x_pt, trim.y_pt, trim.right_pt, trim.top_pt], abs=0.01
            )
            assert all("/FontFile2" in font.FontDescriptor for font in page.obj.Resources.Font.values())
    for number, side in enumerate(SIDES):
        text = text_within(file, number, bleed)
        assert side_title(product, side) in text
        assert f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in" in text
        for zone in zones(product, side):
            inside = text_within(file, number, on_piece(zone.box, product))
            assert zone.title.partition(":")[0] in inside, zone.title
        drawn = [fold for fold in product.folds if fold.side == side]
        assert text.count("fold, ") == len(drawn)
        assert all(f"{fold.at_in:g} in" in text for fold in drawn)


@every_product
def test_templates_are_the_same_bytes_every_time(tmp_path: Path, product: Product) -> None:
    for name in ("one.pdf", "two.pdf"):
        write_template(product, tmp_path / name)
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()


@every_product
def test_zones_are_drawn_where_the_table_has_them(tmp_path: Path, product: Product) -> None:
    """Along each edge of each zone, the template's pixels are the zone's line and not its surroundings."""
    write_template(product, tmp_path / "template.pdf")
    for number, side in enumerate(SIDES):
        picture = render(tmp_path / "template.pdf", 144, page=number)
        for zone in zones(product, side):
            rect = on_piece(zone.box, product)
            for x in (rect.x_pt, rect.right_pt):
                y = rect.y_pt + rect.height_pt * 0.55
                near = [picture.getpixel((min(round(x * 2) + dx, picture.width - 1), picture.height - round(y * 2)))
                        for dx in (-2, -1, 0, 1)]  # fmt: skip
                assert min(sum(pixel) for pixel in near if isinstance(pixel, tuple)) < 600, (zone.title, x)


@every_product
def test_preflight_and_the_normalized_page_take_the_tables_size(tmp_path: Path, product: Product) -> None:
    right = art.plain(tmp_path / "right.pdf", product)
    report = inspect(right, product)
    assert "wrong_page_size" not in [one.code for one in report.findings]
    assert report.size_in == pytest.approx((product.bleed_width_in, product.bleed_height_in), abs=0.001)
    normalize(right, product, tmp_path / "normal.pdf")
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        assert box_of(pdf.pages[0], "/BleedBox")[2:] == pytest.approx(
            [product.bleed_width_in * 72, product.bleed_height_in * 72], abs=0.001
        )
    for other in PRODUCTS.values():
        if other is not product:
            codes = [one.code for one in inspect(right, other).findings]
            assert codes == ["wrong_page_size"], other.name


@every_product
def test_the_sheet_holds_pieces_of_the_tables_size(product: Product) -> None:
    layout = lay_out(product, Imposition())
    size = sorted((product.bleed_width_in * 72, product.bleed_height_in * 72))
    for slot in (*layout.front.slots, *layout.back.slots):
        assert sorted((slot.rect.width_pt, slot.rect.height_pt)) == pytest.approx(size)


def test_the_api_shows_the_table() -> None:
    prices = {
        (product.name, mail_class): Price(cents, product.further_sheet_cents)
        for product in PRODUCTS.values()
        for mail_class, cents in product.first_prices_cents
    }
    for shown, product in zip(views.products(prices), PRODUCTS.values(), strict=True):
        assert (shown["name"], shown["trim_in"]) == (product.name, [product.trim_width_in, product.trim_height_in])
        side = shown[product.address_side]
        for zone in zones(product, product.address_side):
            if zone.kind in side:
                assert side[zone.kind] == vars(zone.box)
        assert side["indicia"] == (vars(product.indicia) if product.indicia else None)
        assert shown["template"] == f"/v1/products/{product.name}/template"
        assert {name: price["cents"] for name, price in shown["prices"].items()} == dict(product.first_prices_cents)


@every_product
@pytest.mark.parametrize("side", SIDES)
def test_the_proof_draws_the_same_zones_over_the_artwork(tmp_path: Path, product: Product, side: Side) -> None:
    file = art.plain(tmp_path / "art.pdf", product)
    report = inspect(file, product, side)
    marked_proof(file, product, side, report, tmp_path / "proof.pdf", png=False)
    with pypdfium2.PdfDocument(tmp_path / "proof.pdf") as pdf:
        text = pdf[0].get_textpage().get_text_range()
        assert pdf[0].get_width() >= product.bleed_width_in * 72 + 2 * MARGIN_PT
    for zone in zones(product, side):
        assert zone.title.partition(":")[0] in text
    for found in (*report.findings, *report.warnings):
        assert f"{found.severity}: {found.code}" in text

"""What preflight sees when it looks: the bleed's pixels, ink in zones, text near the trim, likeness to the original."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageDraw
from reportlab.lib.colors import CMYKColor
from reportlab.pdfgen.canvas import Canvas

from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import on_piece
from pipeline.press.picture import render
from pipeline.press.preflight.appearance import LOOK_PPI, compared
from pipeline.press.preflight.inspect import inspect
from pipeline.press.preflight.likeness import FAR, TOLERATED, differs, share_off
from pipeline.press.report import Finding, Report
from pipeline.products import POSTCARD_4X6, PRODUCTS, Box, Product
from tests.unit.press import artwork_files as art
from tests.unit.press import hostile
from tests.unit.press.conftest import CREATIVES, GOOD

WITH_BLEED = [product for product in PRODUCTS.values() if product.bleed_in]


def found(report: Report, code: str) -> list[Finding]:
    return [one for one in (*report.findings, *report.warnings, *report.address_side) if one.code == code]


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda product: product.name)
def test_artwork_of_the_tables_size_passes_on_either_side(tmp_path: Path, product: Product) -> None:
    other = art.plain(tmp_path / "other.pdf", product)
    address = art.address_side(tmp_path / "address.pdf", product)
    unglued = {"ink_in_glue_zone", "tint_in_glue_zone", "tint_in_sheet_mark"}
    report = inspect(other, product, "front" if product.address_side == "back" else "back")
    if product.envelope is None:
        assert report.ok, report.findings
        assert {one.code for one in report.warnings} <= unglued
    report = inspect(address, product, product.address_side)
    assert report.ok, report.findings
    assert {one.code for one in report.warnings} <= unglued | {"ink_in_barcode_clear_zone"}


@pytest.mark.parametrize("product", WITH_BLEED, ids=lambda product: product.name)
@pytest.mark.parametrize("beyond_in", [0.0, 0.0625])
def test_a_bleed_that_is_declared_and_not_filled_is_refused(tmp_path: Path, product: Product, beyond_in: float) -> None:
    report = inspect(art.to_the_trim(tmp_path / "short.pdf", product, beyond_in=beyond_in), product)
    short = found(report, "short_bleed")
    assert [one.severity for one in short] == ["error"] * 4
    for one in short:
        assert one.measured is not None
        assert float(one.measured.split()[0]) == pytest.approx(beyond_in, abs=0.011)
        assert one.required == "0.125 in"
    boxes = {tuple(round(edge, 2) for edge in one.box_in) for one in short if one.box_in}
    width, height = product.trim_width_in, product.trim_height_in
    for box in ((0, -0.12, width, 0.12), (-0.12, 0, 0.12, height), (width, 0, 0.12, height), (0, height, width, 0.12)):
        assert any(box == pytest.approx(other, abs=0.04) for other in boxes), (box, boxes)


def test_one_edge_that_is_short_is_the_one_that_is_told(tmp_path: Path) -> None:
    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0.8, 0.8, 0))
        canvas.rect(100, 9, 72, 60, stroke=0, fill=1)

    report = inspect(art.draw(tmp_path / "edge.pdf", change, ground=False), POSTCARD_4X6)
    [short] = found(report, "short_bleed")
    assert short.severity == "error"
    assert short.box_in == pytest.approx(((100 - 9) / 72, 4.0, 1.0, 0.125), abs=0.02)
    assert "bottom edge" in short.detail


@pytest.mark.parametrize("ends_pt", [9 + 3, 0])
def test_a_white_border_or_a_full_bleed_is_no_fault(tmp_path: Path, ends_pt: float) -> None:
    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0.8, 0.8, 0))
        canvas.rect(ends_pt, ends_pt, 450 - 2 * ends_pt, 306 - 2 * ends_pt, stroke=0, fill=1)

    report = inspect(art.draw(tmp_path / "border.pdf", change, ground=False), POSTCARD_4X6)
    assert found(report, "short_bleed") == []


def test_a_picture_scaled_to_the_trim_is_short_of_bleed(tmp_path: Path) -> None:
    image = Image.new("RGB", (1875, 1275), "white")
    ImageDraw.Draw(image).rectangle((37, 37, 1837, 1237), fill=(30, 90, 140))
    image.save(tmp_path / "picture.png")
    assert [one.code for one in inspect(tmp_path / "picture.png", POSTCARD_4X6).findings] == ["short_bleed"] * 4


def _in_zone(box: Box) -> Callable[[Canvas], None]:
    rect = on_piece(box, POSTCARD_4X6)

    def change(canvas: Canvas) -> None:
        canvas.setFillColor(CMYKColor(0, 0, 0, 1))
        canvas.rect(rect.x_pt, rect.y_pt, rect.width_pt, rect.height_pt, stroke=0, fill=1)

    return change


def test_ink_in_the_address_zone_is_refused_there_and_nowhere_else(tmp_path: Path) -> None:
    spot = Box(3.5, 2.0, 0.5, 0.25)
    file = art.draw(tmp_path / "spot.pdf", _in_zone(spot), ground=False)
    [told] = inspect(file, POSTCARD_4X6, "back").findings
    assert (told.code, told.severity, told.page) == ("ink_in_address_zone", "error", 1)
    assert told.box_in == pytest.approx((3.5, 2.0, 0.5, 0.25), abs=0.02)
    assert inspect(file, POSTCARD_4X6, "front").ok
    unknown = inspect(file, POSTCARD_4X6)
    assert unknown.ok
    assert [one.code for one in unknown.address_side] == ["ink_in_address_zone"]
    assert [one.code for one in unknown.on_address_side().findings] == ["ink_in_address_zone"]
    assert Report.from_dict(unknown.as_dict()) == unknown


def test_a_tint_in_the_address_zone_is_a_warning(tmp_path: Path) -> None:
    report = inspect(art.plain(tmp_path / "tint.pdf"), POSTCARD_4X6, "back")
    assert report.ok
    assert "tint_in_address_zone" in [one.code for one in report.warnings]


@pytest.mark.parametrize(
    ("box", "told"),
    [
        (Box(1.4, 3.5, 0.5, 0.3), True),
        (Box(0.4, 3.5, 0.5, 0.3), False),
        (Box(1.4, 2.5, 0.5, 0.3), False),
        (Box(3.0, 3.5, 0.5, 0.3), False),
    ],
    ids=["in it", "left of it", "above it", "under the white zone"],
)
def test_ink_in_the_barcode_clear_zone_is_a_warning(tmp_path: Path, box: Box, told: bool) -> None:
    report = inspect(art.draw(tmp_path / "spot.pdf", _in_zone(box), ground=False), POSTCARD_4X6, "back")
    clear = found(report, "ink_in_barcode_clear_zone")
    assert [one.severity for one in clear] == (["warning"] if told else [])
    if told:
        assert clear[0].box_in == pytest.approx((box.x_in, box.y_in, box.width_in, box.height_in), abs=0.02)


@pytest.mark.parametrize(
    ("gap_in", "severity"), [(0.13, None), (0.115, "warning"), (0.07, "warning"), (0.05, "error"), (-0.05, "error")]
)
@pytest.mark.parametrize("edge", ["left", "bottom"])
def test_text_near_the_trim_is_measured(tmp_path: Path, gap_in: float, severity: str | None, edge: str) -> None:
    at = (gap_in, 2.0) if edge == "left" else (2.0, gap_in)
    told = found(inspect(art.text_at(tmp_path / "text.pdf", *at), POSTCARD_4X6), "text_outside_safe_area")
    # The letters behind the first may be near, too.
    assert [one.severity for one in told][:1] == ([severity] if severity else [])
    for one in told[:1]:
        assert edge in one.detail
        assert one.measured is not None
        assert float(one.measured.split()[0]) == pytest.approx(gap_in, abs=0.006)


def test_invisible_text_may_stand_anywhere(tmp_path: Path) -> None:
    def change(canvas: Canvas) -> None:
        text = canvas.beginText(10, 10)
        text.setFont(art.VERA, 12)
        text.setTextRenderMode(3)
        text.textOut("HHH")
        canvas.drawText(text)

    assert found(inspect(art.draw(tmp_path / "ocr.pdf", change), POSTCARD_4X6), "text_outside_safe_area") == []


@pytest.mark.parametrize("name", GOOD)
def test_what_would_print_other_than_it_looks_is_refused(tmp_path: Path, name: str) -> None:
    """The artwork against its own picture, and against that picture with a corner gone, upside down and mirrored."""
    source, kind = CREATIVES / name, {"pdf": "pdf", "png": "png", "jpg": "jpeg"}[name[-3:]]
    normalize(source, POSTCARD_4X6, tmp_path / "normal.pdf")
    picture = render(tmp_path / "normal.pdf", LOOK_PPI)
    assert list(compared(source, kind, POSTCARD_4X6, picture)) == []
    cut = picture.copy()
    light = picture.convert("L").getpixel((30, 30))
    assert isinstance(light, int)
    cut.paste((255, 255, 255) if light < 128 else (0, 0, 0), (10, 10, 110, 80))
    turned, mirrored = picture.rotate(180), picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    for wrong in (cut, turned, mirrored):
        [told] = compared(source, kind, POSTCARD_4X6, wrong)
        assert (told.code, told.severity) == ("prints_differently", "error")


def test_pictures_differ_by_the_share_of_their_pixels() -> None:
    seen = Image.new("RGB", (600, 408), "white")
    same, other = seen.copy(), seen.copy()
    ImageDraw.Draw(other).rectangle((100, 100, 160, 160), fill="black")
    assert list(differs(seen, same)) == []
    [told] = differs(seen, other)
    assert told.code == "prints_differently"
    assert told.required == f"at most {TOLERATED:.0%}"
    assert share_off(seen, other) == pytest.approx(61 * 61 / (596 * 404), rel=0.1)


def test_a_fraction_of_a_pixel_is_no_difference() -> None:
    large = Image.new("RGB", (2400, 1632), "white")
    pen = ImageDraw.Draw(large)
    for x in range(0, 2400, 60):
        pen.rectangle((x, 0, x + 7, 1632), fill="black")
    moved = Image.new("RGB", large.size, "white")
    moved.paste(large, (1, 1))
    small, shifted = (image.resize((600, 408), Image.Resampling.BOX) for image in (large, moved))
    assert share_off(small, shifted) <= TOLERATED
    assert share_off(small, small.rotate(180), far=FAR) <= 1
    assert share_off(small, Image.new("RGB", small.size, "white")) > TOLERATED


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_page_is_compared_as_viewers_show_it(tmp_path: Path, turn: int) -> None:
    assert inspect(hostile.turned_page(tmp_path / "turned.pdf", turn), POSTCARD_4X6).ok


def test_comments_are_left_out_of_the_comparison(tmp_path: Path) -> None:
    """They do not print, and have a warning of their own."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        look = pdf.make_stream(
            b"1 0 0 rg 0 0 200 200 re f", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 200, 200])
        )
        page.Annots = Array([
            pdf.make_indirect(
                Dictionary(Type=Name.Annot, Subtype=Name.Stamp, Rect=Array([50, 50, 250, 250]), AP=Dictionary(N=look))
            )
        ])  # fmt: skip

    report = inspect(hostile.pdf_with(tmp_path / "stamp.pdf", change), POSTCARD_4X6)
    assert report.ok
    assert [one.code for one in report.warnings] == ["annotations_dropped"]


def test_ink_is_told_in_inches_from_the_trim_whatever_the_pages_origin(tmp_path: Path) -> None:
    file = art.text_at(tmp_path / "text.pdf", 0.05, 2.0)
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        page.contents_add(b"q 1 0 0 1 100 50 cm", prepend=True)
        page.contents_add(b"Q")
        page.obj.MediaBox = Array([100, 50, 550, 356])
        pdf.save(file)
    [told] = found(inspect(file, POSTCARD_4X6), "text_outside_safe_area")
    assert told.box_in is not None
    assert told.box_in[0] == pytest.approx(0.05, abs=0.006)
    assert told.box_in[1] + told.box_in[3] == pytest.approx(4.0 - 2.0, abs=0.006)


def test_a_document_is_prepared_once_and_each_of_its_pages_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = []

    def counted(*given: object, **more: object) -> None:
        prepared.append(given)
        normalize(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr("pipeline.press.preflight.appearance.normalize", counted)
    file = tmp_path / "letter.pdf"
    canvas = Canvas(str(file), pagesize=(612, 792))
    art.plain(tmp_path / "other.pdf")  # registers the typeface
    for gap_pt in (72, 2, 72, 2):
        canvas.setFont(art.VERA, 12)
        canvas.drawString(gap_pt, 300, "Harbor")
        canvas.showPage()
    canvas.save()
    report = inspect(file, PRODUCTS["letter"])
    assert [one.page for one in found(report, "text_outside_safe_area")] == [2, 4]
    assert len(prepared) == 1

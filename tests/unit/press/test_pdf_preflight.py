"""What preflight says of PDF files, each wrong in one way."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array

from pipeline.press.preflight.inspect import LARGEST_BYTES, inspect
from pipeline.press.report import Report
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.conftest import CREATIVES, GOOD
from tests.unit.press.fonts import LIBERATION, composite, descriptor

Build = Callable[[Path], Path]

REFUSED: dict[str, tuple[Build, str]] = {
    "letter page": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 612, 792])), "wrong_page_size"),
    "trim without bleed": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 432, 288])), "wrong_page_size"),
    "upright": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 306, 450])), "wrong_page_size"),
    "turned on its side": (partial(hostile.page_pdf, Rotate=90), "wrong_page_size"),
    "no box": (partial(hostile.page_pdf, MediaBox=None), "wrong_page_size"),
    "zero box": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 0, 306])), "wrong_page_size"),
    "box of three": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 450])), "wrong_page_size"),
    "trim without area": (partial(hostile.page_pdf, TrimBox=Array([9, 9, 9, 9])), "wrong_page_size"),
    "huge side": (hostile.huge_side, "wrong_page_size"),
    "unit of nothing": (partial(hostile.page_pdf, UserUnit=0), "wrong_page_size"),
    "unit below nothing": (partial(hostile.page_pdf, UserUnit=-2), "wrong_page_size"),
    "unit that enlarges": (partial(hostile.page_pdf, UserUnit=2), "wrong_page_size"),
    "two pages": (hostile.two_pages, "page_count"),
    "no pages": (hostile.no_pages, "page_count"),
    "password to open": (partial(hostile.encrypted, user="quay"), "pdf_encrypted"),
    "password to change": (hostile.encrypted, "pdf_encrypted"),
    "truncated": (hostile.truncated_pdf, "damaged_file"),
    "wrong types": (hostile.wrong_types, "damaged_file"),
    "72 ppi": (partial(hostile.image_pdf, ppi=72), "low_resolution"),
    "95 ppi": (partial(hostile.image_pdf, ppi=95), "low_resolution"),
    "300 ppi of one bit": (partial(hostile.image_pdf, ppi=300, one_bit=True), "low_resolution"),
    "inline image": (hostile.inline_image_pdf, "low_resolution"),
    "font of the page": (hostile.unembedded_font, "unembedded_font"),
    "font in a form": (partial(hostile.unembedded_font, inside="form"), "unembedded_font"),
    "font in a pattern": (partial(hostile.unembedded_font, inside="pattern"), "unembedded_font"),
    "layer that does not print": (hostile.screen_layer, "unclear_layers"),
    "flate bomb": (hostile.flate_bomb, "decompression_bomb"),
    "image bomb": (hostile.image_bomb, "decompression_bomb"),
    "form bomb": (hostile.form_bomb, "too_complex"),
    "200 forms deep": (partial(hostile.nested_forms, depth=200), "too_complex"),
    "PostScript in the page": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" (0 0 moveto showpage) PS"),
        "too_complex",
    ),
    "millions of steps": (partial(hostile.many_steps, count=300_000), "too_complex"),
}

WARNED: dict[str, tuple[Build, set[str]]] = {
    "120 ppi": (partial(hostile.image_pdf, ppi=120), {"coarse_image"}),
    "400 ppi of one bit": (partial(hostile.image_pdf, ppi=400, one_bit=True), {"coarse_image"}),
    "150 ppi": (partial(hostile.image_pdf, ppi=150), set()),
    "font that shows nothing": (partial(hostile.unembedded_font, shown=False), set()),
    "form calling itself": (hostile.form_calling_itself, set()),
    "40 forms deep": (partial(hostile.nested_forms, depth=40), set()),
    "layer that is on": (hostile.shown_layer, set()),
    "layer that is off": (hostile.hidden_layer, {"layers_left_out"}),
    "layer shown while another is off": (hostile.shown_when_another_is_not, {"layers_left_out"}),
    "scripts and attachments": (hostile.active, {"annotations_dropped", "active_content_dropped"}),
    "turned by 90": (partial(hostile.turned_page, turn=90), {"page_turned"}),
    "turned by 180": (partial(hostile.turned_page, turn=180), {"page_turned"}),
    "turned by 270": (partial(hostile.turned_page, turn=270), {"page_turned"}),
    "half units": (partial(hostile.user_unit, unit=0.5), {"page_units"}),
    "units of an inch": (partial(hostile.user_unit, unit=72.0), {"page_units"}),
    "trim on a larger page": (partial(hostile.larger_page_with_marks, say="TrimBox"), set()),
    "bleed on a larger page": (partial(hostile.larger_page_with_marks, say="BleedBox"), set()),
    "crop on a larger page": (partial(hostile.larger_page_with_marks, say="CropBox"), set()),
    "rounded to millimetres": (partial(hostile.page_pdf, MediaBox=Array([0, 0, 450.7, 306.1])), set()),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_cannot_be_printed_has_its_own_finding(tmp_path: Path, case: str) -> None:
    build, code = REFUSED[case]
    report = inspect(build(tmp_path / "artwork.pdf"), POSTCARD_4X6)
    assert [found.code for found in report.findings] == [code]
    assert not report.ok
    for found in report.findings:
        assert found.detail.endswith(".")
        assert found.remedy.endswith(".")
    assert Report.from_dict(report.as_dict()) == report


@pytest.mark.parametrize("case", WARNED)
def test_a_file_that_can_be_printed_passes_and_its_warnings_are_told(tmp_path: Path, case: str) -> None:
    build, codes = WARNED[case]
    report = inspect(build(tmp_path / "artwork.pdf"), POSTCARD_4X6)
    assert report.findings == ()
    assert {found.code for found in report.warnings} == codes
    assert report.size_in == pytest.approx((6.25, 4.25), abs=0.02)


@pytest.mark.parametrize("name", GOOD)
def test_the_postcards_of_the_demo_pass_without_a_warning(name: str) -> None:
    report = inspect(CREATIVES / name, POSTCARD_4X6)
    assert (report.findings, report.warnings) == ((), ())
    assert report.size_in == (6.25, 4.25)


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("bad-72dpi.png", "low_resolution"),
        ("bad-encrypted.pdf", "pdf_encrypted"),
        ("bad-text-named.pdf", "unsupported_file"),
    ],
)
def test_the_bad_ones_of_the_demo_do_not(name: str, code: str) -> None:
    assert [found.code for found in inspect(CREATIVES / name, POSTCARD_4X6).findings] == [code]


def test_an_empty_file_says_that_it_is_empty(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pdf"
    empty.touch()
    [found] = inspect(empty, POSTCARD_4X6).findings
    assert found.code == "unsupported_file"
    assert "empty" in found.detail


def test_a_file_beyond_the_limit_is_not_even_opened(tmp_path: Path) -> None:
    large = tmp_path / "large.pdf"
    with large.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(LARGEST_BYTES + 1)
    assert [found.code for found in inspect(large, POSTCARD_4X6).findings] == ["too_large"]


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = hostile.unembedded_font(tmp_path / "artwork.pdf")
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.MediaBox = Array([0, 0, 612, 792])
        pdf.pages.append(pdf.pages[0])
        pdf.save(file)
    codes = [found.code for found in inspect(file, POSTCARD_4X6).findings]
    assert codes == ["page_count", "wrong_page_size", "unembedded_font"]


def test_resolution_counts_through_forms_and_units(tmp_path: Path) -> None:
    assert inspect(hostile.image_pdf(tmp_path / "artwork.pdf", 200), POSTCARD_4X6).ppi == 200


def test_a_size_that_is_wrong_is_told_with_numbers(tmp_path: Path) -> None:
    [found] = inspect(
        hostile.page_pdf(tmp_path / "artwork.pdf", MediaBox=Array([0, 0, 306, 450])), POSTCARD_4X6
    ).findings
    assert "4.250 x 6.250 in" in found.detail
    assert "6.25 x 4.25 in" in found.detail
    assert "turn it" in found.remedy
    assert (found.measured, found.required, found.page) == ("4.250 x 6.250 in", "6.25 x 4.25 in", 1)


def test_deep_nesting_does_not_take_the_reader_down(tmp_path: Path) -> None:
    report = inspect(hostile.deep_arrays(tmp_path / "artwork.pdf"), POSTCARD_4X6)
    assert report.pages == 1 or not report.ok


def test_codes_that_are_no_letters_are_looked_at_all_the_same(tmp_path: Path) -> None:
    """Where a font does not say which letter a code is, pdfium tells the code, and this one is above all letters."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        lengths = b"2 begincodespacerange <00> <7F> <F0808080> <F7BFBFBF> endcodespacerange"
        cmap = (
            b"begincmap /CMapName /Long def /CMapType 1 def %s 1 begincidchar <F0A8A780> 36 endcidchar endcmap"
            % lengths
        )
        letters = b"begincmap /CMapType 2 def %s 1 beginbfchar <F0A8A780> <D862DDC0> endbfchar endcmap" % lengths
        info = pikepdf.Dictionary(Registry=b"Adobe", Ordering=b"CNS", Supplement=7)
        encoding = pdf.make_stream(cmap, Type=pikepdf.Name.CMap, CMapName=pikepdf.Name.Long, CIDSystemInfo=info)
        described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)
        font = composite(pdf, "CIDFontType2", described, encoding, CIDToGIDMap=pikepdf.Name.Identity)
        font.ToUnicode = pdf.make_stream(letters)
        page.Resources = pikepdf.Dictionary(Font=pikepdf.Dictionary(F=font))
        page.Contents = pdf.make_stream(b"1 1 1 rg 0 0 450 306 re f 0 g BT /F 12 Tf 8 150 Td <F0A8A780> Tj ET")

    report = inspect(hostile.pdf_with(tmp_path / "long-codes.pdf", change), POSTCARD_4X6)
    assert "text_outside_safe_area" in {one.code for one in report.findings}

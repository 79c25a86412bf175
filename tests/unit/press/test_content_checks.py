"""Inks, type and lines: what GWG 2022 warns of for digital print, on files drawn with one thing wrong each."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image, ImageChops

from pipeline.press.preflight.inspect import inspect
from pipeline.press.report import Finding
from pipeline.products import POSTCARD_4X6
from tests.unit.press import artwork_files as art
from tests.unit.press import hostile

Build = Callable[[Path], Path]
TEXT = b" BT /F %d Tf %b 100 150 Td (HHH) Tj ET"


def with_text(out: Path, colour: bytes, size: int, *, overprint: bool = False, scale: bytes = b"") -> Path:
    """Text in an embedded font, on the plain ground."""
    art.text_at(out, 2, 2, size=12)
    with pikepdf.open(out, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        (name,) = page.Resources.Font.keys()
        page.Resources.ExtGState = Dictionary(O=Dictionary(op=overprint, OP=overprint, OPM=1))
        text = scale + TEXT.replace(b"/F", name.encode()) % (size, colour)
        page.Contents = pdf.make_stream(hostile.PLAIN + b" q /O gs " + text + b" Q")
        pdf.save(out)
    return out


def spot(out: Path, *, name: str = "/PANTONE 021 C", drawn: bytes = b"100 100 60 60 re f", image: bool = False) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        full = {"/All": [1, 1, 1, 1], "/Black": [0, 0, 0, 1]}.get(name, [0, 0.6, 0.9, 0])
        tint = Dictionary(FunctionType=2, Domain=[0, 1], C0=[0, 0, 0, 0], C1=full, N=1)
        space = Array([Name.Separation, Name(name), Name.DeviceCMYK, tint])
        page.Resources = Dictionary(ColorSpace=Dictionary(S=space))
        page.Contents = pdf.make_stream(hostile.PLAIN + b" /S cs /S CS 1 scn 1 SCN " + drawn)
        if image:
            page.Resources.XObject = Dictionary(Im=hostile.image_xobject(pdf, b"\x80" * 90_000, (300, 300)))
            page.Resources.XObject.Im.ColorSpace = Array([Name.Indexed, space, 255, pikepdf.String(bytes(range(256)))])

    return hostile.pdf_with(out, change)


def picture(
    out: Path, *, inks: tuple[int, ...], jpeg: bool = False, inverted: bool = False, spot_mm: float = 0.0
) -> Path:
    """The whole bleed as one image in CMYK at 200 ppi, with a square of full ink in it."""
    image = Image.new("CMYK", (1250, 850), inks)
    side = round(spot_mm / 25.4 * 200)
    image.paste((255, 255, 255, 255), (600, 400, 600 + side, 400 + side))

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        given = ImageChops.invert(image) if inverted else image
        data = BytesIO()
        # Pillow writes inks inverted, as it takes all such files to be.
        ImageChops.invert(given).save(data, "JPEG", quality=95)
        embedded = hostile.image_xobject(pdf, given.tobytes(), image.size)
        if jpeg:
            embedded.write(data.getvalue(), filter=Name.DCTDecode)
        embedded.ColorSpace = Name.DeviceCMYK
        if inverted:
            embedded.Decode = Array([1, 0] * 4)
        page.Resources = Dictionary(XObject=Dictionary(Im=embedded))
        page.Contents = pdf.make_stream(b"q 450 0 0 306 0 0 cm /Im Do Q")

    return hostile.pdf_with(out, change)


def with_state(out: Path, drawn: bytes, *, group: Name | None = None, **entries: object) -> Path:
    """`drawn` under the graphics state `/O`, on a page whose transparency is blended in the space of `group`."""

    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        page.Resources = Dictionary(ExtGState=Dictionary(O=Dictionary(**entries)))
        page.Contents = pdf.make_stream(hostile.PLAIN + b" q /O gs " + drawn + b" Q")
        if group is not None:
            page.Group = Dictionary(S=Name.Transparency, CS=group)

    return hostile.pdf_with(out, change)


def line(colour: bytes, width: float) -> Build:
    drawn = b" %b %f w 100 100 m 200 100 l S" % (colour, width)
    return partial(hostile.page_pdf, content=hostile.PLAIN + drawn)


def missing_glyphs(out: Path, *, simple: bool, code: int = 65) -> Path:
    """Text whose codes have no glyph: `code` is `.notdef` by the encoding, or glyph 0 of a two-byte font."""
    art.text_at(out, 2, 2)
    with pikepdf.open(out, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0]
        (name,) = page.Resources.Font.keys()
        font = page.Resources.Font[name]
        if simple:
            font.Encoding = Dictionary(Type=Name.Encoding, Differences=Array([code, Name("/.notdef"), Name.H]))
            text = b"(%c%c%c)" % (code, code, code + 1)
        else:
            inner = Dictionary(
                Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=font.BaseFont, CIDToGIDMap=Name.Identity,
                FontDescriptor=font.FontDescriptor, CIDSystemInfo=Dictionary(Registry="Adobe", Ordering="Identity", Supplement=0),
            )  # fmt: skip
            page.Resources.Font[name] = pdf.make_indirect(
                Dictionary(
                    Type=Name.Font,
                    Subtype=Name.Type0,
                    BaseFont=font.BaseFont,
                    Encoding=Name("/Identity-H"),
                    DescendantFonts=Array([pdf.make_indirect(inner)]),
                )
            )
            text = b"<00000000FFF00001>"
        show = b" BT " + name.encode() + b" 12 Tf 100 150 Td " + text + b" Tj ET"
        page.Contents = pdf.make_stream(hostile.PLAIN + show)
        pdf.save(out)
    return out


CASES: dict[str, tuple[Build, set[tuple[str, str]]]] = {
    "plain black text": (partial(with_text, colour=b"0 0 0 1 k", size=8), set()),
    "small black text": (partial(with_text, colour=b"0 0 0 1 k", size=4), set()),
    "small grey text": (partial(with_text, colour=b"0.5 g", size=4), set()),
    "small white text": (partial(with_text, colour=b"1 g", size=4), {("warning", "small_text")}),
    "small text of two inks": (partial(with_text, colour=b"0.5 0.5 0 0 k", size=4), {("warning", "small_text")}),
    "text made small": (partial(with_text, colour=b"1 g", size=12, scale=b"0.3 0 0 0.3 0 0 cm"), {("warning", "small_text")}),
    "text of 5 pt": (partial(with_text, colour=b"1 g", size=5), set()),
    "rich black text": (
        partial(with_text, colour=b"0.7 0.7 0.7 1 k", size=12),
        {("warning", "rich_black_text")},
    ),
    "text of much ink": (
        partial(with_text, colour=b"1 1 1 1 k", size=12),
        {("warning", "rich_black_text"), ("warning", "ink_limit")},
    ),
    "white text that overprints": (
        partial(with_text, colour=b"0 0 0 0 k", size=12, overprint=True),
        {("error", "white_overprints")},
    ),
    "white text that knocks out": (partial(with_text, colour=b"0 0 0 0 k", size=12), set()),
    "black text that overprints": (partial(with_text, colour=b"0 0 0 1 k", size=12, overprint=True), set()),
    "ink limit": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" 0.9 0.9 0.9 0.9 k 99 99 50 50 re f"),
        {("warning", "ink_limit")},
    ),
    "at the ink limit": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" 0.8 0.8 0.8 0.8 k 99 99 50 50 re f"),
        set(),
    ),
    "font program that cannot be unpacked": (
        lambda out: hostile.damaged_font(out, art.text_at(out.with_suffix(".whole"), 2, 2)),
        {("error", "unembedded_font")},
    ),
    "picture of much ink": (partial(picture, inks=(230, 230, 230, 230)), {("warning", "ink_limit")}),
    "picture of much ink as JPEG": (partial(picture, inks=(230, 230, 230, 230), jpeg=True), {("warning", "ink_limit")}),
    "picture of much ink, inverted": (
        partial(picture, inks=(230, 230, 230, 230), jpeg=True, inverted=True),
        {("warning", "ink_limit")},
    ),
    "picture of little ink": (partial(picture, inks=(180, 180, 180, 230)), set()),
    "picture of little ink, inverted": (partial(picture, inks=(40, 40, 40, 40), jpeg=True, inverted=True), set()),
    "picture of much ink in a spot": (partial(picture, inks=(180, 180, 180, 230), spot_mm=4.0), set()),
    "thin line of one ink": (line(b"0 0 0 1 K", 0.2), set()),
    "thin white line": (line(b"0 0 0 0 K", 0.2), {("warning", "thin_line")}),
    "thin line of two inks": (line(b"1 0 0 1 K", 0.2), {("warning", "thin_line")}),
    "line of no width": (line(b"0 0 0 1 K", 0), {("warning", "thin_line")}),
    "line made thin": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" q 1 G 0.1 0 0 0.1 0 0 cm 1 w 1000 1000 m 2000 1000 l S Q"),
        {("warning", "thin_line")},
    ),
    "white line of a quarter point": (line(b"1 G", 0.25), set()),
    "thin line beyond the bleed": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" 1 G 0.1 w 500 100 m 600 100 l S"),
        set(),
    ),
    "white shape that overprints": (
        partial(with_state, drawn=b"0 0 0 0 k 60 60 40 40 re f", op=True, OP=True, OPM=1),
        {("warning", "white_shape_overprints")},
    ),
    "white line that overprints": (
        partial(with_state, drawn=b"0 0 0 0 K 2 w 60 60 m 90 60 l S", OP=True, op=False, OPM=1),
        {("warning", "white_shape_overprints")},
    ),
    "white shape under an overprinting line": (
        partial(with_state, drawn=b"0 0 0 0 k 60 60 40 40 re f", OP=True, op=False, OPM=1),
        set(),
    ),
    "spot colour of text and image": (
        partial(spot, drawn=b"q 72 0 0 72 90 90 cm /Im Do Q", image=True),
        {("warning", "spot_colour")},
    ),
    "spot colour beyond the bleed": (partial(spot, drawn=b"500 100 60 60 re f 480 90 m 490 90 l S"), set()),
    "registration colour": (partial(spot, name="/All"), {("warning", "registration_colour")}),
    "registration colour in marks": (partial(spot, name="/All", drawn=b"-20 10 m -4 10 l S"), set()),
    "no ink at all": (partial(spot, name="/None"), set()),
    "black as a plate": (partial(spot, name="/Black"), set()),
    "transparency in RGB": (
        partial(with_state, drawn=b"1 0 0 rg 60 60 40 40 re f", group=Name.DeviceRGB, ca=0.5),
        {("warning", "rgb_transparency")},
    ),
    "blending in RGB": (
        partial(with_state, drawn=b"1 0 0 rg 60 60 40 40 re f", group=Name.DeviceRGB, BM=Name.Multiply),
        {("warning", "rgb_transparency")},
    ),
    "transparency in CMYK": (
        partial(with_state, drawn=b"0 1 1 0 k 60 60 40 40 re f", group=Name.DeviceCMYK, ca=0.5),
        set(),
    ),
    "a group in RGB with nothing transparent": (
        partial(with_state, drawn=b"1 0 0 rg 60 60 40 40 re f", group=Name.DeviceRGB, ca=1),
        set(),
    ),
    "spot colour": (spot, {("warning", "spot_colour")}),
    "glyphs that are not there": (partial(missing_glyphs, simple=True), {("error", "missing_glyph")}),
    "a space that is named as no glyph": (partial(missing_glyphs, simple=True, code=32), set()),
    "glyphs of a large font that are not there": (partial(missing_glyphs, simple=False), {("error", "missing_glyph")}),
    "boxes out of order": (
        partial(hostile.page_pdf, TrimBox=Array([9, 9, 441, 297]), BleedBox=Array([20, 20, 430, 290])),
        {("warning", "odd_boxes")},
    ),
    "a cropped-away image": (
        partial(hostile.page_pdf, content=hostile.PLAIN + b" q 300 0 0 300 900 0 cm BI /W 32 /H 32 /BPC 8 /CS /G ID "
                + b"\x80" * 1024 + b" EI Q"),
        set(),
    ),
}  # fmt: skip


def findings(file: Path) -> tuple[Finding, ...]:
    report = inspect(file, POSTCARD_4X6)
    return (*report.findings, *report.warnings)


@pytest.mark.parametrize("case", CASES)
def test_each_fault_is_told_and_nothing_else(tmp_path: Path, case: str) -> None:
    build, wanted = CASES[case]
    assert {(one.severity, one.code) for one in findings(build(tmp_path / "artwork.pdf"))} == wanted


@pytest.mark.parametrize("case", [case for case, (_, wanted) in CASES.items() if wanted])
def test_every_finding_says_where_and_by_how_much(tmp_path: Path, case: str) -> None:
    for found in findings(CASES[case][0](tmp_path / "artwork.pdf")):
        assert found.page == 1
        assert found.measured
        assert found.required
        assert found.remedy.endswith(".")
        # The blend space is the page's, and boxes have no place on it.
        assert (found.box_in is None) == (found.code in ("rgb_transparency", "odd_boxes"))


def test_a_path_is_placed_by_all_its_points(tmp_path: Path) -> None:
    drawn = b" 0.9 0.9 0.9 0.9 k q 2 0 0 2 10 20 cm 50 30 m 20 40 l 60 70 80 90 100 60 c f Q"
    [found] = findings(hostile.page_pdf(tmp_path / "path.pdf", content=hostile.PLAIN + drawn))
    left, foot, right, top = 2 * 20 + 10, 2 * 30 + 20, 2 * 100 + 10, 2 * 90 + 20
    wanted = ((left - 9) / 72, (297 - top) / 72, (right - left) / 72, (top - foot) / 72)
    assert found.box_in == pytest.approx(wanted, abs=0.002)
    assert (found.code, found.measured, found.required) == ("ink_limit", "360%", "at most 320%")


def test_where_and_by_how_much_is_told(tmp_path: Path) -> None:
    [small] = findings(with_text(tmp_path / "text.pdf", b"1 g", 4))
    assert small.measured == "4.0 pt"
    assert small.box_in == pytest.approx(((100 - 9) / 72, (297 - 154) / 72, 4 / 72, 4 / 72), abs=0.002)
    [coarse] = findings(hostile.image_pdf(tmp_path / "image.pdf", 120))
    assert (coarse.measured, coarse.required, coarse.page) == ("120 ppi", "150 ppi", 1)
    assert coarse.box_in == pytest.approx((-0.125, -0.125, 6.25, 4.25), abs=0.002)
    [missing] = findings(missing_glyphs(tmp_path / "glyphs.pdf", simple=False))
    assert missing.measured == "3 characters"

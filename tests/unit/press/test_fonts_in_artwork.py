"""Fonts whose programs are damaged, and text whose glyphs are not in its font: refused; what only looks so is not."""

from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from fontTools import subset
from fontTools.cffLib import CFFFontSet, FDArrayIndex, FDSelect, FontDict
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.psCharStrings import T2CharString
from fontTools.ttLib import TTFont, reorderFontTables
from pikepdf import Array, Dictionary, Name

from pipeline.press.creative.normalize import normalize
from pipeline.press.preflight.inspect import inspect
from pipeline.press.report import Report
from pipeline.products import POSTCARD_4X6
from tests.unit.press.fonts import (
    CFF,
    LIBERATION,
    SQUARE,
    TRUE_TYPE,
    Font,
    artwork,
    cff,
    cid_type_0c,
    composite,
    descriptor,
    glyph_numbers,
    hexadecimal,
    letters,
    mapped_type_0c,
    simple,
    type_1,
    type_1_program,
    type_1c,
)
from tests.unit.press.x4_content import content_faults

FONTS = 8
"""The rule of the checklist."""
Made = tuple[pikepdf.Object, bytes]


def embedded(kind: str, key: str, program: bytes, pdf: pikepdf.Pdf, **entries: pikepdf.Object) -> Made:
    described = descriptor(pdf, key, program, 32, **entries)
    return simple(pdf, kind, described, Encoding=Name.WinAnsiEncoding), letters("Har")


def lacking(text: str, *, symbolic: bool = False, box: bool = False) -> Font:
    """A part of a typeface, without the z; spaces are left out as well. A box stands for what is missing, or nothing."""
    font = TTFont(LIBERATION)
    part = subset.Subsetter(subset.Options(glyph_names=True, notdef_outline=box))
    part.populate(text="Har")
    part.subset(font)
    out = BytesIO()
    font.save(out)

    def made(pdf: pikepdf.Pdf) -> Made:
        described = descriptor(pdf, "/FontFile2", out.getvalue(), 4 if symbolic else 32)
        encoding = {} if symbolic else {"Encoding": Name.WinAnsiEncoding}
        return simple(pdf, "TrueType", described, **encoding), letters(text)

    return made


def bare(text: str) -> Font:
    return lambda pdf: (type_1c(pdf)[0], letters(text))


def in_type_1(program: Font) -> Font:
    """A name that it has not, a space by another name, and a code that the encoding leaves to the program."""

    def made(pdf: pikepdf.Pdf) -> Made:
        font, _ = program(pdf)
        font.Encoding = Dictionary(Differences=Array([65, Name.snowman, Name.uni00A0]))
        return font, letters("AABAH")

    return made


def numbered(shown: bytes) -> Font:
    return lambda pdf: (cid_type_0c(pdf)[0], shown)


def spaced(text: bytes, letter: bytes = b"00a0", *, box: bool = False) -> Font:
    """Of a composite font: code 0, and so the glyph for what is missing, stands for a space, or another `letter`."""

    def made(pdf: pikepdf.Pdf) -> Made:
        part, _ = lacking("Har", box=box)(pdf)
        described = descriptor(pdf, "/FontFile2", part.FontDescriptor.FontFile2.read_bytes(), 4)
        found = composite(pdf, "CIDFontType2", described, CIDToGIDMap=Name.Identity)
        runs = b"2 beginbfrange <0000> <0000> [<%s>] <0002> <0003> <0072> endbfrange" % letter
        found.ToUnicode = pdf.make_stream(b"1 beginbfchar <0001> <0048> endbfchar " + runs)
        return found, text

    return made


def by_a_map(text: str) -> Font:
    return lambda pdf: (mapped_type_0c(pdf)[0], letters(text))


def drawn(text: str) -> Font:
    """A letter that is drawn, one that is not, a space that is not, and a code that is given nothing."""

    def made(pdf: pikepdf.Pdf) -> Made:
        names = Array([32, Name.space, 65, Name.A, Name.B, Name("/.notdef")])
        square = pdf.make_stream(b"800 0 0 0 700 700 d1 0 0 700 700 re f")
        return pdf.make_indirect(Dictionary(
            Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 1000, 1000]), FontMatrix=Array([0.001, 0, 0, 0.001, 0, 0]),
            FirstChar=32, LastChar=67, Widths=Array([800] * 36), Encoding=Dictionary(Differences=names),
            CharProcs=Dictionary(A=square), Resources=Dictionary(),
        )), letters(text)  # fmt: skip

    return made


def drawn_without(key: str, pdf: pikepdf.Pdf) -> Made:
    font, shown = drawn("AA")(pdf)
    del font[key]
    return font, shown


def without_widths(pdf: pikepdf.Pdf) -> Made:
    """Readers take those of the program, or those of a font that they know."""
    font, shown = type_1(pdf)
    del font["/Widths"]
    return font, shown


def cut_short(pdf: pikepdf.Pdf) -> Made:
    """A program whose outlines are its last table, and end before those of the small letters."""
    tables = [tag for tag in TTFont(LIBERATION).reader.tables if tag != "glyf"]
    out = BytesIO()
    reorderFontTables(BytesIO(LIBERATION.read_bytes()), out, tableOrder=[*tables, "glyf"])
    start = TTFont(BytesIO(out.getvalue())).reader.tables["glyf"].offset
    return embedded("TrueType", "/FontFile2", out.getvalue()[: start + 2000], pdf)


def names_shown_by_number(pdf: pikepdf.Pdf) -> Made:
    program, clear, hidden = type_1_program()
    described = descriptor(pdf, "/FontFile", program, 32, Length1=clear, Length2=hidden, Length3=0)
    return composite(pdf, "CIDFontType0", described), glyph_numbers()


def by_a_map_for_true_type(pdf: pikepdf.Pdf) -> Made:
    described = descriptor(pdf, "/FontFile3", cff(), 4, Subtype=Name.CIDFontType0C)
    turned = pdf.make_stream(bytes([0, 0, 0, 3, 0, 2, 0, 1]))
    return composite(pdf, "CIDFontType0", described, CIDToGIDMap=turned), b"<000100020003> Tj"


def expert(pdf: pikepdf.Pdf, text: str = "a") -> Made:
    """Small capitals, by the codes of the program's own encoding, which is Adobe's for expert sets."""
    builder = FontBuilder(1000, isTTF=False)
    drawings = {".notdef": T2CharString(program=["endchar"]), "Asmall": T2CharString(program=list(SQUARE))}
    builder.setupGlyphOrder(list(drawings))
    builder.setupCFF("Test", {"FullName": "Test"}, drawings, {"nominalWidthX": 500, "defaultWidthX": 600})
    builder.font["CFF "].cff[0].Encoding = "ExpertEncoding"
    out = BytesIO()
    builder.font["CFF "].cff.compile(out, builder.font)
    described = descriptor(pdf, "/FontFile3", out.getvalue(), 4, Subtype=Name.Type1C)
    return simple(pdf, "Type1", described), letters(text)


def of_an_odd_number(pdf: pikepdf.Pdf) -> Made:
    """The default of widths in a CFF program, as a number without digits: engines that draw take it for nothing."""
    usual, odd = b"\xf8\x56\x14", b"\x1e\xff\x14"
    assert cff().count(usual) == 1
    return embedded("Type1", "/FontFile3", cff().replace(usual, odd), pdf, Subtype=Name.Type1C)


def of_an_odd_number_in_a_part(pdf: pikepdf.Pdf) -> Made:
    """The same in a program whose glyphs have numbers, where each part has such defaults of its own."""
    found, shown = cid_type_0c(pdf)
    font, part = CFFFontSet(), FontDict()
    font.decompile(BytesIO(cff()), None)
    top = font[0]
    glyphs = [top.CharStrings[name] for name in (".notdef", "H", "a", "r")]
    top.charset = [".notdef", "cid00001", "cid00002", "cid00003"]
    top.CharStrings.charStrings = dict(zip(top.charset, glyphs, strict=True))
    top.CharStrings.charStringsAreIndexed = 0
    top.ROS, top.CIDCount, part.Private = ("Adobe", "Identity", 0), 4, top.Private
    del top.Private
    top.FDArray, top.FDSelect = FDArrayIndex(), FDSelect()
    top.FDArray.append(part)
    top.FDSelect.gidArray, top.FDSelect.format = [0] * 4, 3
    out = BytesIO()
    font.compile(out, TTFont(recalcBBoxes=False))
    program = out.getvalue().replace(b"\xf8\x56\x14", b"\x1e\xff\x14")
    assert program != out.getvalue()
    found.DescendantFonts[0].FontDescriptor.FontFile3.write(program)
    return found, shown


def by_a_predefined_map(pdf: pikepdf.Pdf) -> Made:
    """One of Adobe's, whose tables are not here."""
    described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)
    found = composite(pdf, "CIDFontType2", described, Name("/UniJIS-UCS2-H"), CIDToGIDMap=Name.Identity)
    return found, b"<00480061> Tj"


Case = Callable[[pikepdf.Pdf], Made]
NOT_FONTS: dict[str, Case] = {
    "Type 1 without widths": without_widths,
    **{
        f"drawn, without {key}": partial(drawn_without, key)
        for key in ("/FontMatrix", "/Widths", "/Encoding", "/CharProcs")
    },
    "TrueType": partial(embedded, "TrueType", "/FontFile2", b"no font at all"),
    "cut in its first tables": partial(embedded, "TrueType", "/FontFile2", LIBERATION.read_bytes()[:2000]),
    "empty": partial(embedded, "TrueType", "/FontFile2", b""),
    "CFF": partial(embedded, "Type1", "/FontFile3", b"no font at all", Subtype=Name.Type1C),
    "cut CFF": partial(embedded, "Type1", "/FontFile3", cff()[:40], Subtype=Name.Type1C),
    "OpenType": partial(embedded, "Type1", "/FontFile3", b"OTTO and no more", Subtype=Name.OpenType),
    "Type 1": partial(embedded, "Type1", "/FontFile", b"no font at all"),
    "Type 1 without drawings": partial(embedded, "Type1", "/FontFile", b"%!PS-AdobeFont-1.0: Test 001.000"),
    "Type 1 by numbers": names_shown_by_number,
    "CFF by a map for TrueType": by_a_map_for_true_type,
}
LACKING: dict[str, tuple[Case, int]] = {
    "letters": (lacking("Harzzz"), 3),
    "codes": (lacking("Hazr", symbolic=True), 1),
    "drawings": (bare("Harzzz"), 3),
    "names": (in_type_1(type_1), 3),
    "names, in hexadecimal digits": (in_type_1(hexadecimal), 3),
    "numbers": (numbered(b"<0001000200030009000a> Tj"), 2),
    "codes of a map": (by_a_map("HaArzb"), 3),
    "procedures": (drawn("ABBA"), 2),
    "outlines": (cut_short, 3),
    "small capitals": (partial(expert, text="aAab"), 2),
    "spaces, for which some readers paint a box": (lacking("H a r", box=True), 2),
    "spaces of glyph numbers, for which a box is painted": (spaced(b"<00010000> Tj", box=True), 1),
    "a letter that is shown by an empty glyph": (spaced(b"<00010000> Tj", b"007a"), 1),
}
WHOLE: dict[str, Case] = {
    **{font.__name__: font for font in (*TRUE_TYPE, *CFF, type_1, hexadecimal)},
    "an expert set": expert,
    "a space": lacking("H a r"),
    "a space among codes": lacking("H a r", symbolic=True),
    "a space among drawings": bare("H a r"),
    "a space among procedures": drawn("A A"),
    "a code that is given nothing": drawn("ACA"),
    "a space that is shown by an empty glyph for what is missing": spaced(b"<00010000000200000003> Tj"),
}


UNCHECKED: list[Case] = [of_an_odd_number, of_an_odd_number_in_a_part, by_a_predefined_map]


def codes(folder: Path, font: Case) -> set[str]:
    return {one.code for one in _report(folder, font).findings}


def _report(folder: Path, font: Case) -> Report:
    return inspect(artwork(folder / "artwork.pdf", font), POSTCARD_4X6, "front")


@pytest.mark.parametrize("name", NOT_FONTS)
def test_a_program_that_nothing_can_be_drawn_with_is_not_embedded(tmp_path: Path, name: str) -> None:
    # Glyphs that lack their matrix are drawn very large.
    assert codes(tmp_path, NOT_FONTS[name]) - {"text_outside_safe_area"} == {"unembedded_font"}


@pytest.mark.parametrize("name", LACKING)
def test_characters_without_a_glyph_are_counted(tmp_path: Path, name: str) -> None:
    font, count = LACKING[name]
    [told] = _report(tmp_path, font).findings
    assert (told.code, told.measured) == ("missing_glyph", f"{count} characters")


@pytest.mark.parametrize("name", WHOLE)
def test_nothing_is_said_of_what_is_all_there(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, WHOLE[name]) == set()


@pytest.mark.parametrize("name", WHOLE)
def test_what_is_all_there_keeps_to_the_checklist_once_it_is_prepared(tmp_path: Path, name: str) -> None:
    normalize(artwork(tmp_path / "art.pdf", WHOLE[name]), POSTCARD_4X6, tmp_path / "normal.pdf")
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        assert [what for rule, what in content_faults(pdf) if rule == FONTS] == []


@pytest.mark.parametrize("font", UNCHECKED)
def test_of_what_can_be_drawn_and_not_be_listed_the_sender_is_told(tmp_path: Path, font: Case) -> None:
    report = _report(tmp_path, font)
    assert report.ok
    assert [one.code for one in report.warnings] == ["unchecked_font"]

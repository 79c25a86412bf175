"""Advances in embedded programs that are not those of the dictionary: on the sheet they agree, and nothing looks different."""

import re
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from fontTools.cffLib import CFFFontSet, SubrsIndex
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.eexec import decrypt, encrypt
from fontTools.misc.psCharStrings import T2CharString
from fontTools.pens.basePen import NullPen
from fontTools.ttLib import TTCollection, TTFont
from fontTools.ttLib.tables.DefaultTable import DefaultTable
from pikepdf import Array, Dictionary, Name

from pipeline.press.creative.font_widths import MOST_COPIES
from pipeline.press.creative.normalize import normalize
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile
from tests.unit.press.fonts import (
    CFF,
    DECLARED,
    LIBERATION,
    SPACED,
    SQUARE,
    SQUARES,
    TEXT,
    TRUE_TYPE,
    Font,
    artwork,
    by_number,
    cid_type_0c,
    descriptor,
    hexadecimal,
    letters,
    open_type,
    simple,
    true_type,
    type_1,
    type_1_program,
)
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_content import content_faults
from tests.unit.press.x4_fonts import font_faults

FONTS = 8
"""The rule of the checklist."""
TRIANGLE = [100, "hmoveto", 400, "hlineto", -200, 600, "rlineto", "endchar"]


def cff_of_subroutines(call: str) -> bytes:
    """H and a are in subroutines with their widths, of o its beginning, and of r all but its width and its first step."""
    builder = FontBuilder(1000, isTTF=False)
    drawings = {
        ".notdef": T2CharString(program=["endchar"]),
        "H": T2CharString(program=[-107, call]),
        "a": T2CharString(program=[-106, call, "endchar"]),
        "r": T2CharString(program=[30, 100, -105, call]),
        "o": T2CharString(program=[-102, call, *SQUARE[1:]]),
    }
    builder.setupGlyphOrder(list(drawings))
    builder.setupCFF("Test", {"FullName": "Test"}, drawings, {"nominalWidthX": 500, "defaultWidthX": 450})
    top = builder.font["CFF "].cff[0]
    inner = [
        [30, *SQUARE],
        [30, -103, call, "return"],
        SQUARE[1:],
        ["return"],
        [*TRIANGLE[:-1], "return"],
        [30, 100, "return"],
    ]
    subroutines = top.GlobalSubrs
    if call == "callsubr":
        subroutines = top.Private.Subrs = SubrsIndex()
    for program in inner:
        subroutines.append(T2CharString(program=program, private=top.Private, globalSubrs=top.GlobalSubrs))
    out = BytesIO()
    builder.font["CFF "].cff.compile(out, builder.font)
    return out.getvalue()


def programs(file: Path, key: str) -> list[bytes]:
    with pikepdf.open(file) as pdf:
        return [
            bytes(obj[key].read_bytes())
            for obj in pdf.objects
            if isinstance(obj, Dictionary) and isinstance(obj.get(key), pikepdf.Stream)
        ]


def advances(program: bytes) -> dict[str, float]:
    font = TTFont(BytesIO(program))
    shown = {font.getBestCmap()[ord(letter)] for letter in SPACED}
    return {name: font["hmtx"][name][0] * 1000 / font["head"].unitsPerEm for name in shown}


def drawn_widths(program: bytes) -> dict[str, float]:
    font = CFFFontSet()
    font.decompile(BytesIO(TTFont(BytesIO(program)).reader["CFF "] if program[:4] == b"OTTO" else program), None)
    found = {}
    for name in font[0].CharStrings.keys():  # noqa: SIM118  # it is no mapping
        if name == ".notdef":
            continue
        glyph = font[0].CharStrings[name]
        glyph.draw(NullPen())
        found[name] = glyph.width
    return found


def normalized(source: Path) -> Path:
    normal = source.with_name("normal.pdf")
    normalize(source, POSTCARD_4X6, normal)
    assert difference(render(source), render(normal)) == 0
    assert difference(render(normal), render(hostile.pdf_with(source.with_name("white.pdf"), _white))) > 0
    return normal


def _white(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    page.Contents = pdf.make_stream(b"1 1 1 rg 0 0 450 306 re f")


@pytest.mark.parametrize("font", TRUE_TYPE)
def test_a_true_type_program_has_the_declared_advances(tmp_path: Path, font: Font) -> None:
    source = artwork(tmp_path / "source.pdf", font)
    assert {round(one) for one in advances(*programs(source, "/FontFile2")).values()} != {DECLARED}
    normal = normalized(source)
    assert {round(one) for one in advances(*programs(normal, "/FontFile2")).values()} == {DECLARED}


def test_nothing_but_advances_changes_in_a_true_type_program(tmp_path: Path) -> None:
    """But for the sum in `head` of all that the file holds."""
    source = artwork(tmp_path / "source.pdf", true_type)
    before, after = (TTFont(BytesIO(*programs(file, "/FontFile2"))).reader for file in (source, normalized(source)))
    assert {tag for tag in before.keys() if before[tag] != after[tag]} == {"hmtx", "head"}  # noqa: SIM118


def test_a_true_type_program_without_the_names_of_its_glyphs_has_the_declared_advances(tmp_path: Path) -> None:
    """That it had them in a table is said, and the table is cut off."""

    def unnamed(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        font, text = by_number(pdf)
        program = TTFont(LIBERATION)
        named = DefaultTable("post")
        named.data = program.reader["post"][:32]
        program["post"] = named
        out = BytesIO()
        program.save(out)
        font.DescendantFonts[0].FontDescriptor.FontFile2 = pdf.make_stream(out.getvalue())
        return font, text

    normal = normalized(artwork(tmp_path / "source.pdf", unnamed))
    with pikepdf.open(normal) as pdf:
        assert [fault for fault in content_faults(pdf) if fault[0] == FONTS] == []


@pytest.mark.parametrize("font", CFF)
def test_a_cff_program_has_the_declared_advances(tmp_path: Path, font: Font) -> None:
    source = artwork(tmp_path / "source.pdf", font)
    assert drawn_widths(*programs(source, "/FontFile3")) == {"H": 530, "a": 450, "r": 450}
    assert set(drawn_widths(*programs(normalized(source), "/FontFile3")).values()) == {DECLARED}


def test_a_type_1_program_has_the_declared_advances(tmp_path: Path) -> None:
    source = artwork(tmp_path / "source.pdf", type_1)
    for file, faults in ((source, len(set(TEXT))), (normalized(source), 0)):
        with pikepdf.open(file) as pdf:
            [font] = [obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Subtype") == "/Type1"]
            assert len(list(font_faults(font, {TEXT.encode()}))) == faults
            program = font.FontDescriptor.FontFile
            assert program.Length1 + program.Length2 + program.Length3 == len(program.read_bytes())
            assert program.read_bytes()[int(program.Length1 + program.Length2) :].startswith(b"0" * 64)


def test_a_type_1_program_in_hexadecimal_digits_becomes_one_that_a_pdf_may_have(tmp_path: Path) -> None:
    """Whatever its widths are: the declared ones, or its own."""

    def agreeing(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        font, text = hexadecimal(pdf)
        widths = {"H": 722, "a": 444, "b": 500, "o": 500, "r": 333}
        font.Widths = Array([widths.get(chr(code), 0) for code in range(32, 127)])
        return font, text

    plain, digits = (
        programs(normalized(artwork(tmp_path / "source.pdf", font)), "/FontFile") for font in (type_1, hexadecimal)
    )
    assert plain == digits
    assert programs(normalized(artwork(tmp_path / "source.pdf", agreeing)), "/FontFile") == [type_1_program()[0]]


def collection(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """A file of several fonts, as Asian typefaces come."""
    font, text = by_number(pdf)
    several, out = TTCollection(), BytesIO()
    several.fonts = [TTFont(LIBERATION), TTFont(LIBERATION)]
    several.save(out)
    font.DescendantFonts[0].FontDescriptor.FontFile2 = pdf.make_stream(out.getvalue())
    return font, text


def open_type_called_bare(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    font, text = open_type(pdf)
    font.FontDescriptor.FontFile3.Subtype = Name.Type1C
    return font, text


def parts_of_other_lengths(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    font, text = type_1(pdf)
    font.FontDescriptor.FontFile.Length1 += 7
    font.FontDescriptor.FontFile.Length2 = 0
    return font, text


def parts_with_marks(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    font, text = type_1(pdf)
    stream = font.FontDescriptor.FontFile
    data, lengths = stream.read_bytes(), [int(stream[key]) for key in ("/Length1", "/Length2", "/Length3")]
    parts = [data[: lengths[0]], data[lengths[0] : -lengths[2]], data[-lengths[2] :]]
    kinds = (1, 2, 1)
    marked = [
        bytes([0x80, kind]) + len(part).to_bytes(4, "little") + part for kind, part in zip(kinds, parts, strict=True)
    ]
    stream.write(b"".join(marked) + b"\x80\3")
    stream.Length1 += 6
    return font, text


@pytest.mark.parametrize("font", [collection, open_type_called_bare, parts_of_other_lengths, parts_with_marks])
def test_programs_that_are_other_than_said_become_what_a_pdf_may_have(tmp_path: Path, font: Font) -> None:
    normal = normalized(artwork(tmp_path / "source.pdf", font))
    with pikepdf.open(normal) as pdf:
        assert [fault for fault in content_faults(pdf) if fault[0] == FONTS] == []
        [described] = [
            obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Type") == "/FontDescriptor"
        ]
        if font is collection:
            assert described.FontFile2.read_bytes()[:4] == b"\0\1\0\0"
        elif font is open_type_called_bare:
            assert described.FontFile3.Subtype == "/OpenType"
        else:
            program, clear, hidden = type_1_program()
            stream = described.FontFile
            assert stream.read_bytes()[:clear] == program[:clear]
            assert stream.read_bytes()[-int(stream.Length3) :] == program[clear + hidden :]
            assert int(stream.Length1) == clear


def plain_drawings(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """A Type 1 program whose drawings are not encrypted a second time."""
    font, text = type_1(pdf)
    stream = font.FontDescriptor.FontFile
    program, clear, hidden = type_1_program()
    part, out, at = decrypt(program[clear : clear + hidden], 55665)[0], b"", 0
    part = part.replace(b" begin", b" begin /lenIV -1 def", 1)
    head = re.compile(rb"(?:dup\s+\d+|/\S+)\s+(\d+)\s+(?:RD|-\|) ")
    while (found := head.search(part, at)) is not None:
        end = found.end() + int(found[1])
        code = decrypt(part[found.end() : end], 4330)[0][4:]
        out += part[at : found.start(1)] + b"%d" % len(code) + part[found.end(1) : found.end()] + code
        at = end
    made = encrypt(out + part[at:], 55665)[0]
    stream.write(program[:clear] + made + program[clear + hidden :])
    stream.Length2 = len(made)
    return font, text


def without_widths(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    font, text = true_type(pdf)
    for key in ("/FirstChar", "/LastChar", "/Widths"):
        del font[key]
    return font, text


def standard(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """One of the fonts that readers know may do without."""
    font, text = type_1(pdf)
    font.BaseFont = Name("/Times-Roman")
    for key in ("/FirstChar", "/LastChar", "/Widths"):
        del font[key]
    return font, text


def of_few_widths(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """Of the letters a to d alone: readers go on by nothing after the others."""
    font, text = true_type(pdf)
    font.FirstChar, font.LastChar, font.Widths = 97, 100, Array([556, 556, 500, 556])
    return font, text


def of_one_width_for_the_rest(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    font, text = of_few_widths(pdf)
    font.FontDescriptor.MissingWidth = DECLARED
    return font, text


@pytest.mark.parametrize("font", [plain_drawings, without_widths, standard, of_few_widths, of_one_width_for_the_rest])
def test_the_program_and_the_dictionary_agree_on_the_sheet(tmp_path: Path, font: Font) -> None:
    source, normal = artwork(tmp_path / "source.pdf", font), tmp_path / "normal.pdf"
    normalize(source, POSTCARD_4X6, normal)
    # What is declared is rounded.
    assert difference(render(source), render(normal)) < 0.001
    with pikepdf.open(normal) as pdf:
        assert [fault for fault in content_faults(pdf) if fault[0] == FONTS] == []
        [found] = [obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Type") == "/Font"]
        if font is without_widths:
            shown = [float(found.Widths[ord(letter) - int(found.FirstChar)]) for letter in "Ha "]
            assert [round(width) for width in shown] == [722, 556, 278]


def test_the_table_of_an_open_type_program_says_what_its_drawings_say(tmp_path: Path) -> None:
    normal = normalized(artwork(tmp_path / "source.pdf", open_type))
    metrics = TTFont(BytesIO(*programs(normal, "/FontFile3")))["hmtx"]
    assert {letter: metrics[letter] for letter in SQUARES} == dict.fromkeys(SQUARES, (DECLARED, 100))


def several_codes(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """A program whose own encoding has two codes for H: 72, and 98 in a supplement."""
    builder = FontBuilder(1000, isTTF=False)
    drawings = {".notdef": T2CharString(program=["endchar"])} | {
        letter: T2CharString(program=[30, *SQUARE]) for letter in "Harvxz"
    }
    builder.setupGlyphOrder(list(drawings))
    builder.setupCFF("Test", {"FullName": "Test"}, drawings, {"nominalWidthX": 500, "defaultWidthX": 450})
    own = {ord(letter): letter for letter in "Har"} | {0x30: "v", 0x40: "x", 0x50: "z"}
    builder.font["CFF "].cff[0].Encoding = [own.get(code, ".notdef") for code in range(256)]
    out = BytesIO()
    builder.font["CFF "].cff.compile(out, builder.font)
    # Of the same length: the codes of the first three glyphs, and one more, which is by its name's number in Adobe's list.
    plain, supplemented = b"\0\6Har\x30\x40\x50", b"\x80\2Ha\1b\0\x29"
    assert out.getvalue().count(plain) == 1
    program = out.getvalue().replace(plain, supplemented)
    return simple(pdf, "Type1", descriptor(pdf, "/FontFile3", program, 4, Subtype=Name.Type1C)), letters("Hab")


def test_a_glyph_of_several_codes_keeps_them_all(tmp_path: Path) -> None:
    normal = normalized(artwork(tmp_path / "art.pdf", several_codes))
    [program] = programs(normal, "/FontFile3")
    assert set(drawn_widths(program).values()) == {530, DECLARED}
    with pikepdf.open(normal) as pdf:
        assert [fault for fault in content_faults(pdf) if fault[0] == FONTS] == []


@pytest.mark.parametrize("declared", [393, 394, DECLARED])
@pytest.mark.parametrize("call", ["callsubr", "callgsubr"])
def test_a_width_in_a_subroutine_is_set_and_no_letter_changes(tmp_path: Path, call: str, declared: int) -> None:
    """The numbers of the first two subroutines are 107 and 106 less than nothing, and so are some of the widths."""

    def subroutines(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        described = descriptor(pdf, "/FontFile3", cff_of_subroutines(call), 32, Subtype=Name.Type1C)
        font = simple(pdf, "Type1", described, Encoding=Name.WinAnsiEncoding)
        font.Widths = Array([declared] * 95)
        return font, letters("Haro")

    source = artwork(tmp_path / "source.pdf", subroutines)
    assert set(drawn_widths(*programs(source, "/FontFile3")).values()) == {530}
    assert set(drawn_widths(*programs(normalized(source), "/FontFile3")).values()) == {declared}


def test_fonts_that_share_a_program_may_declare_different_widths(tmp_path: Path) -> None:
    def narrow(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        [wide] = [obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Subtype") == "/TrueType"]
        font = Dictionary(dict(wide.items()))
        font.Widths = Array([300] * 95)
        return pdf.make_indirect(font), letters(SPACED)

    normal = normalized(artwork(tmp_path / "source.pdf", true_type, narrow))
    found = [{round(one) for one in advances(program).values()} for program in programs(normal, "/FontFile2")]
    assert sorted(map(tuple, found)) == [(300,), (DECLARED,)]


def test_a_program_that_agrees_is_left_as_it_is(tmp_path: Path) -> None:
    def agreeing(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        font, text = true_type(pdf)
        metrics, glyphs = TTFont(LIBERATION)["hmtx"], TTFont(LIBERATION).getBestCmap()
        font.Widths = Array([round(metrics[glyphs[code]][0] * 1000 / 2048) for code in range(32, 127)])
        return font, text

    normal = normalized(artwork(tmp_path / "source.pdf", agreeing))
    assert programs(normal, "/FontFile2") == [LIBERATION.read_bytes()]


def test_letters_that_are_not_shown_keep_their_advance(tmp_path: Path) -> None:
    def part(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        font, _ = true_type(pdf)
        return font, letters("bor")

    found = advances(*programs(normalized(artwork(tmp_path / "source.pdf", part)), "/FontFile2"))
    assert {name: round(width) for name, width in found.items()} == {
        "H": 722,
        "a": 556,
        "space": 278,
        "r": 700,
        "b": 700,
        "o": 700,
    }


def test_drawings_that_are_not_shown_keep_their_advance(tmp_path: Path) -> None:
    def part(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        return cid_type_0c(pdf)[0], b"<0002> Tj"

    normal = normalized(artwork(tmp_path / "source.pdf", part))
    assert drawn_widths(*programs(normal, "/FontFile3")) == {"H": 530, "a": DECLARED, "r": 450}


@pytest.mark.parametrize(
    "where", ["beside a photograph", "form", "pattern", "soft mask", "drawn glyph", "graphics state", "inline"]
)
def test_letters_are_found_wherever_they_are_shown(tmp_path: Path, where: str) -> None:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        font, text = true_type(pdf)
        set_font, show = b"0 g BT /F 36 Tf 40 60 Td ", b"BT 40 60 Td " + text + b" ET"
        inner = Dictionary(Font=Dictionary(F=font))
        whole = {"BBox": Array([0, 0, 450, 306]), "Resources": inner}
        page.Resources, drawn = inner, set_font + text + b" ET"
        if where == "beside a photograph":
            out = BytesIO()
            hostile.image_of(60, 40).save(out, "JPEG")
            photograph = hostile.image_xobject(pdf, b"", (60, 40))
            photograph.ColorSpace = Name.DeviceRGB
            photograph.write(out.getvalue(), filter=Name.DCTDecode)
            page.Resources.XObject, drawn = Dictionary(P=photograph), b"q 60 0 0 40 9 9 cm /P Do Q " + drawn
        elif where == "inline":
            page.Resources = Dictionary(Font=Dictionary(F=Dictionary(dict(font.items()))))
        elif where == "graphics state":
            page.Resources = Dictionary(ExtGState=Dictionary(G=Dictionary(Font=Array([font, 36]))))
            drawn = b"0 g /G gs " + show
        elif where == "form":
            form = pdf.make_stream(show, Type=Name.XObject, Subtype=Name.Form, BBox=whole["BBox"])
            page.Resources.XObject, drawn = Dictionary(X=form), set_font + b" ET /X Do"
        elif where == "pattern":
            tile = pdf.make_stream(drawn, PatternType=1, PaintType=1, TilingType=1, XStep=450, YStep=306, **whole)
            page.Resources = Dictionary(Pattern=Dictionary(P=tile))
            drawn = b"/Pattern cs /P scn 0 0 450 306 re f"
        elif where == "soft mask":
            group = Dictionary(S=Name.Transparency, CS=Name.DeviceGray)
            mask = pdf.make_stream(b"1 g " + drawn[4:], Type=Name.XObject, Subtype=Name.Form, Group=group, **whole)
            state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=mask))
            page.Resources, drawn = Dictionary(ExtGState=Dictionary(G=state)), b"/G gs 0 g 0 0 450 306 re f"
        elif where == "drawn glyph":
            page.Resources = Dictionary(Font=Dictionary(D=_drawn_font(pdf, b"450 0 d0 " + drawn, inner)))
            drawn = b"BT /D 1 Tf (A) Tj ET"
        page.Contents = pdf.make_stream(b"1 1 1 rg 0 0 450 306 re f " + drawn)

    normal = normalized(hostile.pdf_with(tmp_path / "source.pdf", change))
    assert {round(one) for one in advances(*programs(normal, "/FontFile2")).values()} == {DECLARED}


def _drawn_font(pdf: pikepdf.Pdf, drawing: bytes, resources: Dictionary) -> pikepdf.Object:
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=Array([0, 0, 450, 306]), FontMatrix=Array([1, 0, 0, 1, 0, 0]), FirstChar=65,
        LastChar=65, Widths=Array([450]), Encoding=Dictionary(Differences=Array([65, Name.A])),
        CharProcs=Dictionary(A=pdf.make_stream(drawing)), Resources=resources,
    ))  # fmt: skip


def test_fonts_that_share_a_program_and_agree_share_what_is_made_of_it(tmp_path: Path) -> None:
    def another(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        found = [obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Subtype") == "/TrueType"]
        return pdf.make_indirect(Dictionary(dict(found[0].items()))), letters("arb")

    normal = normalized(artwork(tmp_path / "source.pdf", true_type, another, another))
    with pikepdf.open(normal) as pdf:
        assert (
            sum(
                isinstance(obj, pikepdf.Stream) and "/Length1" not in obj and len(obj.read_bytes()) > 100_000
                for obj in pdf.objects
            )
            == 1
        )


def test_a_program_is_copied_for_so_many_widths_and_no_more(tmp_path: Path) -> None:
    def widths(number: int) -> Font:
        def font(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
            found = [obj for obj in pdf.objects if isinstance(obj, Dictionary) and obj.get("/Subtype") == "/TrueType"]
            made = Dictionary(dict(found[0].items())) if found else true_type(pdf)[0]
            made.Widths = Array([300 + 10 * number] * 95)
            return pdf.make_indirect(made), letters()

        return font

    normal = normalized(artwork(tmp_path / "source.pdf", *map(widths, range(MOST_COPIES + 4))))
    assert len(set(programs(normal, "/FontFile2"))) == MOST_COPIES + 1


def test_a_program_that_cannot_be_read_is_left_as_it_is(tmp_path: Path) -> None:
    def damaged(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
        described = descriptor(pdf, "/FontFile2", b"no font at all", 32)
        return simple(pdf, "TrueType", described, Encoding=Name.WinAnsiEncoding), letters()

    source, normal = artwork(tmp_path / "source.pdf", damaged), tmp_path / "normal.pdf"
    normalize(source, POSTCARD_4X6, normal)
    assert programs(normal, "/FontFile2") == [b"no font at all"]

"""Fonts for artwork, built by hand: a program, its descriptor and the dictionaries around them; and artwork that shows them."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pikepdf
import reportlab
from fontTools.fontBuilder import FontBuilder
from fontTools.misc.psCharStrings import T2CharString
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name

from pipeline.press.html.typefaces import FONTS
from tests.unit.press import hostile

LIBERATION = FONTS / "LiberationSans-Regular.ttf"
DECLARED = 700
"""The width of every code of these fonts, in thousandths."""


TEXT, SPACED = "Harbor", "H arbor"
SQUARES = {"H": 530, "a": 450, "r": 450}
"""The widths of the letters in the programs that are built here."""
_LAST_PART = 3
SQUARE = [100, "hmoveto", 400, 500, -400, "hlineto", "endchar"]


def descriptor(pdf: pikepdf.Pdf, key: str, program: bytes, flags: int, **entries: pikepdf.Object | int) -> Dictionary:
    found = Dictionary(
        Type=Name.FontDescriptor, FontName=Name.Test, Flags=flags, ItalicAngle=0, Ascent=900, Descent=-200, CapHeight=700, StemV=80,
        FontBBox=Array([0, -200, 1000, 900]),
    )  # fmt: skip
    found[key] = pdf.make_stream(program, **entries)
    return pdf.make_indirect(found)


def simple(pdf: pikepdf.Pdf, kind: str, described: Dictionary, **entries: pikepdf.Object) -> pikepdf.Object:
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name("/" + kind), BaseFont=Name.Test, FirstChar=32, LastChar=126, Widths=Array([DECLARED] * 95),
        FontDescriptor=described, **entries,
    ))  # fmt: skip


def composite(
    pdf: pikepdf.Pdf,
    kind: str,
    described: Dictionary,
    encoding: pikepdf.Object | None = None,
    **entries: pikepdf.Object,
) -> pikepdf.Object:
    inner = Dictionary(
        Type=Name.Font, Subtype=Name("/" + kind), BaseFont=Name.Test, FontDescriptor=described, DW=1000,
        W=Array([0, 500, DECLARED]), CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0), **entries,
    )  # fmt: skip
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name.Test, Encoding=Name("/Identity-H") if encoding is None else encoding,
        DescendantFonts=Array([inner]),
    ))  # fmt: skip


def _squares() -> FontBuilder:
    """Every letter a square: one has a width of its own, one the default, one the default said aloud."""
    builder = FontBuilder(1000, isTTF=False)
    drawings = {
        ".notdef": T2CharString(program=["endchar"]),
        "H": T2CharString(program=[30, *SQUARE]),
        "a": T2CharString(program=list(SQUARE)),
        "r": T2CharString(program=[-50, *SQUARE]),
    }
    builder.setupGlyphOrder(list(drawings))
    private = {"nominalWidthX": 500, "defaultWidthX": 450}
    builder.setupCFF("Test", {"FullName": "Test"}, drawings, private)
    return builder


def cff() -> bytes:
    builder, out = _squares(), BytesIO()
    builder.font["CFF "].cff.compile(out, builder.font)
    return out.getvalue()


def open_type_cff() -> bytes:
    """The same program inside OpenType."""
    builder, out = _squares(), BytesIO()
    builder.setupCharacterMap({ord(letter): letter for letter in "Har"})
    builder.setupHorizontalMetrics({".notdef": (450, 0), **{letter: (width, 100) for letter, width in SQUARES.items()}})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": "Test", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    # The time of making stands in it.
    builder.font["head"].created = builder.font["head"].modified = 0
    builder.save(out)
    return out.getvalue()


def type_1_program() -> tuple[bytes, int, int]:
    """One that comes with reportlab, without the marks of its parts, and how long its first two parts are."""
    data, parts = (Path(reportlab.__file__).parent / "fonts" / "_er_____.pfb").read_bytes(), list[bytes]()
    while data[1] != _LAST_PART:
        size = int.from_bytes(data[2:6], "little")
        parts.append(data[6 : 6 + size])
        data = data[6 + size :]
    return b"".join(parts), len(parts[0]), len(b"".join(parts[1:-1]))


def letters(text: str = TEXT) -> bytes:
    return f"({text}) Tj".encode()


def glyph_numbers(text: str = TEXT) -> bytes:
    font = TTFont(LIBERATION)
    codes = [font.getGlyphID(font.getBestCmap()[ord(letter)]) for letter in text]
    return f"<{''.join(f'{code:04x}' for code in codes)}> Tj".encode()


def true_type(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 32)
    return simple(pdf, "TrueType", described, Encoding=Name.WinAnsiEncoding), letters(SPACED)


def symbolic(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    return simple(pdf, "TrueType", descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)), letters(SPACED)


def by_number(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)
    return composite(pdf, "CIDFontType2", described, CIDToGIDMap=Name.Identity), glyph_numbers(SPACED)


def by_default(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """Nothing is said of any glyph, the space among them, and nothing of the map."""
    font, text = by_number(pdf)
    [inner] = font.DescendantFonts
    del inner["/W"]
    del inner["/CIDToGIDMap"]
    inner.DW = DECLARED
    return font, text


def through_a_map(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """CID 1 is the glyph of H, and so on."""
    font = TTFont(LIBERATION)
    glyphs = [0, *(font.getGlyphID(font.getBestCmap()[ord(letter)]) for letter in SPACED)]
    table = pdf.make_stream(b"".join(glyph.to_bytes(2, "big") for glyph in glyphs))
    described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)
    shown = "".join(f"{at:04x}" for at in range(1, len(glyphs)))
    return composite(pdf, "CIDFontType2", described, CIDToGIDMap=table), f"<{shown}> Tj".encode()


ONE_BYTE = b"""begincmap /CMapName /Test def
1 begincodespacerange <20> <7e> endcodespacerange
3 begincidchar <20> 20 <48> 1 <61> 2 endcidchar 1 begincidrange <62> <72> 3 endcidrange endcmap"""
"""H is CID 1, a is 2, b to r are 3 to 19, and a space is 20."""


def mapped(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """Letters by a map of codes that stands in the file, and through another from CIDs to glyphs."""
    font = TTFont(LIBERATION)
    glyphs = [0, *(font.getGlyphID(font.getBestCmap()[ord(letter)]) for letter in "Habcdefghijklmnopqr ")]
    table = pdf.make_stream(b"".join(glyph.to_bytes(2, "big") for glyph in glyphs))
    described = descriptor(pdf, "/FontFile2", LIBERATION.read_bytes(), 4)
    return composite(pdf, "CIDFontType2", described, pdf.make_stream(ONE_BYTE), CIDToGIDMap=table), letters(SPACED)


def mapped_type_0c(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile3", cff(), 4, Subtype=Name.CIDFontType0C)
    return composite(pdf, "CIDFontType0", described, pdf.make_stream(ONE_BYTE)), letters("Hab")


def type_1c(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile3", cff(), 32, Subtype=Name.Type1C)
    return simple(pdf, "Type1", described, Encoding=Name.WinAnsiEncoding), letters("Har")


def cid_type_0c(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile3", cff(), 4, Subtype=Name.CIDFontType0C)
    return composite(pdf, "CIDFontType0", described), b"<000100020003> Tj"


def open_type(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile3", open_type_cff(), 32, Subtype=Name.OpenType)
    return simple(pdf, "Type1", described, Encoding=Name.WinAnsiEncoding), letters("Har")


def open_type_by_number(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    described = descriptor(pdf, "/FontFile3", open_type_cff(), 4, Subtype=Name.OpenType)
    return composite(pdf, "CIDFontType0", described), b"<000100020003> Tj"


def type_1(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    program, clear, hidden = type_1_program()
    lengths = {"Length1": clear, "Length2": hidden, "Length3": len(program) - clear - hidden}
    described = descriptor(pdf, "/FontFile", program, 32, **lengths)
    return simple(pdf, "Type1", described, Encoding=Name.WinAnsiEncoding), letters()


def hexadecimal(pdf: pikepdf.Pdf) -> tuple[pikepdf.Object, bytes]:
    """The same program, its second part in hexadecimal digits, in lines."""
    program, clear, hidden = type_1_program()
    digits = program[clear : clear + hidden].hex("\n", 32).encode() + b"\n"
    rest = program[clear + hidden :]
    lengths = {"Length1": clear, "Length2": len(digits), "Length3": len(rest)}
    described = descriptor(pdf, "/FontFile", program[:clear] + digits + rest, 32, **lengths)
    return simple(pdf, "Type1", described, Encoding=Name.WinAnsiEncoding), letters()


Font = Callable[[pikepdf.Pdf], tuple[pikepdf.Object, bytes]]
TRUE_TYPE = [true_type, symbolic, by_number, by_default, through_a_map, mapped]
CFF = [type_1c, cid_type_0c, open_type, open_type_by_number, mapped_type_0c]


def artwork(out: Path, *fonts: Font) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        made = [font(pdf) for font in fonts]
        page.Resources = Dictionary(Font=Dictionary({f"/F{at}": font for at, (font, _) in enumerate(made)}))
        texts = [b"BT /F%d 36 Tf 40 %d Td %s ET" % (at, 60 + 60 * at, shown) for at, (_, shown) in enumerate(made)]
        page.Contents = pdf.make_stream(b"1 1 1 rg 0 0 450 306 re f 0 g " + b" ".join(texts))

    return hostile.pdf_with(out, change)

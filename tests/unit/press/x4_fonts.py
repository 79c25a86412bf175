"""Fonts that text is shown in (rule 8): each is embedded, and has the glyphs that are shown, as wide as its dictionary says.

A space may go without a glyph of its own where the one for what is missing is empty: that one is shown, and is there.
Simple TrueType fonts of another encoding than WinAnsi's, and composite ones with a predefined map of codes or one of codes of
several lengths, are not looked into.
"""

import math
import re
import struct
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf
from fontTools.agl import UV2AGL, toUnicode
from fontTools.cffLib import CFFFontSet
from fontTools.encodings.StandardEncoding import StandardEncoding
from fontTools.pens.basePen import NullPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont

from pipeline.press.fonts.encodings import EXPERT
from tests.unit.press.x4_type_1 import Type1Program

Fault = tuple[int, str]
Width = Callable[[Any], float | None]
"""How wide the program's glyph of a name or number is, in thousandths; None where it has none."""

_Wrong = tuple[int, str]
"""A code or the number of a glyph, and what is wrong with it."""

_LACKS, _WIDE = "no glyph for", "width of"
_BLANK = {*range(0x21), 0x7F, 0xA0}
# Of the first code in each row, and what it stands for.
_ROWS = {b"char": rb"<(\w+)>\s*<(\w+)>", b"range": rb"<(\w+)>\s*<\w+>\s*\[?\s*<(\w+)>"}
_CODECS = {"/WinAnsiEncoding": "cp1252", "/MacRomanEncoding": "mac_roman"}


def font_faults(font: pikepdf.Object, used: set[bytes]) -> Iterator[Fault]:
    name = font.BaseFont.unparse().decode("latin-1") if "/BaseFont" in font else "Type 3"
    if font.Subtype == "/Type3":
        yield from _drawn(font, used)
        return
    inner = font.DescendantFonts[0] if font.Subtype == "/Type0" else font
    descriptor = inner.get("/FontDescriptor", pikepdf.Dictionary())
    keys = [key for key in ("/FontFile", "/FontFile2", "/FontFile3") if key in descriptor]
    if not keys:
        yield 8, f"{name} is not embedded"
        return
    if inner.Subtype == "/CIDFontType2" and "/CIDToGIDMap" not in inner:
        yield 8, f"{name} has no CIDToGIDMap"
        return
    program = descriptor[keys[0]].read_bytes()
    for code, what in _wrong(font, inner, program, keys[0], b"".join(used)):
        if what != _LACKS or code not in _spaces(font) or not _missing_is_empty(program):
            yield 8, f"{what} {code}"


def _wrong(font: pikepdf.Object, inner: pikepdf.Object, program: bytes, key: str, shown: bytes) -> Iterator[_Wrong]:
    if font.Subtype == "/Type0":
        yield from _composite(font, inner, program, shown)
    elif inner.Subtype != "/TrueType":
        yield from _by_name(font, program, key, set(shown))
    elif font.get("/Encoding") == "/WinAnsiEncoding":
        yield from _by_letter(font, program, set(shown))
    elif "/Encoding" not in font:
        yield from _true_type(font, program, set(shown))


def _spaces(font: pikepdf.Object) -> set[int]:
    """Codes that stand for spaces: those that a font of glyph numbers says are, and others by their names, or by custom."""
    if font.Subtype != "/Type0":
        names = {code: toUnicode(name) for code, name in _names(font.get("/Encoding")).items()}
        return {code for code in range(256) if (names[code].isspace() if names.get(code) else code in _BLANK)}
    if font.Encoding != "/Identity-H" or "/ToUnicode" not in font:
        return set()
    found = set[int]()
    for kind, text in re.findall(rb"beginbf(char|range)(.*?)endbf", font.ToUnicode.read_bytes(), re.DOTALL):
        found |= {int(code, 16) for code, to in re.findall(_ROWS[kind], text) if int(to, 16) in _BLANK}
    return found


def _missing_is_empty(program: bytes) -> bool:
    """Whether nothing is painted for a glyph that is missing."""
    if program[:2] == b"%!":
        return not Type1Program(program).missing_paints()
    if program[:4] in (b"\0\1\0\0", b"true"):
        tables = _tables(program)
        is_long = struct.unpack(">H", program[tables[b"head"][0] + 50 :][:2])[0]
        start, end = struct.unpack(">LL" if is_long else ">HH", program[tables[b"loca"][0] :][: 8 if is_long else 4])
        return bool(start == end)
    pen = RecordingPen()
    _cff(program).CharStrings[".notdef"].draw(pen)
    return not {"lineTo", "curveTo"} & {step for step, _ in pen.value}


def _drawn(font: pikepdf.Object, used: set[bytes]) -> Iterator[Fault]:
    names, code = {}, 0
    for item in font.Encoding.Differences:
        if isinstance(item, pikepdf.Name):
            names[code], code = str(item), code + 1
        else:
            code = int(item)
    for byte in set(b"".join(used)):
        if names.get(byte) not in font.CharProcs:
            yield 8, f"no glyph for code {byte}"
            continue
        advance = float(pikepdf.parse_content_stream(font.CharProcs[names[byte]])[0].operands[0])
        if abs(advance - _width(font, byte)) > 0.01:
            yield 8, f"width of code {byte}"


def _composite(font: pikepdf.Object, inner: pikepdf.Object, program: bytes, shown: bytes) -> Iterator[_Wrong]:
    cids = _cids(font.Encoding, shown)
    width = _true_type_width(program) if inner.Subtype == "/CIDFontType2" else _cff_width(program)
    given = inner.get("/CIDToGIDMap")
    table = given.read_bytes() if isinstance(given, pikepdf.Stream) else None
    widths, default = _cid_widths(inner), float(inner.get("/DW", 1000))
    for cid in cids:
        found = width(cid if table is None else int.from_bytes(table[2 * cid : 2 * cid + 2]))
        if found is None:
            yield cid, _LACKS
        elif abs(found - widths.get(cid, default)) > 1:
            yield cid, _WIDE


def _cids(encoding: pikepdf.Object, shown: bytes) -> set[int]:
    if isinstance(encoding, pikepdf.Name):
        codes = {int.from_bytes(shown[at : at + 2]) for at in range(0, len(shown), 2)}
        return codes if encoding == "/Identity-H" else set()
    text = encoding.read_bytes()
    runs = [(first, last, int(cid)) for first, last, cid in re.findall(rb"<(\w+)>\s*<(\w+)>\s*(\d+)\b", text)]
    singles = [(code, code, int(cid)) for code, cid in re.findall(rb"(?<!>)\s<(\w+)>\s*(\d+)\b", text)]
    lengths = {len(first) // 2 for first, _, _ in runs + singles}
    if len(lengths) != 1:
        return set()
    [length] = lengths
    known = {
        int(first, 16) + at: cid + at
        for first, last, cid in runs + singles
        for at in range(int(last, 16) - int(first, 16) + 1)
    }
    return {known.get(int.from_bytes(shown[at : at + length]), 0) for at in range(0, len(shown), length)}


def _true_type_width(program: bytes) -> Width:
    tables = _tables(program)
    count = struct.unpack(">H", program[tables[b"maxp"][0] + 4 :][:2])[0]
    return lambda glyph: _advance(program, tables, glyph) if 0 < glyph < count else None


def _cff_width(program: bytes) -> Width:
    """By name, or by number: a glyph says its width as it is drawn."""
    top = _cff(program)

    def width(which: Any) -> float | None:
        name = which
        if isinstance(which, int):
            name = f"cid{which:05d}" if hasattr(top, "ROS") else dict(enumerate(top.charset)).get(which)
        if name in (None, ".notdef", "cid00000") or name not in top.CharStrings:
            return None
        glyph = top.CharStrings[name]
        glyph.draw(NullPen())
        return float(glyph.width * 1000 * _unit(top, name))

    return width


def _unit(top: Any, name: str) -> float:
    """The program has a matrix, and so may each of its parts have; where both say one, they are taken together."""
    own = top.rawDict.get("FontMatrix")
    part = None
    if hasattr(top, "ROS"):
        part = top.FDArray[top.FDSelect[top.CharStrings.charStrings[name]]].rawDict.get("FontMatrix")
    given = [float(matrix[0]) for matrix in (own, part) if matrix]
    return math.prod(given) if given else 0.001


def _cff(program: bytes) -> Any:
    """The bare program, or the one inside OpenType."""
    data = TTFont(BytesIO(program)).reader["CFF "] if program[:4] == b"OTTO" else program
    programs = CFFFontSet()
    programs.decompile(BytesIO(data), None)
    if not hasattr(programs[0], "ROS"):
        programs[0].rawDict.setdefault("charset", 0)
    return programs[0]


def _by_name(font: pikepdf.Object, program: bytes, key: str, codes: set[int]) -> Iterator[_Wrong]:
    """Glyphs of a Type 1 or CFF program, by the names that the encoding, or else the program, gives to codes."""
    if key == "/FontFile":
        known = Type1Program(program)
        own, width = known.encoding, known.width
    else:
        own, width = getattr(_cff(program), "Encoding", StandardEncoding), _cff_width(program)
    own = EXPERT if own == "ExpertEncoding" else dict(enumerate(StandardEncoding if own == "StandardEncoding" else own))
    names = own | _names(font.get("/Encoding"))
    for code in codes:
        found = width(names.get(code, ".notdef"))
        if found is None:
            yield code, _LACKS
        elif abs(found - _width(font, code)) > 1:
            yield code, _WIDE


def _width(font: pikepdf.Object, code: int) -> float:
    """As declared of a simple font's code, or for those outside the run."""
    at, widths = code - int(font.get("/FirstChar", 0)), font.get("/Widths", pikepdf.Array())
    others = font.get("/FontDescriptor", pikepdf.Dictionary()).get("/MissingWidth", 0)
    return float(widths[at] if 0 <= at < len(widths) else others)


def _names(encoding: Any) -> dict[int, str]:
    if isinstance(encoding, pikepdf.Dictionary):
        names, code = _names(encoding.get("/BaseEncoding")), 0
        for item in encoding.get("/Differences", ()):
            if isinstance(item, pikepdf.Name):
                names[code], code = str(item)[1:], code + 1
            else:
                code = int(item)
        return names
    codec = _CODECS.get(str(encoding))
    letters = bytes(range(256)).decode(codec, "replace") if codec else ""
    return {code: UV2AGL[ord(letter)] for code, letter in enumerate(letters) if ord(letter) in UV2AGL}


def _cid_widths(font: pikepdf.Object) -> dict[int, float]:
    """`W` has runs of either kind: first code and a list, or first and last code and one width."""
    widths, items = dict[int, float](), list(font.get("/W", ()))
    while items:
        first, second = int(items.pop(0)), items.pop(0)
        if isinstance(second, pikepdf.Array):
            widths |= {first + at: float(width) for at, width in enumerate(second)}
        else:
            widths |= dict.fromkeys(range(first, int(second) + 1), float(items.pop(0)))
    return widths


def _tables(program: bytes) -> dict[bytes, tuple[int, int]]:
    return {
        program[12 + 16 * at : 16 + 16 * at]: struct.unpack(">LL", program[20 + 16 * at : 28 + 16 * at])
        for at in range(struct.unpack(">H", program[4:6])[0])
    }


def _advance(program: bytes, tables: dict[bytes, tuple[int, int]], glyph: int) -> float:
    units = struct.unpack(">H", program[tables[b"head"][0] + 18 :][:2])[0]
    metrics = struct.unpack(">H", program[tables[b"hhea"][0] + 34 :][:2])[0]
    at = tables[b"hmtx"][0] + 4 * min(glyph, metrics - 1)
    return float(struct.unpack(">H", program[at : at + 2])[0] * 1000 / units)


def _true_type(font: pikepdf.Object, program: bytes, codes: set[int]) -> Iterator[_Wrong]:
    """Glyphs of a symbolic font through its (1, 0) map; other maps are not looked into."""
    tables = _tables(program)
    glyphs = _mac_map(program, tables[b"cmap"][0]) if b"cmap" in tables else None
    if glyphs is None:
        return
    for code in codes:
        glyph = glyphs.get(code, 0)
        if glyph == 0:
            yield code, _LACKS
            continue
        if abs(_advance(program, tables, glyph) - _width(font, code)) > 1:
            yield code, _WIDE


def _by_letter(font: pikepdf.Object, program: bytes, codes: set[int]) -> Iterator[_Wrong]:
    """Glyphs of a font with letters, through its (3, 1) map; bullets stand for codes that are no letter, as ISO 32000 has it."""
    known = TTFont(BytesIO(program), lazy=True)
    tables = known["cmap"].tables if "cmap" in known else ()
    glyphs = next((dict(one.cmap) for one in tables if (one.platformID, one.platEncID) == (3, 1)), None)
    if glyphs is None or int(font.FontDescriptor.Flags) & 4:
        return
    for code in codes:
        glyph = glyphs.get(ord(bytes([code]).decode("cp1252", "replace").replace("\ufffd", "\u2022")))
        if glyph is None:
            yield code, _LACKS
            continue
        advance = known["hmtx"][glyph][0] * 1000 / known["head"].unitsPerEm
        if abs(advance - _width(font, code)) > 1:
            yield code, _WIDE


def _mac_map(program: bytes, start: int) -> dict[int, int] | None:
    for at in range(struct.unpack(">H", program[start + 2 : start + 4])[0]):
        platform, encoding, offset = struct.unpack(">HHL", program[start + 4 + 8 * at : start + 12 + 8 * at])
        table = program[start + offset :]
        if (platform, encoding) != (1, 0):
            continue
        form = struct.unpack(">H", table[:2])[0]
        if form == 0:
            return dict(enumerate(table[6:262]))
        if form == 6:
            first, count = struct.unpack(">HH", table[6:10])
            return {
                first + at: glyph for at, glyph in enumerate(struct.unpack(f">{count}H", table[10 : 10 + 2 * count]))
            }
    return None

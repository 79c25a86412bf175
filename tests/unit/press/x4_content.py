"""What content streams use: device colours (rule 9), spot colours (rule 10) and fonts (rule 8), with the resources in force."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import pikepdf
from fontTools.cffLib import CFFFontSet
from fontTools.pens.basePen import NullPen
from fontTools.ttLib import TTFont

Fault = tuple[int, str]

# Text in this mode is for searching, and needs no font.
_INVISIBLE = 3
_SETS = {
    "g": "Gray", "G": "Gray", "rg": "RGB", "RG": "RGB", "k": "CMYK", "K": "CMYK",
}  # fmt: skip
_DEVICE = {
    "/DeviceGray": "Gray",
    "/DeviceRGB": "RGB",
    "/DeviceCMYK": "CMYK",
    "/G": "Gray",
    "/RGB": "RGB",
    "/CMYK": "CMYK",
}
_COVERED = {b"CMYK": {"CMYK", "Gray"}, b"RGB ": {"RGB", "Gray"}, b"GRAY": {"Gray"}}


def content_faults(pdf: pikepdf.Pdf) -> list[Fault]:
    walk = _Walk(_covered(pdf))
    for page in pdf.pages:
        walk.page(page)
    return [*walk.faults, *(fault for font, used in walk.fonts.values() for fault in _font(font, used))]


def _covered(pdf: pikepdf.Pdf) -> set[str]:
    """The device spaces that the intent gives a meaning to."""
    for intent in pdf.Root.get("/OutputIntents", ()):
        if isinstance(intent.get("/DestOutputProfile"), pikepdf.Stream):
            return _COVERED.get(intent.DestOutputProfile.read_bytes()[16:20], set())
    return set()


@dataclass
class _Walk:
    covered: set[str]
    faults: list[Fault] = field(default_factory=list)
    fonts: dict[tuple[int, int], tuple[pikepdf.Object, set[bytes]]] = field(default_factory=dict)
    _seen: set[tuple[int, int]] = field(default_factory=set)
    _spots: dict[str, bytes] = field(default_factory=dict)

    def page(self, page: pikepdf.Page) -> None:
        if "/Group" in page.obj:
            self._space(page.obj.Group.get("/CS"), page.resources, "group")
        self.holder(page.obj, page.resources)

    def holder(self, holder: pikepdf.Object, resources: pikepdf.Object) -> None:
        """A page, form, pattern or glyph; each once with the resources it names itself."""
        if holder.is_indirect and holder.objgen in self._seen:
            return
        self._seen.add(holder.objgen)
        self._resources(resources)
        font: pikepdf.Object | None = None
        is_seen, saved = True, list[tuple[pikepdf.Object | None, bool]]()
        for step in pikepdf.parse_content_stream(holder):
            name, operands = str(step.operator), list(step.operands)
            if name == "q":
                saved.append((font, is_seen))
            elif name == "Q" and saved:
                font, is_seen = saved.pop()
            elif name == "Tr":
                is_seen = int(operands[0]) != _INVISIBLE
            elif name in _SETS:
                self._device(_SETS[name], resources, name)
            elif name in {"cs", "CS"} and str(operands[0]) in _DEVICE:
                self._device(_DEVICE[str(operands[0])], resources, name)
            elif name == "INLINE IMAGE":
                self._space(operands[0].obj.get("/ColorSpace", operands[0].obj.get("/CS")), resources, "inline image")
            elif name == "PS":
                self.faults.append((13, "PS operator"))
            elif name == "Tf":
                font = resources.get("/Font", pikepdf.Dictionary()).get(operands[0])
            elif name in {"Tj", "TJ", "'", '"'} and font is not None and is_seen:
                self._shown(font, operands)

    def _resources(self, resources: pikepdf.Object) -> None:
        for space in resources.get("/ColorSpace", pikepdf.Dictionary()).values():
            self._space(space, resources, "colour space")
        for shading in resources.get("/Shading", pikepdf.Dictionary()).values():
            self._space(shading.get("/ColorSpace"), resources, "shading")
        for pattern in resources.get("/Pattern", pikepdf.Dictionary()).values():
            if isinstance(pattern, pikepdf.Stream):
                self.holder(pattern, pattern.get("/Resources", resources))
            elif "/Shading" in pattern:
                self._space(pattern.Shading.get("/ColorSpace"), resources, "pattern")
        for placed in resources.get("/XObject", pikepdf.Dictionary()).values():
            self._placed(placed, resources)
        for state in resources.get("/ExtGState", pikepdf.Dictionary()).values():
            mask = state.get("/SMask")
            if isinstance(mask, pikepdf.Dictionary):
                self._placed(mask.G, resources)

    def _placed(self, placed: pikepdf.Object, resources: pikepdf.Object) -> None:
        if placed.get("/Subtype") == "/Image":
            self._space(placed.get("/ColorSpace"), resources, "image")
            return
        if "/Group" in placed:
            self._space(placed.Group.get("/CS"), placed.get("/Resources", resources), "group")
        self.holder(placed, placed.get("/Resources", resources))

    def _space(self, space: Any, resources: pikepdf.Object, where: str) -> None:
        if isinstance(space, pikepdf.Name) and str(space) in _DEVICE:
            self._device(_DEVICE[str(space)], resources, where)
        elif isinstance(space, pikepdf.Array) and len(space):
            kind = str(space[0])
            if kind in {"/Indexed", "/I", "/Pattern"} and len(space) > 1:
                self._space(space[1], resources, where)
            elif kind in {"/Separation", "/DeviceN"}:
                self._space(space[2], resources, where)
            if kind == "/DeviceN" and len(space) > 4:
                for single in space[4].get("/Colorants", pikepdf.Dictionary()).values():
                    self._space(single, resources, where)
            if kind == "/Separation":
                self._spot(space)

    def _spot(self, space: pikepdf.Array) -> None:
        definition = _content(space[2]) + _content(space[3])
        if self._spots.setdefault(str(space[1]), definition) != definition:
            self.faults.append((10, str(space[1])))

    def _device(self, device: str, resources: pikepdf.Object, where: str) -> None:
        default = resources.get("/ColorSpace", pikepdf.Dictionary()).get(f"/Default{device}")
        if device not in self.covered and not isinstance(default, pikepdf.Array):
            self.faults.append((9, f"Device{device} in {where}"))

    def _shown(self, font: pikepdf.Object, operands: list[Any]) -> None:
        used = self.fonts.setdefault(font.objgen, (font, set()))[1]
        for operand in operands:
            parts = list(operand) if isinstance(operand, pikepdf.Array) else [operand]
            used.update(bytes(part) for part in parts if isinstance(part, pikepdf.String))
        if font.Subtype == "/Type3":
            for glyph in font.CharProcs.values():
                self.holder(glyph, font.get("/Resources", pikepdf.Dictionary()))


def _content(value: Any) -> bytes:
    """What a value holds, references followed, so that two copies of one definition are the same."""
    if isinstance(value, pikepdf.Array):
        return b"[" + b" ".join(_content(item) for item in value) + b"]"
    if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
        skipped = ("/Length", "/Filter", "/DecodeParms")
        entries = b"".join(
            key.encode() + b" " + _content(item) for key, item in sorted(value.items()) if key not in skipped
        )
        return b"<<" + entries + b">>" + (value.read_bytes() if isinstance(value, pikepdf.Stream) else b"")
    return value.unparse() if isinstance(value, pikepdf.Object) else repr(value).encode()


def _font(font: pikepdf.Object, used: set[bytes]) -> Iterator[Fault]:
    name = font.BaseFont.unparse().decode("latin-1") if "/BaseFont" in font else "Type 3"
    if font.Subtype == "/Type3":
        yield from _drawn(font, used)
        return
    inner = font.DescendantFonts[0] if font.Subtype == "/Type0" else font
    descriptor = inner.get("/FontDescriptor", pikepdf.Dictionary())
    if not any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3")):
        yield 8, f"{name} is not embedded"
        return
    if inner.Subtype == "/CIDFontType2":
        if "/CIDToGIDMap" not in inner:
            yield 8, f"{name} has no CIDToGIDMap"
        if font.Encoding == "/Identity-H" and inner.get("/CIDToGIDMap") == "/Identity":
            yield from _by_number(inner, b"".join(used))
    if inner.Subtype == "/TrueType" and "/FontFile2" in descriptor and font.get("/Encoding") == "/WinAnsiEncoding":
        yield from _by_letter(font, descriptor.FontFile2.read_bytes(), set(b"".join(used)))
    if inner.Subtype == "/CIDFontType0" and "/FontFile3" in descriptor and font.Encoding == "/Identity-H":
        yield from _drawn_by_number(inner, b"".join(used))
    if inner.Subtype == "/TrueType" and "/FontFile2" in descriptor and "/Encoding" not in font:
        yield from _true_type(font, descriptor.FontFile2.read_bytes(), set(b"".join(used)))


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
        if abs(advance - float(font.Widths[byte - int(font.FirstChar)])) > 0.01:
            yield 8, f"width of code {byte}"


def _by_number(font: pikepdf.Object, shown: bytes) -> Iterator[Fault]:
    """A TrueType font whose codes are the numbers of its glyphs, of two bytes each."""
    program = font.FontDescriptor.FontFile2.read_bytes()
    tables = _tables(program)
    count = struct.unpack(">H", program[tables[b"maxp"][0] + 4 :][:2])[0]
    widths = _cid_widths(font)
    for glyph in {int.from_bytes(shown[at : at + 2]) for at in range(0, len(shown), 2)}:
        if not 0 < glyph < count:
            yield 8, f"no glyph {glyph}"
        elif abs(_advance(program, tables, glyph) - widths.get(glyph, float(font.get("/DW", 1000)))) > 1:
            yield 8, f"width of glyph {glyph}"


def _drawn_by_number(font: pikepdf.Object, shown: bytes) -> Iterator[Fault]:
    """A bare CFF program: a glyph says its width as it is drawn."""
    programs = CFFFontSet()
    programs.decompile(BytesIO(font.FontDescriptor.FontFile3.read_bytes()), None)
    top, widths = programs[0], _cid_widths(font)
    for cid in {int.from_bytes(shown[at : at + 2]) for at in range(0, len(shown), 2)}:
        name = f"cid{cid:05d}" if hasattr(top, "ROS") else top.charset[cid]
        if name not in top.CharStrings:
            yield 8, f"no glyph {cid}"
            continue
        glyph = top.CharStrings[name]
        glyph.draw(NullPen())
        if abs(glyph.width * 1000 * top.FontMatrix[0] - widths.get(cid, float(font.get("/DW", 1000)))) > 1:
            yield 8, f"width of glyph {cid}"


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


def _true_type(font: pikepdf.Object, program: bytes, codes: set[int]) -> Iterator[Fault]:
    """Glyphs of a symbolic font through its (1, 0) map; other maps are not looked into."""
    tables = _tables(program)
    glyphs = _mac_map(program, tables[b"cmap"][0]) if b"cmap" in tables else None
    if glyphs is None:
        return
    for code in codes:
        glyph = glyphs.get(code, 0)
        if glyph == 0:
            yield 8, f"no glyph for code {code}"
            continue
        if abs(_advance(program, tables, glyph) - float(font.Widths[code - int(font.FirstChar)])) > 1:
            yield 8, f"width of code {code}"


def _by_letter(font: pikepdf.Object, program: bytes, codes: set[int]) -> Iterator[Fault]:
    """Glyphs of a font with letters, through its (3, 1) map; bullets stand for codes that are no letter, as ISO 32000 has it."""
    known = TTFont(BytesIO(program), lazy=True)
    glyphs = next((dict(one.cmap) for one in known["cmap"].tables if (one.platformID, one.platEncID) == (3, 1)), None)
    if glyphs is None or int(font.FontDescriptor.Flags) & 4:
        return
    for code in codes:
        glyph = glyphs.get(ord(bytes([code]).decode("cp1252", "replace").replace("\ufffd", "\u2022")))
        if glyph is None:
            yield 8, f"no glyph for code {code}"
            continue
        advance = known["hmtx"][glyph][0] * 1000 / known["head"].unitsPerEm
        if abs(advance - float(font.Widths[code - int(font.FirstChar)])) > 1:
            yield 8, f"width of code {code}"


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

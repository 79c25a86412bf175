"""Whether the glyphs that a text shows are in its font: what is missing prints as an empty box, or not at all."""

from collections.abc import Iterator

import pikepdf

# In a TrueType file: the table directory, and where `maxp` keeps the number of glyphs.
_TABLES, _TABLE, _GLYPHS = 12, 16, 4


def embedded(font: pikepdf.Object) -> bool:
    """Whether a press has the font's program, and can unpack it."""
    if font.get("/Subtype") == "/Type3":
        return True
    if font.get("/Subtype") == "/Type0":
        return all(embedded(inner) for inner in font.get("/DescendantFonts", pikepdf.Array()).as_list())
    descriptor = font.get("/FontDescriptor")
    return descriptor is not None and any(
        map(_is_whole, map(descriptor.get, ("/FontFile", "/FontFile2", "/FontFile3")))
    )


def _is_whole(program: object) -> bool:
    try:
        return isinstance(program, pikepdf.Stream) and bool(program.read_bytes())
    except pikepdf.PdfError:
        return False


class Glyphs:
    """One font's answer to which codes it cannot show. Fonts whose encoding cannot be followed here miss nothing."""

    def __init__(self, font: pikepdf.Object) -> None:
        self._two_bytes = font.get("/Subtype") == "/Type0" and font.get("/Encoding") in ("/Identity-H", "/Identity-V")
        self._unnamed = frozenset(_not_defined(font))
        self._map: bytes | None = None
        self._count = 1 << 16
        if self._two_bytes:
            inner = font.DescendantFonts[0]
            to_glyph = inner.get("/CIDToGIDMap")
            self._map = to_glyph.read_bytes() if isinstance(to_glyph, pikepdf.Stream) else None
            self._count = _glyph_count(inner)

    def missing(self, text: bytes) -> int:
        """How many of the codes in `text` have no glyph."""
        if not self._two_bytes:
            return sum(code in self._unnamed for code in text)
        codes = (int.from_bytes(text[at : at + 2]) for at in range(0, len(text) - 1, 2))
        return sum(not 0 < self._glyph(code) < self._count for code in codes)

    def _glyph(self, code: int) -> int:
        return code if self._map is None else int.from_bytes(self._map[2 * code : 2 * code + 2])


def _not_defined(font: pikepdf.Object) -> Iterator[int]:
    """Codes that a simple font's own encoding gives to `.notdef`."""
    encoding = font.get("/Encoding")
    if not isinstance(encoding, pikepdf.Dictionary) or "/Differences" not in encoding:
        return
    code = 0
    for entry in encoding.Differences.as_list():
        if isinstance(entry, pikepdf.Name):
            if entry == "/.notdef":
                yield code
            code += 1
        else:
            code = int(entry)


def _glyph_count(font: pikepdf.Object) -> int:
    """Of an embedded TrueType program; all there could be where it has none."""
    program = font.get("/FontDescriptor", pikepdf.Dictionary()).get("/FontFile2")
    data = program.read_bytes() if isinstance(program, pikepdf.Stream) else b""
    for number in range(int.from_bytes(data[4:6])):
        entry = data[_TABLES + _TABLE * number : _TABLES + _TABLE * (number + 1)]
        if entry[:4] == b"maxp":
            at = int.from_bytes(entry[8:12]) + _GLYPHS
            return int.from_bytes(data[at : at + 2]) or 1 << 16
    return 1 << 16

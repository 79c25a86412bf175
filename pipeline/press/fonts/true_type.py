"""A TrueType program, as far as its maps and its glyphs' advances go."""

from collections.abc import Iterator
from functools import cached_property
from io import BytesIO
from typing import Any

from fontTools.agl import AGL2UV, toUnicode
from fontTools.ttLib import TTFont

from pipeline.press.fonts.encodings import MAC_CODES
from pipeline.press.fonts.program import Widths, agrees

_COLLECTION = b"ttcf"
TRUE_TYPE = (b"\0\1\0\0", b"true", _COLLECTION)
"""How such programs begin."""

# Where fonts of symbols keep the glyphs of their codes.
_SYMBOLS_AT = (0, 0xF000, 0xF100, 0xF200)


class TrueType:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._font = open_font(data)
        self._count = int(self._font["maxp"].numGlyphs)
        _name_glyphs(self._font, self._count)

    @cached_property
    def _maps(self) -> dict[tuple[int, int], dict[int, str]]:
        tables = self._font["cmap"].tables if "cmap" in self._font else ()
        return {(one.platformID, one.platEncID): one.cmap for one in tables}

    def by_number(self, cid: int) -> str | None:
        return self._font.getGlyphName(cid) if self.has_number(cid) else None

    def has_number(self, cid: int) -> bool:
        return 0 < cid < self._count and self._is_there(cid)

    def missing_is_blank(self) -> bool:
        return bool(self._font["glyf"][self._font.getGlyphName(0)].numberOfContours == 0)

    def _is_there(self, number: int) -> bool:
        """Whether a glyph's outline does not lie beyond the end of a program that was cut short."""
        places = self._font["loca"]
        start, end = places[number], places[number + 1]
        return bool(start == end or self._font.reader.tables["glyf"].offset + start < len(self._data))

    def by_code(self, code: int, name: str | None) -> str | None:
        """As ISO 32000-1, 9.6.6.4, has it: by the letter where the code has a name, else by the code."""
        letters, symbols, mac = (self._maps.get(key, {}) for key in ((3, 1), (3, 0), (1, 0)))
        if name is not None:
            return letters.get(AGL2UV.get(name, -1)) or mac.get(MAC_CODES.get(name, -1)) or self._called(name)
        found = (symbols.get(start + code) for start in _SYMBOLS_AT)
        return next(filter(None, found), None) or mac.get(code)

    def may_show(self, code: int, name: str | None) -> bool:
        """Where there are no maps, codes are the numbers of glyphs."""
        if not any(self._maps.values()):
            return code < self._count
        found = [known.get(at) for known in self._maps.values() for at in _places(code, name)]
        return any(map(self._shows, [*found, self._called(name or "")]))

    def _shows(self, glyph: str | None) -> bool:
        return glyph is not None and self.has_number(self._font.getGlyphID(glyph))

    def advance(self, glyph: str) -> float:
        return float(self._font["hmtx"][glyph][0] * 1000 / self._font["head"].unitsPerEm)

    def with_widths(self, declared: Widths) -> bytes | None:
        """All other tables stay byte for byte as they are: the library decodes only what it is asked for."""
        font = open_font(self._data)
        font.setGlyphOrder(self._font.getGlyphOrder())
        # A collection is none of the programs that a PDF may have.
        is_other = set_advances(font, declared) or self._data.startswith(_COLLECTION)
        return saved(font) if is_other else None

    def _called(self, name: str) -> str | None:
        return name if name in self._font.getReverseGlyphMap() else None


def _places(code: int, name: str | None) -> Iterator[int]:
    """Where maps may have the glyph of a code."""
    yield from (start + code for start in _SYMBOLS_AT)
    if name is None:
        yield from map(ord, bytes([code]).decode("cp1252", "ignore"))
        yield from map(ord, bytes([code]).decode("mac_roman"))
    else:
        yield from map(ord, toUnicode(name))
        yield MAC_CODES.get(name, -1)


def _name_glyphs(font: Any, count: int) -> None:
    """By their numbers where the table of their names cannot be read: readers of PDF do without."""
    try:
        font.getGlyphOrder()
    except Exception:  # noqa: BLE001  # what a malformed table makes the library stumble over may be anything
        font.setGlyphOrder([f"glyph{number:05d}" for number in range(count)])


def open_font(data: bytes) -> Any:
    """Of a collection its first, which is the one that readers take."""
    return TTFont(BytesIO(data), fontNumber=0, lazy=True, recalcBBoxes=False, recalcTimestamp=False)


def set_advances(font: Any, declared: Widths) -> bool:
    """In the table of them; whether any was another."""
    metrics, scale = font["hmtx"].metrics, 1000 / font["head"].unitsPerEm
    wrong = {
        glyph: round(widths[0] / scale)
        for glyph, widths in declared.items()
        if glyph in metrics and not agrees(metrics[glyph][0] * scale, widths)
    }
    for glyph, advance in wrong.items():
        metrics[glyph] = (advance, metrics[glyph][1])
    return bool(wrong)


def saved(font: Any) -> bytes:
    out = BytesIO()
    font.save(out, reorderTables=None)
    return out.getvalue()

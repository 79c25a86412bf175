"""Embedded font programs as far as their glyphs' advances go: which glyph a code shows, and a program with other advances.

Raise whatever the library stumbles over in a malformed font.
"""

from collections.abc import Mapping
from functools import cached_property
from io import BytesIO
from typing import Any, Protocol

from fontTools.agl import AGL2UV, UV2AGL
from fontTools.cffLib import CFFFontSet
from fontTools.encodings.StandardEncoding import StandardEncoding
from fontTools.misc.psCharStrings import T2WidthExtractor
from fontTools.ttLib import TTFont

TOLERATED = 1.0
"""In thousandths of the type size: what rounding does."""
_SYMBOLS_AT = (0, 0xF000, 0xF100, 0xF200)
_CODES = range(256)

Widths = Mapping[str, list[float]]
"""What is declared of each glyph, by the program's name for it, in thousandths; several where several codes show it."""


class Program(Protocol):
    count: int
    """CIDs are below it."""

    def shows(self, glyph: str) -> bool:
        """Whether a glyph is there to be set: it has an outline, or is the space."""
        ...

    def by_number(self, cid: int) -> str | None:
        """The glyph of a CID that no map translates."""
        ...

    def by_code(self, code: int, name: str | None) -> str | None:
        """The glyph of a simple font's code, whose name in its encoding may be known."""
        ...

    def with_widths(self, declared: Widths) -> bytes | None:
        """The program with these advances; None where it has them."""
        ...


def _named(codec: str) -> dict[int, str]:
    letters = bytes(_CODES).decode(codec, "replace")
    return {code: UV2AGL[ord(letter)] for code, letter in enumerate(letters) if ord(letter) in UV2AGL}


_STANDARD = {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}
ENCODINGS = {
    "/WinAnsiEncoding": _named("cp1252"),
    "/MacRomanEncoding": _named("mac_roman"),
    "/StandardEncoding": _STANDARD,
}


def _agrees(has: float, declared: list[float]) -> bool:
    return any(abs(has - one) <= TOLERATED for one in declared)


class TrueType:
    """A TrueType program. `symbolic` as the descriptor's flags have it."""

    def __init__(self, data: bytes, *, symbolic: bool) -> None:
        self._symbolic = symbolic
        self._font = TTFont(BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)
        self.count = self._font["maxp"].numGlyphs

    @cached_property
    def _maps(self) -> dict[tuple[int, int], dict[int, str]]:
        tables = self._font["cmap"].tables if "cmap" in self._font else ()
        return {(one.platformID, one.platEncID): one.cmap for one in tables}

    def by_number(self, cid: int) -> str | None:
        return self._font.getGlyphName(cid) if 0 < cid < self.count else None

    def shows(self, glyph: str) -> bool:
        at, places = self._font.getGlyphID(glyph), self._font["loca"]
        return bool(places[at] < places[at + 1]) or any(one.get(ord(" ")) == glyph for one in self._maps.values())

    def by_code(self, code: int, name: str | None) -> str | None:
        """As ISO 32000-1, 9.6.6.4, has it: by the letter where the font has letters, else by the code."""
        letters, symbols, mac = (self._maps.get(key, {}) for key in ((3, 1), (3, 0), (1, 0)))
        if name is not None and not self._symbolic:
            return letters.get(AGL2UV.get(name, -1)) or mac.get(_MAC_CODES.get(name, -1)) or self._called(name)
        found = (symbols.get(start + code) for start in _SYMBOLS_AT)
        return next(filter(None, found), None) or mac.get(code)

    def with_widths(self, declared: Widths) -> bytes | None:
        metrics, scale = self._font["hmtx"].metrics, 1000 / self._font["head"].unitsPerEm
        wrong = {
            glyph: round(widths[0] / scale)
            for glyph, widths in declared.items()
            if glyph in metrics and not _agrees(metrics[glyph][0] * scale, widths)
        }
        if not wrong:
            return None
        for glyph, advance in wrong.items():
            metrics[glyph] = (advance, metrics[glyph][1])
        out = BytesIO()
        self._font.save(out, reorderTables=None)
        return out.getvalue()

    def _called(self, name: str) -> str | None:
        return name if name in self._font.getReverseGlyphMap() else None


_MAC_CODES = {name: code for code, name in ENCODINGS["/MacRomanEncoding"].items()}


class Cff:
    """A bare CFF program."""

    def __init__(self, data: bytes) -> None:
        self._set = CFFFontSet()
        self._set.decompile(BytesIO(data), None)
        self._top = self._set[0]
        self._numbered = hasattr(self._top, "ROS")
        # Names of CIDs, such as cid00123, may leave numbers out.
        self.count = 1 + int(self._top.charset[-1][3:]) if self._numbered else len(self._top.charset)
        own = self._top.Encoding if hasattr(self._top, "Encoding") else None
        self._own = _STANDARD if own == "StandardEncoding" else dict(enumerate(own or ()))

    def by_number(self, cid: int) -> str | None:
        if self._numbered:
            return self._known(f"cid{cid:05d}")
        return self._top.charset[cid] if 0 < cid < len(self._top.charset) else None

    def shows(self, glyph: str) -> bool:
        return glyph != ".notdef"

    def by_code(self, code: int, name: str | None) -> str | None:
        return self._known(name or self._own.get(code))

    def with_widths(self, declared: Widths) -> bytes | None:
        changed = [self._set_width(glyph, widths) for glyph, widths in declared.items()]
        if not any(changed):
            return None
        out = BytesIO()
        self._set.compile(out, TTFont(recalcBBoxes=False))
        return out.getvalue()

    def _known(self, name: str | None) -> str | None:
        return name if name in self._top.CharStrings else None

    def _set_width(self, glyph: str, declared: list[float]) -> bool:
        drawing = self._top.CharStrings[glyph]
        private = drawing.private
        scale = 1000 * self._top.FontMatrix[0]
        reader = _WidthReader(private, drawing.globalSubrs)
        reader.execute(drawing)
        if _agrees(reader.width * scale, declared):
            return False
        width = round(declared[0] / scale)
        program = list(drawing.program)
        if reader.explicit and not isinstance(program[0], int | float):
            raise ValueError("the width is given in a subroutine")
        program[: int(reader.explicit)] = [width - private.nominalWidthX]
        drawing.setProgram(program)
        return True


class _WidthReader(T2WidthExtractor):  # type: ignore[misc]
    """Also tells whether a glyph gives a width, or has the default one."""

    explicit = False

    def __init__(self, private: Any, global_subroutines: Any) -> None:
        local = getattr(private, "Subrs", [])
        super().__init__(local, global_subroutines, private.nominalWidthX, private.defaultWidthX, private)

    def popallWidth(self, evenOdd: int = 0) -> Any:  # noqa: N802, N803  # the library's own names
        if not self.gotWidth:
            self.explicit = len(self.operandStack) % 2 != evenOdd
        return super().popallWidth(evenOdd)

"""Embedded font programs as far as their glyphs' advances go: which glyph a code shows, and a program with other advances.

Raise whatever the library stumbles over in a malformed font.
"""

from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from io import BytesIO
from typing import Any, Protocol

from fontTools.agl import AGL2UV, UV2AGL
from fontTools.cffLib import CFFFontSet
from fontTools.encodings.StandardEncoding import StandardEncoding
from fontTools.misc.psCharStrings import T2CharString, T2WidthExtractor, calcSubrBias
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont

TOLERATED = 1.0
"""In thousandths of the type size: what rounding does."""
_SYMBOLS_AT = (0, 0xF000, 0xF100, 0xF200)
_CODES = range(256)
_RETURN = b"\x0b"
# Subroutines nest ten deep at most (Adobe Technical Note 5177, appendix B).
_MOST_OPENED = 10

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
        self._data, self._symbolic = data, symbolic
        self._font = _opened_font(data)
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
        return self._with_advances(wrong) if wrong else None

    def _with_advances(self, advances: Mapping[str, int]) -> bytes:
        """All other tables stay byte for byte as they are: the library decodes only what it is asked for."""
        font = _opened_font(self._data)
        font.setGlyphOrder(self._font.getGlyphOrder())
        metrics = font["hmtx"].metrics
        for glyph, advance in advances.items():
            metrics[glyph] = (advance, metrics[glyph][1])
        out = BytesIO()
        font.save(out, reorderTables=None)
        return out.getvalue()

    def _called(self, name: str) -> str | None:
        return name if name in self._font.getReverseGlyphMap() else None


_MAC_CODES = {name: code for code, name in ENCODINGS["/MacRomanEncoding"].items()}


def _opened_font(data: bytes) -> Any:
    return TTFont(BytesIO(data), lazy=True, recalcBBoxes=False, recalcTimestamp=False)


class Cff:
    """A bare CFF program."""

    def __init__(self, data: bytes) -> None:
        self._data = data
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
        """Also None where glyphs would be drawn otherwise than before, whatever made them so."""
        changed = [glyph for glyph, widths in declared.items() if self._set_width(glyph, widths)]
        if not changed:
            return None
        out = BytesIO()
        self._set.compile(out, TTFont(recalcBBoxes=False))
        before, after = Cff(self._data), Cff(out.getvalue())
        same = all(before._drawn(glyph) == after._drawn(glyph) for glyph in changed)
        return out.getvalue() if same else None

    def _known(self, name: str | None) -> str | None:
        return name if name in self._top.CharStrings else None

    def _set_width(self, glyph: str, declared: list[float]) -> bool:
        """Only the first bytes of a glyph's drawing change: what follows stays as it was encoded."""
        drawing = self._top.CharStrings[glyph]
        scale = 1000 * self._top.FontMatrix[0]
        reader = _WidthReader(drawing)
        if _agrees(reader.width * scale, declared):
            return False
        code = _without_first_number(_opened(drawing)) if reader.explicit else _encoded(drawing)
        given = round(declared[0] / scale) - drawing.private.nominalWidthX
        drawing.setBytecode(drawing.getIntEncoder()(given) + code)
        return True

    def _drawn(self, glyph: str) -> list[Any]:
        pen = RecordingPen()
        self._top.CharStrings[glyph].draw(pen)
        return list(pen.value)


def _opened(drawing: Any) -> bytes:
    """A glyph's drawing that begins with its width: a subroutine at its beginning, which may hold the width, put in its place."""
    code = _encoded(drawing)
    for _ in range(_MOST_OPENED):
        numbers, operator, end = _beginning(code)
        if len(numbers) != 1 or operator not in ("callsubr", "callgsubr"):
            return code
        subroutines = drawing.globalSubrs if operator == "callgsubr" else drawing.private.Subrs
        inner = subroutines[numbers[0] + calcSubrBias(subroutines)]
        code = _encoded(inner).removesuffix(_RETURN) + code[end:]
    raise ValueError("subroutines that call one another without end")


def _encoded(drawing: Any) -> bytes:
    """Those that were read to their end are no longer."""
    drawing.compile()
    return bytes(drawing.bytecode)


def _without_first_number(code: bytes) -> bytes:
    numbers, _, _ = _beginning(code)
    if not numbers:
        raise ValueError("the width is not given by a number")
    _, _, end = T2CharString(bytecode=code).getToken(0)
    return code[end:]


def _beginning(code: bytes) -> tuple[list[float], str | None, int]:
    """The numbers before the first operator, which that is, and where it ends."""
    numbers, end, reader = list[float](), 0, T2CharString(bytecode=code)
    while True:
        token, is_operator, end = reader.getToken(end)
        if is_operator or token is None:
            return numbers, token, end
        numbers.append(token)


class _WidthFoundError(Exception):
    """Ends the reading of a glyph: its width stands before all that it draws."""


class _WidthReader(T2WidthExtractor):  # type: ignore[misc]
    """`width` of a glyph, and whether it is `explicit`, or the default one."""

    explicit = False

    def __init__(self, drawing: Any) -> None:
        private = drawing.private
        local = getattr(private, "Subrs", [])
        super().__init__(local, drawing.globalSubrs, private.nominalWidthX, private.defaultWidthX, private)
        self.width = private.defaultWidthX
        with suppress(_WidthFoundError):
            self.execute(drawing)

    def popallWidth(self, evenOdd: int = 0) -> Any:  # noqa: N802, N803  # the library's own names
        self.explicit = len(self.operandStack) % 2 != evenOdd
        super().popallWidth(evenOdd)
        raise _WidthFoundError

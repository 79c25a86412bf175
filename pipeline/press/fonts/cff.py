"""A CFF program, bare or inside OpenType, as far as its names and its glyphs' advances go (Adobe Technical Notes 5176 and 5177)."""

from contextlib import suppress
from io import BytesIO
from math import prod
from typing import Any

from fontTools.cffLib import CFFFontSet, EncodingCompiler, TopDictCompiler
from fontTools.misc.psCharStrings import T2CharString, T2WidthExtractor, calcSubrBias
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont
from fontTools.ttLib.tables.DefaultTable import DefaultTable

from pipeline.press.fonts.encodings import EXPERT, STANDARD
from pipeline.press.fonts.program import NamedGlyphs, Widths, agrees
from pipeline.press.fonts.true_type import open_font, saved, set_advances

_RETURN = b"\x0b"
# Subroutines nest ten deep at most (Technical Note 5177, appendix B).
_MOST_OPENED = 10
_UNIT = 0.001
_PREDEFINED = {"StandardEncoding": STANDARD, "ExpertEncoding": EXPERT}
# What the library calls the steps of an outline that enclose something.
_PAINTING = frozenset({"lineTo", "curveTo"})
# In the first byte of an encoding.
_SUPPLEMENT = 0x80


class Cff(NamedGlyphs):
    """A bare program."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._set = CFFFontSet()
        self._set.decompile(BytesIO(data), None)
        self._top = self._set[0]
        self._numbered = hasattr(self._top, "ROS")
        # The library reads what it is asked for: the numbers of all parts here, so that it is known whether they can be read.
        if self._numbered and not all(hasattr(part, "Private") for part in self._top.FDArray):
            raise ValueError("a part without numbers")
        if not self._numbered:
            # The default, which the library does not know: the names of Adobe's standard letters (Technical Note 5176, table 9).
            self._top.rawDict.setdefault("charset", 0)
        own = self._top.Encoding if hasattr(self._top, "Encoding") else ()
        super().__init__(
            self._top.CharStrings.keys(), _PREDEFINED[own] if isinstance(own, str) else dict(enumerate(own))
        )

    def by_number(self, cid: int) -> str | None:
        if self._numbered:
            name = f"cid{cid:05d}"
            return name if cid and name in self._names else None
        return self._top.charset[cid] if 0 < cid < len(self._top.charset) else None

    def has_number(self, cid: int) -> bool:
        return self.by_number(cid) is not None

    def may_show(self, code: int, name: str | None) -> bool:
        """Programs of numbered glyphs say nothing of codes."""
        return self._numbered or super().may_show(code, name)

    def missing_is_blank(self) -> bool:
        return not any(step in _PAINTING for step, _ in self._drawn(self._top.charset[0]))

    def with_widths(self, declared: Widths) -> bytes | None:
        wrong = {
            glyph: round(widths[0] / self._scale(glyph))
            for glyph, widths in declared.items()
            if not agrees(self.advance(glyph), widths)
        }
        if not wrong:
            return None
        changed = Cff(self._data)
        for glyph, width in wrong.items():
            changed._set_width(glyph, width)
        changed._top.compilerClass = _WholeCompiler
        out = BytesIO()
        changed._set.compile(out, TTFont(recalcBBoxes=False))
        after = Cff(out.getvalue())
        same = self._own == after._own and all(self._drawn(glyph) == after._drawn(glyph) for glyph in wrong)
        return out.getvalue() if same else None

    def _scale(self, glyph: str) -> float:
        """Thousandths for each of a glyph's units: its part of the program may have a matrix of its own."""
        matrices = [self._top.rawDict.get("FontMatrix")]
        if self._numbered:
            part = self._top.FDSelect[self._top.CharStrings.charStrings[glyph]]
            matrices.append(self._top.FDArray[part].rawDict.get("FontMatrix"))
        given = [matrix[0] for matrix in matrices if matrix]
        return 1000 * float(prod(given) if given else _UNIT)

    def advance(self, glyph: str) -> float:
        return float(_WidthReader(self._top.CharStrings[glyph]).width * self._scale(glyph))

    def _set_width(self, glyph: str, width: int) -> None:
        """Only the first bytes of a glyph's drawing change: what follows stays as it was encoded."""
        drawing = self._top.CharStrings[glyph]
        code = _without_first_number(_opened(drawing)) if _WidthReader(drawing).explicit else _encoded(drawing)
        drawing.setBytecode(drawing.getIntEncoder()(round(width - drawing.private.nominalWidthX)) + code)

    def _drawn(self, glyph: str) -> list[Any]:
        pen = RecordingPen()
        self._top.CharStrings[glyph].draw(pen)
        return list(pen.value)


class _WholeCompiler(TopDictCompiler):  # type: ignore[misc]
    """The library writes one code of each glyph; a supplement has the others (Technical Note 5176, section 12)."""

    def getChildren(self, strings: Any) -> Any:  # noqa: N802  # the library's own name
        children = super().getChildren(strings)
        for child in children:
            if isinstance(child, EncodingCompiler):
                child.data = _supplemented(child.data, self.dictObj.Encoding, strings)
        return children


def _supplemented(encoded: bytes, names: list[str], strings: Any) -> bytes:
    """An encoding that has each glyph's last code, with those before it."""
    last = {name: code for code, name in enumerate(names)}
    others = [(code, name) for code, name in enumerate(names) if name != ".notdef" and code != last[name]]
    if not others:
        return encoded
    entries = b"".join(bytes([code]) + int(strings.getSID(name)).to_bytes(2) for code, name in others)
    return bytes([encoded[0] | _SUPPLEMENT]) + encoded[1:] + bytes([len(others)]) + entries


class OpenTypeCff(Cff):
    """The program inside an OpenType font, whose table of advances says the same."""

    def __init__(self, data: bytes) -> None:
        self._font_data = data
        super().__init__(open_font(data).reader["CFF "])

    def with_widths(self, declared: Widths) -> bytes | None:
        drawings = super().with_widths(declared)
        font = open_font(self._font_data)
        font.setGlyphOrder(list(self._top.charset))
        if not set_advances(font, declared) and drawings is None:
            return None
        if drawings is not None:
            font["CFF "] = DefaultTable("CFF ")
            font["CFF "].data = drawings
        return saved(font)


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

"""A font as artwork has it: a dictionary that says what codes mean and how wide they are, and most often a program."""

from collections.abc import Iterator, Mapping
from functools import cached_property

import pikepdf

from pipeline.press.fonts.cff import Cff, OpenTypeCff
from pipeline.press.fonts.code_map import IDENTITY, CodeMap, read_code_map
from pipeline.press.fonts.encodings import code_names
from pipeline.press.fonts.program import Program
from pipeline.press.fonts.true_type import TRUE_TYPE, TrueType
from pipeline.press.fonts.type_1 import Type1, parted
from pipeline.press.fonts.unicode_map import spaces

PROGRAM_KEYS = ("/FontFile", "/FontFile2", "/FontFile3")
_SYMBOLIC = 4
_DEFAULT = 1000.0
# ISO 32000-1, 9.6.2.2. They may leave their widths out.
_COURIER = frozenset({"Courier", "Courier-Bold", "Courier-BoldOblique", "Courier-Oblique"})
_STANDARD_FONTS = _COURIER | frozenset({
    "Helvetica", "Helvetica-Bold", "Helvetica-BoldOblique",
    "Helvetica-Oblique", "Times-Roman", "Times-Bold", "Times-BoldItalic", "Times-Italic", "Symbol", "ZapfDingbats",
})  # fmt: skip


def read_program(stream: pikepdf.Stream, key: str) -> Program:
    """Raises whatever a malformed one makes the library stumble over."""
    data = stream.read_bytes()
    if key == "/FontFile":
        return Type1(*parted(data, int(stream.get("/Length1", 0)), int(stream.get("/Length2", 0))))
    # By how they begin: some writers say of a whole OpenType font that it is a bare CFF program.
    if data[:4] == b"OTTO":
        return OpenTypeCff(data)
    return TrueType(data) if key == "/FontFile2" or data[:4] in TRUE_TYPE else Cff(data)


class ArtworkFont:
    """Raises what malformed dictionaries raise (`limits.MALFORMED`)."""

    def __init__(self, font: pikepdf.Object) -> None:
        self._font = font
        self.composite = font.get("/Subtype") == "/Type0"
        self.drawn = font.get("/Subtype") == "/Type3"
        self.inner = font.DescendantFonts[0] if self.composite else font

    @property
    def file(self) -> tuple[str, pikepdf.Stream] | None:
        """Where the program is, and the key that it has in the descriptor."""
        descriptor = self.inner.get("/FontDescriptor", pikepdf.Dictionary())
        found = ((key, descriptor.get(key)) for key in PROGRAM_KEYS)
        return next(((key, stream) for key, stream in found if isinstance(stream, pikepdf.Stream)), None)

    def codes(self, text: bytes) -> Iterator[int]:
        """Of one byte; the CIDs of a composite font, and none where its map is not followed."""
        if not self.composite:
            yield from text
        elif self._code_map is not None:
            yield from self._code_map.cids(text)

    @property
    def is_followed(self) -> bool:
        """Whether it is known which codes a text has."""
        return not self.composite or self._code_map is not None

    def name(self, code: int) -> str | None:
        """Of a simple font's code. Fonts of symbols have names that mean nothing, but where they are drawn by name."""
        return self._names.get(code)

    def glyph(self, program: Program, code: int) -> str | None:
        if not self.composite:
            is_symbol = self.inner.get("/Subtype") == "/TrueType" and self._is_symbolic
            return program.by_code(code, None if is_symbol else self.name(code))
        return program.by_number(self.glyph_number(code))

    def glyph_number(self, cid: int) -> int:
        """As the map from CIDs to glyphs has it; the CID itself where there is none."""
        return cid if self._map is None else int.from_bytes(self._map[2 * cid : 2 * cid + 2])

    def is_space(self, cid: int) -> bool:
        """Whether a composite font, whose codes are its CIDs, says that one stands for a space, breaking or not."""
        return self._font.get("/Encoding") in IDENTITY and cid in self._spaces

    def width(self, code: int) -> float | None:
        """As declared, in thousandths. None for codes of a simple font for which readers look elsewhere."""
        if self.composite:
            return self._cid_widths.get(code, float(self.inner.get("/DW", _DEFAULT)))
        return self._widths.get(code, self._other_width)

    def declare(self, widths: Mapping[int, float]) -> None:
        """Of codes of a simple font, besides those of which something is said."""
        known = {**self._widths, **widths}
        first, last = min(known), max(known)
        self._font.FirstChar, self._font.LastChar = first, last
        self._font.Widths = pikepdf.Array(
            [known.get(code, self._other_width or 0.0) for code in range(first, last + 1)]
        )
        del self._widths

    def declared(self) -> Iterator[int]:
        """The codes whose width is declared one by one."""
        yield from self._cid_widths if self.composite else self._widths

    @cached_property
    def _is_symbolic(self) -> bool:
        return bool(int(self.inner.FontDescriptor.get("/Flags", 0)) & _SYMBOLIC)

    @cached_property
    def _names(self) -> dict[int, str]:
        return code_names(self._font.get("/Encoding"))

    @cached_property
    def _code_map(self) -> CodeMap | None:
        return read_code_map(self._font.get("/Encoding"))

    @cached_property
    def _spaces(self) -> frozenset[int]:
        return spaces(self._font.get("/ToUnicode"))

    @cached_property
    def _map(self) -> bytes | None:
        """From CIDs to the numbers of glyphs, two bytes each."""
        given = self.inner.get("/CIDToGIDMap")
        return given.read_bytes() if isinstance(given, pikepdf.Stream) else None

    @property
    def has_widths(self) -> bool:
        """What readers take for the widths of fonts that declare none differs, but for TrueType and Adobe's standard fonts."""
        return self.composite or "/Widths" in self._font or self._takes_own

    @property
    def _takes_own(self) -> bool:
        name = str(self._font.get("/BaseFont"))[1:]
        if "/Widths" in self._font:
            # All are of one width, whatever the dictionary leaves out.
            return name in _COURIER
        return name in _STANDARD_FONTS or self.inner.get("/Subtype") == "/TrueType"

    @property
    def _other_width(self) -> float | None:
        """Of codes outside the run of those that are said one by one."""
        if self._takes_own:
            return None
        return float(self.inner.get("/FontDescriptor", pikepdf.Dictionary()).get("/MissingWidth", 0))

    @cached_property
    def _widths(self) -> dict[int, float]:
        first = int(self._font.get("/FirstChar", 0))
        return {code: float(width) for code, width in enumerate(self._font.get("/Widths", ()), first)}

    @cached_property
    def _cid_widths(self) -> dict[int, float]:
        """`W` has runs of either kind: the first code and a list, or the first and the last code and one width."""
        widths, items = dict[int, float](), iter(self.inner.get("/W", ()))
        for first in items:
            second = next(items)
            if isinstance(second, pikepdf.Array):
                widths |= {int(first) + at: float(width) for at, width in enumerate(second)}
            else:
                widths |= dict.fromkeys(range(int(first), min(int(second), 0xFFFF) + 1), float(next(items)))
        return widths

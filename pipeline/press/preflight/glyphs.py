"""Whether fonts are there, and the glyphs that text shows in them: what is missing prints as an empty box, or not at all."""

from collections.abc import Iterable
from functools import cached_property

import pikepdf
from fontTools.agl import toUnicode

from pipeline.press.fonts.artwork_font import ArtworkFont, read_program
from pipeline.press.fonts.engine import can_draw
from pipeline.press.fonts.program import Program

_NOT_DEFINED = ".notdef"
# What a font of drawn glyphs cannot do without (ISO 32000-1, table 112).
_DRAWN_KEYS = ("/CharProcs", "/Encoding", "/FirstChar", "/FontBBox", "/FontMatrix", "/Widths")
# Codes of what moves a typewriter's carriage, and of spaces, in fonts that say nothing else of them.
_BLANK = frozenset({*range(0x20 + 1), 0x7F, 0xA0})


class Fonts:
    """Those of one file; each program is read once, however many fonts and pages have it."""

    def __init__(self) -> None:
        self._drawable: dict[tuple[int, int], bool] = {}
        self._programs: dict[tuple[int, int], Program | None] = {}
        self._glyphs: dict[tuple[int, int], Glyphs] = {}

    def embedded(self, font: pikepdf.Object) -> bool:
        """Whether a press has the font's program, can unpack it, and draw with it."""
        if font.get("/Subtype") == "/Type3":
            # Where one of them is missing, each reader takes something else for it.
            return all(key in font for key in _DRAWN_KEYS)
        if font.get("/Subtype") == "/Type0":
            return all(self._has_program(inner) for inner in font.get("/DescendantFonts", pikepdf.Array()).as_list())
        return ArtworkFont(font).has_widths and self._has_program(font)

    def _has_program(self, font: pikepdf.Object) -> bool:
        file = ArtworkFont(font).file
        return file is not None and not _is_misplaced(font, file[0]) and self._can_draw(file[1])

    def missing(self, font: pikepdf.Object, shown: Iterable[bytes]) -> int:
        """How many of the codes that are shown have no glyph."""
        return sum(map(self._glyphs_of(font).missing, shown))

    def unchecked(self, font: pikepdf.Object) -> bool:
        """Whether nothing can be said of the glyphs that an embedded font lacks: what it has can be drawn, but not be listed."""
        return self._glyphs_of(font).unchecked

    def _glyphs_of(self, font: pikepdf.Object) -> "Glyphs":
        key = font.objgen
        # Those that stand inline have all the same number.
        if key not in self._glyphs or not font.is_indirect:
            self._glyphs[key] = Glyphs(font, self._program(font))
        return self._glyphs[key]

    def _can_draw(self, stream: pikepdf.Stream) -> bool:
        if stream.objgen not in self._drawable:
            try:
                self._drawable[stream.objgen] = can_draw(stream.read_bytes())
            except pikepdf.PdfError:
                self._drawable[stream.objgen] = False
        return self._drawable[stream.objgen]

    def _program(self, font: pikepdf.Object) -> Program | None:
        """None where there is none, or none that can be looked into; the engine that draws may know it nevertheless."""
        file = ArtworkFont(font).file if font.get("/Subtype") != "/Type3" else None
        if file is None:
            return None
        key, stream = file
        if stream.objgen not in self._programs:
            try:
                self._programs[stream.objgen] = read_program(stream, key)
            except Exception:  # noqa: BLE001  # what a malformed font makes the library stumble over may be anything
                self._programs[stream.objgen] = None
        return self._programs[stream.objgen]


def _is_misplaced(font: pikepdf.Object, key: str) -> bool:
    """What one reader guesses, and another shows as nothing or as other letters: Type 1 glyphs, whose names are asked for by
    number, and CFF glyphs by way of a map for TrueType.
    """
    kind = font.get("/Subtype")
    if key == "/FontFile":
        return kind in ("/CIDFontType0", "/CIDFontType2")
    return kind == "/CIDFontType0" and isinstance(font.get("/CIDToGIDMap"), pikepdf.Stream)


class Glyphs:
    """One font's answer to which codes it cannot show. Fonts whose codes cannot be followed here miss nothing."""

    def __init__(self, font: pikepdf.Object, program: Program | None) -> None:
        self._font = ArtworkFont(font)
        self._given = font
        self._program = program
        self._lacking: dict[int, bool] = {}

    @property
    def unchecked(self) -> bool:
        return not self._font.drawn and (self._program is None or not self._font.is_followed)

    def missing(self, text: bytes) -> int:
        return sum(map(self._lacks, self._font.codes(text)))

    def _lacks(self, code: int) -> bool:
        if code not in self._lacking:
            try:
                lacks = self._lacks_number(code) if self._font.composite else self._lacks_code(code)
            except Exception:  # noqa: BLE001  # as in `Fonts`
                lacks = False
            self._lacking[code] = lacks
        return self._lacking[code]

    def _lacks_number(self, code: int) -> bool:
        glyph = self._font.glyph_number(code)
        if glyph == 0:
            # Some writers show spaces by the glyph for what is missing. That prints as it looks only where the glyph is
            # empty, and is no loss only where the font itself says that the code is a space: an empty letter is one.
            return not (self._font.is_space(code) and self._missing_is_blank)
        return self._program is not None and not self._program.has_number(glyph)

    def _lacks_code(self, code: int) -> bool:
        name = self._font.name(code)
        if self._font.drawn:
            # What has no name was given nothing to draw: converters leave spaces so.
            named = name not in (None, _NOT_DEFINED)
            return named and f"/{name}" not in self._given.CharProcs and not _is_blank(code, name)
        if self._program is None:
            return name == _NOT_DEFINED and not _is_blank(code, name)
        blank = _is_blank(code, name)
        if name == _NOT_DEFINED:
            # Of fonts of symbols, readers take the code and not the name.
            return not (blank and (self._program.may_show(code, None) or self._missing_is_blank))
        return not self._program.may_show(code, name) and not (blank and self._missing_is_blank)

    @cached_property
    def _missing_is_blank(self) -> bool:
        """For a missing space, one reader paints the glyph for what is missing, often a box, and another nothing at all."""
        try:
            return self._program is not None and self._program.missing_is_blank()
        except Exception:  # noqa: BLE001  # as in `Fonts`
            return False


def _is_blank(code: int, name: str | None) -> bool:
    """A space needs no glyph. Some fonts call theirs as they call what is missing."""
    return code in _BLANK if name in (None, _NOT_DEFINED) else toUnicode(name).isspace()

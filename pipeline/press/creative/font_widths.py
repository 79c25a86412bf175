"""Makes the advances in embedded font programs those that the font's dictionary declares: PDF/X-4 asks that they agree.

Readers place glyphs by the dictionary and draw their outlines, so that a program's own advances change nothing that is seen. Some
writers leave them as they were in a font of other metrics. Only glyphs that are shown are settled.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pikepdf

from pipeline.press.fonts.artwork_font import ArtworkFont, read_program
from pipeline.press.fonts.cff import OpenTypeCff
from pipeline.press.fonts.program import Program, Widths, agrees
from pipeline.press.fonts.shown import Key
from pipeline.press.fonts.true_type import TrueType
from pipeline.press.fonts.type_1 import parted

# Of one program, for fonts that declare different widths. More would be a way to make a large file of a small one.
MOST_COPIES = 8


@dataclass
class _Copy:
    """A program with the widths of several fonts that agree about them."""

    widths: dict[str, list[float]] = field(default_factory=dict)
    fonts: list[ArtworkFont] = field(default_factory=list)

    def takes(self, declared: Widths) -> bool:
        return all(agrees(widths[0], self.widths[glyph]) for glyph, widths in declared.items() if glyph in self.widths)

    def add(self, font: ArtworkFont, declared: Widths) -> None:
        self.fonts.append(font)
        for glyph, widths in declared.items():
            self.widths.setdefault(glyph, widths)


def settle_widths(pdf: pikepdf.Pdf, fonts: Iterable[tuple[pikepdf.Object, set[bytes]]]) -> None:
    """In memory, for the texts that each font shows. A program that cannot be read is left as it is; preflight tells of what
    it prints.
    """
    settling = _Settling(pdf)
    for font, texts in fonts:
        settling.add(font, texts)
    settling.settle()


class _Settling:
    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self._pdf = pdf
        self._programs: dict[Key, Program | None] = {}
        self._copies: dict[Key, list[_Copy]] = {}

    def add(self, given: pikepdf.Object, texts: set[bytes]) -> None:
        try:
            font = ArtworkFont(given)
            program = self._program(font)
            if program is not None and not font.composite:
                _declare_rest(font, program, set(b"".join(texts)))
            declared = _declared(font, program, texts) if program is not None else {}
        except Exception:  # noqa: BLE001  # what a malformed font makes the library stumble over may be anything
            return
        if font.file is None or not declared:
            return
        copies = self._copies.setdefault(font.file[1].objgen, [])
        found = next((copy for copy in copies if copy.takes(declared)), None)
        if found is None and len(copies) < MOST_COPIES:
            copies.append(found := _Copy())
        if found is not None:
            found.add(font, declared)

    def settle(self) -> None:
        for key, copies in self._copies.items():
            program = self._programs[key]
            for copy in copies:
                try:
                    changed = program.with_widths(copy.widths) if program is not None else None
                except Exception:  # noqa: BLE001, S112  # as above
                    continue
                if changed is not None:
                    _replace(self._pdf, copy.fonts, changed)

    def _program(self, font: ArtworkFont) -> Program | None:
        if font.file is None:
            return None
        key, stream = font.file
        if stream.objgen not in self._programs:
            self._programs[stream.objgen] = None
            self._programs[stream.objgen] = program = read_program(stream, key)
            _name_truly(stream, key, program)
        return self._programs[stream.objgen]


def _name_truly(stream: pikepdf.Stream, key: str, program: Program) -> None:
    """Some writers say another kind of their program than it is, or other lengths of its parts; readers look for themselves."""
    if key == "/FontFile3" and isinstance(program, OpenTypeCff | TrueType):
        stream.Subtype = pikepdf.Name.OpenType
    if key == "/FontFile":
        given, said = stream.read_bytes(), [int(stream.get(key, 0)) for key in ("/Length1", "/Length2")]
        data, *lengths = parted(given, *said)
        if data != given or lengths != said:
            stream.write(data)
            stream.Length1, stream.Length2, stream.Length3 = (*lengths, len(data) - sum(lengths))


def _declare_rest(font: ArtworkFont, program: Program, codes: set[int]) -> None:
    """Where readers take other widths than those of the dictionary: the program's, or of Adobe's standard fonts those they know,
    which the program has.
    """
    silent = {code: font.glyph(program, code) for code in codes if font.width(code) is None}
    widths = {code: round(program.advance(glyph)) for code, glyph in silent.items() if glyph is not None}
    if widths:
        font.declare(widths)


def _declared(font: ArtworkFont, program: Program, texts: set[bytes]) -> Widths:
    """Of the glyphs of all codes in `texts`; where these cannot be told apart, of all that the font declares one by one."""
    found: dict[str, list[float]] = {}
    codes = {code for text in texts for code in font.codes(text)}
    for code in codes or font.declared():
        glyph, width = font.glyph(program, code), font.width(code)
        if glyph is not None and width is not None:
            found.setdefault(glyph, []).append(width)
    return found


def _replace(pdf: pikepdf.Pdf, fonts: list[ArtworkFont], program: bytes) -> None:
    """For these fonts alone: others that have the same program may declare other widths."""
    stream = pdf.make_stream(program)
    for font in fonts:
        if font.file is None:
            continue
        key, old = font.file
        for name, value in old.items():
            if name not in ("/Length", "/Filter", "/DecodeParms"):
                stream[name] = value
        if key == "/FontFile":
            stream.Length2 = int(old.Length2) + len(program) - len(old.read_bytes())
        elif "/Length1" in stream:
            stream.Length1 = len(program)
        described = pikepdf.Dictionary({**font.inner.FontDescriptor, key: stream})
        font.inner.FontDescriptor = pdf.make_indirect(described)

"""The one typeface of the address side, embedded as a subset, and the text that it can print.

Bitstream Vera Sans, which reportlab carries, holds every character of Windows-1252. The subset is always those, in code
order: then a byte of text is its own glyph code, nothing has to be gathered from the pieces, and every file embeds the
same 27 KB.
"""

import re
import unicodedata
import zlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from pipeline.press.geometry import numbers
from pipeline.press.writer import PdfWriter

ENCODING = "cp1252"
# Set narrower than this a line no longer reads well by machine; USPS asks for type that is neither condensed nor
# extended.
NARROWEST = 0.7

# Letters that have no decomposition, as the post writes them.
_PLAIN_LETTERS = str.maketrans(
    {"Ł": "L", "ł": "l", "Đ": "D", "đ": "d", "Ħ": "H", "ħ": "h", "ı": "i", "Ŧ": "T", "ŧ": "t"}
)
_ESCAPED = re.compile(rb"[\\()]")


class UnprintableError(Exception):
    """A character that the typeface does not hold, by its code point."""

    def __init__(self, character: str) -> None:
        super().__init__(f"U+{ord(character):04X} has no glyph in the address typeface")
        self.character = character


@dataclass(frozen=True)
class Typeface:
    """`widths` holds one advance per byte, in thousandths of the type size."""

    name: str
    program: bytes
    widths: tuple[int, ...]
    bbox: tuple[int, ...]
    ascent: int
    descent: int
    cap_height: int
    _high: bytes = field(init=False, repr=False)
    _low: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_high", bytes(width >> 8 for width in self.widths))
        object.__setattr__(self, "_low", bytes(width & 255 for width in self.widths))

    def width_pt(self, text: bytes, size_pt: float) -> float:
        # Two sums over translated bytes are a third of the time of looking up each advance.
        return (sum(text.translate(self._high)) * 256 + sum(text.translate(self._low))) * size_pt / 1000

    def embed(self, writer: PdfWriter) -> int:
        """Write the font; gives its object number. A symbolic TrueType font, whose codes are the subset's own."""
        file = writer.stream(
            b"/Length1 %d/Filter/FlateDecode" % len(self.program), zlib.compress(self.program), compress=False
        )
        box = " ".join(map(str, self.bbox))
        descriptor = writer.add(
            f"<</Type/FontDescriptor/FontName/{self.name}/Flags 4/FontBBox[{box}]/ItalicAngle 0/Ascent {self.ascent}"
            f"/Descent {self.descent}/CapHeight {self.cap_height}/StemV 87/FontFile2 {file} 0 R>>".encode()
        )
        unicode = writer.stream(b"", _to_unicode())
        widths = " ".join(map(str, self.widths))
        return writer.add(
            f"<</Type/Font/Subtype/TrueType/BaseFont/{self.name}/FirstChar 0/LastChar 255/Widths[{widths}]"
            f"/FontDescriptor {descriptor} 0 R/ToUnicode {unicode} 0 R>>".encode()
        )


@cache
def address_typeface() -> Typeface:
    import reportlab
    from reportlab.pdfbase.ttfonts import TTFontFile

    source = TTFontFile(str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"))
    codes = [_unicode_of(byte) for byte in range(256)]
    return Typeface(
        name="MSTRAA+BitstreamVeraSans",
        program=source.makeSubset(codes),
        widths=tuple(round(source.charWidths.get(code, source.defaultWidth)) if code else 0 for code in codes),
        bbox=tuple(round(edge) for edge in source.bbox),
        ascent=round(source.ascent),
        descent=round(source.descent),
        # Measured on the letter H of Vera Sans: 1493 of 2048 units.
        cap_height=729,
    )


def printable(text: str) -> bytes:
    """The codes of one line. Letters with accents that the typeface lacks lose them, as the post prefers.

    Raises `UnprintableError` for what is left.
    """
    if text.isprintable():
        try:
            return text.encode(ENCODING)
        except UnicodeEncodeError:
            pass  # folded below
    return b"".join(_folded(character) for character in text.translate(_PLAIN_LETTERS))


def escaped(codes: bytes) -> bytes:
    """As the inside of a PDF literal string."""
    return _ESCAPED.sub(rb"\\\g<0>", codes) if _ESCAPED.search(codes) else codes


def show(text: str, *, font: str, size_pt: float, at: tuple[float, float]) -> str:
    """Operators that print one line of fixed text in 100 % K, inside no text object."""
    codes = escaped(printable(text)).decode("latin-1")
    return f"BT 0 0 0 1 k /{font} {numbers(size_pt)} Tf {numbers(*at)} Td ({codes}) Tj ET\n"


def squeeze(width_pt: float, room_pt: float) -> float | None:
    """How much narrower a line must be set to fit its room: 1 when it fits, None when it would be under `NARROWEST`."""
    if width_pt <= room_pt:
        return 1.0
    return room_pt / width_pt if room_pt / width_pt >= NARROWEST else None


def _folded(character: str) -> bytes:
    if character.isprintable():
        try:
            return character.encode(ENCODING)
        except UnicodeEncodeError:
            pass  # decomposed below
    if unicodedata.category(character) == "Cf":
        return b""
    parts = unicodedata.normalize("NFKD", character)
    kept = "".join(part for part in parts if not unicodedata.combining(part))
    if kept == character or not kept.isprintable():
        raise UnprintableError(character)
    try:
        return kept.encode(ENCODING)
    except UnicodeEncodeError as error:
        raise UnprintableError(character) from error


def _unicode_of(byte: int) -> int:
    """0, which no font maps, for control codes and the five holes of Windows-1252."""
    try:
        character = bytes([byte]).decode(ENCODING)
    except UnicodeDecodeError:
        return 0
    return 0 if unicodedata.category(character) == "Cc" else ord(character)


def _to_unicode() -> bytes:
    pairs = [(byte, _unicode_of(byte)) for byte in range(256) if _unicode_of(byte)]
    blocks = [pairs[start : start + 100] for start in range(0, len(pairs), 100)]
    mapped = "".join(
        f"{len(block)} beginbfchar\n" + "".join(f"<{byte:02X}> <{code:04X}>\n" for byte, code in block) + "endbfchar\n"
        for block in blocks
    )
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CIDSystemInfo <</Registry (Adobe) /Ordering (UCS) /Supplement 0>> def\n"
        "/CMapName /MailStream-cp1252 def /CMapType 2 def\n"
        f"1 begincodespacerange <00> <FF> endcodespacerange\n{mapped}"
        "endcmap CMapName currentdict /CMap defineresource pop end end\n"
    ).encode()

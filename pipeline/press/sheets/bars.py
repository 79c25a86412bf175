"""The Intelligent Mail barcode as type: a font of four glyphs, F, A, D and T, whose string is the 65 letters
themselves.

Rectangles would cost half as much time again and 70 % more bytes a piece. Sizes lie inside the tolerances of
USPS-B-3200 near its smallest barcode, so that print gain and a press's grid keep them inside: pitch 0.04167 in
(.0416-.050), bar 0.018 (.015-.025), full 0.130 (.125-.165), ascender and descender 0.0875 (.082-.111), tracker 0.045
(.039-.057), length 2.685 (2.667-3.225).
"""

from pipeline.press.geometry import numbers
from pipeline.press.writer import PdfWriter

BARS = 65
PITCH_PT = 3.0
BAR_PT = 1.3
TRACKER_PT = 3.24
EXTENT_PT = 6.3
FULL_PT = 2 * EXTENT_PT - TRACKER_PT
LENGTH_PT = (BARS - 1) * PITCH_PT + BAR_PT

# The barcode's baseline is the foot of the descender bars. Each glyph: its lower and upper end above that.
_SPANS = {
    "F": (0.0, FULL_PT),
    "A": (EXTENT_PT - TRACKER_PT, FULL_PT),
    "D": (0.0, EXTENT_PT),
    "T": (EXTENT_PT - TRACKER_PT, EXTENT_PT),
}


def embed(writer: PdfWriter) -> int:
    """Write the Type 3 font; gives its object number. It is to be used at size 1, one point to the unit."""
    glyphs = {letter: writer.stream(b"", _glyph(*span)) for letter, span in _SPANS.items()}
    procedures = "".join(f"/{letter} {number} 0 R" for letter, number in glyphs.items())
    first, last = min(map(ord, _SPANS)), max(map(ord, _SPANS))
    widths = numbers(*(PITCH_PT if chr(code) in _SPANS else 0 for code in range(first, last + 1)))
    names = " ".join(f"{ord(letter)} /{letter}" for letter in sorted(_SPANS))
    return writer.add(
        f"<</Type/Font/Subtype/Type3/FontBBox[{numbers(0, 0, BAR_PT, FULL_PT)}]/FontMatrix[1 0 0 1 0 0]"
        f"/CharProcs<<{procedures}>>/Encoding<</Type/Encoding/Differences[{names}]>>"
        f"/FirstChar {first}/LastChar {last}/Widths[{widths}]/Resources<<>>>>".encode()
    )


def _glyph(low_pt: float, high_pt: float) -> bytes:
    box = numbers(0, low_pt, BAR_PT, high_pt)
    return f"{numbers(PITCH_PT, 0)} {box} d1 {numbers(0, low_pt, BAR_PT, high_pt - low_pt)} re f".encode()

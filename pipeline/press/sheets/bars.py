"""The Intelligent Mail barcode as type: a font of four glyphs, F, A, D and T, whose string is the 65 letters
themselves.

Rectangles would cost half as much time again and 70 % more bytes a piece. Sizes lie inside the tolerances of
USPS-B-3200 near its smallest barcode, so that print gain and a press's grid keep them inside: pitch 0.04167 in
(.0416-.050), bar 0.018 (.015-.025), full 0.130 (.125-.165), ascender and descender 0.0875 (.082-.111), tracker 0.045
(.039-.057), length 2.685 (2.667-3.225).
"""

from pipeline.press.geometry import numbers
from pipeline.press.sheets.drawn_font import embed_drawn
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
    drawings = {letter: _glyph(*span) for letter, span in _SPANS.items()}
    names = {letter: letter for letter in _SPANS}
    return embed_drawn(writer, drawings, names, advance_pt=PITCH_PT, box_pt=(BAR_PT, FULL_PT))


def _glyph(low_pt: float, high_pt: float) -> bytes:
    box = numbers(0, low_pt, BAR_PT, high_pt)
    return f"{numbers(PITCH_PT, 0)} {box} d1 {numbers(0, low_pt, BAR_PT, high_pt - low_pt)} re f".encode()

"""Code 39 (ISO/IEC 16388) as a font of digits and the start and stop sign, for the sheet's barcode that finishers read.

Dimensions as a Duplo finisher asks for them: narrow bars of at least 0.254 mm, wide ones 2.5 times that, at least 4 mm high.
"""

from pipeline.press.geometry import numbers
from pipeline.press.sheets.drawn_font import embed_drawn
from pipeline.press.writer import PdfWriter

NARROW_PT = 0.75
WIDE_PT = 2.5 * NARROW_PT
HEIGHT_PT = 11.8
# Nine elements, three of them wide, and the narrow space to the next character.
ADVANCE_PT = 3 * WIDE_PT + 7 * NARROW_PT

# Bars and spaces by turns, from a bar on; 1 is wide.
_ELEMENTS = {
    "0": "000110100", "1": "100100001", "2": "001100001", "3": "101100000", "4": "000110001", "5": "100110000",
    "6": "001110000", "7": "000100101", "8": "100100100", "9": "001100100", "*": "010010100",
}  # fmt: skip


def length_pt(text: str) -> float:
    """From the first bar to the last, with start and stop."""
    return (len(text) + 2) * ADVANCE_PT - NARROW_PT


def embed(writer: PdfWriter) -> int:
    """Write the Type 3 font; gives its object number. It is to be used at size 1, one point to the unit."""
    drawings = {letter: _glyph(elements) for letter, elements in _ELEMENTS.items()}
    names = {letter: "star" if letter == "*" else f"d{letter}" for letter in drawings}
    return embed_drawn(writer, drawings, names, advance_pt=ADVANCE_PT, box_pt=(ADVANCE_PT, HEIGHT_PT))


def _glyph(elements: str) -> bytes:
    x, bars = 0.0, []
    for at, wide in enumerate(elements):
        width = WIDE_PT if wide == "1" else NARROW_PT
        if at % 2 == 0:
            bars.append(f"{numbers(x, 0, width, HEIGHT_PT)} re")
        x += width
    return f"{numbers(ADVANCE_PT, 0, 0, 0, ADVANCE_PT, HEIGHT_PT)} d1 {' '.join(bars)} f".encode()

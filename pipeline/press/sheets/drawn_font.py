"""A font whose glyphs are drawn as shapes, for the marks that machines read: bars of a barcode, characters of a code."""

from collections.abc import Mapping

from pipeline.press.geometry import numbers
from pipeline.press.writer import PdfWriter


def embed_drawn(
    writer: PdfWriter,
    drawings: Mapping[str, bytes],
    names: Mapping[str, str],
    *,
    advance_pt: float,
    box_pt: tuple[float, float],
) -> int:
    """Write the Type 3 font, whose codes are those of its letters; gives its object number. `box_pt` is its width and height.

    It is to be used at size 1, one point to the unit.
    """
    glyphs = {letter: writer.stream(b"", drawing) for letter, drawing in drawings.items()}
    procedures = "".join(f"/{names[letter]} {number} 0 R" for letter, number in glyphs.items())
    first, last = min(map(ord, glyphs)), max(map(ord, glyphs))
    widths = numbers(*(advance_pt if chr(code) in glyphs else 0 for code in range(first, last + 1)))
    differences = " ".join(f"{ord(letter)} /{names[letter]}" for letter in sorted(glyphs))
    return writer.add(
        f"<</Type/Font/Subtype/Type3/FontBBox[{numbers(0, 0, *box_pt)}]/FontMatrix[1 0 0 1 0 0]"
        f"/CharProcs<<{procedures}>>/Encoding<</Type/Encoding/Differences[{differences}]>>"
        f"/FirstChar {first}/LastChar {last}/Widths[{widths}]/Resources<<>>>>".encode()
    )

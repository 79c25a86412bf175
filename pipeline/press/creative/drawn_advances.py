"""Makes the advances of drawn glyphs (Type 3) those that their font declares, as `font_widths` does for font programs.

Readers place glyphs by the declared widths. Some writers draw glyphs with other ones, or without that which has to come first;
some have one drawing for glyphs of several widths, or none for codes that show nothing.
"""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field

import pikepdf

from pipeline.press.creative.font_widths import MOST_COPIES
from pipeline.press.fonts.artwork_font import ArtworkFont
from pipeline.press.fonts.shown import Key
from pipeline.press.geometry import numbers
from pipeline.press.limits import MALFORMED

# `d0` has the advance, across and up; `d1` the glyph's box besides.
_NUMBER = rb"[-+]?[\d.]+"
_ADVANCE = re.compile(rb"\s*(%b)(?=\s+%b\s+d0\b|(?:\s+%b){5}\s+d1\b)" % (_NUMBER, _NUMBER, _NUMBER))
# In the glyphs' own units.
_TOLERATED = 0.01

Place = tuple[pikepdf.Object, int]
"""A font, and a code that it shows."""


@dataclass
class _Drawing:
    """Where one drawing is shown, by the width that it has to have there. None that there is: it shows nothing."""

    stream: pikepdf.Stream | None = None
    places: dict[float, list[Place]] = field(default_factory=dict)


def settle_drawn_advances(pdf: pikepdf.Pdf, fonts: Iterable[tuple[pikepdf.Object, set[bytes]]]) -> None:
    """In memory, for the texts that each font shows. What is malformed is left as it is; preflight tells of what it prints."""
    drawings: dict[Key | None, _Drawing] = {}
    for font, texts in fonts:
        if font.get("/Subtype") == "/Type3":
            with suppress(*MALFORMED):
                _sort(font, sorted(set(b"".join(texts))), drawings)
    for drawing in drawings.values():
        with suppress(*MALFORMED):
            _settle(pdf, drawing)


def _sort(font: pikepdf.Object, codes: list[int], drawings: dict[Key | None, _Drawing]) -> None:
    known = ArtworkFont(font)
    for code in codes:
        found = font.CharProcs.get(f"/{known.name(code)}")
        stream = found if isinstance(found, pikepdf.Stream) else None
        drawing = drawings.setdefault(stream.objgen if stream is not None else None, _Drawing(stream))
        # Readers go on by nothing after codes for which nothing is declared.
        drawing.places.setdefault(known.width(code) or 0.0, []).append((font, code))


def _settle(pdf: pikepdf.Pdf, drawing: _Drawing) -> None:
    """The first width is set where the drawing is. More copies than so many would be a way to make a large file of a small one."""
    drawn = drawing.stream.read_bytes() if drawing.stream is not None else b""
    for copy, (width, places) in enumerate(drawing.places.items()):
        if drawing.stream is not None and copy == 0:
            if _with_advance(drawn, width) != drawn:
                drawing.stream.write(_with_advance(drawn, width))
        elif drawing.stream is None or copy < MOST_COPIES:
            made = pdf.make_stream(_with_advance(drawn, width))
            if drawing.stream is not None and "/Resources" in drawing.stream:
                made.Resources = drawing.stream.Resources
            for font, code in places:
                _give(font, code, made)


def _with_advance(drawn: bytes, width: float) -> bytes:
    found = _ADVANCE.match(drawn)
    if found is None:
        return numbers(width, 0).encode() + b" d0\n" + drawn
    agrees = abs(float(found[1]) - width) <= _TOLERATED
    return drawn if agrees else numbers(width).encode() + drawn[found.end(1) :]


def _give(font: pikepdf.Object, code: int, glyph: pikepdf.Stream) -> None:
    """Under a name of its own. Other fonts may have the same names for their codes, and the same drawings."""
    name = f"/code{code}"
    while name in font.CharProcs:
        name += "_"
    font.CharProcs[name] = glyph
    given = font.Encoding
    encoding = dict(given.items()) if isinstance(given, pikepdf.Dictionary) else {"/BaseEncoding": given}
    differences = [*encoding.get("/Differences", ()), code, pikepdf.Name(name)]
    font.Encoding = pikepdf.Dictionary({**encoding, "/Differences": pikepdf.Array(differences)})

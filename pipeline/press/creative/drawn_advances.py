"""Makes the advances of drawn glyphs (Type 3) those that their font declares, as `font_widths` does for font programs.

Readers place glyphs by the declared widths. Some writers draw glyphs with other ones, or without that which has to come first.
"""

import re
from collections.abc import Iterator
from contextlib import suppress

import pikepdf

from pipeline.press.fonts.artwork_font import ArtworkFont
from pipeline.press.geometry import numbers
from pipeline.press.limits import MALFORMED

# `d0` has the advance, across and up; `d1` the glyph's box besides.
_NUMBER = rb"[-+]?[\d.]+"
_ADVANCE = re.compile(rb"\s*(%b)(?=\s+%b\s+d0\b|(?:\s+%b){5}\s+d1\b)" % (_NUMBER, _NUMBER, _NUMBER))
# In the glyphs' own units.
_TOLERATED = 0.01


def settle_drawn_advances(pdf: pikepdf.Pdf) -> None:
    """In memory. What is malformed is left as it is; preflight tells of what it prints."""
    for font in _drawn_fonts(pdf):
        with suppress(*MALFORMED):
            known = ArtworkFont(font)
            for code in known.declared():
                glyph, width = font.CharProcs.get(f"/{known.name(code)}"), known.width(code)
                if isinstance(glyph, pikepdf.Stream) and width is not None:
                    _settle(glyph, width)


def _drawn_fonts(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """Those that are objects of their own, and those that stand in resources."""
    for obj in pdf.objects:
        if not isinstance(obj, pikepdf.Dictionary | pikepdf.Stream):
            continue
        if obj.get("/Subtype") == "/Type3":
            yield obj
        resources = obj.get("/Resources", obj)
        fonts = resources.get("/Font") if isinstance(resources, pikepdf.Dictionary) else None
        for font in fonts.values() if isinstance(fonts, pikepdf.Dictionary) else ():
            if isinstance(font, pikepdf.Dictionary) and not font.is_indirect and font.get("/Subtype") == "/Type3":
                yield font


def _settle(glyph: pikepdf.Stream, width: float) -> None:
    drawn = glyph.read_bytes()
    found = _ADVANCE.match(drawn)
    if found is None:
        glyph.write(numbers(width, 0).encode() + b" d0\n" + drawn)
    elif abs(float(found[1]) - width) > _TOLERATED:
        glyph.write(numbers(width).encode() + drawn[found.end(1) :])

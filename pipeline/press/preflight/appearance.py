"""What preflight sees when it looks at artwork: normalized as for the press, rendered small, and compared with the original."""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import pypdfium2
from PIL import Image

from pipeline.errors import Permanent
from pipeline.press.artbox import view
from pipeline.press.creative.normalize import normalize
from pipeline.press.opening import open_artwork
from pipeline.press.picture import render
from pipeline.press.preflight.bleed import short_bleed
from pipeline.press.preflight.likeness import differs, original_image, original_page
from pipeline.press.preflight.safe_text import unsafe_text
from pipeline.press.preflight.zone_check import ink_in_zones
from pipeline.press.report import Finding, finding
from pipeline.products import Product, Side

# 12 pixels of bleed, 6 between the lines for text that is near and too near.
LOOK_PPI = 96

OTHER: dict[Side, Side] = {"front": "back", "back": "front"}


@dataclass(frozen=True)
class Seen:
    """Findings on either side, and on the one or the other alone."""

    always: tuple[Finding, ...] = ()
    as_address_side: tuple[Finding, ...] = ()
    as_other_side: tuple[Finding, ...] = ()


def look_at(source: Path, kind: str, product: Product, pages: int) -> Iterator[Seen]:
    """Each of so many pages. `source` has passed what can be told without looking."""
    out = BytesIO()
    try:
        normalize(source, product, out)
    except Permanent:
        yield Seen((_unreadable(),))
        return
    normalized = out.getvalue()
    for page in range(pages):
        try:
            picture = render(normalized, LOOK_PPI, page=page)
        except pypdfium2.PdfiumError:
            yield Seen((_unreadable(),))
            continue
        always = [
            *short_bleed(picture, product, LOOK_PPI),
            *unsafe_text(normalized, product, page),
            *compared(source, kind, product, picture, page),
        ]
        yield Seen(
            tuple(always),
            tuple(ink_in_zones(picture, product, product.address_side, LOOK_PPI)),
            tuple(ink_in_zones(picture, product, OTHER[product.address_side], LOOK_PPI)),
        )


def compared(source: Path, kind: str, product: Product, picture: Image.Image, page: int = 0) -> Iterator[Finding]:
    """Whether `picture`, of the normalized page at `LOOK_PPI`, is what the sender's file shows."""
    if kind != "pdf":
        original, far = original_image(source, kind, picture.size)
        yield from differs(original, picture, far=far)
        return
    with open_artwork(source) as pdf:
        seen = view(pdf.pages[page])
    try:
        original = original_page(source, seen, product, LOOK_PPI, page)
    except pypdfium2.PdfiumError:
        yield _unreadable()
        return
    yield from differs(original, picture)


def _unreadable() -> Finding:
    remedy = "Export the artwork again from the program that made it, and check that it opens."
    return finding("damaged_file", "The artwork cannot be drawn.", remedy)

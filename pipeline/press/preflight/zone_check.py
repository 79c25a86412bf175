"""Ink where none may be: what the white zone will cover, and what a sorting machine's camera would read as a barcode."""

from collections.abc import Iterator

from PIL import Image, ImageDraw, ImageStat

from pipeline.press.preflight.bleed import PAPER, darkest_channel
from pipeline.press.report import Finding, finding, warning
from pipeline.press.zones import Zone, zones
from pipeline.products import Box, Product, Side

# A ground whose channels vary by no more than this is a tint, and nothing is lost when it is covered.
FLAT = 16
# DMM 202.5.1.1 asks for dark bars on a light ground: a tint that reflects more than this does no harm beside them.
LIGHT = 200

_MOVE = "Move it out of the zone; the template of GET /v1/products/{id}/template shows where that is."
_CODES = {
    "ink_free": "ink_in_address_zone",
    "glue": "ink_in_glue_zone",
    "sheet_mark": "ink_in_sheet_mark",
}


def ink_in_zones(picture: Image.Image, product: Product, side: Side, ppi: int) -> Iterator[Finding]:
    """`picture` is the bleed page."""
    found = {zone.kind: zone for zone in zones(product, side)}
    for kind in ("ink_free", "glue", "sheet_mark"):
        if kind in found:
            yield from _covered(picture, found[kind], _CODES[kind], product, ppi)
    if "barcode_clear" in found:
        yield from _beside_the_address(picture, found["barcode_clear"].box, product, ppi)


def _covered(picture: Image.Image, zone: Zone, code: str, product: Product, ppi: int) -> Iterator[Finding]:
    left, top, right, bottom = _on_picture(zone.box, product, ppi)
    # The outermost pixels are shared with what stands around the zone.
    part = picture.crop((left + 1, top + 1, right - 1, bottom - 1))
    inked = _inked(part)
    if inked is None:
        return
    flat = all(high - low <= FLAT for low, high in _extremes(part))
    box = _box_in((inked[0] + left + 1, inked[1] + top + 1, inked[2] + left + 1, inked[3] + top + 1), product, ppi)
    if flat:
        detail = f"A tint lies in the zone “{zone.title}”; it is left out there, and its edge will show."
        yield warning(code.replace("ink", "tint"), detail, "Leave the zone white.", **_measures(box))
    else:
        detail = f"Artwork lies in the zone “{zone.title}”, and will not print there."
        yield finding(code, detail, _MOVE, **_measures(box))


def _beside_the_address(picture: Image.Image, clear: Box, product: Product, ppi: int) -> Iterator[Finding]:
    """In the clear zone, but for what the white zone covers anyway. The barcode stands in the address: a warning."""
    rest = picture.copy()
    ImageDraw.Draw(rest).rectangle(_on_picture(product.ink_free, product, ppi), fill="white")
    left, top, right, bottom = _on_picture(clear, product, ppi)
    part = rest.crop((left, top, right, bottom))
    # A light ground is left alone; what stands out from it is not.
    inked = part.convert("L").point(lambda value: 255 if value < LIGHT else 0).getbbox()
    if inked is None:
        return
    box = _box_in((inked[0] + left, inked[1] + top, inked[2] + left, inked[3] + top), product, ppi)
    detail = "Ink lies in the USPS barcode clear zone, beside the address; machines may take it for a barcode."
    remedy = f"Keep the lower right {clear.width_in:g} x {clear.height_in:g} in of the address side light and plain."
    yield warning("ink_in_barcode_clear_zone", detail, remedy, **_measures(box))


def _extremes(part: Image.Image) -> list[tuple[int, int]]:
    return [(int(low), int(high)) for low, high in ImageStat.Stat(part).extrema]


def _inked(part: Image.Image) -> tuple[int, int, int, int] | None:
    return darkest_channel(part).point(lambda value: 255 if value <= PAPER else 0).getbbox()


def _measures(box: tuple[float, float, float, float]) -> dict[str, object]:
    return {"box_in": box, "measured": f"{box[2]:.2f} x {box[3]:.2f} in of ink", "required": "no ink"}


def _on_picture(box: Box, product: Product, ppi: int) -> tuple[int, int, int, int]:
    edges = (box.x_in, box.y_in, box.right_in, box.bottom_in)
    left, top, right, bottom = (round((edge + product.bleed_in) * ppi) for edge in edges)
    return left, top, right, bottom


def _box_in(px: tuple[int, int, int, int], product: Product, ppi: int) -> tuple[float, float, float, float]:
    left, top, right, bottom = (edge / ppi for edge in px)
    bleed = product.bleed_in
    return round(left - bleed, 3), round(top - bleed, 3), round(right - left, 3), round(bottom - top, 3)

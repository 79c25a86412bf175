"""Preflight of PNG and JPEG artwork: decodes to its end, has the product's proportions, and pixels enough."""

from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from pipeline.press.exif import upright_size
from pipeline.press.jpeg import as_inks
from pipeline.press.limits import MOST_PIXELS
from pipeline.press.preflight.content_checks import ink_limit
from pipeline.press.preflight.image_ink import heaviest
from pipeline.press.preflight.pdf_preflight import wrong_size
from pipeline.press.report import Finding, Report, finding
from pipeline.products import Product

# The rest is cut off in the bleed: one hundredth of 6.25 in is half as wide on each side.
ASPECT_TOLERANCE = 0.01

_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "I;16", "I;16B", "I"})
_SAVE = "Save the image again from the program that made it, and check that it opens."


def inspect_image(source: Path, product: Product, kind: str) -> Report:
    try:
        with Image.open(source, formats=[kind.upper()]) as image:
            width, height = upright_size(image)
            if width * height > MOST_PIXELS:
                return _refused(
                    kind, "decompression_bomb", f"The image has {width * height / 1e6:.0f} megapixels.", "Scale it."
                )
            image.load()
            faults = (*_mode(image), *_size(width, height, product))
            heavy = heaviest(as_inks(image), _ppi(width, height, product)) if image.mode == "CMYK" else 0.0
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return _refused(kind, "decompression_bomb", "The image has too many pixels for any print.", "Scale it down.")
    except (OSError, SyntaxError, ValueError):
        return _refused(kind, "damaged_file", "The image is cut short or damaged.", _SAVE)
    size_in = (round(width / product.min_ppi, 3), round(height / product.min_ppi, 3))
    report = Report(kind, faults, pages=1, size_in=size_in, ppi=round(_ppi(width, height, product)))
    return report.with_more(ink_limit(heavy, page=1))


def _mode(image: Image.Image) -> Iterator[Finding]:
    if image.mode not in _MODES:
        yield finding("unsupported_file", f"The image's pixels are of kind {image.mode}.", "Save it as RGB or CMYK.")


def _size(width: int, height: int, product: Product) -> Iterator[Finding]:
    least = product.min_ppi
    needed = (round(product.bleed_width_in * least), round(product.bleed_height_in * least))
    pixels = f"{width} x {height} pixels"
    if abs(width / height / (product.bleed_width_in / product.bleed_height_in) - 1) > ASPECT_TOLERANCE:
        size_in = (width / least, height / least)
        yield wrong_size(f"The image is {pixels},", size_in, product, more=f" at {least} ppi")
    elif round(_ppi(width, height, product)) < least:
        ppi = f"{_ppi(width, height, product):.0f} ppi"
        yield finding(
            "low_resolution",
            f"The image is {pixels} and would print at {ppi}; {least} is the least, {needed[0]} x {needed[1]} pixels.",
            "Export it larger from the original; enlarging this file does not help.",
            measured=ppi,
            required=f"{least} ppi",
        )


def _ppi(width: int, height: int, product: Product) -> float:
    return min(width / product.bleed_width_in, height / product.bleed_height_in)


def _refused(kind: str, code: str, detail: str, remedy: str) -> Report:
    return Report(kind, (finding(code, detail, remedy),), pages=1)

"""Preflight of PDF artwork: opens, is one page of the right size, prints the same everywhere.

Resolution limits are those of GWG 2022 for digital print (R0031, R0032): below the lower the file is refused, below the
upper the sender is warned.
"""

from collections.abc import Iterator
from pathlib import Path

import pikepdf

from pipeline.errors import Fault
from pipeline.press.artbox import NoBoxError, PageView, artwork_box, view
from pipeline.press.content import Census, ImageUse, TooComplexError, take_census
from pipeline.press.geometry import inches
from pipeline.press.limits import MALFORMED, MOST_PIXELS, limit_qpdf
from pipeline.press.report import Report, finding
from pipeline.products import Product

REFUSED_PPI, WARNED_PPI = 95, 149
REFUSED_ONE_BIT_PPI, WARNED_ONE_BIT_PPI = 349, 599

_EXPORT = "Export the PDF again from the program that made it, and check that it opens."
# What qpdf says when it had to guess at the file's structure. What it guessed may print with parts missing.
_REBUILT = ("file is damaged", "reconstruct", "unable to find trailer", "premature end", "loop detected")


def inspect_pdf(source: Path, product: Product) -> Report:
    """All that can be found in one go; a file that does not open has that finding alone."""
    limit_qpdf()
    try:
        with pikepdf.open(source) as pdf:
            return _inspect(pdf, product)
    except pikepdf.PasswordError:
        return _refused("pdf_encrypted", "The PDF asks for a password.", "Save it without a password.")
    except NoBoxError as error:
        return _refused("wrong_page_size", f"The page {error}.", f"{_needed(product)} {_EXPORT}", pages=1)
    except TooComplexError as error:
        return _refused("too_complex", f"The page holds {error}.", "Flatten the artwork to one image, or simplify it.")
    except MALFORMED as error:
        return _unreadable(error)


def _inspect(pdf: pikepdf.Pdf, product: Product) -> Report:
    if pdf.is_encrypted:
        return _refused("pdf_encrypted", "The PDF is encrypted.", "Save it without a password or restrictions.")
    pages = len(pdf.pages)
    if pages == 0:
        return _refused("page_count", "The PDF has no pages.", _EXPORT)
    if _was_rebuilt(pdf):
        return _refused("damaged_file", "The PDF is cut short or its structure is damaged.", _EXPORT, pages)
    seen = view(pdf.pages[0])
    census = take_census(pdf.pages[0], seen.unit)
    if _was_rebuilt(pdf):
        return _refused("damaged_file", "The page's content is cut short or damaged.", _EXPORT, pages)
    findings = [*_page_count(pages), *_size(seen, product), *_fonts(census), *_images(census), *_layers(pdf)]
    width, height = seen.size_pt(artwork_box(seen, product) or seen.visible)
    return Report(
        "pdf",
        tuple(findings),
        (*_coarse_images(census), *_dropped(pdf)),
        pages=pages,
        size_in=(round(inches(width), 3), round(inches(height), 3)),
        ppi=round(min((image.ppi for image in census.images), default=0)) or None,
    )


def _was_rebuilt(pdf: pikepdf.Pdf) -> bool:
    return any(sign in str(warning) for warning in pdf.get_warnings() for sign in _REBUILT)


def _page_count(pages: int) -> Iterator[Fault]:
    if pages > 1:
        detail = f"The PDF has {pages} pages; a side takes one."
        yield finding("page_count", detail, "Send the front and the back as two files of one page each.")


def _size(seen: PageView, product: Product) -> Iterator[Fault]:
    if artwork_box(seen, product) is None:
        width, height = (inches(side) for side in seen.size_pt(seen.visible))
        yield wrong_size(f"The page is {width:.3f} x {height:.3f} in", product, turned=width < height)


def wrong_size(measured: str, product: Product, *, turned: bool) -> Fault:
    size = f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in"
    detail = f"{measured}; {product.title} takes {size}, the trim and {product.bleed_in:g} in of bleed on each side."
    remedy = _needed(product)
    return finding(
        "wrong_page_size", detail, f"{remedy} Upright artwork has to be turned to lie flat." if turned else remedy
    )


def _needed(product: Product) -> str:
    size = f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in"
    return f"Set the page to {size}, and let the background run to its edges."


def _fonts(census: Census) -> Iterator[Fault]:
    missing = sorted(name for name, embedded in census.fonts.items() if not embedded)
    if missing:
        detail = f"Not embedded: {', '.join(missing[:5])}{' and others' if len(missing) > 5 else ''}."
        yield finding("unembedded_font", detail, "Export with all fonts embedded, or turn text into outlines.")


def _images(census: Census) -> Iterator[Fault]:
    largest = max((image.width_px * image.height_px for image in census.images), default=0)
    if largest > MOST_PIXELS:
        detail = f"An image has {largest / 1e6:.0f} megapixels, more than any print needs."
        yield finding("decompression_bomb", detail, "Scale it to 300 ppi at the size it is printed.")
    for image in _lowest(census, REFUSED_PPI, REFUSED_ONE_BIT_PPI):
        least = REFUSED_ONE_BIT_PPI + 1 if image.one_bit else REFUSED_PPI + 1
        yield finding(
            "low_resolution",
            f"{_printed(image)}; {least} is the least.",
            "Replace it with one of 300 ppi at the size it is printed.",
        )


def _coarse_images(census: Census) -> Iterator[Fault]:
    if any(True for _ in _images(census)):
        return
    for image in _lowest(census, WARNED_PPI, WARNED_ONE_BIT_PPI):
        detail = f"{_printed(image)} and may look coarse."
        yield finding("coarse_image", detail, "Use 300 ppi at the size it is printed.")


def _printed(image: ImageUse) -> str:
    return f"An image of {image.width_px} x {image.height_px} pixels prints at {image.ppi:.0f} ppi"


def _lowest(census: Census, grey_ppi: int, one_bit_ppi: int) -> list[ImageUse]:
    """The coarsest image at or below its limit, of those with tones and of those of one bit."""
    under = [image for image in census.images if round(image.ppi) <= (one_bit_ppi if image.one_bit else grey_ppi)]
    kinds = ([image for image in under if image.one_bit is one_bit] for one_bit in (False, True))
    return [min(kind, key=lambda image: image.ppi) for kind in kinds if kind]


def _layers(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    """Layers that are switched off come back when a page is placed on a sheet, since the switches stay behind."""
    properties = pdf.Root.get("/OCProperties")
    default = properties.get("/D") if properties is not None else None
    if default is not None and (
        len(default.get("/OFF", [])) or default.get("/BaseState") == "/OFF" or "/AS" in default
    ):
        yield finding(
            "hidden_layers", "The PDF has layers that are switched off.", "Flatten the layers, and export again."
        )


def _dropped(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    if len(pdf.pages[0].get("/Annots", [])):
        yield finding(
            "annotations_dropped", "Comments, links and form fields do not print.", "Flatten what has to print."
        )
    scripts = "/JavaScript" in pdf.Root.get("/Names", pikepdf.Dictionary())
    if scripts or any(key in pdf.Root for key in ("/OpenAction", "/AA", "/AcroForm")) or pdf.attachments:
        yield finding(
            "active_content_dropped", "Scripts, forms and attachments were removed.", "Nothing has to be done."
        )


def _refused(code: str, detail: str, remedy: str, pages: int = 0) -> Report:
    return Report("pdf", (finding(code, detail, remedy),), pages=pages)


def _unreadable(error: Exception) -> Report:
    """qpdf tells by its message alone that a limit of ours was reached."""
    if "limit" in str(error).lower() or "memory" in str(error).lower():
        detail = "Unpacked, the file is larger than any artwork needs to be."
        return _refused("decompression_bomb", detail, _EXPORT)
    return _refused("damaged_file", "The PDF cannot be read to its end.", _EXPORT)

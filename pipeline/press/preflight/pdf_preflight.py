"""Preflight of PDF artwork: opens, has the right pages of the right size, prints the same everywhere."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pikepdf

from pipeline.press.artbox import NoBoxError, PageView, artwork_box, placing, view
from pipeline.press.content_reader import TooComplexError
from pipeline.press.creative.layers import Flattened, flatten_layers
from pipeline.press.geometry import Rect, inches
from pipeline.press.limits import MALFORMED, limit_qpdf
from pipeline.press.opening import open_artwork
from pipeline.press.preflight.census import Census
from pipeline.press.preflight.content import Shared, take_census
from pipeline.press.preflight.content_checks import content_findings, named
from pipeline.press.report import Finding, Report, finding, warning
from pipeline.products import Product

_EXPORT = "Export the PDF again from the program that made it, and check that it opens."
# What qpdf says when it had to guess at the file's structure. What it guessed may print with parts missing.
_REBUILT = (
    "file is damaged", "reconstruct", "unable to find trailer", "premature end", "loop detected", "too many errors",
)  # fmt: skip


def inspect_pdf(source: Path, product: Product) -> Report:
    """All that can be found in one go; a file that does not open has that finding alone."""
    limit_qpdf()
    try:
        with open_artwork(source) as pdf:
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
    report = Report("pdf", pages=pages).with_more(_page_count(pages, product))
    shared = Shared()
    for number in range(1, min(pages, product.most_pages) + 1):
        report = _inspect_page(pdf, number, product, shared, report)
    if _was_rebuilt(pdf):
        return _refused("damaged_file", "The page's content is cut short or damaged.", _EXPORT, pages)
    return report.with_more(_dropped(pdf))


def _inspect_page(pdf: pikepdf.Pdf, number: int, product: Product, shared: Shared, report: Report) -> Report:
    page = pdf.pages[number - 1]
    layers = flatten_layers(pdf, page)
    seen = view(page)
    box = artwork_box(seen, product)
    matrix = placing(seen, box, product) if box else (seen.unit, 0.0, 0.0, seen.unit, 0.0, 0.0)
    census = take_census(page, matrix, shared)
    drawn = content_findings(census, product, placed=box is not None)
    found = [*_size(seen, product), *_layers(layers), *drawn, *_boxes(seen)]
    width, height = seen.size_pt(box or seen.visible)
    size_in = (round(inches(width), 3), round(inches(height), 3))
    lowest = min(filter(None, (report.ppi, _lowest_ppi(census))), default=None)
    whole = replace(report, size_in=report.size_in or size_in, ppi=lowest)
    return whole.with_more(replace(one, page=number) for one in found)


def _lowest_ppi(census: Census) -> float | None:
    return round(min((image.ppi for image in census.images), default=0)) or None


def _was_rebuilt(pdf: pikepdf.Pdf) -> bool:
    return any(sign in str(one) for one in pdf.get_warnings() for sign in _REBUILT)


def _page_count(pages: int, product: Product) -> Iterator[Finding]:
    most = product.most_pages
    if pages <= most:
        return
    if most == 1:
        detail = f"The PDF has {pages} pages; a side takes one."
        remedy = "Send the front and the back as two files of one page each."
    else:
        detail = f"The PDF has {pages} pages; {product.title} takes {most}, on {product.most_sheets} sheets."
        remedy = "Leave pages out."
    yield finding("page_count", detail, remedy, measured=f"{pages} pages", required=f"at most {most}")


def _size(seen: PageView, product: Product) -> Iterator[Finding]:
    if artwork_box(seen, product) is None:
        width, height = (inches(side) for side in seen.size_pt(seen.visible))
        yield wrong_size("The page is", (width, height), product)


def wrong_size(what: str, size_in: tuple[float, float], product: Product, *, more: str = "") -> Finding:
    """`what` begins the sentence, `more` follows the measured size."""
    measured = f"{size_in[0]:.3f} x {size_in[1]:.3f} in"
    size = f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in"
    parts = f"the trim and {product.bleed_in:g} in of bleed on each side" if product.bleed_in else "the trim"
    detail = f"{what} {measured}{more}; {product.title} takes {size}, {parts}."
    turned = (size_in[0] < size_in[1]) != (product.bleed_width_in < product.bleed_height_in)
    remedy = _needed(product) + (" It lies the other way round: turn it." if turned else "")
    return finding("wrong_page_size", detail, remedy, measured=measured, required=size)


def _needed(product: Product) -> str:
    size = f"{product.bleed_width_in:g} x {product.bleed_height_in:g} in"
    return f"Set the page to {size}{', and let the background run to its edges' if product.bleed_in else ''}."


def _boxes(seen: PageView) -> Iterator[Finding]:
    """What GWG refuses (R0002 to R0004) and normalizing takes out: told, since a viewer may show it otherwise."""
    if seen.unit != 1:
        detail = f"The page counts in units of {seen.unit:g} points."
        yield warning(
            "page_units", detail, "Export it at its real size.", measured=f"{seen.unit:g} pt", required="1 pt"
        )
    if seen.rotate:
        detail = f"The page is stored turned by {seen.rotate} degrees; it prints as viewers show it."
        remedy = "Look at the proof, or export it upright."
        yield warning("page_turned", detail, remedy, measured=f"{seen.rotate}°", required="0°")
    if seen.trim is not None and not (seen.bleed or seen.media).holds(seen.trim, 0.01):
        detail = "The TrimBox does not lie inside the BleedBox and the page."
        yield warning(
            "odd_boxes",
            detail,
            "Set the boxes again, or export without them.",
            measured=_corners(seen.trim),
            required=f"inside {_corners(seen.bleed or seen.media)}",
        )


def _corners(rect: Rect) -> str:
    """For people, in the page's own units."""
    return " ".join(f"{edge:g}" for edge in (rect.x_pt, rect.y_pt, rect.right_pt, rect.top_pt))


def _layers(layers: Flattened) -> Iterator[Finding]:
    if layers.unclear:
        yield finding(
            "unclear_layers",
            f"Layers that show in one place and are hidden in another, on a screen or in print: {named(layers.unclear)}.",
            "Give each layer one state for screen and print, or delete what must not print, and export again.",
            measured=f"{len(layers.unclear)} of them",
            required="one state for each",
        )
    if layers.left_out:
        detail = f"Layers that are switched off do not print: {named(layers.left_out)}."
        remedy = "Switch on what has to print, and export again."
        yield warning("layers_left_out", detail, remedy, measured=f"{len(layers.left_out)} off", required="all on")


def _dropped(pdf: pikepdf.Pdf) -> Iterator[Finding]:
    if len(pdf.pages[0].get("/Annots", [])):
        detail = "Comments, links and form fields do not print."
        yield warning("annotations_dropped", detail, "Flatten what has to print.")
    scripts = "/JavaScript" in pdf.Root.get("/Names", pikepdf.Dictionary())
    if scripts or any(key in pdf.Root for key in ("/OpenAction", "/AA", "/AcroForm")) or pdf.attachments:
        detail = "Scripts, forms and attachments were removed."
        yield warning("active_content_dropped", detail, "Nothing has to be done.")


def _refused(code: str, detail: str, remedy: str, pages: int = 0) -> Report:
    return Report("pdf", (finding(code, detail, remedy),), pages=pages)


def _unreadable(error: Exception) -> Report:
    """qpdf tells by its message alone that a limit of ours was reached, or that it cannot decrypt."""
    if "encrypt" in str(error).lower():
        return _refused("pdf_encrypted", "The PDF is encrypted.", "Save it without a password or restrictions.")
    if "limit" in str(error).lower() or "memory" in str(error).lower():
        detail = "Unpacked, the file is larger than any artwork needs to be."
        return _refused("decompression_bomb", detail, _EXPORT)
    return _refused("damaged_file", "The PDF cannot be read to its end.", _EXPORT)

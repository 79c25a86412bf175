"""Says whether an artwork file can be printed as a product, and if not, why, where and what to do.

Reads hostile files: run it in a child process with limits (`pipeline.press.process.child`).
"""

from dataclasses import replace
from pathlib import Path

from pipeline.press.file_kind import sniff
from pipeline.press.preflight.appearance import OTHER, look_at
from pipeline.press.preflight.image_preflight import inspect_image
from pipeline.press.preflight.pdf_preflight import inspect_pdf
from pipeline.press.report import Report, finding
from pipeline.products import Product, Side

LARGEST_BYTES = 25 * 1024 * 1024

_ACCEPTED = "Send a PDF, PNG or JPEG file."
# Codes of findings that leave nothing to be looked at.
_UNSEEN = frozenset({
    "damaged_file", "decompression_bomb", "pdf_encrypted", "too_complex", "unclear_layers", "unsupported_file",
    "wrong_page_size",
})  # fmt: skip


def inspect(source: Path, product: Product, side: Side | None = None) -> Report:
    """Look at the whole file, by content and not by name. Findings have empty pointers: the caller knows the field.

    Without a side, what would only be wrong on the address side is told apart from the rest.
    """
    size = source.stat().st_size
    if size > LARGEST_BYTES:
        detail = f"The file has {size / 1e6:.1f} MB; {LARGEST_BYTES / 1e6:.1f} MB is the most."
        remedy = "Save images at 300 to 450 ppi, and export again."
        return Report("unknown", (finding("too_large", detail, remedy),))
    kind = sniff(source)
    if kind == "pdf":
        return _looked_at(source, product, side, inspect_pdf(source, product))
    if kind in ("png", "jpeg"):
        return _looked_at(source, product, side, inspect_image(source, product, kind))
    detail = (
        "The file is empty." if size == 0 else "The file's content is not a PDF, PNG or JPEG, whatever its name says."
    )
    return Report("unknown", (finding("unsupported_file", detail, _ACCEPTED),))


def _looked_at(source: Path, product: Product, side: Side | None, report: Report) -> Report:
    """What a look at the artwork adds, page by page."""
    if not report.pages or any(found.code in _UNSEEN for found in report.findings):
        return report
    pages = min(report.pages, product.most_pages)
    for page, seen in enumerate(look_at(source, report.kind, product, pages)):
        # The first page of a document is its address side, whoever asks, and any may bear the mark of a sheet.
        shown_as = (
            side if not product.is_document else product.address_side if page == 0 else OTHER[product.address_side]
        )
        address = [replace(one, page=page + 1) for one in seen.as_address_side]
        other = [replace(one, page=page + 1) for one in seen.as_other_side]
        always = [replace(one, page=page + 1) for one in seen.always]
        if shown_as == product.address_side:
            report = report.with_more([*always, *address])
        elif shown_as is not None:
            report = report.with_more([*always, *other])
        else:
            report = report.with_more(always, address_side=address)
    return report

"""Says whether an artwork file can be printed as a product, and if not, why and what to do.

Reads hostile files: run it in a child process with limits (`pipeline.press.child`).
"""

from pathlib import Path

from pipeline.press.file_kind import sniff
from pipeline.press.image_preflight import inspect_image
from pipeline.press.pdf_preflight import inspect_pdf
from pipeline.press.report import Report, finding
from pipeline.products import Product

LARGEST_BYTES = 25 * 1024 * 1024

_ACCEPTED = "Send a PDF, PNG or JPEG file."


def inspect(source: Path, product: Product) -> Report:
    """Look at the whole file, by content and not by name. Findings have empty pointers: the caller knows the field."""
    size = source.stat().st_size
    if size > LARGEST_BYTES:
        detail = f"The file has {size / 1e6:.1f} MB; {LARGEST_BYTES / 1e6:.1f} MB is the most."
        return Report("unknown", (finding("too_large", detail, "Save images at 300 to 450 ppi, and export again."),))
    kind = sniff(source)
    if kind == "pdf":
        return inspect_pdf(source, product)
    if kind in ("png", "jpeg"):
        return inspect_image(source, product, kind)
    detail = (
        "The file is empty." if size == 0 else "The file's content is not a PDF, PNG or JPEG, whatever its name says."
    )
    return Report("unknown", (finding("unsupported_file", detail, _ACCEPTED),))

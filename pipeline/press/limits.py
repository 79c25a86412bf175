"""How large a file may become when it is unpacked. qpdf and Pillow have no such limits unless they are told."""

import pikepdf

MOST_UNPACKED_BYTES = 256 * 1024 * 1024
# 300 ppi on the largest card is 6 megapixels, 600 ppi 25.
MOST_PIXELS = 100_000_000
# In the content of a page or form, where readers go on. qpdf stops there with a warning, at 15 unless it is told.
MOST_ERRORS = 1000


# What reading a malformed PDF raises. pikepdf's objects are of the types that the file says: asking a number for its keys
# is an AttributeError, a name for its value a TypeError, and so on through the list.
MALFORMED = (
    pikepdf.PdfError, pikepdf.PasswordError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError,
    RuntimeError, OSError,
)  # fmt: skip


def limit_qpdf() -> None:
    """For the whole process, and for good: qpdf keeps one set of limits."""
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=MOST_UNPACKED_BYTES,
        dct_max_memory=MOST_UNPACKED_BYTES,
        png_max_memory=MOST_UNPACKED_BYTES,
        run_length_max_memory=MOST_UNPACKED_BYTES,
        tiff_max_memory=MOST_UNPACKED_BYTES,
        dct_max_progressive_scans=100,
        parser_max_errors=MOST_ERRORS,
    )

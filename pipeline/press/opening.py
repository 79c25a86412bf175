"""Opens artwork that is a PDF.

qpdf believes no object number above a third of the file's length, and finds no catalog where a page was taken out of a large
document under its old numbers. Such a file is opened as one that is longer.
"""

import re
from io import BytesIO
from pathlib import Path

import pikepdf

_NO_CATALOG = "unable to find /Root"
_BYTES_PER_NUMBER = 4
# Of the highest number of a file; larger documents than that are not sent in parts.
_MOST_NUMBER = 1_000_000
_SIZE = re.compile(rb"/Size\s+(\d+)")
_START = re.compile(rb"startxref\s+(\d+)")


def open_artwork(source: Path) -> pikepdf.Pdf:
    """Raises what `pikepdf.open` does."""
    try:
        return pikepdf.open(source)
    except pikepdf.PdfError as error:
        if _NO_CATALOG not in str(error):
            raise
        longer = _longer(source.read_bytes())
        if longer is None:
            raise
    return pikepdf.open(BytesIO(longer))


def _longer(data: bytes) -> bytes | None:
    """With a comment after its end that gives room to its numbers, and its end once more; None where that would not help."""
    sizes, starts = _SIZE.findall(data), _START.findall(data)
    room = max(map(int, sizes), default=0) * _BYTES_PER_NUMBER
    if not starts or not len(data) < room <= _MOST_NUMBER * _BYTES_PER_NUMBER:
        return None
    return b"%b\n%%%b\nstartxref\n%b\n%%%%EOF\n" % (data, b" " * room, starts[-1])

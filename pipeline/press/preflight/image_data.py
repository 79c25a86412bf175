"""Whether the data of a picture in a PDF decodes to its end: a viewer leaves out what does not, and a press may stop at it.

JPEG 2000 and JBIG2 are judged by the engine that renders proofs, but for JBIG2 that is cut short.
"""

import warnings
from io import BytesIO
from math import ceil

import pikepdf
import pypdfium2
from PIL import Image

from pipeline.press.colours.spaces import channels_of
from pipeline.press.filters import WHOLLY, behind, filters_of
from pipeline.press.limits import MALFORMED, MOST_PIXELS
from pipeline.press.preflight.fax_data import Fax
from pipeline.press.preflight.jbig2_data import is_cut_short

_PLAIN = frozenset({"/ASCIIHexDecode", "/ASCII85Decode", "/LZWDecode", "/FlateDecode", "/RunLengthDecode"})
_JPEG = "/DCTDecode"
# What only a viewer's own decoders read.
_FAX, _JBIG2, _JPX = "/CCITTFaxDecode", "/JBIG2Decode", "/JPXDecode"
# Some writers leave the last row out, and readers fill it up.
_ROWS_LEFT_OUT = 1


def is_damaged(image: pikepdf.Stream) -> bool:
    """Of an image that is placed, or of a mask of one. What is refused for its size is not looked into."""
    try:
        too_large = int(image.Width) * int(image.Height) > MOST_PIXELS
        return not too_large and not _decodes(image)
    except (*MALFORMED, SyntaxError, pypdfium2.PdfiumError):
        return True


def _decodes(image: pikepdf.Stream) -> bool:
    filters = filters_of(image)
    if any(one not in _PLAIN for one in filters[:-1]):
        return False
    last = filters[-1] if filters else ""
    if last == _JPX:
        return _is_drawn(image)
    if last == _FAX:
        return not Fax.of(image, behind(image, len(filters) - 1)).is_damaged and _is_drawn(image)
    if last == _JBIG2:
        return not is_cut_short(behind(image, len(filters) - 1)) and _is_drawn(image)
    if last == _JPEG:
        return _is_whole_jpeg(behind(image, len(filters) - 1), image)
    return (not last or last in _PLAIN) and _is_long_enough(image)


def _is_long_enough(image: pikepdf.Stream) -> bool:
    channels = 1 if image.get("/ImageMask", False) else channels_of(image.get("/ColorSpace"))
    bits = 1 if image.get("/ImageMask", False) else int(image.get("/BitsPerComponent", 8))
    row, rows = ceil(int(image.Width) * channels * bits / 8), int(image.Height)
    return len(image.read_bytes(WHOLLY)) >= row * (rows - _ROWS_LEFT_OUT)


def _is_whole_jpeg(data: bytes, image: pikepdf.Stream) -> bool:
    """Of another size or other channels than the PDF says, viewers draw it or not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        with Image.open(BytesIO(data), formats=["JPEG"]) as opened:
            if opened.width * opened.height > MOST_PIXELS:
                return True  # refused for its size
            said = int(image.Width), int(image.Height), channels_of(image.get("/ColorSpace"))
            agrees = said == (*opened.size, len(opened.getbands()))
            # Read to its end all the same, and an eighth is quicker to draw.
            opened.draft(None, (max(opened.width // 8, 1), max(opened.height // 8, 1)))
            opened.load()
    return agrees or _is_drawn(image)


def _is_drawn(image: pikepdf.Stream) -> bool:
    """Put on a page by itself."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page(page_size=(72, 72))
        page = pdf.pages[0].obj
        page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(I=pdf.copy_foreign(image)))
        page.Contents = pdf.make_stream(b"72 0 0 72 0 0 cm /I Do")
        alone = BytesIO()
        pdf.save(alone)
    document = pypdfium2.PdfDocument(alone)
    try:
        shown = list(document[0].get_objects(max_depth=1))
        return bool(shown) and shown[0].get_bitmap() is not None
    finally:
        document.close()

"""Whether a font program can be drawn with at all, by the engine that renders proofs: a press would take another font for it."""

import ctypes

import pypdfium2
import pypdfium2.raw as pdfium


def can_draw(program: bytes) -> bool:
    """TrueType, OpenType, CFF or Type 1. May crash on hostile programs: for a child process with limits."""
    document = pypdfium2.PdfDocument.new()
    try:
        data = (ctypes.c_ubyte * len(program)).from_buffer_copy(program)
        # It finds out by itself of which kind the program is.
        font = pdfium.FPDFText_LoadFont(document, data, len(program), pdfium.FPDF_FONT_TRUETYPE, 0)
        if font:
            pdfium.FPDFFont_Close(font)
        return bool(font)
    finally:
        document.close()

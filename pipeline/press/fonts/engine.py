"""Whether a font program can be drawn with at all, by the engine that renders proofs: a press would take another font for it."""

from io import BytesIO

import pikepdf
import pypdfium2
import pypdfium2.raw as pdfium
from pikepdf import Array, Dictionary, Name


def can_draw(program: bytes) -> bool:
    """TrueType, OpenType, CFF or Type 1. May crash on hostile programs: for a child process with limits."""
    document = pypdfium2.PdfDocument(_line_of_text(program))
    try:
        page = document[0]
        text = pdfium.FPDFPage_GetObject(page, 0)
        return bool(pdfium.FPDFFont_GetIsEmbedded(pdfium.FPDFTextObj_GetFont(text)) == 1)
    finally:
        document.close()


def _line_of_text(program: bytes) -> bytes:
    """A file that shows text in that font. The engine finds out by itself of which kind the program is."""
    out = BytesIO()
    with pikepdf.new() as pdf:
        described = Dictionary(
            Type=Name.FontDescriptor, FontName=Name.Tried, Flags=4, FontFile2=pdf.make_stream(program)
        )
        font = Dictionary(
            Type=Name.Font, Subtype=Name.TrueType, BaseFont=Name.Tried, FirstChar=65, LastChar=65, Widths=Array([500]),
            FontDescriptor=pdf.make_indirect(described),
        )  # fmt: skip
        pdf.add_blank_page(page_size=(72, 72))
        pdf.pages[0].obj.Resources = Dictionary(Font=Dictionary(F=pdf.make_indirect(font)))
        pdf.pages[0].obj.Contents = pdf.make_stream(b"BT /F 9 Tf (A) Tj ET")
        pdf.save(out, compress_streams=False)
    return out.getvalue()

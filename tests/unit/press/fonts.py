"""Fonts for artwork, built by hand: a program, its descriptor and the dictionaries around them."""

import pikepdf
from pikepdf import Array, Dictionary, Name

from pipeline.press.html.typefaces import FONTS

LIBERATION = FONTS / "LiberationSans-Regular.ttf"
DECLARED = 700
"""The width of every code of these fonts, in thousandths."""


def descriptor(pdf: pikepdf.Pdf, key: str, program: bytes, flags: int, **entries: pikepdf.Object) -> Dictionary:
    found = Dictionary(
        Type=Name.FontDescriptor, FontName=Name.Test, Flags=flags, ItalicAngle=0, Ascent=900, Descent=-200, CapHeight=700, StemV=80,
        FontBBox=Array([0, -200, 1000, 900]),
    )  # fmt: skip
    found[key] = pdf.make_stream(program, **entries)
    return pdf.make_indirect(found)


def simple(pdf: pikepdf.Pdf, kind: str, described: Dictionary, **entries: pikepdf.Object) -> pikepdf.Object:
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name("/" + kind), BaseFont=Name.Test, FirstChar=32, LastChar=126, Widths=Array([DECLARED] * 95),
        FontDescriptor=described, **entries,
    ))  # fmt: skip


def composite(
    pdf: pikepdf.Pdf,
    kind: str,
    described: Dictionary,
    encoding: pikepdf.Object | None = None,
    **entries: pikepdf.Object,
) -> pikepdf.Object:
    inner = Dictionary(
        Type=Name.Font, Subtype=Name("/" + kind), BaseFont=Name.Test, FontDescriptor=described, DW=1000,
        W=Array([0, 500, DECLARED]), CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0), **entries,
    )  # fmt: skip
    return pdf.make_indirect(Dictionary(
        Type=Name.Font, Subtype=Name.Type0, BaseFont=Name.Test, Encoding=Name("/Identity-H") if encoding is None else encoding,
        DescendantFonts=Array([inner]),
    ))  # fmt: skip

"""Turns accepted artwork into what imposition places: one page, exactly the bleed, with nothing in it but what prints.

Reads hostile files: run it in a child process with limits (`pipeline.press.process.child`).
"""

from pathlib import Path
from typing import BinaryIO

import pikepdf

from pipeline.errors import Permanent
from pipeline.press.artbox import NoBoxError, artwork_box, placing, view
from pipeline.press.colours.srgb import icc_space, srgb_profile
from pipeline.press.content_reader import TooComplexError
from pipeline.press.creative.colour_spaces import settle_spaces
from pipeline.press.creative.conform import conform
from pipeline.press.creative.drawn_advances import settle_drawn_advances
from pipeline.press.creative.font_widths import settle_widths
from pipeline.press.creative.image_page import draw_image
from pipeline.press.creative.layers import flatten_layers, forget_layers
from pipeline.press.creative.resources import settle_resources
from pipeline.press.creative.spots import settle_spots
from pipeline.press.file_kind import sniff
from pipeline.press.fonts.shown import shown_fonts
from pipeline.press.geometry import Rect, bleed_rect, numbers, trim_rect
from pipeline.press.limits import MALFORMED, limit_qpdf
from pipeline.press.opening import open_artwork
from pipeline.products import Product

# Keys of objects that a page reaches which do not print: file attachments, private data, links to documents elsewhere, hints
# on where else a file of records has the same.
_DROPPED = (
    "/AF", "/Alternates", "/F", "/FDecodeParms", "/FFilter", "/GTS_Encapsulated", "/GTS_Env", "/GTS_Scope", "/GTS_XID",
    "/LastModified", "/Metadata", "/OPI", "/PieceInfo", "/Ref", "/StructParent", "/StructParents",
)  # fmt: skip


_Drawn = tuple[pikepdf.Object, bytes]
"""A page's artwork as a form or an image, and the operators that draw it."""


def normalize(source: Path, product: Product, out_pdf: Path | BinaryIO, *, page: int | None = None) -> None:
    """Write one page of `source`, counted from 0, or all that the product takes: the same bytes for the same source.

    Each page has its origin at the lower left of the bleed, TrimBox and BleedBox, upright whatever the source's Rotate,
    UserUnit or EXIF orientation. Expects a file that preflight passed. Raises `Permanent("unreadable_artwork")`.
    """
    limit_qpdf()
    size = bleed_rect(product)
    kind = sniff(source)
    try:
        with pikepdf.new() as pdf:
            as_pdf = kind == "pdf"
            drawn = _draw_pages(pdf, source, product, page) if as_pdf else [draw_image(pdf, source, kind, size)]
            _clean(pdf)
            for art, drawing in drawn:
                _add_page(pdf, product, size, art, drawing)
            pdf.save(out_pdf, deterministic_id=True, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    except (*MALFORMED, NoBoxError, TooComplexError) as error:
        raise Permanent("unreadable_artwork", "the artwork cannot be read; preflight says why") from error


def _draw_pages(pdf: pikepdf.Pdf, source: Path, product: Product, only: int | None) -> list[_Drawn]:
    with open_artwork(source) as given:
        wanted = range(min(len(given.pages), product.most_pages)) if only is None else (only,)
        if not wanted:
            raise ValueError("the file has no pages")
        drawn = [_draw_page(pdf, given, given.pages[number], product) for number in wanted]
    forget_layers(pdf)
    settle_resources(pdf, [form for form, _ in drawn])
    settle_spaces(pdf)
    settle_spots(pdf)
    fonts = shown_fonts(pdf, [form for form, _ in drawn])
    settle_widths(pdf, fonts)
    settle_drawn_advances(pdf, fonts)
    _default_rgb(pdf)
    conform(pdf)
    return drawn


def _draw_page(pdf: pikepdf.Pdf, given: pikepdf.Pdf, page: pikepdf.Page, product: Product) -> _Drawn:
    seen = view(page)
    box = artwork_box(seen, product)
    if box is None:
        raise ValueError(f"the page has not the size of {product.name}")
    flatten_layers(given, page)
    form = page.as_form_xobject(handle_transformations=False)
    # qpdf clips to the TrimBox, which would cut the bleed off.
    form.BBox = pikepdf.Array(_corners(box))
    form.Matrix = pikepdf.Array([1, 0, 0, 1, 0, 0])
    return pdf.copy_foreign(form), f"q {numbers(*placing(seen, box, product))} cm /Art Do Q".encode()


def _add_page(pdf: pikepdf.Pdf, product: Product, size: Rect, art: pikepdf.Object, drawing: bytes) -> None:
    pdf.add_blank_page(page_size=(size.width_pt, size.height_pt))
    page = pdf.pages[-1].obj
    page.BleedBox = pikepdf.Array(_corners(size))
    page.TrimBox = pikepdf.Array(_corners(trim_rect(product)))
    page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Art=art))
    page.Contents = pdf.make_stream(drawing)


def _default_rgb(pdf: pikepdf.Pdf) -> None:
    """Say that plain RGB means sRGB, in all that has resources of its own: forms, patterns, fonts of drawn glyphs."""
    space = icc_space(pdf, srgb_profile(), 3)
    for obj in pdf.objects:
        if isinstance(obj, pikepdf.Stream | pikepdf.Dictionary) and isinstance(
            obj.get("/Resources"), pikepdf.Dictionary
        ):
            spaces = obj.Resources.get("/ColorSpace", pikepdf.Dictionary())
            if "/DefaultRGB" not in spaces:
                spaces.DefaultRGB = space
            obj.Resources.ColorSpace = spaces


def _clean(pdf: pikepdf.Pdf) -> None:
    for obj in pdf.objects:
        if isinstance(obj, pikepdf.Stream | pikepdf.Dictionary):
            for key in _DROPPED:
                # `/F` in a font's widths or a halftone means something else; on a stream it is a file elsewhere.
                if key in obj and (key != "/F" or isinstance(obj, pikepdf.Stream)):
                    del obj[key]


def _corners(rect: Rect) -> list[float]:
    return [round(value, 4) for value in (rect.x_pt, rect.y_pt, rect.right_pt, rect.top_pt)]

"""Artwork that viewers show and PDF/X-4 would not have as it is prints on sheets as in its file, and keeps every rule there."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.models.profile import Imposition
from pipeline.press.colours.srgb import srgb_profile
from pipeline.press.creative.normalize import normalize
from pipeline.press.preflight.inspect import inspect
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press.hostile import image_of, pdf_with
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import difference, render
from tests.unit.press.x4_checker import violations

GROUND = b"0.8 0.9 1 rg 0 0 450 306 re f\n"
SQUARE = b"1 0 0 rg 100 80 200 120 re f"
BOX = Array([0, 0, 450, 306])

Change = Callable[[pikepdf.Pdf, pikepdf.Object], None]


def _draws(pdf: pikepdf.Pdf, page: pikepdf.Object, content: bytes, **resources: pikepdf.Object) -> None:
    page.Contents = pdf.make_stream(GROUND + content)
    page.Resources = Dictionary({f"/{kind}": named for kind, named in resources.items()})


def a_page_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    _draws(pdf, page, SQUARE)
    del page.Resources


def a_form_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    inner = pdf.make_stream(SQUARE, Type=Name.XObject, Subtype=Name.Form, BBox=BOX)
    outer = pdf.make_stream(b"/Inner Do", Type=Name.XObject, Subtype=Name.Form, BBox=BOX)
    _draws(pdf, page, b"/Outer Do", XObject=Dictionary(Outer=outer, Inner=inner))


def a_drawn_font_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object, *, inline: bool = False) -> None:
    picture = pdf.make_stream(SQUARE, Type=Name.XObject, Subtype=Name.Form, BBox=BOX, Resources=Dictionary())
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=BOX, FontMatrix=Array([1, 0, 0, 1, 0, 0]), FirstChar=65, LastChar=65,
        Widths=Array([450]), Encoding=Dictionary(Type=Name.Encoding, Differences=Array([65, Name.picture])),
        CharProcs=Dictionary(picture=pdf.make_stream(b"450 0 d0 0 0 1 rg 20 20 50 50 re f /Picture Do")),
    )  # fmt: skip
    fonts, placed = Dictionary(F=font if inline else pdf.make_indirect(font)), Dictionary(Picture=picture)
    _draws(pdf, page, b"BT /F 1 Tf (A) Tj ET", Font=fonts, XObject=placed)


def an_inline_font_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    a_drawn_font_without_resources(pdf, page, inline=True)


def an_inline_font_of_the_resources_that_hold_it(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    a_drawn_font_without_resources(pdf, page, inline=True)
    page.Resources = resources = pdf.make_indirect(page.Resources)
    resources.Font.F.Resources = resources


def an_inline_font_with_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    """All of it in the page, which has the same name for another picture."""
    a_drawn_font_without_resources(pdf, page, inline=True)
    own, placed = page.Resources.Font.F, page.Resources.XObject
    own.Resources = Dictionary(XObject=Dictionary(Picture=placed.Picture))
    placed.Picture = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=BOX)


def a_pattern_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    pattern = pdf.make_stream(
        b"1 0 0 rg 0 0 10 10 re f", Type=Name.Pattern, PatternType=1, PaintType=1, TilingType=1,
        BBox=Array([0, 0, 20, 20]), XStep=20, YStep=20,
    )  # fmt: skip
    _draws(pdf, page, b"/Pattern cs /P scn 100 80 200 120 re f", Pattern=Dictionary(P=pattern))


def a_mask_without_resources(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    group = pdf.make_stream(
        b"1 1 1 rg 100 80 200 120 re f", Type=Name.XObject, Subtype=Name.Form, BBox=BOX,
        Group=Dictionary(S=Name.Transparency, CS=Name.DeviceRGB),
    )  # fmt: skip
    state = Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))
    _draws(pdf, page, b"/M gs 1 0 0 rg 0 0 450 306 re f", ExtGState=Dictionary(M=state))


def a_drawn_font_of_other_advances(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    """One glyph says too little, one too much, one nothing."""
    drawn = {"/a": b"3 0 d0 ", "/b": b" 90 0 0 0 100 100 d1\n", "/c": b""}
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=BOX, FontMatrix=Array([1, 0, 0, 1, 0, 0]), FirstChar=97, LastChar=99,
        Widths=Array([80, 80, 60.5]), Encoding=Dictionary(Differences=Array([97, Name.a, Name.b, Name.c])), Resources=Dictionary(),
        CharProcs=Dictionary({name: pdf.make_stream(start + b"0 0 50 90 re f") for name, start in drawn.items()}),
    )  # fmt: skip
    _draws(pdf, page, b"BT 1 0 0 rg /F 1 Tf 60 60 Td (abc) Tj ET", Font=Dictionary(F=font))


def a_drawing_for_several_widths(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    """Of two names, and of two codes of one name; another font has the same. Three codes show nothing, and one is beyond all."""
    drawing = pdf.make_stream(b"80 0 d0 0 0 50 90 re f")
    names = Array([97, Name.a, Name.b, Name.a, Name.space, Name("/.notdef")])
    font = Dictionary(
        Type=Name.Font, Subtype=Name.Type3, FontBBox=BOX, FontMatrix=Array([1, 0, 0, 1, 0, 0]), FirstChar=97, LastChar=102,
        Widths=Array([55, -60, 120, 20, 10, 15]), Encoding=pdf.make_indirect(Dictionary(Differences=names)), Resources=Dictionary(),
        CharProcs=pdf.make_indirect(Dictionary(a=drawing, b=drawing)),
    )  # fmt: skip
    narrow = Dictionary({**font, "/Widths": Array([52, 52, 52, 20, 10, 15])})
    text = b"BT 1 0 0 rg /F .7 Tf 60 60 Td (abcdefga) Tj /N .7 Tf 0 120 Td (abcdefga) Tj ET"
    _draws(pdf, page, text, Font=Dictionary(F=font, N=narrow))


def a_grey_picture_for_a_stencil(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    kind = {"/Type": Name.XObject, "/Subtype": Name.Image, "/Width": 600, "/Height": 600}
    mask = pdf.make_stream(
        b"\xff" * 75 * 300 + b"\0" * 75 * 300,
        Dictionary({**kind, "/BitsPerComponent": 1, "/ColorSpace": Name.DeviceGray}),
    )
    red = Dictionary({**kind, "/BitsPerComponent": 8, "/ColorSpace": Name.DeviceRGB, "/Mask": mask})
    placed = Dictionary(I=pdf.make_stream(b"\xff\0\0" * 600 * 600, red))
    _draws(pdf, page, b"200 0 0 200 100 50 cm /I Do", XObject=placed)


def a_mask_of_nothing(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    _draws(pdf, page, b"/M gs " + SQUARE, ExtGState=Dictionary(M=Dictionary(SMask=Dictionary(S=Name.Luminosity))))


def a_jpeg_in_lzw(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    data = BytesIO()
    image_of(600, 400).save(data, "JPEG")
    kind = Dictionary(
        Type=Name.XObject, Subtype=Name.Image, Width=600, Height=400, BitsPerComponent=8, ColorSpace=Name.DeviceRGB,
        Filter=Array([Name.LZWDecode, Name.DCTDecode]),
    )  # fmt: skip
    _draws(
        pdf, page, b"200 0 0 133 100 80 cm /I Do", XObject=Dictionary(I=pdf.make_stream(_lzw(data.getvalue()), kind))
    )


def _lzw(data: bytes) -> bytes:
    """Nothing but single bytes, the table cleared before codes need more than nine bits."""
    clear, end, run = 256, 257, 200
    codes = [code for at in range(0, len(data), run) for code in (clear, *data[at : at + run])]
    bits = "".join(f"{code:09b}" for code in (*codes, end))
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8)


def profiles_of_no_use(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    """One is none, one is of three channels in place of one."""
    spaces = {"/Junk": (3, b"no profile at all" * 20), "/Other": (1, srgb_profile())}
    named = {name: Array([Name.ICCBased, pdf.make_stream(data, N=count)]) for name, (count, data) in spaces.items()}
    _draws(
        pdf,
        page,
        b"/Junk cs 1 0 0 sc 60 60 90 160 re f /Other cs 0 sc 200 60 90 160 re f",
        ColorSpace=Dictionary(named),
    )


def a_palette_cut_short(
    pdf: pikepdf.Pdf, page: pikepdf.Object, *, base: Name = Name.DeviceRGB, table: bytes = b"\xff\0\0\0\xff\0\xff\xff"
) -> None:
    """Two colours and a part of a third, which is shown as those are that are missing."""
    kind = Dictionary(
        Type=Name.XObject, Subtype=Name.Image, Width=600, Height=600, BitsPerComponent=8,
        ColorSpace=Array([Name.Indexed, base, 256, pikepdf.String(table)]),
    )  # fmt: skip
    picture = pdf.make_stream(b"".join(bytes([at]) * 600 * 150 for at in range(4)), kind)
    _draws(pdf, page, b"150 0 0 150 100 60 cm /I Do", XObject=Dictionary(I=picture))


def a_palette_of_inks_cut_short(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    a_palette_cut_short(pdf, page, base=Name.DeviceCMYK, table=b"\0\xff\xff\0\xff\0\0\0\0\0\xff")


def indexes_beyond_a_palette(pdf: pikepdf.Pdf, page: pikepdf.Object, *, bits: int = 8) -> None:
    """Two colours, and a picture of four: others than the one that draws here show the last colour for those that are not there."""
    samples = 8 // bits
    rows = [bytes([sum(at << bits * nth for nth in range(samples))]) * (600 // samples) * 150 for at in range(4)]
    kind = Dictionary(
        Type=Name.XObject, Subtype=Name.Image, Width=600, Height=600, BitsPerComponent=bits,
        ColorSpace=Array([Name.Indexed, Name.DeviceRGB, 1, pikepdf.String(b"\xff\0\0\0\xff\0" + b"\xff" * 6)]),
    )  # fmt: skip
    _draws(pdf, page, b"150 0 0 150 100 60 cm /I Do", XObject=Dictionary(I=pdf.make_stream(b"".join(rows), kind)))


def indexes_of_two_bits_beyond_a_palette(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
    indexes_beyond_a_palette(pdf, page, bits=2)


ODD = [
    a_page_without_resources, a_form_without_resources, a_drawn_font_without_resources, a_pattern_without_resources,
    a_mask_without_resources, a_drawn_font_of_other_advances, a_drawing_for_several_widths, a_grey_picture_for_a_stencil,
    a_mask_of_nothing,
    a_jpeg_in_lzw, an_inline_font_without_resources, an_inline_font_of_the_resources_that_hold_it,
    an_inline_font_with_resources,
    profiles_of_no_use,
    a_palette_cut_short, a_palette_of_inks_cut_short, indexes_beyond_a_palette, indexes_of_two_bits_beyond_a_palette,
]  # fmt: skip


@pytest.mark.parametrize("odd", ODD)
def test_it_prints_as_it_is_seen(tmp_path: Path, odd: Change) -> None:
    source = pdf_with(tmp_path / "given.pdf", odd)
    assert inspect(source, POSTCARD_4X6).ok
    normalize(source, POSTCARD_4X6, tmp_path / "normal.pdf")
    imposition = Imposition(mode="one_up")
    job = make_job({"front": tmp_path / "normal.pdf"}, make_pieces(1, imposition, back=None), imposition=imposition)
    sheets = impose(job, tmp_path / "out").files[0]
    assert violations(sheets) == []
    assert difference(render(sheets), render(source)) < 0.001
    bare = pdf_with(tmp_path / "bare.pdf", lambda pdf, page: _draws(pdf, page, b""))
    assert difference(render(sheets), render(bare)) > 0.03


def test_a_grey_picture_that_masks_another_is_a_soft_mask(tmp_path: Path) -> None:
    """The engine that draws here takes both for the same; others show what a stencil of grey should hide."""
    source = pdf_with(tmp_path / "given.pdf", a_grey_picture_for_a_stencil)
    normalize(source, POSTCARD_4X6, tmp_path / "normal.pdf")
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        [image] = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Stream) and "/SMask" in obj]
        assert "/Mask" not in image
        assert image.SMask.ColorSpace == "/DeviceGray"


def test_no_colour_is_left_that_only_some_readers_find(tmp_path: Path) -> None:
    for odd in (profiles_of_no_use, a_palette_cut_short):
        normalize(pdf_with(tmp_path / "given.pdf", odd), POSTCARD_4X6, tmp_path / f"{odd.__name__}.pdf")
    with pikepdf.open(tmp_path / "profiles_of_no_use.pdf") as pdf:
        [spaces] = [obj.Resources.ColorSpace for obj in pdf.objects if "/Junk" in _spaces(obj)]
        assert [str(space) for space in (spaces.Junk, spaces.Other)] == ["/DeviceRGB", "/DeviceGray"]
    with pikepdf.open(tmp_path / "a_palette_cut_short.pdf") as pdf:
        [space] = [obj.ColorSpace for obj in pdf.objects if isinstance(obj, pikepdf.Stream) and "/Width" in obj]
        assert int(space[2]) == 255
        assert bytes(space[3]) == b"\xff\0\0\0\xff\0".ljust(256 * 3, b"\0")


@pytest.mark.parametrize(
    ("odd", "highest"), [(indexes_beyond_a_palette, 255), (indexes_of_two_bits_beyond_a_palette, 3)]
)
def test_a_palette_has_a_colour_for_whatever_a_picture_may_ask_of_it(tmp_path: Path, odd: Change, highest: int) -> None:
    normalize(pdf_with(tmp_path / "given.pdf", odd), POSTCARD_4X6, tmp_path / "normal.pdf")
    with pikepdf.open(tmp_path / "normal.pdf") as pdf:
        [space] = [obj.ColorSpace for obj in pdf.objects if isinstance(obj, pikepdf.Stream) and "/Width" in obj]
        assert int(space[2]) == highest
        assert bytes(space[3]) == b"\xff\0\0\0\xff\0".ljust((highest + 1) * 3, b"\0")


def _spaces(obj: object) -> pikepdf.Object:
    resources = obj.get("/Resources") if isinstance(obj, pikepdf.Stream | Dictionary) else None
    return resources.get("/ColorSpace", Dictionary()) if isinstance(resources, Dictionary) else Dictionary()

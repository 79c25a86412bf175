"""Too much ink is seen in whatever it comes: spot colours, shadings, patterns, palettes; the same drawn with less passes."""

import struct
from collections.abc import Callable
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from pipeline.press.preflight import shadings
from pipeline.press.preflight.inspect import inspect
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile

HEAVY, LIGHT = (0.9, 0.9, 0.9, 0.9), (0.8, 0.8, 0.8, 0.8)
SQUARE = b" 100 100 60 60 re "

Inks = tuple[float, ...]
Draw = Callable[[pikepdf.Pdf, Dictionary, Inks], bytes]
"""Adds to a page's resources what it needs for drawing with these inks, and gives the drawing."""


def card(out: Path, draw: Draw, inks: Inks) -> Path:
    def change(pdf: pikepdf.Pdf, page: pikepdf.Object) -> None:
        page.Resources = Dictionary(
            ColorSpace=Dictionary(), Shading=Dictionary(), Pattern=Dictionary(), XObject=Dictionary()
        )
        page.Contents = pdf.make_stream(hostile.PLAIN + b" " + draw(pdf, page.Resources, inks))

    return hostile.pdf_with(out, change)


def tint(inks: Inks) -> Dictionary:
    return Dictionary(FunctionType=2, Domain=[0, 1], C0=[0] * 4, C1=list(inks), N=1)


def spot(inks: Inks) -> Array:
    return Array([Name.Separation, Name("/Olive"), Name.DeviceCMYK, tint(inks)])


def one_spot(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    resources.ColorSpace.S = spot(inks)
    return b"/S cs 1 scn" + SQUARE + b"f"


def two_spots(pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    """The first sets cyan and magenta, the second yellow and black; by a program."""
    program = b"{ %f mul dup 3 -1 roll %f mul dup 4 2 roll exch pop dup }" % (inks[2], inks[0])
    mix = pdf.make_stream(program, FunctionType=4, Domain=[0, 1] * 2, Range=[0, 1] * 4)
    resources.ColorSpace.S = Array([Name.DeviceN, Array([Name.Sea, Name.Mud]), Name.DeviceCMYK, mix])
    return b"/S cs 1 1 scn" + SQUARE + b"f"


def text_in_a_spot_line(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    resources.ColorSpace.S = spot(inks)
    return b"/S CS 1 SCN 3 w 100 100 m 160 160 l S"


def axis(inks: Inks) -> Dictionary:
    """From paper over the heaviest in the middle to paper again."""
    there, back = tint(inks), tint(inks)
    function = Dictionary(
        FunctionType=3, Domain=[0, 1], Functions=Array([there, back]), Bounds=[0.5], Encode=[0, 1, 1, 0]
    )
    return Dictionary(ShadingType=2, ColorSpace=Name.DeviceCMYK, Coords=[100, 0, 160, 0], Function=function)


def shaded(
    shading: Callable[[pikepdf.Pdf, Inks], pikepdf.Object], pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks
) -> bytes:
    resources.Shading.S = pdf.make_indirect(shading(pdf, inks))
    return b"q" + SQUARE + b"W n /S sh Q"


def pattern(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    resources.Pattern.P = Dictionary(Type=Name.Pattern, PatternType=2, Shading=axis(inks))
    return b"/Pattern cs /P scn" + SQUARE + b"f"


def radial(_: pikepdf.Pdf, inks: Inks) -> Dictionary:
    parts = [Dictionary(FunctionType=2, Domain=[0, 1], C0=[value], C1=[0], N=1) for value in inks]
    return Dictionary(
        ShadingType=3, ColorSpace=Name.DeviceCMYK, Coords=[130, 130, 0, 130, 130, 30], Function=Array(parts)
    )


def over_two(pdf: pikepdf.Pdf, inks: Inks) -> Dictionary:
    program = b"{ mul dup %f mul exch dup %f mul exch dup %f mul exch %f mul }" % inks
    mix = pdf.make_stream(program, FunctionType=4, Domain=[0, 1] * 2, Range=[0, 1] * 4)
    return Dictionary(ShadingType=1, ColorSpace=Name.DeviceCMYK, Matrix=[60, 0, 0, 60, 100, 100], Function=mix)


def mesh(kind: int, pdf: pikepdf.Pdf, inks: Inks) -> pikepdf.Object:
    """Of one triangle or patch, whose last corner is the heaviest."""
    corners = {4: 3, 5: 4, 6: 4, 7: 4}[kind]
    colours = [struct.pack("4B", *(0, 0, 0, 0))] * (corners - 1) + [bytes(round(value * 255) for value in inks)]
    points = [
        struct.pack(">2H", at * 4_000 % 65_535, at * 9_000 % 65_535) for at in range({6: 12, 7: 16}.get(kind, corners))
    ]
    flag = b"" if kind == 5 else b"\0"
    if kind in (6, 7):
        data = flag + b"".join(points) + b"".join(colours)
    else:
        data = b"".join(flag + point + colour for point, colour in zip(points, colours, strict=True))
    more = {"VerticesPerRow": 2} if kind == 5 else {"BitsPerFlag": 8}
    return pdf.make_stream(
        data, ShadingType=kind, ColorSpace=Name.DeviceCMYK, BitsPerCoordinate=16, BitsPerComponent=8,
        Decode=[100, 160, 100, 160] + [0, 1] * 4, **more,
    )  # fmt: skip


def mesh_of_a_function(pdf: pikepdf.Pdf, inks: Inks) -> pikepdf.Object:
    made = mesh(4, pdf, inks)
    made.Function, made.Decode = tint(inks), Array([100, 160, 100, 160, 0, 1])
    return made


def picture(
    bits: int, pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks, *, inverted: bool = False, of_spot: bool = False
) -> bytes:
    """A palette's last colour all over; the others are paper."""
    last = 2**bits - 1
    data = bytes(40_000 * bits // 8) if inverted else b"\xff" * (40_000 * bits // 8)
    image = hostile.image_xobject(pdf, data, (200, 200), bits)
    full = b"\xff" if of_spot else bytes(round(value * 255) for value in inks)
    table = bytes(len(full)) * last + full
    base = spot(inks) if of_spot else Name.DeviceCMYK
    image.ColorSpace = Array([Name.Indexed, base, last, pikepdf.String(table)])
    if inverted:
        image.Decode = Array([last, 0])
    resources.XObject.Im = image
    return b"q 72 0 0 72 90 90 cm /Im Do Q"


def picture_in_a_spot(pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks, *, jpeg: bool = False) -> bytes:
    image = hostile.image_xobject(pdf, b"\xff" * 40_000, (200, 200))
    if jpeg:
        data = BytesIO()
        Image.new("L", (200, 200), 255).save(data, "JPEG", quality=95)
        image.write(data.getvalue(), filter=Name.DCTDecode)
    image.ColorSpace = spot(inks)
    resources.XObject.Im = image
    return b"q 72 0 0 72 90 90 cm /Im Do Q"


DRAWN: dict[str, Any] = {
    "a spot colour": one_spot,
    "two spot colours over one another": two_spots,
    "a line in a spot colour": text_in_a_spot_line,
    "a shading along an axis": partial(shaded, lambda _, inks: axis(inks)),
    "a shading as a pattern": pattern,
    "a round shading": partial(shaded, radial),
    "a shading over two dimensions": partial(shaded, over_two),
    **{f"a mesh of type {kind}": partial(shaded, partial(mesh, kind)) for kind in (4, 5, 6, 7)},
    "a mesh with a function": partial(shaded, mesh_of_a_function),
    **{f"a palette of {bits} bits": partial(picture, bits) for bits in (1, 2, 4, 8)},
    "a palette turned round": partial(picture, 4, inverted=True),
    "a palette of a spot's tints": partial(picture, 4, of_spot=True),
    "a picture in a spot colour": picture_in_a_spot,
    "a JPEG in a spot colour": partial(picture_in_a_spot, jpeg=True),
}


def told(file: Path) -> list[str | None]:
    report = inspect(file, POSTCARD_4X6)
    return [one.measured for one in report.warnings if one.code == "ink_limit"]


@pytest.mark.parametrize("name", DRAWN)
def test_too_much_ink_is_told_with_its_place(tmp_path: Path, name: str) -> None:
    report = inspect(card(tmp_path / "card.pdf", DRAWN[name], HEAVY), POSTCARD_4X6)
    [found] = [one for one in report.warnings if one.code == "ink_limit"]
    assert int((found.measured or "").rstrip("%")) == pytest.approx(360, abs=2)
    assert found.box_in is not None
    x, y, width, height = found.box_in
    assert 1 <= x <= 1.3
    assert 1.5 <= y <= 3
    assert 0.8 <= width <= 1
    assert 0.8 <= height <= 1


@pytest.mark.parametrize("name", DRAWN)
def test_as_much_as_may_be_passes(tmp_path: Path, name: str) -> None:
    assert told(card(tmp_path / "card.pdf", DRAWN[name], LIGHT)) == []


def broken(change: Callable[[pikepdf.Object], None]) -> Draw:
    def draw(pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
        made = mesh(6, pdf, inks)
        change(made)
        resources.Shading.S = made
        return b"q" + SQUARE + b"W n /S sh Q"

    return draw


def self_mixed(pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    space = pdf.make_indirect(spot(inks))
    space[2] = space
    resources.ColorSpace.S = space
    return b"/S cs 1 scn" + SQUARE + b"f"


def failing_mix(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    """Its second half has no place to go to."""
    stitch = Dictionary(FunctionType=3, Domain=[0, 1], Functions=[tint(inks)] * 2, Bounds=[0.5], Encode=[0, 1])
    resources.ColorSpace.S = Array([Name.Separation, Name("/Olive"), Name.DeviceCMYK, stitch])
    return b"/S cs 1 scn" + SQUARE + b"f"


def failing_shading(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
    resources.Shading.S = Dictionary(
        ShadingType=2,
        ColorSpace=spot(inks),
        Coords=[100, 0, 160, 0],
        Function=Dictionary(FunctionType=9, Domain=[0, 1]),
    )
    return b"q" + SQUARE + b"W n /S sh Q"


UNTOLD: dict[str, Draw] = {
    "a spot whose mix fails": failing_mix,
    "a shading in a spot that cannot be read": failing_shading,
    "a mesh that breaks off": broken(lambda made: made.write(made.read_bytes()[:-1])),
    "a mesh of odd bits": broken(lambda made: made.__setattr__("BitsPerComponent", 12)),
    "a mesh without a decode": broken(lambda made: made.__delitem__("/Decode")),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_what_cannot_be_told_is_no_fault(tmp_path: Path, name: str) -> None:
    report = inspect(card(tmp_path / "card.pdf", UNTOLD[name], HEAVY), POSTCARD_4X6)
    assert report.ok
    spots = {"spot_colour"} if "spot" in name else set()
    assert {one.code for one in report.warnings} == spots


def test_a_spot_made_of_itself_is_refused(tmp_path: Path) -> None:
    report = inspect(card(tmp_path / "card.pdf", self_mixed, HEAVY), POSTCARD_4X6)
    assert [one.code for one in report.findings] == ["damaged_file"]


def test_a_shading_that_is_painted_often_is_looked_through_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = []
    monkeypatch.setattr(shadings, "_colours", lambda shading, _: looked.append(shading) or iter([HEAVY]))

    def often(pdf: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
        pattern(pdf, resources, inks)
        resources.Pattern.P = pdf.make_indirect(resources.Pattern.P)
        return (b"/Pattern cs /P scn" + SQUARE + b"f ") * 50

    assert told(card(tmp_path / "card.pdf", often, HEAVY)) == ["360%"]
    assert len(looked) == 1


def test_shadings_without_end_are_let_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shadings, "MOST_SHADINGS", 3)

    def many(_: pikepdf.Pdf, resources: Dictionary, inks: Inks) -> bytes:
        for at in range(4):
            resources.Shading[f"/S{at}"] = axis(LIGHT if at < 3 else inks)
        return b" ".join(b"q" + SQUARE + b"W n /S%d sh Q" % at for at in range(4))

    assert told(card(tmp_path / "card.pdf", many, HEAVY)) == []

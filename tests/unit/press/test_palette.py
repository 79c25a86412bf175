"""Palettes that are cut short have the same colours for preflight as on sheets, and hostile ones cost nothing."""

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name

from pipeline.press.colours.palette import palette_of
from pipeline.press.creative.colour_spaces import settle_spaces
from pipeline.press.preflight.image_ink import inks_of
from pipeline.press.preflight.inks import Spaces
from tests.unit.press import hostile

OLIVE = Array([Name.Separation, Name.Olive, Name.DeviceCMYK, Dictionary(FunctionType=2, Domain=[0, 1], N=1)])
LAB = Array([Name.Lab, Dictionary(WhitePoint=[0.95, 1, 1.09])])


@pytest.mark.parametrize(
    ("base", "table", "black"),
    [
        (Name.DeviceGray, b"\x80", b"\0"),
        (Name.DeviceRGB, b"\xff\0\0\xff", b"\0\0\0"),
        (Name.DeviceCMYK, b"\xff\0\0\0\0\0", b"\0\0\0\xff"),
        (LAB, b"\xff\0\0", b"\0\x80\x80"),
        (OLIVE, b"\x80", b"\xff"),
    ],
)
def test_what_is_missing_is_as_dark_as_the_base_can_be(base: pikepdf.Object, table: bytes, black: bytes) -> None:
    given = Array([Name.Indexed, base, 2, pikepdf.String(table)])
    assert palette_of(given) == [table[: len(black)], black, black]


HEAVY, BLACK = (230, 230, 230, 230), (0, 0, 0, 255)


@pytest.mark.parametrize("highest", [0, 1], ids=["beyond the highest", "missing"])
def test_preflight_sees_what_prints(highest: int) -> None:
    with pikepdf.new() as pdf:
        image = hostile.image_xobject(pdf, b"\0\1", (2, 1))
        image.ColorSpace = Array([Name.Indexed, Name.DeviceCMYK, highest, pikepdf.String(bytes(HEAVY))])
        inks = inks_of(image, Spaces())
    assert inks is not None
    assert [inks.getpixel((at, 0)) for at in range(2)] == [HEAVY, BLACK]


@pytest.mark.parametrize("channels", [0, 2, 10**9])
def test_a_base_of_as_many_channels_as_none_has_is_no_palette(channels: int) -> None:
    with pikepdf.new() as pdf:
        base = Array([Name.ICCBased, pdf.make_stream(b"no profile", N=channels)])
        with pytest.raises(ValueError, match="channels"):
            palette_of(Array([Name.Indexed, base, 255, pikepdf.String(b"abc")]))


def test_of_a_long_table_only_the_colours_up_to_the_highest_index_are_read() -> None:
    with pikepdf.new() as pdf:
        table = pdf.make_stream(b"abc" * 1_000_000)
        assert palette_of(Array([Name.Indexed, Name.DeviceRGB, 1, table])) == [b"abc", b"abc"]


def test_what_a_table_holds_beyond_the_highest_index_is_not_shown() -> None:
    table = pikepdf.String(b"abcdefghi")
    assert palette_of(Array([Name.Indexed, Name.DeviceRGB, 1, table]), 4) == [b"abc", b"def", b"\0\0\0", b"\0\0\0"]


@pytest.mark.parametrize("bits", [8, 16, 20, 10**15])
def test_a_picture_of_more_bits_than_an_index_has_gets_no_larger_palette(bits: int) -> None:
    with pikepdf.new() as pdf:
        image = hostile.image_xobject(pdf, b"\0", (1, 1))
        image.BitsPerComponent = bits
        image.ColorSpace = Array([Name.Indexed, Name.DeviceRGB, 0, pikepdf.String(b"abc")])
        settle_spaces(pdf)
        assert (int(image.ColorSpace[2]), bytes(image.ColorSpace[3])) == (255, b"abc".ljust(256 * 3, b"\0"))

"""JBIG2 data in a PDF: what is cut short is refused, and bytes that follow the picture do no harm."""

import random
import struct
from pathlib import Path

import pytest
from pikepdf import Name

from pipeline.press.preflight.inspect import inspect
from pipeline.press.preflight.jbig2_data import is_cut_short
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile

SIDE = 256
PAGE, REGION, END_OF_PAGE = 48, 39, 49


def segment(
    number: int, kind: int, data: bytes, *, refers: bytes = b"\0", page: bytes = b"\1", length: int = -1
) -> bytes:
    long_page = 0x40 if len(page) > 1 else 0
    said = len(data) if length < 0 else length
    return struct.pack(">LB", number, kind | long_page) + refers + page + struct.pack(">L", said) + data


def picture(*, length: int = -1) -> bytes:
    """A page, and on it a region of noise: whatever is coded arithmetically decodes to something."""
    page = struct.pack(">LLLLBH", SIDE, SIDE, 0, 0, 0, 0)
    place = struct.pack(">LLLLB", SIDE, SIDE, 0, 0, 0)
    coded = b"\0" + bytes.fromhex("03fffdff02fefefe") + random.Random(1).randbytes(4000)
    return segment(0, PAGE, page) + segment(1, REGION, place + coded, length=length)


WHOLE = {
    "with an end": picture() + segment(2, END_OF_PAGE, b""),
    "without an end": picture(),
    "a little cut off": picture()[:-100],
    "a line end behind": picture() + b"\r\n",
    "junk behind its end": picture() + segment(2, END_OF_PAGE, b"") + struct.pack(">LBBBL", 3, REGION, 0, 1, 1 << 30),
}
DAMAGED = {
    "half": picture()[:2000],
    "a tenth missing": picture()[:3700],
    "junk": b"junk" * 500,
    "nothing": b"",
}


def codes(folder: Path, data: bytes) -> set[str]:
    art = hostile.one_bit_pdf(folder / "art.pdf", data, (SIDE, SIDE), Name.JBIG2Decode)
    return {one.code for one in inspect(art, POSTCARD_4X6, "front").findings}


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_picture_is_taken(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, WHOLE[name]) == set()


@pytest.mark.parametrize("name", DAMAGED)
def test_a_picture_that_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, DAMAGED[name]) == {"damaged_image"}


@pytest.mark.parametrize(
    "head",
    [
        segment(5, 0, b"symbols", refers=b"\x60\0\1\2"),
        segment(300, 0, b"symbols", refers=b"\x40" + bytes(4)),
        segment(70_000, 0, b"symbols", refers=b"\x20" + bytes(4)),
        segment(40, 0, b"symbols", refers=struct.pack(">L", 7 << 29 | 9) + bytes(2) + bytes(9)),
        segment(5, 0, b"symbols", page=bytes(4)),
    ],
)
def test_segments_are_found_behind_headers_of_every_kind(head: bytes) -> None:
    assert not is_cut_short(head + picture())
    assert is_cut_short(head + picture()[:2000])


def test_a_picture_of_unknown_length_may_be_whole() -> None:
    assert not is_cut_short(picture(length=0xFFFFFFFF)[:2000])

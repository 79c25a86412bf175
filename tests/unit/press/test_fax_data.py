"""Fax data of every kind in a PDF: what viewers show well is taken, what is cut short or means nothing is refused, in silence."""

import io
import random
import re
from dataclasses import replace
from pathlib import Path

import pytest
from pikepdf import Dictionary, Name
from PIL import Image, ImageDraw

from pipeline.press.preflight.fax_data import Fax
from pipeline.press.preflight.inspect import inspect
from pipeline.products import POSTCARD_4X6
from tests.unit.press import hostile

WIDTH, HEIGHT = 500, 400
MARK = "000000000001"


def drawn() -> Image.Image:
    image, chance = Image.new("1", (WIDTH, HEIGHT), 1), random.Random(11)
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        ends = [(chance.randrange(WIDTH), chance.randrange(HEIGHT)) for _ in range(2)]
        draw.line(ends, 0, 3)
    return image


def encoded(compression: str) -> bytes:
    """By libtiff, in one strip."""
    out = io.BytesIO()
    drawn().save(out, "TIFF", compression=compression, tiffinfo={278: HEIGHT})
    with Image.open(out) as opened:
        [start], [length] = opened.tag_v2[273], opened.tag_v2[279]  # type: ignore[attr-defined]
    return out.getvalue()[start : start + length]


def bits(data: bytes) -> str:
    return f"{int.from_bytes(data):0{8 * len(data)}b}"


def packed(rows: list[str]) -> bytes:
    whole = "".join(rows)
    return int(whole + "0" * (-len(whole) % 8), 2).to_bytes(-(-len(whole) // 8))


GROUP_4, GROUP_3 = encoded("group4"), encoded("group3")
ROWS = re.split("0{11}1", bits(GROUP_3))[1:]
MARKED = [MARK + row for row in ROWS]
FILLED = ["0" * (-len(row) % 8) + row for row in MARKED]
BY_BYTES = encoded("tiff_ccitt")
# 63 white, 2 black and white to the end; rows like the one above them; a white one, and others like it.
LINE_IN_BYTES = packed(["0010011010011100", *["11100000"] * 299, "00011000", *["10000000"] * 99, MARK * 2])
WHOLE = {
    "group 4": Fax(GROUP_4, WIDTH, HEIGHT, k=-1),
    "group 4 without an end": Fax(GROUP_4[:-3], WIDTH, HEIGHT, k=-1),
    "group 4 with fewer rows than the image": Fax(GROUP_4, WIDTH, HEIGHT * 2, k=-1),
    "group 4 with more rows than the image": Fax(GROUP_4, WIDTH, HEIGHT // 2, k=-1),
    "group 4 of rows in bytes": Fax(LINE_IN_BYTES, WIDTH, HEIGHT, k=-1, byte_aligned=True),
    "group 3": Fax(GROUP_3, WIDTH, HEIGHT),
    "group 3 with an end": Fax(packed([*MARKED, MARK * 6]), WIDTH, HEIGHT),
    "group 3 with fewer rows than the image": Fax(packed([*MARKED, MARK * 6]), WIDTH, HEIGHT * 2),
    "group 3 with a few rows lost on the way": Fax(packed([*MARKED[:50], *[MARK + "000000001"] * 9, *MARKED[59:]]), WIDTH, HEIGHT),
    "group 3 without marks": Fax(packed(ROWS), WIDTH, HEIGHT),
    "group 3 of rows in bytes": Fax(BY_BYTES, WIDTH, HEIGHT, byte_aligned=True),
    "group 3 of marked rows in bytes": Fax(packed(FILLED), WIDTH, HEIGHT, byte_aligned=True),
    "group 3 in two dimensions": Fax(packed([MARK + "1" + row for row in ROWS]), WIDTH, HEIGHT, k=4),
    "a dot": Fax(bytes.fromhex("50010010"), 1, 1, k=-1),
}  # fmt: skip
JUDGED = [
    "group 4", "group 4 without an end", "group 3", "group 3 with an end", "group 3 without marks", "group 3 of rows in bytes",
    "group 3 of marked rows in bytes", "group 3 in two dimensions",
]  # fmt: skip
JUNK = {
    "nothing": b"",
    "zeros": bytes(2000),
    "text": b"%PDF-1.7 is no fax at all. " * 30,
    "noise": random.Random(5).randbytes(5000),
}


def codes(folder: Path, fax: Fax) -> set[str]:
    said = Dictionary(K=fax.k, Columns=fax.width, EncodedByteAlign=fax.byte_aligned)
    art = hostile.one_bit_pdf(folder / "art.pdf", fax.data, (fax.width, fax.height), Name.CCITTFaxDecode, said)
    return {one.code for one in inspect(art, POSTCARD_4X6, "front").findings}


@pytest.mark.parametrize("name", WHOLE)
def test_what_viewers_show_is_taken(tmp_path: Path, name: str) -> None:
    assert codes(tmp_path, WHOLE[name]) == set()


@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("k", [-1, 0, 4])
def test_what_means_nothing_is_refused(tmp_path: Path, junk: str, k: int) -> None:
    assert codes(tmp_path, Fax(JUNK[junk], WIDTH, HEIGHT, k)) == {"damaged_image"}


@pytest.mark.parametrize("name", JUDGED)
def test_what_is_cut_short_is_refused(tmp_path: Path, name: str) -> None:
    whole = WHOLE[name]
    assert codes(tmp_path, replace(whole, data=whole.data[: len(whole.data) * 3 // 4])) == {"damaged_image"}


@pytest.mark.parametrize("name", JUDGED)
def test_what_has_a_hole_is_refused(name: str) -> None:
    whole = WHOLE[name]
    third = len(whole.data) // 3
    hole = whole.data[:third] + random.Random(3).randbytes(third) + whole.data[2 * third :]
    assert replace(whole, data=hole).is_damaged is not name.endswith("with an end")


def test_nothing_of_it_is_said_aloud(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert replace(WHOLE["group 3"], data=JUNK["noise"]).is_damaged
    print("heard again")  # noqa: T201
    assert capfd.readouterr() == ("heard again\n", "")


def test_an_image_of_a_size_beyond_all_artwork_is_not_decoded() -> None:
    """It is refused for its size."""
    assert not Fax(JUNK["noise"], 20_000, 20_000, k=-1).is_damaged
    assert not Fax(JUNK["noise"], 2, 1_000_000, k=-1).is_damaged
    assert not Fax(JUNK["noise"], 0, 100, k=-1).is_damaged

"""Data Matrix symbols, read by another's reader."""

import random
import string

import pytest
import zxingcpp
from PIL import Image

from pipeline.press.sheets.data_matrix import Rows, encode

LETTERS = string.ascii_lowercase + string.digits + "_ /" + string.ascii_uppercase + "~`{}!,.-\t"


def picture(rows: Rows, *, module: int = 4, quiet: int = 2) -> Image.Image:
    side = len(rows) + 2 * quiet
    image = Image.new("L", (side, side), 255)
    for y, row in enumerate(rows):
        for x, black in enumerate(row):
            if black:
                image.putpixel((x + quiet, y + quiet), 0)
    return image.resize((side * module, side * module), Image.Resampling.NEAREST)


def read(rows: Rows) -> str:
    [found] = zxingcpp.read_barcodes(picture(rows), formats=zxingcpp.BarcodeFormat.DataMatrix)
    text: str = found.text
    return text


def test_texts_of_every_length_come_back_and_every_size_is_made() -> None:
    chance = random.Random(5)
    sizes = set()
    for length in range(1, 200):
        text = "".join(chance.choice(LETTERS) for _ in range(length))
        rows = encode(text)
        sizes.add(len(rows))
        assert {len(row) for row in rows} == {len(rows)}
        assert read(rows) == text
        if len(rows) == 48:
            break
    assert sizes == {10, 12, 14, 16, 18, 20, 22, 24, 26, 32, 36, 40, 44, 48}


def test_what_no_symbol_holds_is_refused() -> None:
    with pytest.raises(ValueError, match="ASCII"):
        encode("Zoë")
    with pytest.raises(ValueError, match="more than a code of 48 modules"):
        encode("A" * 300)


def test_a_symbol_is_no_smaller_than_asked_for() -> None:
    assert len(encode("a")) == 10
    assert len(encode("a", least=32)) == 32
    assert read(encode("a", least=32)) == "a"


def test_scratches_are_corrected() -> None:
    """36 check words mend 18 wrong ones; a stripe of three modules across the symbol is fewer."""
    rows = encode("ml_06eb8 2/3 bt_06eb8_r00", least=32)
    scratched = tuple(
        bytes((not black) if 8 <= y <= 9 and 4 <= x <= 24 else black for x, black in enumerate(row))
        for y, row in enumerate(rows)
    )
    assert scratched != rows
    assert read(scratched) == "ml_06eb8 2/3 bt_06eb8_r00"

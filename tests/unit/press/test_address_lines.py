"""What the address side can print, and what it does with what does not fit."""

import re
from pathlib import Path

import pytest

from pipeline.models.profile import Imposition
from pipeline.press.geometry import on_piece
from pipeline.press.sheets.address_side import check_lines
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import lay_out
from pipeline.press.typeface import UnprintableError, address_typeface, escaped, printable
from pipeline.press.typesetting import UnsettableError, set_block
from pipeline.products import POSTCARD_4X6
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import render, text_within

ROOM_PT = on_piece(POSTCARD_4X6.address, POSTCARD_4X6).width_pt
ONE_UP = Imposition(mode="one_up")


def _printed(artwork: dict[str, Path], out: Path, address: tuple[str, ...]) -> str:
    piece = make_pieces(1, ONE_UP)[0]._replace(address=address)
    made = impose(make_job(artwork, [piece], imposition=ONE_UP), out)
    return text_within(made.files[0], 1, lay_out(POSTCARD_4X6, ONE_UP).sheet)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("JOSÉ MUÑOZ-BÄCKSTRÖM", "JOSÉ MUÑOZ-BÄCKSTRÖM"),
        ("NGUYỄN THỊ HƯƠNG", "NGUYEN THI HUONG"),
        ("ŁÓDŹ ĐAKOVIĆ", "LÓDZ DAKOVIC"),
        ("O'BRIEN (C/O) \\ 50%", "O'BRIEN (C/O) \\ 50%"),
        ("ŞÜKRÜ İNÖNÜ", "SÜKRÜ INÖNÜ"),
        ("ADA\u200b LOVELACE", "ADA LOVELACE"),
    ],
)
def test_names_are_printed_as_the_post_would_write_them(
    artwork: dict[str, Path], tmp_path: Path, given: str, shown: str
) -> None:
    assert shown in _printed(artwork, tmp_path, (given, "1 MAIN ST", "BOISE ID 83702"))


@pytest.mark.parametrize("name", ["山田 太郎", "ΑΔΑ", "🙂", "ADA\x07", "ADA\nLOVELACE"])
def test_what_has_no_glyph_is_refused_by_its_code_point(name: str) -> None:
    with pytest.raises(UnsettableError, match=r"line 1: U\+[0-9A-F]{4,5} has no glyph") as caught:
        check_lines((name, "1 MAIN ST", "BOISE ID 83702"), POSTCARD_4X6)
    assert name not in str(caught.value)


def test_a_long_line_makes_the_whole_block_smaller() -> None:
    lines = ("ADA LOVELACE", "1234 NORTHWEST MARTIN LUTHER KING JR BLVD", "BOISE ID 83702")
    block = set_block(lines, font="A", room_pt=ROOM_PT, sizes_pt=(9.0, 8.0))
    assert block.startswith(b"/A 8 Tf")
    assert block.endswith(b"/A 9 Tf")
    assert b"Tz" not in block


def test_a_longer_line_is_set_narrower_and_it_alone() -> None:
    lines = ("ADA LOVELACE", "12345 NORTHWEST MARTIN LUTHER KING JR BOULEVARD", "BOISE ID 83702")
    block = set_block(lines, font="A", room_pt=ROOM_PT, sizes_pt=(9.0, 8.0))
    [narrower] = re.findall(rb" ([\d.]+) Tz\(12345", block)
    width = address_typeface().width_pt(lines[1].encode(), 8.0)
    assert width * float(narrower) / 100 == pytest.approx(ROOM_PT, abs=0.01)
    assert re.findall(rb"(\d+)(?:\.\d+)? Tz", block) == [b"85", b"100"]


def test_a_line_that_would_be_too_narrow_is_refused_without_its_text() -> None:
    line = "THE VERY LONG AND OFFICIAL NAME OF SOME COMPANY OF NEW YORK INCORPORATED"
    with pytest.raises(UnsettableError, match=r"line 2: 72 characters do not fit in 2\.7[78] in at 8 pt") as caught:
        check_lines(("ADA LOVELACE", line), POSTCARD_4X6)
    assert "COMPANY" not in str(caught.value)


def test_a_sixth_line_is_refused() -> None:
    with pytest.raises(UnsettableError, match="6 lines; 5 is the most"):
        check_lines(("A",) * 6, POSTCARD_4X6)


def test_the_quick_way_and_the_careful_way_print_the_same(artwork: dict[str, Path], tmp_path: Path) -> None:
    """A letter that has to be folded sends a block the careful way; folded beforehand, it goes the quick one."""
    pages = []
    for name in ("ŁUKASZ (PARTNER)", "LUKASZ (PARTNER)"):
        piece = make_pieces(1, ONE_UP)[0]._replace(address=(name, "1 MAIN ST", "BOISE ID 83702"))
        made = impose(make_job(artwork, [piece], imposition=ONE_UP), tmp_path / name[:1])
        pages.append(render(made.files[0], 1).tobytes())
    assert pages[0] == pages[1]


def test_measured_widths_are_those_of_the_font() -> None:
    face = address_typeface()
    text = bytes(range(32, 127))
    assert face.width_pt(text, 10.0) == pytest.approx(sum(face.widths[code] for code in text) / 100)
    assert max(face.widths) > 255


def test_parentheses_and_backslashes_are_escaped() -> None:
    assert escaped(b"a(b)\\") == b"a\\(b\\)\\\\"
    assert escaped(b"plain") == b"plain"


def test_control_codes_are_not_printable() -> None:
    with pytest.raises(UnprintableError):
        printable("a\tb")

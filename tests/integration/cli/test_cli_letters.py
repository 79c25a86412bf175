"""Letters and self-mailers from the command line: preflight, and sheets without a service."""

import csv
from pathlib import Path

import pikepdf
import pytest

from pipeline.press.geometry import Rect, bleed_rect
from pipeline.products import LETTER, PRODUCTS
from tests.integration.cli.terminal import Terminal
from tests.unit.press import artwork_files as art
from tests.unit.press.letters import document, read_mark, spotted
from tests.unit.press.seeing import render, text_within

ROWS = """name,company,line1,line2,city,state,zip
Ada Lovelace,Analytical Engines,185 Berry Street Suite 6100,,San Francisco,CA,94107
Grace Hopper,,1600 Pennsylvania Avenue NW,,Washington,DC,20500
"""
CUT_SHEETS = ("--sheet", "8.5x11", "--imageable", "8.5x11", "--no-marks")


@pytest.fixture
def recipients(tmp_path: Path) -> Path:
    file = tmp_path / "recipients.csv"
    file.write_text(ROWS)
    return file


def _job(front: Path, recipients: Path, out: Path, *, product: str = "letter") -> list[str]:
    return [
        "impose", "--product", product, "--front", str(front), "--recipients", str(recipients), "--out", str(out),
        "--mailer-id", "123456", "--serials", "100-199", "--postage", "meter",
    ]  # fmt: skip


def _pages(file: Path) -> int:
    with pikepdf.open(file) as pdf:
        return len(pdf.pages)


def test_a_letter_is_imposed_on_cut_sheets_one_after_another(bare: Terminal, recipients: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = bare.json(*_job(document(tmp_path / "letter.pdf", 3), recipients, out), *CUT_SHEETS)
    assert (made["pieces"], made["sheets"]) == (2, 4)
    sheets = out / "batch_r00.pdf"
    with pikepdf.open(sheets) as pdf:
        assert [[float(edge) for edge in page.MediaBox.as_list()] for page in pdf.pages] == [[0, 0, 612, 792]] * 8
    seen = [read_mark(render(sheets, page, ppi=200), ppi=200) for page in range(0, 8, 2)]
    assert seen == [f"row_{row} {nth}/2 batch_r00" for row in (3, 2) for nth in (1, 2)]
    with (out / "batch_r00.csv").open() as file:
        assert [(row["sheet"], row["sheets"]) for row in csv.DictReader(file)] == [("1", "2"), ("3", "2")]


def test_a_letter_printed_simplex_has_a_sheet_a_page(bare: Terminal, recipients: Path, tmp_path: Path) -> None:
    letter = document(tmp_path / "letter.pdf", 3)
    made = bare.json(*_job(letter, recipients, tmp_path / "out"), "--sheet", "13x19", "--sides", "simplex")
    assert (made["pieces"], made["sheets"]) == (2, 3)
    assert _pages(tmp_path / "out" / "batch_r00.pdf") == 3, "there are no backs"


def test_letters_whose_sheets_differ_are_not_one_job(bare: Terminal, recipients: Path, tmp_path: Path) -> None:
    template = tmp_path / "letter.html"
    page = "<div style='page-break-before: always'>{}</div>"
    head = "<html><head><style>@page {size: 8.5in 11in; margin: 4in 1in 1in}</style></head><body>"
    template.write_text(f"{head}Dear {{{{name}}}}{page.format('two')}{page.format('three')}</body></html>")
    made = bare.json(*_job(template, recipients, tmp_path / "out"), *CUT_SHEETS)
    assert (made["pieces"], made["sheets"]) == (2, 4)
    first = text_within(tmp_path / "out" / "batch_r00.pdf", 4, bleed_rect(LETTER))
    assert "Dear Ada Lovelace" in first
    template.write_text(f"{head}{{{{text}}}}</body></html>")
    longer = "x" + " y" * 4000
    recipients.write_text(
        "name,line1,city,state,zip,text\n"
        "Ada,185 Berry Street Suite 6100,San Francisco,CA,94107,short\n"
        f"Grace,1600 Pennsylvania Avenue NW,Washington,DC,20500,{longer}\n"
    )
    done = bare.run_here(*_job(template, recipients, tmp_path / "other"), *CUT_SHEETS, "--sides", "simplex")
    assert done.returncode == 1
    assert "all sets of a job have as many: impose them apart" in done.stderr


def test_options_that_a_product_does_not_have_are_refused(bare: Terminal, recipients: Path, tmp_path: Path) -> None:
    letter = document(tmp_path / "letter.pdf", 7)
    job = _job(letter, recipients, tmp_path / "out")
    assert "all its pages in one file" in bare.refusal(*job, *CUT_SHEETS, "--back", str(letter), code=2)
    assert "7 sheets; 6 is the most" in bare.refusal(*job, *CUT_SHEETS, "--sides", "simplex", code=1)
    card = _job(art.plain(tmp_path / "card.pdf"), recipients, tmp_path / "out", product="postcard_4x6")
    assert "has a front and a back" in bare.refusal(*card, "--sheet", "13x19", "--sides", "simplex", code=2)
    said = bare.refusal("preflight", str(letter), "--product", "letter", "--side", "back", code=2)
    assert "letter is one file of all pages, its front" in said


def test_preflight_draws_the_pages_on_which_it_found_something(bare: Terminal, tmp_path: Path) -> None:
    proof = tmp_path / "proof.pdf"
    file = spotted(tmp_path / "letter.pdf", 4, {3: (15, 15)})
    done = bare.run_here("preflight", str(file), "--product", "letter", "--side", "front", "--proof", str(proof))
    assert done.returncode == 1
    assert "error ink_in_sheet_mark on page 3 at 0.2" in done.stdout
    with pikepdf.open(proof) as pdf:
        assert float(pdf.pages[0].MediaBox[2]) > 2 * 612
    text = text_within(proof, 0, Rect(0, 0, 5000, 5000))
    assert "page 1" in text
    assert "page 3, error: ink_in_sheet_mark" in text
    assert "page 2" not in text


@pytest.mark.parametrize(
    ("product", "sheets"), [("self_mailer_6x18", 1), ("self_mailer_11x9", 1)], ids=lambda value: str(value)
)
def test_a_self_mailer_is_imposed_and_one_too_long_for_the_sheet_refused(
    bare: Terminal, recipients: Path, tmp_path: Path, product: str, sheets: int
) -> None:
    outside = art.address_side(tmp_path / "out.pdf", PRODUCTS[product])
    inside = art.draw(tmp_path / "in.pdf", lambda canvas: canvas.rect(100, 200, 200, 100, fill=1), PRODUCTS[product],
                      ground=False)  # fmt: skip
    job = [*_job(inside, recipients, tmp_path / "out", product=product), "--back", str(outside)]
    assert bare.json(*job, "--sheet", "13x19")["sheets"] == sheets
    if product == "self_mailer_6x18":
        said = bare.refusal(*job, "--sheet", "12x18", code=1)
        assert "needs 18.375 x 6.315 in; the 12 x 18 in sheet images 11.720 x 17.690 in" in said

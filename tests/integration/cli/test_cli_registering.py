"""`mailstream printers form` and `measure`: from a sheet that nobody knows to a profile that fits the press."""

import json
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from sqlalchemy import select

from pipeline.press.proofs.measures import EDGES, PLACES
from pipeline.repository import tables
from pipeline.repository.database import Database
from tests.integration.cli.terminal import Terminal
from tests.integration.cli.test_cli_printers import PROFILE

OFFSET = ("imposition.back_offset_x_in", "imposition.back_offset_y_in")


def add(terminal: Terminal, name: str, **imposition: Any) -> None:
    profile = {**PROFILE, "transport": {**PROFILE["transport"], "outbox": f"out-{name}"}, "imposition": imposition}
    terminal.json("printers", "add", name, "--reason", "new shop", "--profile", "-", stdin=json.dumps(profile))


def table(*, back_x: float = 0.0, back_y: float = 0.0, scale: float = 1.0, blank: int | None = None) -> str:
    """As a press measures whose back lies further right and up than it should."""
    lines = ["side,mark,value"]
    for side, x, y in (("front", 0.0, 0.0), ("back", back_x, back_y)):
        for place in PLACES:
            across = 1.5 + (x if "left" in place else -x)
            up = 1.5 + (y if "lower" in place else -y)
            lines += [f"{side},{place}_x,{across * scale:.4f}", f"{side},{place}_y,{up * scale:.4f}"]
        lines += [f"{side},ladder_{edge},{'' if blank is None else blank}" for edge in EDGES]
    return "\n".join(lines) + "\n"


def test_a_form_for_a_printer_has_its_sheet_and_a_table_to_fill_in(terminal: Terminal, tmp_path: Path) -> None:
    add(terminal, "formed", sheet={"width_in": 12, "height_in": 18}, back_offset_x_in=0.02)
    out = tmp_path / "run" / "north.pdf"
    out.parent.mkdir()
    written = terminal.json("printers", "form", "formed", "--out", str(out))
    assert written == {"files": [str(out), str(out.with_suffix(".csv"))]}
    with pikepdf.open(out) as pdf:
        assert [list(map(float, page.mediabox)) for page in pdf.pages] == [[0, 0, 864, 1296]] * 2
    out.with_suffix(".csv").write_text(table())
    terminal.json("printers", "form", "formed", "--out", str(out))
    assert out.with_suffix(".csv").read_text() == table()
    assert terminal.json("printers", "form", "formed", "--prove", "--out", str(tmp_path / "p.pdf"))["files"] == [
        str(tmp_path / "p.pdf")
    ]
    assert not (tmp_path / "p.csv").exists()


def test_a_form_for_a_sheet_needs_no_printer(terminal: Terminal, tmp_path: Path) -> None:
    out = str(tmp_path / "form.pdf")
    assert (
        terminal.json("printers", "form", "--sheet", "13x19", "--turn", "short_edge", "--out", out)["files"][0] == out
    )
    assert "8 x 8" in terminal.refusal("printers", "form", "--sheet", "6x9", "--out", out, code=1)
    assert "such as 13x19" in terminal.refusal("printers", "form", "--sheet", "A3", "--out", out, code=2)
    assert "name a printer" in terminal.refusal("printers", "form", code=2)
    assert "name a printer" in terminal.refusal("printers", "form", "x", "--sheet", "13x19", code=2)


def test_measures_are_shown_and_saved_only_when_told(terminal: Terminal, database: Database, tmp_path: Path) -> None:
    add(terminal, "crooked", back_offset_x_in=0.01)
    file = tmp_path / "crooked.csv"
    file.write_text(table(back_x=0.03, back_y=-0.02, blank=12))
    done = terminal.run_here("printers", "measure", "crooked", "--from", str(file))
    assert (done.returncode, "nothing was saved" in done.stderr) == (2, True)
    lines = {words[0]: words[1:] for line in done.stdout.splitlines() if (words := line.split())}
    assert [lines[field] for field in OFFSET] == [["0.01", "-0.03"], ["0.0", "0.02"]]
    assert lines["imposition.sheet.imageable_width_in"] == ["12.72", "12.76"]
    assert terminal.json("printers", "show", "crooked")["revision"] == 1

    saved = terminal.json("printers", "measure", "crooked", "--from", str(file), "--yes", "--reason", "J. measured")
    assert (saved["saved"], saved["offset_x_in"], saved["offset_y_in"]) == (True, -0.03, 0.02)
    shown = terminal.json("printers", "show", "crooked")
    assert (shown["revision"], shown["profile"]["imposition"]["sheet"]["imageable_height_in"]) == (2, 18.76)
    with database.read() as tx:
        rows = tx.execute(select(tables.audit).where(tables.audit.c.subject == shown["id"])).all()
    assert [(row.action, row.reason) for row in rows][-1] == ("printer.edit", "J. measured")
    # The form is drawn without the offset, so that measuring it again says the same.
    again = terminal.json("printers", "measure", "crooked", "--from", str(file))
    assert (again["changes"], again["saved"]) == ([], False)


def test_several_sheets_and_millimetres(terminal: Terminal, tmp_path: Path) -> None:
    add(terminal, "metric")
    files = [tmp_path / "1.csv", tmp_path / "2.csv"]
    for file, x in zip(files, (0.02, 0.04), strict=True):
        file.write_text(table(back_x=x, scale=25.4))
    sources = [part for file in files for part in ("--from", str(file))]
    found = terminal.json("printers", "measure", "metric", *sources, "--unit", "mm", "--yes")
    assert (found["offset_x_in"], [one["field"] for one in found["changes"]]) == (-0.03, [OFFSET[0]])
    said = terminal.refusal("printers", "measure", "metric", "--from", str(files[0]), code=1)
    assert "16 of the measures are wrong; nothing was changed" in said
    assert (
        "front.upper_left_x: 38.1 in is too far from 1.5 in; measure to the nearest edge, and say in which unit" in said
    )


def test_a_product_that_no_longer_fits_and_a_turn_are_told(terminal: Terminal, tmp_path: Path) -> None:
    add(terminal, "narrow")
    file = tmp_path / "narrow.csv"
    body = table(blank=60).replace("back,upper_left_y,1.5000", "back,upper_left_y,1.6500")
    file.write_text(body)
    done = terminal.run_here("printers", "measure", "narrow", "--from", str(file), "--yes")
    assert done.returncode == 0, done.stderr
    assert "postcard_4x6: 4 a sheet, not 8" in done.stderr
    assert "no offset mends that" in done.stderr


@pytest.mark.parametrize(
    ("name", "stdin", "code", "said"),
    [
        ("nobody", table(), 4, "`mailstream printers list`"),
        ("imposer", table(), 5, "imposes by itself"),
        ("imposer", "", 1, "first line"),
    ],
)
def test_what_cannot_be_measured_is_said(terminal: Terminal, name: str, stdin: str, code: int, said: str) -> None:
    if name == "imposer" and not any(one["name"] == name for one in terminal.json("printers", "list")):
        add(terminal, "imposer", mode="one_up")
    assert said in terminal.refusal("printers", "measure", name, "--from", "-", code=code, stdin=stdin)


def test_measures_that_are_not_utf_8_are_said(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "measures.csv"
    file.write_bytes(table().encode("utf-16"))
    said = terminal.refusal("printers", "measure", "nobody", "--from", str(file), code=1)
    assert f"{file} is not text in UTF-8: save it as UTF-8" in said


def test_measures_with_a_byte_order_mark_are_read(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "measures.csv"
    file.write_bytes(b"\xef\xbb\xbf" + table().replace("\n", "\r\n").encode())
    assert "no printer 'nobody'" in terminal.refusal("printers", "measure", "nobody", "--from", str(file), code=4)


def test_a_form_is_not_written_under_the_name_of_its_table(terminal: Terminal, tmp_path: Path) -> None:
    out = tmp_path / "north.csv"
    said = terminal.refusal("printers", "form", "--sheet", "13x19", "--out", str(out), code=2)
    assert "give it a name in .pdf" in said
    assert list(tmp_path.iterdir()) == []

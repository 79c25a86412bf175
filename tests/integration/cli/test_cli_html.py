"""HTML on the command line: checked, and imposed with the columns of each row in its fields."""

import csv
import json
from pathlib import Path

import pytest

from pipeline.press.geometry import Rect
from tests.integration.cli.terminal import Terminal
from tests.unit.press.html_pages import written
from tests.unit.press.seeing import text_within
from tests.unit.press.x4_checker import violations

CARD = ("--product", "postcard_4x6")
ROWS = """Name,company,line1,line2,city,state,zip,order no
Ada Lovelace,,185 Berry Street Suite 6100,,San Francisco,CA,94107,A-1
Grace Hopper,,1600 Pennsylvania Avenue NW,,Washington,DC,20500,A-2
Nobody,,Elm Street,,Boise,ID,83702,A-3
Hedy Lamarr,,742 Evergreen Terrace,,Springfield,OR,97477,山
"""
FRONT = "<div style='position: absolute; left: 1in; top: 1in; width: 4in'>Hello {{Name}}, order {{order_no}}</div>"
BACK = "<div style='position: absolute; left: .5in; top: .5in; width: 1.8in; font: 11pt Arial'>Thank you, all.</div>"
SHEET = Rect(0, 0, 13 * 72, 19 * 72)


@pytest.fixture
def job(tmp_path: Path) -> list[str]:
    front, back = written(tmp_path / "front.html", FRONT), written(tmp_path / "back.html", BACK)
    recipients = written(tmp_path / "recipients.csv", ROWS)
    return [
        *CARD, "--front", str(front), "--back", str(back), "--recipients", str(recipients), "--sheet", "13x19",
        "--out", str(tmp_path / "out"), "--mailer-id", "123456", "--serials", "100-199",
        "--permit-number", "12", "--permit-city", "Boise", "--permit-state", "ID",
    ]  # fmt: skip


def test_each_piece_is_imposed_with_its_own_columns(bare: Terminal, job: list[str], tmp_path: Path) -> None:
    made = bare.json("impose", *job)
    assert (made["pieces"], made["sheets"], made["rejected"]) == (2, 1, 2)
    sheets = tmp_path / "out" / "batch_r00.pdf"
    front = " ".join(text_within(sheets, 0, SHEET).split())
    assert front.count("Hello Ada Lovelace, order A-1") == front.count("Hello Grace Hopper, order A-2") == 1
    assert text_within(sheets, 1, SHEET).count("Thank you, all.") == 2
    assert violations(sheets) == []
    with (tmp_path / "out" / "batch_r00-rejects.csv").open() as file:
        reasons = {row["Name"]: row["reasons"] for row in csv.DictReader(file)}
    assert "missing_house_number" in reasons["Nobody"]
    assert "missing_glyph : No font at hand has U+5C71." in reasons["Hedy Lamarr"]


def test_a_field_without_a_column_is_told_before_anything_is_made(
    bare: Terminal, job: list[str], tmp_path: Path
) -> None:
    written(tmp_path / "front.html", FRONT.replace("order_no", "colour"))
    said = bare.refusal("impose", *job, code=1)
    assert "missing_merge_field /colour: The row has no value for colour. Give every row that column" in said
    assert not (tmp_path / "out").exists()


WHERE = '"line1":"185 Berry Street Suite 6100","city":"San Francisco","state":"CA","zip":"94107"'
GAPS = {
    "csv": (
        "line1,city,state,zip,Name,order_no\n"
        + "".join(f"185 Berry Street Suite 6100,San Francisco,CA,94107,{rest}\n" for rest in ("Ada,1", ",2", "Cy"))
    ),
    "jsonl": "".join(
        f"{{{WHERE},{rest}}}\n"
        for rest in ('"Name":"Ada","order_no":1', '"Name":"","order_no":2', '"Name":"Cy","order_no":null')
    ),
}


@pytest.mark.parametrize("kind", GAPS)
def test_a_row_without_a_value_is_rejected_and_an_empty_one_prints(
    bare: Terminal, job: list[str], tmp_path: Path, kind: str
) -> None:
    job[job.index("--recipients") + 1] = str(written(tmp_path / f"gaps.{kind}", GAPS[kind]))
    made = bare.json("impose", *job)
    assert (made["pieces"], made["rejected"]) == (2, 1)
    text = " ".join(text_within(tmp_path / "out" / "batch_r00.pdf", 0, SHEET).split())
    assert "Hello Ada, order 1" in text
    assert "Hello , order 2" in text
    with (tmp_path / "out" / "batch_r00-rejects.csv").open() as file:
        [reject] = csv.DictReader(file)
    assert reject["Name"] == "Cy"
    assert "missing_merge_field /order_no: The row has no value for order_no." in reject["reasons"]


def test_what_a_template_loses_is_told_once(bare: Terminal, job: list[str], tmp_path: Path) -> None:
    written(tmp_path / "front.html", FRONT + "<script>let one = 1</script>")
    told = bare.json("impose", *job)["warnings"]
    front = str(tmp_path / "front.html")
    assert [one["code"] for one in told if (one["side"], one["file"]) == ("front", front)] == ["html_script"]


def test_preflight_shows_a_field_by_its_name_or_with_a_value(bare: Terminal, tmp_path: Path) -> None:
    front = str(written(tmp_path / "front.html", FRONT))
    proof = tmp_path / "proof.pdf"
    report = bare.json("preflight", front, *CARD, "--side", "front", "--proof", str(proof), "--merge", "Name=Ada")
    assert (report["ok"], report["kind"], report["pages"]) == (True, "html", 1)
    assert proof.exists()
    done = bare.run_here("preflight", front, *CARD, "--side", "front", "--merge", "Name=山", "--json")
    assert (done.returncode, json.loads(done.stdout)["findings"][0]["code"]) == (1, "missing_glyph")


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ("<img src='logo.png'>", "error html_loads_url"),
        ("{{#each}}", "that is no field"),
        ("<p>\udce4", "not text in UTF-8"),
    ],
)
def test_html_that_cannot_be_printed_exits_1(bare: Terminal, tmp_path: Path, html: str, said: str) -> None:
    file = tmp_path / "page.html"
    file.write_bytes(html.encode("utf-8", "surrogateescape"))
    done = bare.run_here("preflight", str(file), *CARD, "--side", "front")
    assert done.returncode == 1
    assert said in done.stdout + done.stderr

"""`preflight`, `impose` and `addresses`: commands that need neither a service nor a database."""

import csv
import io
import json
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image, ImageChops

from pipeline.press.geometry import Rect
from pipeline.products import POSTCARD_4X6
from tests.integration.api.world import png
from tests.integration.cli.terminal import Terminal
from tests.unit.press import artwork_files as art
from tests.unit.press import hostile
from tests.unit.press.seeing import text_within

POSTCARD = ("--product", "postcard_4x6")
PERMIT = ("--permit-number", "12", "--permit-city", "Boise", "--permit-state", "ID")
ROWS = """name,company,line1,line2,city,state,zip,order
Ada Lovelace,,185 Berry Street Suite 6100,,San Francisco,CA,94107,1
Grace Hopper,,1600 Pennsylvania Avenue NW,,Washington,DC,20500,2
"Nobody, Home",,Elm Street,,Boise,ID,83702,3
"""


@pytest.fixture
def artwork(tmp_path: Path) -> Path:
    file = tmp_path / "art.png"
    file.write_bytes(png())
    return file


@pytest.fixture
def recipients(tmp_path: Path) -> Path:
    file = tmp_path / "recipients.csv"
    file.write_text(ROWS)
    return file


def test_good_artwork_passes_and_bad_artwork_exits_1(bare: Terminal, artwork: Path, tmp_path: Path) -> None:
    assert "can be printed" in bare.out("preflight", str(artwork), *POSTCARD, "--side", "front")
    coarse = tmp_path / "coarse.png"
    coarse.write_bytes(png(width_px=450, height_px=306))
    done = bare.run_here("preflight", str(coarse), *POSTCARD, "--side", "back", "--json")
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"], report["findings"][0]["code"]) == (1, False, "low_resolution")


@pytest.mark.parametrize("name", ["proof.png", "proof.pdf"])
def test_preflight_draws_what_it_found(bare: Terminal, tmp_path: Path, name: str) -> None:
    proof = tmp_path / name
    file = art.to_the_trim(tmp_path / "short.pdf")
    done = bare.run_here("preflight", str(file), *POSTCARD, "--side", "back", "--proof", str(proof))
    assert done.returncode == 1
    assert "error short_bleed at 0, -0.125 in from the trim's top left, 6 x 0.125 in" in done.stdout
    assert "measured 0.000 in, required 0.125 in" in done.stdout
    if name.endswith("pdf"):
        assert "error: short_bleed" in text_within(proof, 0, Rect(0, 0, 600, 800))
    else:
        with Image.open(proof) as picture:
            red, green, _ = picture.convert("RGB").split()
            strong = ImageChops.subtract(red, green).point(lambda value: 255 if value > 150 else 0)
        assert strong.histogram()[255] > 1000
    assert sorted(tmp_path.iterdir()) == sorted([file, proof])


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ([__file__, *POSTCARD, "--side", "front", "--proof", "x.gif"], 2, "ends in .png or .pdf"),
        (["/none.png", *POSTCARD, "--side", "front"], 4, "no file /none.png"),
        (["/none.png", "--product", "mug", "--side", "front"], 2, "there are postcard_4x6"),
        (["/none.png", *POSTCARD, "--side", "edge"], 2, "'front', 'back'"),
    ],
)
def test_a_preflight_that_cannot_be_made(bare: Terminal, arguments: list[str], code: int, said: str) -> None:
    assert said in bare.refusal("preflight", *arguments, code=code)


def test_imposing_writes_sheets_manifest_and_rejects(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    made = bare.json("impose", *_job(artwork, recipients, out), "--back", str(artwork), *PERMIT, "--stem", "spring_r00")
    assert (made["pieces"], made["sheets"], made["rejected"], made["serials_used"]) == (2, 1, 1, "100-101")
    assert {Path(file).name for file in made["files"]} == {
        "spring_r00.pdf", "spring_r00.csv", "spring_r00-ticket.pdf", "spring_r00.xjdf", "spring_r00-proof.pdf",
        "spring_r00-rejects.csv",
    }  # fmt: skip
    with pikepdf.open(out / "spring_r00.pdf") as pdf:
        assert len(pdf.pages) == 2
        assert [float(size) for size in pdf.pages[0].MediaBox] == [0, 0, 13 * 72, 19 * 72]
    manifest = _table(out / "spring_r00.csv")
    assert [(row["piece_id"], row["imb"]) for row in manifest] == [
        ("row_3", "00310123456000000100" + "20500"),
        ("row_2", "00310123456000000101" + "94107"),
    ]
    [reject] = _table(out / "spring_r00-rejects.csv")
    assert (reject["line"], reject["name"], reject["order"]) == ("4", "Nobody, Home", "3")
    assert "house number" in reject["reasons"]


def test_imposing_twice_gives_the_same_bytes(bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path) -> None:
    made = [
        bare.json("impose", *_job(artwork, recipients, out), *PERMIT, "--frozen-at", "2026-11-24T15:00Z")["files"]
        for out in (tmp_path / "once", tmp_path / "again")
    ]
    assert len(made[0]) == 6
    for once, again in zip(*made, strict=True):
        assert Path(once).read_bytes() == Path(again).read_bytes(), once


def test_artwork_in_the_address_zone_is_refused(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    zone = POSTCARD_4X6.ink_free
    words = art.text_at(tmp_path / "words.pdf", zone.x_in + 0.5, POSTCARD_4X6.trim_height_in - zone.bottom_in + 0.5)
    job = _job(artwork, recipients, tmp_path / "out")
    done = bare.run_here("impose", *job, *PERMIT, "--back", str(words))
    assert (done.returncode, done.stdout) == (1, "")
    assert "words.pdf cannot be printed as postcard_4x6, back" in done.stderr
    assert "ink_in_address_zone: Artwork lies in the zone" in done.stderr
    assert "imposing" not in done.stderr
    assert not list((tmp_path / "out").glob("*"))
    job[job.index("--front") + 1] = str(words)
    assert bare.json("impose", *job, *PERMIT)["pieces"] == 2, "it may stand on the front"


def test_what_is_left_out_of_artwork_is_told(bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path) -> None:
    form = hostile.active(tmp_path / "form.pdf")
    job = _job(form, recipients, tmp_path / "out")
    done = bare.run_here("impose", *job, "--back", str(artwork), *PERMIT, "--json")
    assert f"warning annotations_dropped: front {form}: " in done.stderr
    told = json.loads(done.stdout)["warnings"]
    assert ("front", str(form), "annotations_dropped") in {(one["side"], one["file"], one["code"]) for one in told}
    assert ("back", str(artwork), "tint_in_address_zone") in {(one["side"], one["file"], one["code"]) for one in told}
    assert all(one["severity"] == "warning" for one in told)


def test_a_row_whose_address_cannot_be_printed_is_rejected_alone(bare: Terminal, artwork: Path, tmp_path: Path) -> None:
    recipients = tmp_path / "recipients.csv"
    long = "Wolfeschlegelsteinhausenbergerdorff Maximilian Alexander von und zu Hohenlohe-Langenburg"
    where = "185 Berry Street Suite 6100,San Francisco,CA,94107"
    names = ["Ada Lovelace", "李明", long, "Nguyễn Văn An"]
    recipients.write_text("name,line1,city,state,zip\n" + "".join(f"{name},{where}\n" for name in names))
    out = tmp_path / "out"
    made = bare.json("impose", *_job(artwork, recipients, out), *PERMIT)
    assert (made["pieces"], made["rejected"]) == (2, 2)
    reasons = {row["line"]: row["reasons"] for row in _table(out / "batch_r00-rejects.csv")}
    assert "invalid_characters /name" in reasons["3"]
    assert "address_unprintable : The address cannot be printed: line 1: 88 characters do not fit" in reasons["4"]
    recipients.write_text(f"name,line1,city,state,zip\n{long},{where}\n")
    said = bare.refusal("impose", *_job(artwork, recipients, tmp_path / "none"), *PERMIT, code=1)
    assert "can be mailed" in said
    assert "line 1: 88 characters do not fit" in said
    assert not (tmp_path / "none").exists()


def test_no_mailer_id_or_serial_is_invented(bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path) -> None:
    for missing in ("--mailer-id", "--serials"):
        job = _job(artwork, recipients, tmp_path / "out")
        at = job.index(missing)
        assert missing in bare.refusal("impose", *job[:at], *job[at + 2 :], *PERMIT, code=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        ({"--serials": "100-100"}, 1, "2 pieces need as many serials, and --serials has 1"),
        ({"--serials": "9-1"}, 2, "FIRST-LAST"),
        ({"--mailer-id": "12345"}, 1, "mailer_id: give 6 digits"),
        ({"--sheet": "large"}, 2, "width x height"),
        ({"--sheet": "4x6"}, 1, "fewer marks, or single pieces (mode one_up; --one-up)"),
        ({"--product": "mug"}, 2, "no product 'mug'"),
        ({"--front": "/none.pdf"}, 4, "no file /none.pdf"),
        ({"--recipients": "/none.csv"}, 1, "/none.csv: no such file"),
    ],
)
def test_a_job_that_cannot_be_imposed(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path, change: dict[str, str], code: int, said: str
) -> None:
    job = _job(artwork, recipients, tmp_path / "out")
    for option, value in change.items():
        job[job.index(option) + 1] = value
    done = bare.run_here("impose", *job, *PERMIT)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert not list((tmp_path / "out").glob("*.pdf"))


PRINTER: dict[str, Any] = {
    "imposition": {
        "work_style": "work_and_turn", "columns": 2, "rows": 3, "order": "across", "coating": "uv",
        "marks": {"barcode": True, "finisher_program": "07"}, "back_offset_x_in": 0.01,
    },
    "postage": {
        "mailer_id": "654321", "permit_number": "77", "permit_city": "Reno", "permit_state": "NV", "imb_by": "bureau",
        "mark_text": "PAID",
    },
    "floor": {"zone": "America/Boise"},
    "contact": "press desk, 208-555-0100",
}  # fmt: skip
SHEET = Rect(0, 0, 13 * 72, 19 * 72)


def _at_a_printer(artwork: Path, recipients: Path, out: Path, profile: dict[str, Any]) -> list[str]:
    file = out.with_suffix(".json")
    file.write_text(json.dumps(profile))
    return [
        *POSTCARD, "--front", str(artwork), "--recipients", str(recipients), "--out", str(out), "--serials", "100-199",
        "--profile", str(file), "--frozen-at", "2026-11-24T15:00Z",
    ]  # fmt: skip


def test_a_profile_says_all_that_a_printer_can_ask_for(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    bare.json("impose", *_at_a_printer(artwork, recipients, out, PRINTER), "--back", str(artwork))
    rows = _table(out / "batch_r00.csv")
    assert [(row["sheet"], row["side"], row["slot"], row["imb"][5:11]) for row in rows] == [
        ("1", "back", "1", "654321"), ("1", "front", "2", "654321"),
    ]  # fmt: skip
    sheet = text_within(out / "batch_r00.pdf", 0, SHEET)
    assert "RENO" in sheet.upper()
    assert "PAID" in sheet
    assert "PERMIT NO. 12" not in sheet.upper()
    ticket = text_within(out / "batch_r00-ticket.pdf", 0, Rect(0, 0, 612, 792))
    for told in ("press desk, 208-555-0100", "UV", "2 x 3"):
        assert told.lower() in ticket.lower(), told


def test_options_go_before_what_the_profile_says(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    plain, changed = tmp_path / "plain", tmp_path / "changed"
    bare.json("impose", *_job(artwork, recipients, plain), *PERMIT, "--frozen-at", "2026-11-24T15:00Z")
    one_up = {"imposition": {"mode": "one_up", "sheet": {"width_in": 12}}, "postage": {"mailer_id": "654321"}}
    options = ("--mailer-id", "123456", "--sheet", "13x19", *PERMIT)
    bare.json("impose", *_at_a_printer(artwork, recipients, changed, one_up), *options)
    for file in plain.iterdir():
        assert file.read_bytes() == (changed / file.name).read_bytes(), file.name


@pytest.mark.parametrize(
    ("profile", "options", "code", "said"),
    [
        (PRINTER | {"impositon": {}}, (), 1, "impositon: there is no such field; there are products"),
        (PRINTER | {"postage": {"mailer_id": "654321"}}, (), 1, "postage: a permit needs permit_number"),
        (PRINTER | {"postage": []}, ("--mailer-id", "123456"), 1, "postage: input should be a valid dictionary"),
        (
            PRINTER | {"imposition": {"columns": 3, "rows": 9}},
            (),
            1,
            "Take a larger sheet, a smaller grid, fewer marks",
        ),
        ({}, (), 1, "postage.mailer_id: is missing"),
    ],
)
def test_a_profile_that_cannot_be_used(
    bare: Terminal,
    artwork: Path,
    recipients: Path,
    tmp_path: Path,
    profile: Any,
    options: tuple[str, ...],
    code: int,
    said: str,
) -> None:
    assert said in bare.refusal(
        "impose", *_at_a_printer(artwork, recipients, tmp_path / "out", profile), *options, code=code
    )


def test_profile_and_recipients_are_not_both_read_from_stdin(bare: Terminal, artwork: Path, tmp_path: Path) -> None:
    job = [*_at_a_printer(artwork, Path("-"), tmp_path / "out", PRINTER), "--profile", "-"]
    assert "cannot both be stdin" in bare.refusal("impose", *job, code=2, stdin=ROWS)


def test_single_pieces_are_made_without_a_sheet(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    job = _job(artwork, recipients, tmp_path / "out")
    at = job.index("--sheet")
    assert "leave --sheet and --imageable out" in bare.refusal("impose", *job, *PERMIT, "--one-up", code=2)
    said = bare.refusal("impose", *job[:at], *job[at + 2 :], *PERMIT, code=2)
    assert "give --sheet 13x19, --one-up, or a printer's --profile" in said
    made = bare.json("impose", *job[:at], *job[at + 2 :], *PERMIT, "--one-up")
    assert (made["pieces"], made["sheets"]) == (2, 2)
    with pikepdf.open(tmp_path / "out" / "batch_r00.pdf") as pdf:
        assert [[float(edge) for edge in page.MediaBox.as_list()] for page in pdf.pages] == [[0, 0, 450, 306]] * 4


def test_permit_postage_needs_its_permit(bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path) -> None:
    done = bare.run_here("impose", *_job(artwork, recipients, tmp_path / "out"))
    assert done.returncode == 1
    assert "permit_number" in done.stderr


def test_an_endorsement_is_printed_below_the_return_address(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    sender = ("--return-address", "Harbor Books; 3 Quay St; Boise ID 83702")
    bare.json("impose", *_job(artwork, recipients, out), *PERMIT, "--endorsement", "return", *sender)
    words = text_within(out / "batch_r00.pdf", 1, Rect(0, 0, 13 * 72, 19 * 72))
    assert words.count("RETURN SERVICE REQUESTED") == words.count("3 Quay St") == 2
    # The barcode tells the post that the words say what is asked for.
    assert [row["imb"][2:5] for row in _table(out / "batch_r00.csv")] == ["040", "040"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--endorsement", "return"), "give --return-address"),
        (("--endorsement", "return", "--stid", "310"), "set stid_first_class to one of 040"),
        (("--endorsement", "electronic"), "needs the --stid of an ACS service"),
        (("--endorsement", "temp_return", "--class", "marketing"), "endorsement_marketing: input should be 'none'"),
        (("--return-address", "a;b;c;d;e;f"), "5 is the most"),
        (("--return-address", "Harbor Books;李明"), "--return-address cannot be printed: line 2: U+674E has no glyph"),
        (("--class", "parcel"), "give first_class or marketing"),
    ],
)
def test_an_endorsement_that_cannot_be_printed(
    bare: Terminal, artwork: Path, recipients: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    done = bare.run_here("impose", *_job(artwork, recipients, tmp_path / "out"), *PERMIT, *options)
    assert (done.returncode in (1, 2), done.stdout) == (True, "")
    assert said in done.stderr


def test_addresses_come_back_as_csv_with_their_other_columns(bare: Terminal, recipients: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(bare.out("addresses", "standardize", str(recipients)))))
    assert [row["order"] for row in rows] == ["1", "2", "3"]
    assert rows[0]["standardized_line1"] == "185 BERRY ST STE 6100"
    assert (rows[0]["standardized_city"], rows[0]["standardized_zip"]) == ("SAN FRANCISCO", "94107")
    assert [row["deliverable"] for row in rows] == ["true", "true", "false"]
    assert "missing_house_number /line1" in rows[2]["faults"]


def test_addresses_come_back_as_json_lines_from_stdin(bare: Terminal) -> None:
    rows = [
        {"line1": f"{n} Main Street", "city": "Boise", "state": "Idaho", "zip": 83702, "n": n} for n in range(1, 1201)
    ]
    out = bare.run("addresses", "standardize", stdin="\n".join(map(json.dumps, rows)) + "\n").stdout
    answers: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert [answer["n"] for answer in answers] == list(range(1, 1201))
    assert answers[41]["standardized_line1"] == "42 MAIN ST"
    assert answers[41]["standardized_state"] == "ID"
    assert answers[41]["deliverable"] is True
    assert answers[41]["zip"] == 83702


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "stdin has no column line1, city, state, zip"),
        ("name,street\n", "stdin has no column line1, city, state, zip"),
        ('{"line1": "1 Main St"}\n[1]\n', "stdin line 2: write each row as one JSON object"),
        ('{"line1": \n', "stdin line 1 is not JSON"),
    ],
)
def test_rows_that_cannot_be_read(bare: Terminal, text: str, said: str) -> None:
    assert said in bare.refusal("addresses", "standardize", code=1, stdin=text)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("1 Main St,Apt 2,Boise,ID,83702", "stdin line 2 has more values than the first line"),
        ('"1 Main St,Boise,ID,83702', "stdin line 2 is not CSV"),
    ],
)
def test_a_csv_row_that_is_broken_is_named_by_its_line(bare: Terminal, row: str, said: str) -> None:
    done = bare.run_here("addresses", "standardize", stdin=f"line1,city,state,zip\n{row}\n")
    assert done.returncode == 1
    assert said in done.stderr


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ('{"line1": "1 Main St"}\n{', "stdin line 4 is not JSON"),
        ("line1,city,state,zip\n1,2,3,4,5", "stdin line 4 has more values"),
        ('line1,city,state,zip\n"1 Main St', "stdin line 4 is not CSV"),
    ],
)
def test_blank_lines_above_the_rows_are_counted(bare: Terminal, row: str, said: str) -> None:
    assert said in bare.run_here("addresses", "standardize", stdin=f"\n  \n{row}\n").stderr


def test_a_row_is_named_by_its_line_below_blank_ones(bare: Terminal, artwork: Path, tmp_path: Path) -> None:
    recipients = tmp_path / "recipients.csv"
    recipients.write_text(f"\n\n{ROWS}")
    out = tmp_path / "out"
    bare.json("impose", *_job(artwork, recipients, out), *PERMIT)
    assert [row["piece_id"] for row in _table(out / "batch_r00.csv")] == ["row_5", "row_4"]
    assert [row["line"] for row in _table(out / "batch_r00-rejects.csv")] == ["6"]


def test_a_file_in_another_encoding_is_refused(bare: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "latin.csv"
    file.write_bytes("name,line1,city,state,zip\nJosé,1 Main St,Boise,ID,83702\n".encode("latin-1"))
    assert "save it as UTF-8" in bare.run_here("addresses", "standardize", str(file)).stderr


def _job(artwork: Path, recipients: Path, out: Path) -> list[str]:
    return [
        *POSTCARD, "--front", str(artwork), "--recipients", str(recipients), "--sheet", "13x19", "--out", str(out),
        "--mailer-id", "123456", "--serials", "100-199",
    ]  # fmt: skip


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))

"""`mailstream batches` and `sla`, of mail that a real line made: nine pieces in time, two too late, one of them excused."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pypdfium2 as pdfium
import pytest
from sqlalchemy import insert

from pipeline.lifecycle import EXCUSED, SlaState, Status
from pipeline.repository import tables
from pipeline.repository.counts import PLACES
from pipeline.repository.database import Database
from pipeline.repository.history import History, Moved
from pipeline.sla.report import Report, Shown
from pipeline.sla.report_page import write_page
from tests.integration.cli.terminal import Terminal
from tests.integration.line.marks import ack
from tests.integration.line.world import ACK_POLL_S, START, World

SPAN = ("--from", "2026-03-01", "--to", "2026-03-31")


@pytest.fixture(scope="module")
def mailed(terminal: Terminal, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    database = Database(terminal.env["MAILSTREAM_DATABASE_URL"])
    world = World(database, tmp_path_factory.mktemp("line"))
    world.add_printer()
    for count, hours in ((9, 2), (2, 30)):
        late = world.freeze_and_send(count)
        for state in ("accepted", "mailed"):
            world.clock.advance(timedelta(hours=hours) / 2)
            ack(world, world.printer().handed_over[-1], state)
            world.run_until_quiet()
    event = {**world.events(late[0])[-1]._mapping, "id": world.ids.new("ev"), "sequence": 99, "position": None}
    event |= {"type": EXCUSED, "told": False, "evidence": {"reason": "blizzard in Boise"}}
    with database.write() as tx:
        tx.execute(insert(tables.events).values(**event))
    yield world
    database.dispose()


def test_the_report_counts_what_the_line_says_of_its_own_pieces(terminal: Terminal, mailed: World) -> None:
    report = terminal.json("sla", "report", *SPAN)
    total = report["total"]
    assert {name: total[name] for name in ("kept", "excused", "missed", "void", "open")} == {
        "kept": 9, "excused": 1, "missed": 1, "void": 0, "open": 0,
    }  # fmt: skip
    states = [row.sla_state for row in mailed.rows(tables.pieces)]
    assert (states.count(SlaState.KEPT), states.count(SlaState.BREACHED)) == (9, 2)
    assert total["kept_share"] == 0.9
    for dimension, group in (("printer", "north"), ("product", "postcard_4x6"), ("account", "ada"), ("hour", "15:00")):
        assert report["by"][dimension][group] == total


def test_the_report_has_the_time_of_each_stage(terminal: Terminal, mailed: World) -> None:
    stages = terminal.json("sla", "report", *SPAN)["stages"]
    assert stages["sent"] == {"count": 11, "p50_s": 7200, "p90_s": 108_000, "p99_s": 108_000}
    assert stages["printed"]["count"] == 0
    by = terminal.json("sla", "report", *SPAN)["stages_by"]
    assert by == {"printer": {"north": stages}, "account": {"ada": stages}}


def test_each_miss_has_its_cause(terminal: Terminal, mailed: World, tmp_path: Path) -> None:
    file = tmp_path / "misses.csv"
    report = terminal.json("sla", "report", *SPAN, "--misses", str(file))
    assert report["causes"] == {"not_printed": 2}
    assert {miss["excuse"] for miss in report["misses"]} == {None, "blizzard in Boise"}
    with file.open() as rows:
        written = list(csv.DictReader(rows))
    assert {row["piece_id"] for row in written} == {miss["piece_id"] for miss in report["misses"]}
    assert {row["cause"] for row in written} == {"not_printed"}


def test_the_report_as_text_and_as_csv(terminal: Terminal, mailed: World) -> None:
    text = terminal.out("sla", "report", *SPAN)
    assert ["all", "-", "9", "1", "1", "0", "0", "90"] in [line.split()[:8] for line in text.splitlines()]
    assert "blizzard in Boise" in text
    told = [line.split() for line in text.splitlines()]
    assert ["north", "sent", "11", "2:00:00", "30:00:00", "30:00:00"] in told
    assert any(line[:5] == ["north", "11", "0", "0", "0"] for line in told)  # made, spoiled, spoiled %, scanned
    assert ["not_printed", "2"] in told
    rows = list(csv.DictReader(io.StringIO(terminal.out("sla", "report", *SPAN, "--csv"))))
    assert [(row["by"], row["kept"], row["missed"]) for row in rows if row["by"] == "printer"] == [
        ("printer", "9", "1")
    ]
    more = {(row["by"], row["group"]): (row["pieces"], row["p90_s"]) for row in rows}
    assert more["stage", "sent"] == more["stage of printer", "north: sent"] == ("11", "108000")
    assert more["made", "north"] == ("11", "")
    assert (more["spoiled", "north"], more["cause", "not_printed"]) == (("0", ""), ("2", ""))
    assert more["first scan", "north"] == ("0", "")


def test_the_report_as_a_page_and_as_a_pdf_says_the_same_as_in_json(
    terminal: Terminal, mailed: World, tmp_path: Path
) -> None:
    page, printed = tmp_path / "report.html", tmp_path / "report.pdf"
    report = terminal.json("sla", "report", *SPAN, "--html", str(page), "--pdf", str(printed))
    html = page.read_text()
    with pdfium.PdfDocument(printed) as pdf:
        text = " ".join(sheet.get_textpage().get_text_bounded() for sheet in pdf)
    for miss in report["misses"]:
        assert miss["piece_id"] in html
        assert miss["piece_id"] in "".join(text.split())
    for told in ("blizzard in Boise", "not_printed", "Promises of live mail", "Missed by printer", "By account"):
        assert told in html
        assert told in " ".join(text.split())
    assert '<div class="kept"><b>90</b>kept %</div>' in html
    assert html.count("<svg") == 6  # by hour, by stage, misses by three dimensions, causes
    ElementTree.fromstring(html.split("<svg", 2)[1].join(("<svg", "")).split("</svg>")[0] + "</svg>")
    assert "http" not in html.replace("http://www.w3.org", "")  # it needs nothing else


def test_what_a_name_says_cannot_become_markup_of_the_page(tmp_path: Path) -> None:
    hostile = "<script>alert(1)</script>"
    report = Report(ZoneInfo("UTC"))
    moves = (Moved(Status.CREATED, START),)
    due = START + timedelta(hours=24)
    report.add(History("ml_1", hostile, "postcard_4x6", hostile, START, due, due + timedelta(days=1), moves, hostile))
    page = tmp_path / "report.html"
    write_page(Shown(report.as_dict(), "live", START, due, ZoneInfo("UTC"), hostile), page)
    assert "<script" not in page.read_text()
    assert "&lt;script&gt;" in page.read_text()


def test_the_span_is_of_due_times_and_its_end_is_not_in_it(terminal: Terminal, mailed: World) -> None:
    due = START + timedelta(hours=24)
    until, after = due.isoformat(), (due + timedelta(seconds=1)).isoformat()
    assert terminal.json("sla", "report", "--from", "2026-03-01", "--to", until)["total"]["kept"] == 0
    assert terminal.json("sla", "report", "--from", until, "--to", after)["total"]["kept"] == 9
    assert terminal.json("sla", "report", *SPAN, "--mode", "test")["total"]["kept"] == 0
    assert terminal.json("sla", "report", *SPAN, "--account", "ada")["total"]["kept"] == 9


def test_dates_and_hours_are_those_of_the_zone(terminal: Terminal, mailed: World) -> None:
    report = terminal.json("sla", "report", *SPAN, "--zone", "America/Chicago")
    assert report["from"] == "2026-03-01T06:00:00.000Z"
    assert list(report["by"]["hour"]) == ["09:00"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--from", "yesterday"], 2, "--from yesterday: give a date such as"),
        (["--from", "2026-03-02", "--to", "2026-03-01"], 2, "is empty"),
        (["--zone", "Mars/Olympus"], 2, "America/Chicago"),
        (["--account", "nobody"], 4, "no account 'nobody'"),
        (["--csv", "--json"], 2, "not both"),
        (["--misses", "/none/such/file.csv"], 1, "/none/such/file.csv: no such file"),
    ],
)
def test_a_report_that_cannot_be_made(terminal: Terminal, arguments: list[str], code: int, said: str) -> None:
    assert said in terminal.refusal("sla", "report", *arguments, code=code)


def test_batches_are_listed_newest_first_and_by_status_and_printer(terminal: Terminal, mailed: World) -> None:
    listed = terminal.json("batches", "list")
    assert [(batch["pieces"], batch["sheets"], batch["printer"], batch["status"]) for batch in listed] == [
        (2, 1, "north", "mailed"),
        (9, 2, "north", "mailed"),
    ]
    assert terminal.json("batches", "list", "--status", "mailed", "--printer", "north") == listed
    assert terminal.json("batches", "list", "--status", "void") == terminal.json("batches", "list", "--test") == []
    assert len(terminal.out("batches", "list", "--limit", "1").splitlines()) == 2


def test_a_batch_is_shown_with_its_drop_places_and_acknowledgements(terminal: Terminal, mailed: World) -> None:
    batch_id = terminal.json("batches", "list")[1]["id"]
    shown = terminal.json("batches", "show", batch_id)
    assert shown["by_status"] == {"mailed": 9}
    nothing = dict.fromkeys((*(place for place in PLACES if place != "mailed"), "unclear", "neighbours"), 0)
    assert shown["placements"] == [{"revision": 0, "placed": 9, "live": 9, "mailed": 9, **nothing}]
    assert [drop["status"] for drop in shown["drops"]] == ["sent"]
    assert sorted(ack["state"] for ack in shown["acks"]) == ["accepted", "mailed"]
    text = terminal.out("batches", "show", batch_id)
    assert shown["reason"] in text
    assert "9 mailed" in text


def test_what_a_printer_said_is_listed_with_what_of_it_was_refused(terminal: Terminal, mailed: World) -> None:
    ack(mailed, mailed.printer().handed_over[0], "printed", pieces=["ml_nobody"])
    mailed.clock.advance(timedelta(seconds=ACK_POLL_S))
    mailed.run_until_quiet()
    assert len(terminal.json("printers", "acks", "north")) == 5
    [refused] = terminal.json("printers", "acks", "north", "--faulty")
    assert (refused["state"], refused["named_stem"]) == (None, mailed.printer().handed_over[0])
    text = terminal.out("printers", "acks", "north", "--faulty")
    assert "refused" in text
    assert "unknown_piece" in text
    assert "no printer 'nobody'" in terminal.refusal("printers", "acks", "nobody", code=4)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "bt_none"], 4, "no batch 'bt_none'"),
        (["list", "--printer", "nobody"], 4, "no printer 'nobody'"),
        (["list", "--status", "lost"], 2, "'frozen'"),
        (["list", "--limit", "0"], 2, "--limit"),
    ],
)
def test_batches_that_are_not_there(terminal: Terminal, arguments: list[str], code: int, said: str) -> None:
    assert said in terminal.refusal("batches", *arguments, code=code)


def test_a_batch_that_is_not_handed_over_is_recalled_by_hand(terminal: Terminal, mailed: World) -> None:
    ids = mailed.add_ready(1)
    mailed.tick()
    batch_id = terminal.json("batches", "list", "--status", "frozen")[0]["id"]
    assert "say why" in terminal.run_here("batches", "recall", batch_id, "--reason", " ").stderr
    outcomes = terminal.json("batches", "recall", batch_id, "--reason", "the wrong month")
    assert [(one["state"], one["pieces"]) for one in outcomes] == [("void", 1)]
    shown = terminal.json("batches", "show", batch_id)
    assert (shown["status"], shown["placements"][0]["freed"]) == ("void", 1)
    assert mailed.statuses(ids) == {"ready": 1}
    again = terminal.run_here("batches", "recall", batch_id, "--reason", "the wrong month")
    assert (again.returncode, "no drop that could be recalled" in again.stderr) == (5, True)
    settled = terminal.run_here("batches", "settle", batch_id, "--taken", "--reason", "they say so")
    assert (settled.returncode, "is not in doubt" in settled.stderr) == (5, True)
    assert terminal.run_here("batches", "settle", batch_id, "--reason", "they say so").returncode == 2
    both = ("--taken", "--even-if-taken", "--reason", "they say so")
    assert terminal.run_here("batches", "settle", batch_id, *both).returncode == 2
    given_up = terminal.run_here("batches", "settle", batch_id, "--not-taken", *both[1:])
    assert (given_up.returncode, "has no drop at its printer" in given_up.stderr) == (5, True)
    assert terminal.run_here("batches", "recall", "bt_none", "--reason", "x").returncode == 4

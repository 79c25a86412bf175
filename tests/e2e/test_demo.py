"""The demo, as `make demo` runs it: every request reaches its declared outcome, and what it names is there."""

import csv
import json
import subprocess
import sys
from pathlib import Path

from PIL import Image


def test_the_demo_reaches_every_declared_outcome_and_leaves_what_it_names(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    command = [sys.executable, "-m", "ops.cli.main", "demo", "--folder", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    with Path("fixtures/demo/mail.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    delivered = sum(row["outcome"] == "delivered" for row in rows)
    assert f"All {len(rows)} requests reached the declared outcome" in done.stdout
    report = json.loads((folder / "sla-report.json").read_text())
    assert report["total"]["kept"] == delivered
    assert report["total"]["missed"] == 0
    told = [json.loads(line) for line in (folder / "webhooks.jsonl").read_text().splitlines()]
    assert sum(event["type"] == "mail.delivered" for event in told) == delivered
    with Image.open(folder / "contact-sheet.png") as sheet:
        assert sheet.width > 1000
    taken = [
        line
        for name in ("northside", "lakeshore")
        for line in (folder / name / "journal.jsonl").read_text().splitlines()
    ]
    assert taken
    assert list((folder / "northside" / "account" / "in").glob("*_r00.pdf"))


def test_a_folder_that_holds_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    command = [sys.executable, "-m", "ops.cli.main", "demo", "--folder", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "--folder" in done.stderr
    assert (tmp_path / "thesis.txt").read_text() == "years of work"

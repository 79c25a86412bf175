"""`mailstream quarantine`: what nobody works on any more is listed and let go, with a reason."""

from pathlib import Path

import pytest

from pipeline.repository.database import Database
from pipeline.repository.tables import printers
from tests.integration.cli.terminal import Terminal
from tests.integration.line.conftest import empty
from tests.integration.line.world import START, World


@pytest.fixture
def quarantined(database: Database, tmp_path: Path) -> str:
    empty(database)
    world = World(database, tmp_path)
    printer_id = world.add_printer()
    world.set(printers, printer_id, quarantined_at=START, solo_deaths=3, last_error="worker_died")
    return printer_id


def test_it_is_listed_and_let_go(terminal: Terminal, quarantined: str) -> None:
    [listed] = terminal.json("quarantine", "list")
    assert (listed["kind"], listed["id"], listed["name"], listed["last_error"]) == (
        "printer", quarantined, "north", "worker_died",
    )  # fmt: skip
    assert "worker_died" in terminal.out("quarantine", "list")
    assert terminal.json("quarantine", "list", "--test") == []
    done = terminal.json("quarantine", "release", quarantined, "--reason", "more memory")
    assert done == {"kind": "printer", "id": quarantined}
    assert terminal.json("quarantine", "list") == []


def test_it_is_let_go_with_a_reason_and_only_where_it_is_quarantined(terminal: Terminal, quarantined: str) -> None:
    unsaid = terminal.run_here("quarantine", "release", quarantined, "--reason", " ")
    assert (unsaid.returncode, "say why" in unsaid.stderr) == (2, True)
    unknown = terminal.run_here("quarantine", "release", "pr_nobody", "--reason", "more memory")
    assert (unknown.returncode, "`mailstream quarantine list` shows what is" in unknown.stderr) == (4, True)

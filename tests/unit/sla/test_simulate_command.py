"""`mailstream sla simulate`: data on stdout, progress on stderr, a chart where it is asked for."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ops.cli.sla import app

SCENARIOS = Path(__file__).parents[3] / "fixtures" / "scenarios"


def test_json_goes_to_stdout_alone_and_the_chart_to_its_file(tmp_path: Path) -> None:
    chart = tmp_path / "day.png"
    ran = CliRunner().invoke(
        app, ["simulate", str(SCENARIOS / "trickle.json"), "--seed", "2", "--json", "--plot", str(chart)]
    )
    assert ran.exit_code == 0
    result = json.loads(ran.stdout)
    assert (result["scenario"], result["seed"]) == ("trickle", 2)
    assert result["policies"][0]["kept"] == 1_800
    assert "mailstream" in ran.stderr
    assert chart.stat().st_size > 1_000


def test_a_table_names_every_policy() -> None:
    ran = CliRunner().invoke(app, ["simulate", str(SCENARIOS / "trickle.json")])
    assert [line.split()[0] for line in ran.stdout.splitlines()] == [
        "policy",
        "mailstream",
        "fixed-interval",
        "full-sheets-only",
    ]


@pytest.mark.parametrize("name", ["day.nonsense", "day"])
def test_a_chart_of_no_known_kind_is_refused(name: str, tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["simulate", str(SCENARIOS / "trickle.json"), "--plot", str(tmp_path / name)])
    assert ran.exit_code != 0
    assert "give a name that ends in .png" in str(ran.exception)

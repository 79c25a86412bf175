"""`mailstream printers rehearse` against the simulated shop behind a real SSH server: what it does well and badly is told."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.terminal import Terminal
from tests.integration.cli.test_cli_printers import NEW, PROFILE


@contextmanager
def shop(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A running shop that needs no time; how to reach it."""
    places = ("--folder", f"{folder}/north", "--journal", f"{folder}/journal.jsonl", "--trays", f"{folder}/trays")
    pace = ("--accept-s", "0", "--print-s", "0", "--mail-s", "0", "--spoil", "0.3")
    argv = [sys.executable, "-m", "ops.simulators.printer", *places, *pace, "--sftp", "0", *options]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


@pytest.fixture
def ready(bare: Terminal) -> Terminal:
    bare.out("migrate")
    return bare


def rehearse(terminal: Terminal, transport: dict[str, Any], *options: str) -> dict[str, dict[str, Any]]:
    """The steps by name."""
    profile = json.dumps({**PROFILE, "transport": transport})
    terminal.out("printers", "add", "north", *NEW, "--profile", "-", stdin=profile)
    return rehearse_again(terminal, *options)


def rehearse_again(terminal: Terminal, *options: str) -> dict[str, dict[str, Any]]:
    done = terminal.run_here("printers", "rehearse", "north", "--json", *options)
    steps = json.loads(done.stdout)
    assert done.returncode == (0 if all(step["ok"] for step in steps) else 1), done.stderr
    return {step["name"]: step for step in steps}


def wrong(steps: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, step in steps.items() if not step["ok"]]


def test_a_shop_that_does_all_of_it_passes_and_nothing_stays_in_its_inbox(ready: Terminal, tmp_path: Path) -> None:
    with shop(tmp_path) as transport:
        steps = rehearse(ready, transport, "--pieces", "20")
    assert wrong(steps) == []
    assert list(steps) == [
        "handed over", "taken", "accepted", "written", "form", "printed", "single pieces", "mailed", "moved away", "cleared",
    ]  # fmt: skip
    assert "20 pieces on 3 sheets" in steps["handed over"]["detail"]
    assert "with the ready file's digest" in steps["accepted"]["detail"]
    mailed, lost = (int(word) for word in steps["mailed"]["detail"].split() if word.isdigit())
    assert mailed + lost == 20
    assert lost > 0
    assert list((tmp_path / "north" / "in").iterdir()) == []
    moved = [path.name for path in (tmp_path / "north" / "out" / "done").iterdir()]
    assert steps["moved away"]["detail"].startswith(f"{len(moved)} files")


def test_a_damaged_drop_has_to_be_rejected(ready: Terminal, tmp_path: Path) -> None:
    with shop(tmp_path) as transport:
        steps = rehearse(ready, transport, "--broken")
    assert wrong(steps) == []
    assert "rejected" in steps
    assert "printed" not in steps


@pytest.mark.parametrize(
    ("options", "failed", "said"),
    [
        (("--acks", "csv"), ["form"], "not as agreed, in JSON: "),
        (
            ("--fault", "silent"),
            ["accepted", "printed", "single pieces", "mailed"],
            "no file in out/ whose name begins with rehearsal_",
        ),
        (("--fault", "half-print"), ["mailed"], "pieces are short"),
        (
            ("--fault", "wrong-digest"),
            ["accepted", "written", "printed", "single pieces", "mailed"],
            "said anything good",
        ),
        (
            ("--fault", "clock-skew"),
            ["accepted", "written", "printed", "single pieces", "mailed"],
            "said anything good",
        ),
        (
            ("--fault", "refuse"),
            ["accepted", "printed", "single pieces", "mailed"],
            "says rejected first; reason: this press refuses",
        ),
    ],
)
def test_what_a_shop_does_wrong_is_named(
    ready: Terminal, tmp_path: Path, options: tuple[str, ...], failed: list[str], said: str
) -> None:
    with shop(tmp_path, *options) as transport:
        steps = rehearse(ready, transport, "--minutes", "0.1")
        if wrong(steps) != failed:  # a slow machine may need longer for what the shop does well
            steps = rehearse_again(ready, "--minutes", "1")
    assert wrong(steps) == failed
    assert said in steps[failed[0]]["detail"]
    assert list((tmp_path / "north" / "in").iterdir()) == []


def test_an_account_that_cannot_be_used_is_told(ready: Terminal, tmp_path: Path) -> None:
    with shop(tmp_path, "--fault", "disk-full") as transport:
        steps = rehearse(ready, transport)
    assert list(steps) == wrong(steps) == ["account"]
    assert "(printer_storage_full)" in steps["account"]["detail"]

"""The line is killed at its commits and side effects, and loses and repeats its messages: no piece is lost or printed twice.

`make test` runs a sample of the points of two seeds; `make test-long` every point of twenty.
"""

import subprocess
import sys
from pathlib import Path

import pytest

EVERY_POINT = 1
SAMPLE = 14


def harness(*arguments: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own, since it forks, and a test runner has threads."""
    command = [sys.executable, "-m", "tests.e2e.crash.run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_piece_is_lost_or_printed_twice_wherever_the_line_dies() -> None:
    done = harness("--seeds", "1", "2", "--every", str(SAMPLE))
    assert done.returncode == 0, done.stdout + done.stderr
    runs = int(done.stdout.splitlines()[-1].split()[0])
    assert runs > 8


@pytest.mark.long
def test_without_the_sweeper_the_same_harness_fails() -> None:
    done = harness("--seeds", "1", "1", "--every", "30", "--no-sweeps")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "wrong" in done.stdout


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 21))
def test_every_point_of_every_seed(seed: int, tmp_path: Path) -> None:
    done = harness("--seeds", str(seed), str(seed), "--every", str(EVERY_POINT))
    (tmp_path / "output").write_text(done.stdout)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]

"""Artwork, and the command for a shop's own files: what preparing a side takes, and `mailstream impose` as a whole process.

`python -m ops.bench command`. Artwork is asked of the press process as the service asks it, once that has its imports.
"""

import csv
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ops.bench.addresses import people
from ops.bench.figures import Figure
from pipeline.press.process import child
from pipeline.products import POSTCARD_4X6

TITLE = "Artwork, and `mailstream impose`"
_CREATIVES = Path(__file__).parents[2] / "fixtures" / "creatives"
_SIDES = ("harbor-front.pdf", "harbor-back.pdf", "cedar-welcome.png", "cedar-checkup.jpg")
_PIECES = 20_000
_RUNS = 5


def measure() -> list[Figure]:
    """Each creative of the demo, then the command; medians."""
    with tempfile.TemporaryDirectory() as folder:
        return [*(_side(_CREATIVES / name, Path(folder)) for name in _SIDES), _command(Path(folder))]


def _side(artwork: Path, folder: Path) -> Figure:
    child.inspect(artwork, POSTCARD_4X6)  # waits for the imports
    checked = _median_s(lambda: child.inspect(artwork, POSTCARD_4X6))
    prepared = _median_s(lambda: child.normalize(artwork, POSTCARD_4X6, folder / "normal.pdf"))
    beside = f"checked in {checked * 1000:.0f} ms"
    return Figure(f"{artwork.name}, prepared", f"{prepared * 1000:.0f} ms", beside, "<= 150 ms")


def _command(folder: Path) -> Figure:
    recipients = folder / "recipients.csv"
    with recipients.open("w", newline="", encoding="utf-8") as file:
        rows = csv.DictWriter(file, ["name", "company", "line1", "line2", "city", "state", "zip"])
        rows.writeheader()
        rows.writerows(one._asdict() for one in people(_PIECES))
    argv = [
        sys.executable, "-m", "ops.cli.main", "impose", "--product", POSTCARD_4X6.name, "--recipients", str(recipients),
        "--front", str(_CREATIVES / "harbor-front.pdf"), "--back", str(_CREATIVES / "harbor-back.pdf"), "--sheet", "13x19",
        "--out", str(folder / "sheets"), "--mailer-id", "123456", "--serials", f"1-{_PIECES}", "--permit-number", "1042",
        "--permit-city", "Boise", "--permit-state", "ID",
    ]  # fmt: skip
    bare = _median_s(lambda: subprocess.run([sys.executable, "-c", "import typer, pydantic"], check=True))
    took = _median_s(lambda: subprocess.run(argv, check=True, capture_output=True))
    most_mb = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    beside = f"Python with its libraries {bare:.2f} s, largest process {most_mb:.0f} MB"
    return Figure(f"mailstream impose, {_PIECES:,} rows", f"{took:.2f} s", beside, "<= 2 s")


def _median_s(work: Callable[[], object]) -> float:
    took = []
    for _ in range(_RUNS):
        began = time.perf_counter()
        work()
        took.append(time.perf_counter() - began)
    return statistics.median(took)

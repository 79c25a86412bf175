"""The measured figures, beside their peers and goals: `python -m ops.bench [AREA …] [--json FILE]`, which is `make bench`.

All areas take a few minutes. Peers run on the same machine in the same run: ratios carry over to another machine, rates do not.
"""

import argparse
import json
import os
import platform
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from types import ModuleType

from ops.bench import addresses, clockwork, command, imposition, intake, line, planning, sftp, webhooks
from ops.bench.figures import Figure, print_figures

_AREAS: Mapping[str, ModuleType] = {
    "intake": intake,
    "line": line,
    "imposition": imposition,
    "command": command,
    "sftp": sftp,
    "webhooks": webhooks,
    "addresses": addresses,
    "planning": planning,
    "clockwork": clockwork,
}
"""Each with a `TITLE` and a `measure`."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__)
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(_AREAS)} (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    asked = parser.parse_args()
    unknown = sorted(set(asked.areas) - _AREAS.keys())
    if unknown:
        parser.error(f"there is no area {', '.join(unknown)}; choose of {', '.join(_AREAS)}")
    machine = _machine()
    print(", ".join(machine.values()))  # noqa: T201
    measured, failed = _measure(asked.areas or list(_AREAS))
    if asked.json:
        told = {area: [asdict(figure) for figure in figures] for area, figures in measured.items()}
        asked.json.write_text(json.dumps({"machine": machine, "figures": told}, indent=1) + "\n")
    return 1 if failed else 0


def _measure(areas: Sequence[str]) -> tuple[dict[str, list[Figure]], list[str]]:
    """The figures by area, printed as they come, and the areas that could not be measured."""
    measured: dict[str, list[Figure]] = {}
    failed: list[str] = []
    for area in areas:
        _say(f"measuring {area} …")
        start = time.monotonic()
        measure: Callable[[], list[Figure]] = _AREAS[area].measure
        try:
            measured[area] = measure()
        except Exception as error:  # noqa: BLE001  # the edge of an area: the others are measured all the same
            failed.append(area)
            _say(f"{area} could not be measured: {type(error).__name__}: {error}")
            continue
        print_figures(f"{_AREAS[area].TITLE} ({time.monotonic() - start:.0f} s)", measured[area])
        sys.stdout.flush()
    return measured, failed


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _machine() -> dict[str, str]:
    load = os.getloadavg()[0]
    return {
        "cores": f"{len(os.sched_getaffinity(0))} cores ({platform.machine()}, load {load:.1f})",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": f"SQLite {sqlite3.sqlite_version}",
        "ssh": _ssh_version(),
    }


def _ssh_version() -> str:
    """As `ssh -V` says it, on stderr."""
    said = subprocess.run(["ssh", "-V"], capture_output=True, text=True, check=False).stderr
    return said.partition(",")[0].strip() or "no ssh"


if __name__ == "__main__":
    sys.exit(main())

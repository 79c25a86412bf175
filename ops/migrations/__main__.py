"""Writes a migration: `python -m ops.migrations "Say what changes"`, or `--first` to write the first one anew."""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from alembic import command

from ops.migrations import FOLDER, config, upgrade
from pipeline.repository.database import Database

FIRST = "0001"
FIRST_MESSAGE = "The first tables"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ops.migrations", description=__doc__)
    parser.add_argument("message", nargs="?", help="what changes, as a short sentence without a full stop")
    parser.add_argument("--first", action="store_true", help="write the first migration anew, from an empty database")
    arguments = parser.parse_args()
    if arguments.first == bool(arguments.message):
        parser.error("give a message, or --first")
    path = write(FIRST_MESSAGE if arguments.first else arguments.message, first=arguments.first)
    print(f"wrote {path}: read it, and correct it", file=sys.stderr)  # noqa: T201


def write(message: str, *, first: bool) -> Path:
    """Compare the tables with what the migrations make of an empty database, and write the difference down."""
    existing = sorted((FOLDER / "versions").glob("v[0-9]*.py"))
    if first:
        for path in existing:
            path.unlink()
        existing = []
    number = f"{len(existing) + 1:04d}"
    with tempfile.TemporaryDirectory(prefix="mailstream-migrations-") as folder:
        url = f"sqlite:///{folder}/empty.db"
        if existing:
            upgrade(url)
        database = Database(url, pool_size=1)
        with database.write() as tx:
            command.revision(config(tx), message, autogenerate=True, rev_id=number)
        database.dispose()
    [path] = (FOLDER / "versions").glob(f"v{number}_*.py")
    _tidy(path)
    return path


def _tidy(path: Path) -> None:
    """As this project writes code: without Alembic's remarks, and without the commas that would break every constraint up."""
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(
        "".join(line for line in lines if "# ###" not in line).replace(", )", ")").replace(", unique=False", "")
    )
    for tidy in (["format"], ["check", "--fix"]):
        subprocess.run([sys.executable, "-m", "ruff", *tidy, "--quiet", str(path)], check=True)


if __name__ == "__main__":
    main()

"""The pairs in `fixtures/addresses/`: an address as people write it, and as the post wants it."""

import csv
from pathlib import Path

from pipeline.ports import Address, Standardized

FOLDER = Path(__file__).parents[3] / "fixtures" / "addresses"
FIELDS = ("name", "company", "line1", "line2", "city", "state", "zip")
Row = dict[str, str]


def rows(*names: str) -> list[Row]:
    found: list[Row] = []
    for name in names:
        with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            found += csv.DictReader(file)
    return found


def given(row: Row) -> Address:
    return Address(**{field: row[field] for field in FIELDS})


def wanted(row: Row) -> dict[str, str]:
    return {field: row[f"standardized_{field}"] for field in FIELDS}


def written(answer: Standardized) -> dict[str, str]:
    """An answer in the fixtures' columns."""
    both = answer.zip5 + (f"-{answer.zip4}" if answer.zip4 else "")
    return {field: both if field == "zip" else getattr(answer, field) for field in FIELDS}


def label(row: Row) -> str:
    return "|".join(row[field] for field in ("line1", "line2", "city", "state", "zip"))

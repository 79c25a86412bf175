"""Rows of recipients as people have them, CSV or JSON Lines, read as they are needed; and the address in a row."""

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, islice
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TextIO, TypeVar

from ops.cli.failure import CommandError
from pipeline.ports import Address

ADDRESS_FIELDS = ("name", "company", "line1", "line2", "city", "state", "zip")
REQUIRED_FIELDS = ("line1", "city", "state", "zip")

T = TypeVar("T")


class Row(NamedTuple):
    """`line` is where it stands in the file, from 1; `cells` are as they were, one for each of `columns`: None where there is none.

    The address is of the columns that have its names, whatever their capitals and the spaces around them; what is missing is empty.
    """

    line: int
    columns: Sequence[str]
    cells: Sequence[Any]
    address: Address

    @property
    def values(self) -> dict[str, Any]:
        """What the row says, by column."""
        return dict(zip(self.columns, self.cells, strict=True))

    @property
    def fields(self) -> dict[str, str]:
        """The values for fields of a template: by column, as it stands, and with `_` for what no field's name can have.

        An empty cell is a value, as an empty string is to the API; a cell that is missing, or null in JSON, is none.
        """
        values = {name.strip(): _text(value) for name, value in self.values.items() if value is not None}
        return {re.sub(r"\W+", "_", name): value for name, value in values.items()} | values


@dataclass(frozen=True)
class Rows:
    """`kind` is "csv" or "jsonl"; `columns` is empty for JSON Lines, whose rows each have their own."""

    kind: str
    columns: tuple[str, ...]
    rows: Iterator[Row]


@contextmanager
def read_rows(path: str) -> Iterator[Rows]:
    """The rows of a file, or of stdin for `-`. Raises `CommandError` naming the line that cannot be read."""
    name = "stdin" if path == "-" else path
    with Path(path).open("rb") if path != "-" else sys.stdin.buffer as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")
        try:
            yield _rows(text, name)
        except UnicodeDecodeError as error:
            raise CommandError(f"{name} is not text in UTF-8: save it as UTF-8") from error


def chunks(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    rest = iter(rows)
    while chunk := list(islice(rest, size)):
        yield chunk


def _rows(text: TextIO, name: str) -> Rows:
    blank, first = next((found for found in enumerate(text) if found[1].strip()), (0, ""))
    lines = chain([first], text)
    if first.lstrip().startswith("{"):
        return Rows("jsonl", (), _json_rows(lines, name, blank))
    reader = csv.reader(lines, strict=True)
    columns = tuple(next(reader, []))
    missing = [wanted for wanted in REQUIRED_FIELDS if wanted not in {column.strip().lower() for column in columns}]
    if missing:
        known = ",".join(ADDRESS_FIELDS)
        raise CommandError(f"{name} has no column {', '.join(missing)}: its first line has to name {known}")
    return Rows("csv", columns, _csv_rows(reader, columns, name, blank))


def _csv_rows(reader: Any, columns: tuple[str, ...], name: str, blank: int) -> Iterator[Row]:
    """`blank` lines stand above those that are read."""
    found = {column.strip().lower(): at for at, column in enumerate(columns)}
    # The last of a row's texts is an empty one, for the fields that have no column.
    address_of = itemgetter(*(found.get(field, -1) for field in Address._fields))
    try:
        for values in reader:
            if not values:
                continue
            if len(values) > len(columns):
                remedy = "put values that have commas in quotation marks"
                raise CommandError(
                    f"{name} line {blank + reader.line_num} has more values than the first line: {remedy}"
                )
            short = len(columns) - len(values)
            texts = [*map(str.strip, values), *[""] * (short + 1)]
            cells = [*values, *[None] * short] if short else values
            yield Row(blank + reader.line_num, columns, cells, Address(*address_of(texts)))
    except csv.Error as error:
        raise CommandError(f"{name} line {blank + reader.line_num} is not CSV: {error}") from error


def _json_rows(lines: Iterable[str], name: str, blank: int) -> Iterator[Row]:
    for number, line in enumerate(lines, start=blank + 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except ValueError as error:
            raise CommandError(f"{name} line {number} is not JSON: {error}") from error
        if not isinstance(values, dict):
            raise CommandError(f"{name} line {number}: write each row as one JSON object")
        found = {column.strip().lower(): _text(value) for column, value in values.items()}
        yield Row(
            number,
            tuple(values),
            tuple(values.values()),
            Address(**{field: found.get(field, "") for field in ADDRESS_FIELDS}),
        )


def _text(value: Any) -> str:
    return "" if value is None else str(value).strip()

"""What commands print: JSON, or tables that are rich on a terminal and plain aligned text in a pipe."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def say(text: str) -> None:
    """Talk, which is no part of the data."""
    typer.echo(text, err=True)


def print_json(value: Any) -> None:
    """Indented for people, in one line for programs."""
    typer.echo(json.dumps(value, indent=2 if sys.stdout.isatty() else None, ensure_ascii=False, default=_plain))


def print_json_line(value: Any) -> None:
    """One of many, each on a line of its own."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=_plain))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table with a heading; numbers stand to the right."""
    values = [list(row) for row in rows]
    numeric = [
        any(_is_number(row[at]) for row in values) and all(row[at] is None or _is_number(row[at]) for row in values)
        for at in range(len(columns))
    ]
    cells = [[cell(value) for value in row] for row in values]
    if sys.stdout.isatty():
        _print_rich(columns, cells, numeric)
    else:
        _print_plain(columns, cells, numeric)


def print_record(fields: Mapping[str, Any]) -> None:
    """One thing: its fields, one a line."""
    width = max(map(len, fields), default=0)
    for name, value in fields.items():
        typer.echo(f"{name:<{width}}  {cell(value)}")


def cell(value: Any) -> str:
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    if isinstance(value, list | tuple):
        return ", ".join(map(cell, value)) or "-"
    return str(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _print_plain(columns: Sequence[str], cells: list[list[str]], numeric: Sequence[bool]) -> None:
    headed = [list(columns), *cells]
    widths = [max(len(row[at]) for row in headed) for at in range(len(columns))]
    for row in headed:
        padded = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, numeric, strict=True)
        )
        typer.echo("  ".join(padded).rstrip())


def _print_rich(columns: Sequence[str], cells: list[list[str]], numeric: Sequence[bool]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, right in zip(columns, numeric, strict=True):
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    Console().print(table)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    raise TypeError(f"{type(value).__name__} has no form in JSON")

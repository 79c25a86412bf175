"""`mailstream addresses`: addresses as the post wants them, without asking anybody."""

import csv
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Annotated, Any

import typer

from adapters.addresses.offline import OfflineStandardizer
from ops.cli.apps import new_app
from ops.cli.output import say
from ops.cli.recipients import Row, Rows, chunks, read_rows
from pipeline.errors import Fault
from pipeline.ports import Standardized

app = new_app("Addresses as the post wants them.")

CHUNK = 500
_ADDED = (
    "standardized_name", "standardized_company", "standardized_line1", "standardized_line2", "standardized_city",
    "standardized_state", "standardized_zip", "standardized_plus4", "deliverable", "faults", "corrections",
)  # fmt: skip


@app.callback()
def addresses() -> None:
    """Addresses as the post wants them."""


@app.command()
def standardize(
    file: Annotated[str, typer.Argument(help="CSV or JSON Lines; - or nothing is stdin.")] = "-",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON Lines, whatever the file is.")] = False,
) -> None:
    """Print the same rows, as CSV or JSON Lines like the file, with the standardized address added.

    The file has the columns name, company, line1, line2, city, state and zip; others are handed on. Offline: it says how an
    address is written and whether its ZIP can be in its state, not whether the house is there.
    """
    with read_rows(file) as read:
        judged = _judged(read.rows)
        counted = _print_json(judged) if as_json or read.kind == "jsonl" else _print_csv(read, judged)
    say(f"{counted[0]} rows, {counted[1]} undeliverable")


def _judged(rows: Iterable[Row]) -> Iterator[tuple[Row, Standardized]]:
    standardizer = OfflineStandardizer()
    for chunk in chunks(rows, CHUNK):
        yield from zip(chunk, standardizer.standardize([row.address for row in chunk]), strict=True)


def _print_csv(read: Rows, judged: Iterable[tuple[Row, Standardized]]) -> tuple[int, int]:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow((*read.columns, *_ADDED))
    return _print(judged, lambda row, answer: out.writerow((*row.values.values(), *_texts(answer))))


def _print_json(judged: Iterable[tuple[Row, Standardized]]) -> tuple[int, int]:
    def write(row: Row, answer: Standardized) -> None:
        added = dict(zip(_ADDED, _values(answer), strict=True))
        sys.stdout.write(json.dumps({**row.values, **added}, ensure_ascii=False) + "\n")

    return _print(judged, write)


def _print(judged: Iterable[tuple[Row, Standardized]], write: Callable[[Row, Standardized], Any]) -> tuple[int, int]:
    """How many rows there were, and how many of them are undeliverable."""
    rows = undeliverable = 0
    for row, answer in judged:
        write(row, answer)
        rows += 1
        undeliverable += not answer.deliverable
    return rows, undeliverable


def _values(answer: Standardized) -> tuple[Any, ...]:
    parts = (
        answer.name,
        answer.company,
        answer.line1,
        answer.line2,
        answer.city,
        answer.state,
        answer.zip5,
        answer.zip4,
    )
    return (*parts, answer.deliverable, [fault.as_dict() for fault in answer.faults], list(answer.corrections))


def _texts(answer: Standardized) -> Iterator[str]:
    *parts, deliverable, _, corrections = _values(answer)
    verdict = "true" if deliverable else "false"
    return chain(parts, (verdict, fault_text(answer.faults), "; ".join(corrections)))


def fault_text(faults: Iterable[Fault]) -> str:
    return "; ".join(f"{fault.code} {fault.pointer}: {fault.detail} {fault.remedy}" for fault in faults)

"""The rows of `mailstream impose`, parted: what can be mailed, in the order of the post, and what cannot, with the reasons."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from adapters.addresses.offline import OfflineStandardizer
from ops.cli.addresses import CHUNK, fault_text
from ops.cli.progress import Told
from ops.cli.recipients import Row, chunks, read_rows
from pipeline.errors import Fault
from pipeline.ports import Standardized
from pipeline.press.sheets.address_lines import printed_lines, why_lines_unprintable
from pipeline.products import Product


class Mailed(NamedTuple):
    """What sheets need of a row: its line in the file, and the lines to print. They sort in the order of the post.

    `routing` is ZIP, ZIP+4 and delivery point, as far as they are known.
    """

    routing: str
    line: int
    lines: tuple[str, ...]


Rejected = tuple[Row, tuple[Fault, ...]]


@dataclass(frozen=True)
class Parted:
    """`rows` are the good ones by line, where templates ask for them: a long list is not to lie in memory for nothing."""

    good: list[Mailed] = field(default_factory=list)
    rows: dict[int, Row] = field(default_factory=dict)
    rejected: list[Rejected] = field(default_factory=list)


def part_rows(path: str, product: Product, told: Told, *, keep_rows: bool) -> Parted:
    """A row is good when the post takes its address and its lines can be printed. Raises `CommandError` as `read_rows`."""
    standardizer, parted = OfflineStandardizer(), Parted()
    with read_rows(path) as read:
        for chunk in chunks(read.rows, CHUNK):
            for row, answer in zip(chunk, standardizer.standardize([row.address for row in chunk]), strict=True):
                lines = printed_lines(vars(answer), product)
                faults = answer.faults or _print_faults(lines, product)
                if faults:
                    parted.rejected.append((row, faults))
                    continue
                parted.good.append(Mailed(_routing(answer), row.line, lines))
                if keep_rows:
                    parted.rows[row.line] = row
            told.count("standardizing addresses", len(parted.good) + len(parted.rejected))
    parted.good.sort()
    return parted


def reasons(rejected: Sequence[Rejected]) -> tuple[str, ...]:
    """Some of them, each once."""
    return tuple(sorted({fault_text(faults) for _, faults in rejected})[:20])


def write_rejects(path: Path, rejected: Sequence[Rejected]) -> list[Path]:
    """The rows as they were, with their line and the reasons; no file where there are none."""
    if not rejected:
        path.unlink(missing_ok=True)
        return []
    columns = list(dict.fromkeys(name for row, _ in rejected for name in row.columns))
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["line", *columns, "reasons"], restval="")
        out.writeheader()
        for row, faults in sorted(rejected, key=lambda one: one[0].line):
            out.writerow({**row.values, "line": row.line, "reasons": fault_text(faults)})
    return [path]


def _print_faults(lines: tuple[str, ...], product: Product) -> tuple[Fault, ...]:
    why = why_lines_unprintable(lines, product)
    if why is None:
        return ()
    remedy = "Shorten or leave out lines; use Latin letters, digits and punctuation."
    return (Fault("address_unprintable", "", f"The address cannot be printed: {why}.", remedy),)


def _routing(answer: Standardized) -> str:
    return answer.zip5 + answer.zip4 + answer.delivery_point if answer.zip4 else answer.zip5

"""The pages of `mailstream impose` that differ from row to row: made from HTML with fields, the same values sharing one."""

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ops.cli.artwork import Warned
from ops.cli.failure import CommandError
from ops.cli.html import is_html, make_page, read_html
from ops.cli.mailable import Mailed, Parted, Rejected, reasons
from ops.cli.progress import Told
from ops.cli.recipients import Row
from pipeline.errors import Fault
from pipeline.press.html.merge import merge
from pipeline.press.process import child
from pipeline.press.report import Finding, Report
from pipeline.products import Product, Side


@dataclass(frozen=True)
class Pages:
    """The artwork of a job by name, and by side the name for each of `good`; the rows of `rejected` have no page, and say why.

    `warnings` tell the first of a kind for each side.
    """

    artwork: dict[str, Path]
    good: list[Mailed]
    rejected: list[Rejected]
    names: dict[Side, list[str]]
    warnings: list[Warned]


def make_pages(templates: Mapping[Side, Path], parted: Parted, product: Product, folder: Path, told: Told) -> Pages:
    """A page for each good row and template. Raises `CommandError` where no row has one."""
    if not templates:
        return Pages({}, parted.good, [], {}, [])
    texts = {side: read_html(file) for side, file in templates.items()}
    wanted = {name for _, names in texts.values() for name in names}
    refused = {line: found for line, row in parted.rows.items() if (found := _missing(wanted, row))}
    pages = _Pages(product, folder)
    for side, (html, _) in texts.items():
        told.say(f"setting the {side}s")
        pages.make(side, {merge(html, row.fields) for line, row in parted.rows.items() if line not in refused})
    names: dict[Side, list[str]] = {side: [] for side in texts}
    good = []
    for one in parted.good:
        if one.line in refused:
            continue
        values = parted.rows[one.line].fields
        made = {side: pages.made[side, merge(html, values)] for side, (html, _) in texts.items()}
        faults = tuple(fault for page in made.values() if not isinstance(page, str) for fault in page)
        if faults:
            refused[one.line] = faults
            continue
        good.append(one)
        for side, page in made.items():
            names[side].append(str(page))
    rejected = [(parted.rows[line], faults) for line, faults in refused.items()]
    if not good:
        raise CommandError("no row has a page that can be printed", details=reasons(rejected))
    warnings = [Warned(templates[side], side, found) for (side, _), found in pages.warnings.items()]
    return Pages(pages.artwork, good, rejected, names, warnings)


class _Pages:
    """What was made of each text of a side: the name of its artwork, or what is wrong with it."""

    def __init__(self, product: Product, folder: Path) -> None:
        self._product = product
        self._folder = folder
        self._numbers = count(1)
        self.artwork: dict[str, Path] = {}
        self.made: dict[tuple[Side, str], str | tuple[Fault, ...]] = {}
        self.warnings: dict[tuple[Side, str], Finding] = {}

    def make(self, side: Side, texts: set[str]) -> None:
        """Each page takes a process of its own: as many at a time as there are processors."""
        ordered = sorted(texts)
        files = [self._folder / f"{side}-{next(self._numbers)}.pdf" for _ in ordered]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            reports = list(pool.map(lambda text, file: self._make(side, text, file), ordered, files))
        for text, file, report in zip(ordered, files, reports, strict=True):
            self.made[side, text] = report.findings or file.stem
            if report.ok:
                self.artwork[file.stem] = file
            for found in report.warnings:
                self.warnings.setdefault((side, found.code), found)

    def _make(self, side: Side, text: str, file: Path) -> Report:
        report = make_page(text, self._product, side, file)
        if report.ok:
            child.normalize(file, self._product, file)
        return report


def _missing(names: set[str], row: Row) -> tuple[Fault, ...]:
    remedy = "Give every row that column, and a cell in it; an empty one prints nothing."
    return tuple(
        Fault("missing_merge_field", f"/{name}", f"The row has no value for {name}.", remedy)
        for name in sorted(names - row.fields.keys())
    )


def is_template(file: Path) -> bool:
    return is_html(file) and bool(read_html(file)[1])

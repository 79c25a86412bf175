"""The pages of `mailstream impose` that differ from row to row: made from HTML with fields, the same values sharing one."""

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from ops.cli.artwork import Warned
from ops.cli.failure import CommandError
from ops.cli.html import is_html, make_page, read_html
from ops.cli.progress import Told
from ops.cli.recipients import Row
from pipeline.errors import Fault
from pipeline.ports import Standardized
from pipeline.press.html.merge import merge
from pipeline.press.process import child
from pipeline.press.report import Finding, Report
from pipeline.products import Product, Side

Mailed = tuple[Row, Standardized]
"""A row and what the post made of its address."""


@dataclass(frozen=True)
class Pages:
    """The artwork of a job by name, and by side the name for each of `good`; the rows of `rejected` have no page, and say why.

    `warnings` tell the first of a kind for each side.
    """

    artwork: dict[str, Path]
    good: list[Mailed]
    rejected: list[Mailed]
    names: dict[Side, list[str]]
    warnings: list[Warned]


def make_pages(
    templates: Mapping[Side, Path], rows: Sequence[Mailed], product: Product, folder: Path, told: Told
) -> Pages:
    """A page for each row and template. Raises `CommandError` where no row has one."""
    if not templates:
        return Pages({}, list(rows), [], {}, [])
    texts = {side: read_html(file) for side, file in templates.items()}
    wanted = {name for _, names in texts.values() for name in names}
    refused = {row.line: found for row, _ in rows if (found := _missing(wanted, row))}
    pages = _Pages(product, folder)
    for side, (html, _) in texts.items():
        told.say(f"setting the {side}s")
        pages.make(side, {merge(html, row.fields) for row, _ in rows if row.line not in refused})
    names: dict[Side, list[str]] = {side: [] for side in texts}
    good = []
    for row, answer in rows:
        if row.line in refused:
            continue
        made = {side: pages.made[side, merge(html, row.fields)] for side, (html, _) in texts.items()}
        faults = tuple(fault for page in made.values() if not isinstance(page, str) for fault in page)
        if faults:
            refused[row.line] = faults
            continue
        good.append((row, answer))
        for side, page in made.items():
            names[side].append(str(page))
    if not good:
        reasons = {f"{one.code}: {one.detail} {one.remedy}" for faults in refused.values() for one in faults}
        raise CommandError("no row has a page that can be printed", details=tuple(sorted(reasons)[:20]))
    rejected = [(row, replace(answer, faults=refused[row.line])) for row, answer in rows if row.line in refused]
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
    return tuple(
        Fault("missing_merge_field", f"/{name}", f"The row has no column {name}.", "Add the column.")
        for name in sorted(names - row.fields.keys())
    )


def is_template(file: Path) -> bool:
    return is_html(file) and bool(read_html(file)[1])

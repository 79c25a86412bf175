"""Makes the files of a drop: imposed sheets, manifest, tickets for people and machines, proof.

`impose` is a pure function of its job: the same job gives the same bytes. Each file appears under its name when it is
whole.
"""

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

from pipeline.errors import Permanent
from pipeline.press.job import Imposed, Job
from pipeline.press.sheets.layout import lay_out
from pipeline.press.sheets.manifest import write_manifest
from pipeline.press.sheets.marks import barcode_text, slug_text
from pipeline.press.sheets.samples import write_samples
from pipeline.press.sheets.sheet_file import Row, SheetFile
from pipeline.press.sheets.side_by_side import side_by_side
from pipeline.press.sheets.tally import Tally
from pipeline.press.sheets.ticket import write_ticket
from pipeline.press.sheets.xjdf import write_xjdf
from pipeline.products import PRODUCTS, Product


def impose(job: Job, out_dir: Path, *, at_once: int = 1) -> Imposed:
    """Write `STEM.pdf` (or `STEM-001.pdf`, … when split), `STEM.csv`, `STEM-ticket.pdf`, `STEM.xjdf` and `STEM-proof.pdf`
    into `out_dir`; `at_once` files of sheets at a time, for which the process must have one thread where that is more than one.

    Raises `Permanent`: `layout_does_not_fit`, `permit_missing`, `address_unprintable` naming the piece, `file_too_large`.
    Nothing is left in `out_dir` then.
    """
    product = PRODUCTS[job.product]
    tally = Tally(job, lay_out(product, job.imposition))
    if not job.pieces:
        raise ValueError(f"{job.stem} has no pieces")
    work = out_dir / f".{job.stem}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        manifest = work / f"{job.stem}.csv"
        sides = tally.layout.sides(product.address_side)
        write_manifest(tally.passing(), manifest, sides=sides, sheets=job.sheets_per_piece)
        sheets, machine_ticket = _write_sheets(tally, product, work, at_once), work / f"{job.stem}.xjdf"
        write_xjdf(tally, product, sheets, machine_ticket)
        written = [*sheets, manifest, write_ticket(tally, product, work), machine_ticket]
        written.append(write_samples(tally, product, work))
        files = tuple(file.replace(out_dir / file.name) for file in written)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Imposed(files=files, sheets=tally.sheets, pieces=len(job.pieces))


def _write_sheets(tally: Tally, product: Product, work: Path, at_once: int) -> list[Path]:
    """Files of at most `max_sheets_per_file` sheets and `max_bytes_per_file`: of fewer sheets where they would be larger.

    Raises `Permanent("file_too_large")` where one set of sheets is.
    """
    while True:
        files = _write_files(tally, product, work, at_once)
        most, largest = tally.job.imposition.max_bytes_per_file, max(file.stat().st_size for file in files)
        if most is None or largest <= most:
            return files
        each, now = tally.job.sheets_per_piece, tally.sheets_in_file
        if now <= each:
            detail = f"a file of {now} sheets has {largest:,} bytes, and the printer takes {most:,}"
            raise Permanent("file_too_large", f"{tally.job.stem}: {detail}; raise imposition.max_bytes_per_file")
        for file in files:
            file.unlink()
        fewer = max(each, min(now - each, now * most // largest))
        imposition = tally.job.imposition.model_copy(update={"max_sheets_per_file": fewer})
        tally.job = replace(tally.job, imposition=imposition)


def _write_files(tally: Tally, product: Product, work: Path, at_once: int) -> list[Path]:
    """One file, or several, which part no set. Sheet numbers run through."""
    size = tally.sheets_in_file
    starts = range(0, tally.sheets, size)
    names = (
        [tally.job.stem] if len(starts) == 1 else [f"{tally.job.stem}-{part:03}" for part in range(1, len(starts) + 1)]
    )
    files = [work / f"{name}.pdf" for name in names]
    parts = zip(starts, files, strict=True)
    side_by_side((partial(_write_file, tally, product, start, size, file) for start, file in parts), at_once)
    return files


def _write_file(tally: Tally, product: Product, start: int, size: int, file: Path) -> None:
    with file.open("wb") as out:
        sheets = SheetFile(out, tally.job, product, tally.layout, title=file.stem)
        for number, row in enumerate(tally.rows(start, size), start=start + 1):
            _write_sheet(sheets, tally, number, row)
        sheets.close()


def _write_sheet(sheets: SheetFile, tally: Tally, number: int, row: Row) -> None:
    """Front and back of one sheet, whose number counts from 1."""
    job = tally.job
    nth = (number - 1) % job.sheets_per_piece
    if job.imposition.mode == "one_up" and row[0] and nth == 0:
        sheets.record(*row[0])
    barcode = barcode_text(job.imposition.marks, number)
    sheets.front(row, slug_text(job, number, tally.sheets, "front"), barcode, nth=nth)
    if tally.two_sided:
        sheets.back(row, slug_text(job, number, tally.sheets, "back"), nth=nth)

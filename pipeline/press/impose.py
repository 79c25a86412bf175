"""Makes the files of a drop: imposed sheets, manifest, ticket and proof.

`impose` is a pure function of its job: the same job gives the same bytes. Each file appears under its name when it is
whole.
"""

import shutil
from pathlib import Path

from pipeline.errors import Permanent
from pipeline.press.job import Imposed, Job, Placed
from pipeline.press.layout import Layout, lay_out
from pipeline.press.manifest import write_manifest
from pipeline.press.marks import slug_text
from pipeline.press.samples import write_samples
from pipeline.press.sheets import Row, SheetFile
from pipeline.press.ticket import write_ticket
from pipeline.products import PRODUCTS, Product


def impose(job: Job, out_dir: Path) -> Imposed:
    """Write `STEM.pdf` (or `STEM-001.pdf`, … when split), `STEM.csv`, `STEM-ticket.pdf` and `STEM-proof.pdf` into
    `out_dir`.

    Raises `Permanent`: `layout_does_not_fit`, `permit_missing`, `address_unprintable` naming the piece,
    `output_intent_missing`. Nothing is left in `out_dir` then.
    """
    product = PRODUCTS[job.product]
    layout = lay_out(product, job.imposition)
    if job.imposition.output_intent != "none":
        raise Permanent(
            "output_intent_missing", f"no profile is installed for output intent {job.imposition.output_intent}"
        )
    if not job.pieces:
        raise ValueError(f"{job.stem} has no pieces")
    rows = _rows(job, layout)
    work = out_dir / f".{job.stem}.part"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    try:
        written = [*_write_sheets(job, product, layout, rows, work), work / f"{job.stem}.csv"]
        write_manifest(job, written[-1])
        written += [write_ticket(job, product, layout, work), write_samples(job, product, work)]
        files = tuple(file.replace(out_dir / file.name) for file in written)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Imposed(files=files, sheets=len(rows), pieces=len(job.pieces))


def _rows(job: Job, layout: Layout) -> list[Row]:
    """The pieces by sheet and slot. A place off the sheet, or taken twice, is a bug of whoever planned it."""
    sheets = max(piece.sheet for piece in job.pieces) + 1
    rows: list[list[tuple[int, Placed] | None]] = [[None] * layout.n_up for _ in range(sheets)]
    for number, piece in enumerate(job.pieces, start=1):
        on_sheet = piece.sheet >= 0 and 0 <= piece.slot < layout.n_up
        if not on_sheet or rows[piece.sheet][piece.slot] is not None:
            raise ValueError(f"piece {piece.piece_id}: sheet {piece.sheet} slot {piece.slot} is off the sheet or taken")
        rows[piece.sheet][piece.slot] = (number, piece)
    return list(rows)


def _write_sheets(job: Job, product: Product, layout: Layout, rows: list[Row], work: Path) -> list[Path]:
    """One file, or several of at most `max_sheets_per_file` sheets. Sheet numbers run through."""
    size = job.imposition.max_sheets_per_file
    starts = range(0, len(rows), size)
    files = []
    for part, start in enumerate(starts, start=1):
        file = work / (f"{job.stem}.pdf" if len(starts) == 1 else f"{job.stem}-{part:03}.pdf")
        with file.open("wb") as out:
            sheets = SheetFile(out, job, product, layout)
            for number, row in enumerate(rows[start : start + size], start=start + 1):
                sheets.front(row, slug_text(job, number, len(rows), "front"))
                sheets.back(row, slug_text(job, number, len(rows), "back"))
            sheets.close()
        files.append(file)
    return files

"""The drop's proof: the first, last and longest-address piece, as they will print, for the press operator to sign."""

from dataclasses import replace
from pathlib import Path

from pipeline.models.profile import Marks
from pipeline.press.geometry import Rect, bleed_rect, pt
from pipeline.press.job import Job
from pipeline.press.sheets.layout import Layout
from pipeline.press.sheets.sheet_file import SheetFile
from pipeline.press.sheets.tally import Tally
from pipeline.press.slots import FACES, Mark, Side, Slot
from pipeline.products import Product

MARGIN_IN = 0.5
SLUG_FROM_FOOT_IN = 0.25


def write_samples(tally: Tally, product: Product, out_dir: Path) -> Path:
    """`STEM-proof.pdf`: front and back of each of a piece's sheets, with crop marks and a line that says which piece it is."""
    job, layout = _as_proof(tally.job), _with_margin(product)
    file = out_dir / f"{job.stem}-proof.pdf"
    with file.open("wb") as out:
        sheets = SheetFile(out, job, product, layout, title=f"{job.stem}-proof")
        for what, at in (("first piece", 0), ("last piece", len(job.pieces) - 1), ("longest address", tally.longest)):
            piece = job.pieces[at]
            for nth in range(job.sheets_per_piece):
                place = f"sheet {piece.sheet + nth + 1} slot {piece.slot + 1}"
                for draw, side in ((sheets.front, "front"), (sheets.back, "back")):
                    draw([(at + 1, piece)], f"{what}   {piece.piece_id}   {place}   {side}   {job.stem}", nth=nth)
        sheets.close()
    return file


def _as_proof(job: Job) -> Job:
    """Crop marks and a line in the margin, whatever the sheets have; no records, since pieces come more than once."""
    marks = Marks(crop_length_in=0.11, registration=False, color_bar=False)
    return replace(job, imposition=job.imposition.model_copy(update={"mode": "imposed", "marks": marks}))


def _with_margin(product: Product) -> Layout:
    page = bleed_rect(product)
    cell = Rect(pt(MARGIN_IN), pt(MARGIN_IN), page.width_pt, page.height_pt)
    sheet = Rect(0, 0, page.width_pt + 2 * pt(MARGIN_IN), page.height_pt + 2 * pt(MARGIN_IN))
    line = Mark("slug", Rect(cell.x_pt, pt(SLUG_FROM_FOOT_IN), cell.width_pt, 6))
    front, back = (Side((Slot(cell, 0, face),), cell, sheet, (line,)) for face in FACES)
    return Layout(sheet, 1, 1, front, back, marked=True)

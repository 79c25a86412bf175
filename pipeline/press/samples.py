"""The drop's proof: the first, last and longest-address piece, as they will print, for the press operator to sign."""

from pathlib import Path

from pipeline.press.geometry import Rect, bleed_rect, pt
from pipeline.press.job import Job, Placed
from pipeline.press.layout import Layout, Side, Slot
from pipeline.press.sheets import SheetFile
from pipeline.products import Product

MARGIN_IN = 0.5


def write_samples(job: Job, product: Product, out_dir: Path) -> Path:
    """`STEM-proof.pdf`: two pages a piece, front and back, with crop marks and a line that says which piece it is."""
    file = out_dir / f"{job.stem}-proof.pdf"
    with file.open("wb") as out:
        sheets = SheetFile(out, job, product, _with_margin(product))
        for what, sequence, piece in pick_samples(job.pieces):
            place = f"sheet {piece.sheet + 1} slot {piece.slot + 1}"
            for draw, side in ((sheets.front, "front"), (sheets.back, "back")):
                draw([(sequence, piece)], f"{what}   {piece.piece_id}   {place}   {side}   {job.stem}")
        sheets.close()
    return file


def pick_samples(pieces: tuple[Placed, ...]) -> list[tuple[str, int, Placed]]:
    """What it is, its number in mailing order from 1, and the piece; a piece that is two of them comes twice."""
    if not pieces:
        return []
    longest = max(range(len(pieces)), key=lambda at: (max(map(len, pieces[at].address), default=0), -at))
    chosen = (("first piece", 0), ("last piece", len(pieces) - 1), ("longest address", longest))
    return [(what, at + 1, pieces[at]) for what, at in chosen]


def _with_margin(product: Product) -> Layout:
    page = bleed_rect(product)
    cell = Rect(pt(MARGIN_IN), pt(MARGIN_IN), page.width_pt, page.height_pt)
    sheet = Rect(0, 0, page.width_pt + 2 * pt(MARGIN_IN), page.height_pt + 2 * pt(MARGIN_IN))
    side = Side((Slot(cell, 0),), cell, sheet)
    return Layout(sheet, 1, 1, side, side, marked=True)

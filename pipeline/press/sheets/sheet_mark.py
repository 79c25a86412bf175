"""The mark on every sheet of a set: an inserter reads it to know that each envelope gets its own sheets, all and in order.

Text: piece, sheet of sheets, drop, with a blank between, such as `ml_06eb8… 2/3 bt_06eb8…_r00`. The code is 0.4 in square, in
the middle of the white box that the product table keeps for it: 0.0125 in a module at the 32 modules that such a text takes,
with four of them free around it.
"""

import re
from functools import cache

from pipeline.press.geometry import Rect, numbers, on_piece, pt
from pipeline.press.job import Job, Placed
from pipeline.press.sheets import data_matrix
from pipeline.press.slots import Face, Slot
from pipeline.products import Product

SIDE_PT = pt(0.4)
# Shorter ids would make fewer and larger modules: cameras are set up once.
LEAST_MODULES = 32


class SheetMark:
    """Draws one job's marks."""

    def __init__(self, job: Job, product: Product) -> None:
        if product.sheet_mark is None:
            raise ValueError(f"{product.name} has no place for a mark")
        self._of, self._stem = job.sheets_per_piece, job.stem
        box = on_piece(product.sheet_mark, product)
        self._code = box.inset((box.width_pt - SIDE_PT) / 2, (box.height_pt - SIDE_PT) / 2)

    def draw(self, slot: Slot, piece: Placed, nth: int) -> bytes:
        """Operators on the press sheet, in 100 % K; `nth` counts the set's sheets from 0."""
        rows = data_matrix.encode(mark_text(piece.piece_id, nth, self._of, self._stem), least=LEAST_MODULES)
        matrix = _of_modules(slot, self._code, len(rows))
        return b"q 0 0 0 1 k %b cm %b f Q\n" % (matrix.encode(), _runs(rows))


def mark_text(piece_id: str, nth: int, of: int, stem: str) -> str:
    return f"{piece_id} {nth + 1}/{of} {stem}"


def page_of(nth: int, face: Face, *, duplex: bool) -> int:
    """Which page of a document is printed there, from 0; no document has that many where nothing is."""
    if duplex:
        return 2 * nth + (face == "back")
    return nth if face == "front" else NO_PAGE


NO_PAGE = 1_000_000


def _of_modules(slot: Slot, code: Rect, modules: int) -> str:
    """One unit a module, from the code's lower left corner."""
    a, b, c, d, x, y = slot.matrix(code.x_pt, code.y_pt)
    size = SIDE_PT / modules
    return numbers(a * size, b * size, c * size, d * size, x, y)


def _runs(rows: data_matrix.Rows) -> bytes:
    """Black modules that lie beside one another as one rectangle: one path, so that no seam shows between rows."""
    strips = [_strip(y, x, row[x : x + 8]) for y, row in enumerate(reversed(rows)) for x in range(0, len(row), 8)]
    return b"\n".join(filter(None, strips))


_BLACK = re.compile(rb"\x01+")


@cache
def _strip(y: int, x: int, modules: bytes) -> bytes:
    """Eight modules of a row, of which there are so few that all are soon known: a third of the time."""
    runs = [run.span() for run in _BLACK.finditer(modules)]
    return b"\n".join([b"%d %d %d 1 re" % (x + start, y, end - start) for start, end in runs])

"""The drop's CSV: one row per piece, in mailing order, counting from 1 as people at a press do."""

import csv
from collections.abc import Iterable
from pathlib import Path

from pipeline.press.job import Placed

COLUMNS = ("piece_id", "sheet", "side", "slot", "stack_position", "imb", "recipient_hash", "sequence", "sheets")


def write_manifest(pieces: Iterable[Placed], out: Path, *, side: str, sheets: int) -> None:
    """`side` is that of the address and the barcode; `imb` the digits, 20 and the routing code.

    A piece lies in its slot on so many `sheets`, one after another, from its `sheet` on.
    """
    with out.open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\r\n")
        rows.writerow(COLUMNS)
        rows.writerows(
            (
                piece.piece_id,
                piece.sheet + 1,
                side,
                piece.slot + 1,
                piece.stack_position + 1,
                piece.imb,
                piece.recipient_hash,
                at,
                sheets,
            )
            for at, piece in enumerate(pieces, start=1)
        )

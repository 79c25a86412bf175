"""The drop's CSV: one row per piece, in mailing order, counting from 1 as people at a press do."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path

from pipeline.press.job import Placed
from pipeline.press.slots import Face

COLUMNS = ("piece_id", "sheet", "side", "slot", "stack_position", "imb", "recipient_hash", "sequence", "sheets")


def write_manifest(pieces: Iterable[Placed], out: Path, *, sides: Sequence[Face], sheets: int) -> None:
    """`sides` are, by slot, the side of the sheet that bears address and barcode, where a camera or a person has to look for
    them: not the piece's own, which work styles turn. `imb` is the digits, 20 and the routing code.

    A piece lies in its slot on so many `sheets`, one after another, from its `sheet` on.
    """
    with out.open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file, lineterminator="\r\n")
        rows.writerow(COLUMNS)
        rows.writerows(
            (
                piece.piece_id,
                piece.sheet + 1,
                sides[piece.slot],
                piece.slot + 1,
                piece.stack_position + 1,
                piece.imb,
                piece.recipient_hash,
                at,
                sheets,
            )
            for at, piece in enumerate(pieces, start=1)
        )

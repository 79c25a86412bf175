"""What the press side is given and what it gives back: plain values, so that a job can cross a process boundary."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from pipeline.models.profile import Imposition as ImpositionProfile
from pipeline.models.profile import Postage


class Placed(NamedTuple):
    """One piece at its place. `sheet`, `slot` and `stack_position` count from 0; `imb` is 20 digits and the routing
    code.

    `address` is up to five lines as they are to be printed, the recipient's name first. `front` and `back` are keys
    into `Job.artwork`; no `back` leaves that side to the address alone. Of a document both are its own key: no `back`
    prints its pages on fronts alone. A tuple, since a job makes millions of them.
    """

    piece_id: str
    sheet: int
    slot: int
    stack_position: int
    imb: str
    address: tuple[str, ...]
    return_address: tuple[str, ...]
    front: str
    back: str | None
    recipient_hash: str


@dataclass(frozen=True)
class Job:
    """One drop to be imposed. `frozen_at` is the only time printed, so that imposing twice gives the same bytes.

    `pieces` are in mailing order; they are read more than once, and may lie on disk (`pipeline.press.sheets.pieces`). Each is a set
    of `sheets_per_piece`, which lie on one another in its slot, from its sheet on.
    """

    stem: str
    batch_id: str
    revision: int
    product: str
    mail_class: str
    frozen_at: datetime
    mail_by: datetime
    zone: str
    printer: str
    contact: str
    imposition: ImpositionProfile
    postage: Postage
    artwork: dict[str, Path]
    pieces: Sequence[Placed]
    sheets_per_piece: int = 1


@dataclass(frozen=True)
class Imposed:
    """What was written: every file of the drop but the ready file, with the sheet and piece counts."""

    files: tuple[Path, ...]
    sheets: int
    pieces: int

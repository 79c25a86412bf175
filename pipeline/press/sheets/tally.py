"""One reading of a job's pieces: who lies where, what each stack holds, which address is longest."""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field

from pipeline.press.job import Job, Placed
from pipeline.press.sheets.layout import Layout, sets_in_lift
from pipeline.press.sheets.sheet_file import Row
from pipeline.products import PRODUCTS


@dataclass
class Tally:
    """Filled by `passing`. `places` holds, set by set and slot by slot, the piece's number from 1, or 0.

    A set is as many press sheets, one after another, as each piece has sheets. `two_sided` is whether anything is printed on
    the back of any.
    """

    job: Job
    layout: Layout
    places: "array[int]" = field(default_factory=lambda: array("I"))
    longest: int = 0
    two_sided: bool = False
    _width: int = -1

    @property
    def sheets(self) -> int:
        return len(self.places) // self.layout.n_up * self.job.sheets_per_piece

    @property
    def sheets_in_file(self) -> int:
        """How many there are in each file but the last: no more than the printer takes, in as few files as that allows, which are
        much the same size.

        Whole sets; and whole lifts of the cutter, the files as even as those let them be, unless that takes more files.
        """
        each = self.job.sheets_per_piece
        sets, most = self.sheets // each, max(self.job.imposition.max_sheets_per_file // each, 1)
        even = _divided(sets, _divided(sets, most))
        lift = sets_in_lift(self.job.imposition, each) or even
        lifts = _divided(even, lift) * lift
        return (lifts if lifts <= most else even) * each

    @property
    def file_count(self) -> int:
        return _divided(self.sheets, self.sheets_in_file)

    def passing(self) -> Iterator[Placed]:
        """The pieces in mailing order, noted as they go by. A place off the sheet, or taken twice, is the planner's bug."""
        n_up, most = self.layout.n_up, len(self.job.pieces)
        each = self.job.sheets_per_piece
        # The back of a card has its address; and some work styles print fronts on either side of the sheet.
        document = PRODUCTS[self.job.product].is_document
        self.two_sided = not document or any(slot.face == "front" for slot in self.layout.back.slots)
        for number, piece in enumerate(self.job.pieces, start=1):
            place, within = divmod(piece.sheet, each)
            at = place * n_up + piece.slot
            if not (0 <= piece.slot < n_up and 0 <= place < most) or within:
                raise ValueError(f"piece {piece.piece_id}: sheet {piece.sheet} slot {piece.slot} is off the sheet")
            if at >= len(self.places):
                self.places.extend([0] * ((place + 1) * n_up - len(self.places)))
            if self.places[at]:
                raise ValueError(f"piece {piece.piece_id}: sheet {piece.sheet} slot {piece.slot} is taken")
            self.places[at] = number
            width = max(map(len, piece.address), default=0)
            if piece.back is not None:
                self.two_sided = True
            if width > self._width:
                self._width, self.longest = width, number - 1
            yield piece

    def rows(self, first: int, count: int) -> Iterator[Row]:
        """The pieces of `count` sheets, or of as many as there are, sheet by sheet."""
        n_up, pieces, each = self.layout.n_up, self.job.pieces, self.job.sheets_per_piece
        for sheet in range(first, min(first + count, self.sheets)):
            place = sheet // each
            numbers = self.places[place * n_up : (place + 1) * n_up]
            yield [(number, pieces[number - 1]) if number else None for number in numbers]

    def stacks(self) -> list[tuple[int, int] | None]:
        """First and last number of each slot, over all lifts."""
        n_up = self.layout.n_up
        held = [[number for number in self.places[slot::n_up] if number] for slot in range(n_up)]
        return [(min(numbers), max(numbers)) if numbers else None for numbers in held]


def _divided(count: int, by: int) -> int:
    """Rounded up."""
    return -(-count // by)

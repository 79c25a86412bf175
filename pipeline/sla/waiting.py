"""What waits under one batch key while it is being planned: its lots, the presses that take it, and how big a batch may be."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pipeline.sla.loads import Share
from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import Bench


@dataclass
class Waiting:
    """`takers` are the presses that may get it now, the cheapest first; `shares` is what is meant for each, of every lot."""

    key: BatchKey
    lots: list[Lot]
    takers: Sequence[Bench]
    since: datetime
    shares: dict[Lot, list[Share]] = field(default_factory=dict)

    def pieces_from(self, first: int) -> int:
        return sum([lot.pieces for lot in self.lots[first:]])

    def whole_sheets(self, bench: Bench, pieces: int) -> int:
        n_up = bench.rates[self.key].n_up
        return pieces // n_up * n_up

    def work_s(self, bench: Bench, pieces: int) -> float:
        """Press time of a batch, set-up included."""
        return bench.setup_s + bench.run_s(self.key, pieces)

    def meant_for(self, bench: Bench, first: int, pieces: int) -> dict[Share, int]:
        """What of a batch of `pieces`, from the lot `first` on, this press was to make anyway, by share."""
        parts: dict[Share, int] = {}
        for lot, taken in self.taking(first, pieces):
            left = taken
            for share in self.shares.get(lot, ()):
                if share.bench is bench and (part := min(left, share.pieces)):
                    parts[share] = part
                    left -= part
        return parts

    def taking(self, first: int, pieces: int) -> Iterator[tuple[Lot, int]]:
        """What a batch takes of each lot: the next-due first."""
        for lot in self.lots[first:]:
            if not pieces:
                return
            taken = min(lot.pieces, pieces)
            pieces -= taken
            yield lot, taken

    def longest_wait_until(self) -> datetime | None:
        """When its first piece has waited as long as its printers allow; None where one of them allows any time."""
        waits = [bench.press.floor.max_wait_s for bench in self.takers]
        allowed = [wait for wait in waits if wait is not None]
        if not waits or len(allowed) < len(waits):
            return None
        return self.since + timedelta(seconds=max(allowed))

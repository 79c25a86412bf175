"""What is meant for one press: work under deadlines, in the order of the deadlines, and how much more of it would fit."""

from bisect import bisect_left
from collections.abc import Collection
from dataclasses import dataclass, field
from itertools import accumulate

from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import CAUTIONS, EPSILON_S, Bench, Deadline


@dataclass(eq=False)
class Share:
    """Pieces of a lot that are meant for one press."""

    lot: Lot
    bench: Bench
    deadline: Deadline
    pieces: int
    work_s: float
    sets_up: bool


@dataclass
class Load:
    """The shares of one press. `cuts` are their deadlines, ascending; `works` is the work under each."""

    bench: Bench
    cuts: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    keys: dict[BatchKey, int] = field(default_factory=dict)
    _rooms: tuple[list[float], list[float]] | None = None

    def room(self, cut: float) -> float:
        """How many seconds of work fit under a deadline without making any other work late; may be negative."""
        if self._rooms is None:
            self._rooms = self._counted()
        done, spare = self._rooms
        place = bisect_left(self.cuts, cut)
        return min(spare[place], cut - self.bench.base - done[place])

    def slack(self) -> float:
        """How long the press could stand idle from `base` on and still make it all, in worked seconds; infinite without work."""
        return self._counted()[1][0]

    def spared(self) -> float:
        """How much longer it could stand idle and still keep every promise, with no truck and no reprint to spare."""
        done, spared = self.bench.base, float("inf")
        for share in sorted(self.shares, key=order_of):
            done += share.work_s + self._setup(share)
            last = self.bench.deadline(share.lot.due, CAUTIONS[-1])
            if share.deadline.kept and last is not None:
                spared = min(spared, last.cut - done)
        return spared

    def spare(self, without: Collection[Share]) -> float:
        """How much work may go before all that is meant for this press, some shares left out, without making any of it late."""
        done, spare = self.bench.base, float("inf")
        for cut, work in zip(self.cuts, self.works, strict=True):
            done += work - sum(share.work_s for share in without if share.deadline.cut == cut)
            spare = min(spare, cut - done)
        return spare

    def _counted(self) -> tuple[list[float], list[float]]:
        """For each deadline, and beyond the last: the work before it, and the least that it and the later ones have to spare."""
        done = [0.0, *accumulate(self.works)]
        spare = [float("inf")] * len(done)
        for at in range(len(self.cuts) - 1, -1, -1):
            spare[at] = min(spare[at + 1], self.cuts[at] - self.bench.base - done[at + 1])
        return done, spare

    def add(self, lot: Lot, due: Deadline, pieces: int) -> Share:
        """A batch of a key that is not on this press yet needs its set-up, too."""
        share = Share(lot, self.bench, due, pieces, self._work(lot.key, pieces), lot.key not in self.keys)
        self.keys[lot.key] = self.keys.get(lot.key, 0) + 1
        self.shares.append(share)
        self._count(due.cut, share.work_s + self._setup(share))
        return share

    def take(self, share: Share, pieces: int) -> None:
        """Pieces of a share that go elsewhere, or into a batch."""
        left = self._work(share.lot.key, share.pieces - pieces)
        done = share.work_s - left
        share.pieces -= pieces
        share.work_s = left
        if not share.pieces:
            done += self._setup(share)
            self._drop(share)
        self._count(share.deadline.cut, -done)

    def _drop(self, share: Share) -> None:
        self.shares.remove(share)
        key = share.lot.key
        self.keys[key] -= 1
        if not self.keys[key]:
            del self.keys[key]

    def _work(self, key: BatchKey, pieces: int) -> float:
        return self.bench.run_s(key, pieces)

    def _setup(self, share: Share) -> float:
        return self.bench.setup_s if share.sets_up else 0.0

    def first(self) -> Share:
        """What has to be made first."""
        return min(self.shares, key=order_of)

    def _count(self, cut: float, work: float) -> None:
        self._rooms = None
        at = bisect_left(self.cuts, cut)
        if at == len(self.cuts) or self.cuts[at] != cut:
            self.cuts.insert(at, cut)
            self.works.insert(at, 0.0)
        self.works[at] += work
        if self.works[at] <= EPSILON_S:
            del self.cuts[at], self.works[at]


def order_of(share: Share) -> tuple[float, bool, float]:
    """The order in which a press makes its shares: what can be kept goes before what is late already."""
    return share.deadline.cut, not share.deadline.kept, share.lot.due

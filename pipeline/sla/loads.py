"""What is meant for one press: work under deadlines, in the order of the deadlines, and how much more of it would fit."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import CAUTIONS, EPSILON_S, Bench, Deadline

_NEVER = float("inf")


@dataclass(eq=False, slots=True)
class Share:
    """Pieces of a lot that are meant for one press, which makes its shares in their `order`: of one deadline the late ones last."""

    lot: Lot
    bench: Bench
    deadline: Deadline
    pieces: int
    work_s: float
    setup_s: float
    order: tuple[float, bool, float] = field(init=False)

    def __post_init__(self) -> None:
        self.order = self.deadline.cut, not self.deadline.kept, self.lot.due


order_of = attrgetter("order")


@dataclass
class Load:
    """The shares of one press. `cuts` are their deadlines, ascending; `works` the work under each; `keys` counts pieces.

    A plan asks thousands of times what still fits. So for each deadline, and beyond the last, two sums are kept: `_before`, the
    work under the earlier ones, and `_latest`, the worked second by which the press has to begin on all of it for the promises
    from there on to hold. Work that is added in the order of the deadlines changes the ends of both only.
    """

    bench: Bench
    cuts: list[float] = field(default_factory=list)
    works: list[float] = field(default_factory=list)
    shares: list[Share] = field(default_factory=list)
    keys: dict[BatchKey, int] = field(default_factory=dict)
    _before: list[float] = field(default_factory=lambda: [0.0])
    _latest: list[float] = field(default_factory=lambda: [_NEVER])

    def slack(self) -> float:
        """How long the press could stand idle from `base` on and still make it all, in worked seconds; infinite without work."""
        return self._latest[0] - self.bench.base

    def spared(self) -> float:
        """How much longer it could stand idle and still keep every promise, with no truck and no reprint to spare."""
        done, spared = self.bench.base, float("inf")
        for share in sorted(self.shares, key=order_of):
            done += share.work_s + share.setup_s
            last = self.bench.deadline(share.lot.due, CAUTIONS[-1])
            if share.deadline.kept and last is not None:
                spared = min(spared, last.cut - done)
        return spared

    def spare(self, taken: Mapping[Share, int]) -> float:
        """How much work may go before all that is meant for this press without making any of it late, once so many pieces of some
        shares, all of one key, are taken away. What is left of the key then needs set-ups of its own.
        """
        gone: dict[float, float] = defaultdict(float)
        for share, pieces in taken.items():
            whole_s = share.work_s + share.setup_s
            left_s = self.bench.run_s(share.lot.key, share.pieces - pieces) + share.setup_s
            gone[share.deadline.cut] += whole_s if pieces == share.pieces else whole_s - left_s
        if taken:
            key = next(iter(taken)).lot.key
            left = [one for one in self.shares if one.lot.key == key and taken.get(one, 0) < one.pieces]
            if left:
                missing_s = self._missing_s(left, self.keys[key] - sum(taken.values()))
                gone[min(left, key=order_of).deadline.cut] -= missing_s
        done, spare = self.bench.base, float("inf")
        for cut, work in zip(self.cuts, self.works, strict=True):
            done += work - gone[cut]
            spare = min(spare, cut - done)
        return spare

    def room_s(self, cut: float) -> float:
        """How much more work, set-ups and all, fits under a deadline."""
        place = bisect_left(self.cuts, cut)
        latest, alone = self._latest[place], cut - self._before[place]
        return (latest if latest < alone else alone) - self.bench.base + EPSILON_S

    def fits(self, key: BatchKey, cut: float) -> int:
        """How many more pieces of a key, in whole sheets and with the set-ups of their batches, fit under a deadline."""
        room_s = self.room_s(cut)
        n_up, sheet_s, _, most, _, _ = self.bench.rates[key]
        if room_s < sheet_s:
            return 0
        begun = -self.keys.get(key, 0) % most // n_up
        if room_s <= begun * sheet_s:
            return int(room_s / sheet_s) * n_up
        batch_s = most // n_up * sheet_s + self.bench.setup_s
        batches, rest_s = divmod(room_s - begun * sheet_s, batch_s)
        return (begun + int(max(0.0, rest_s - self.bench.setup_s) / sheet_s)) * n_up + int(batches) * most

    def in_the_way(self, cut: float) -> list[Share]:
        """What would have to go for more to fit under a deadline: the work before it, or before the tightest one after it."""
        place = bisect_left(self.cuts, cut)
        latest = self._latest[place]
        if cut - self._before[place] <= latest:
            return [share for share in self.shares if share.deadline.cut < cut]
        ends = zip(self.cuts[place:], self._before[place + 1 :], strict=True)
        tightest = next(end for end, before in ends if end - before <= latest)
        return [share for share in self.shares if share.deadline.cut <= tightest]

    def add(self, lot: Lot, due: Deadline, pieces: int) -> Share:
        """Every batch of a key needs its set-up: the pieces of one that are on this press yet fill up the last one."""
        there, (n_up, sheet_s, _, most, _, _) = self.keys.get(lot.key, 0), self.bench.rates[lot.key]
        setup_s = self.bench.setup_s * (-(-(there + pieces) // most) + -there // most)
        share = Share(lot, self.bench, due, pieces, -(-pieces // n_up) * sheet_s, setup_s)
        self.keys[lot.key] = there + pieces
        self.shares.append(share)
        self._count(due.cut, share.work_s + setup_s)
        return share

    def take(self, share: Share, pieces: int) -> None:
        """Pieces of a share that go elsewhere, or into a batch."""
        key, left = share.lot.key, share.pieces - pieces
        done = share.work_s - self.bench.run_s(key, left)
        share.pieces = left
        share.work_s -= done
        self.keys[key] -= pieces
        if not left:
            done += share.setup_s
            self.shares.remove(share)
        self._count(share.deadline.cut, -done)
        if not left and share.setup_s:
            self._set_up_anew(key)

    def _set_up_anew(self, key: BatchKey) -> None:
        """What was to go with pieces that are gone needs set-ups of its own."""
        left = [one for one in self.shares if one.lot.key == key]
        missing_s = self._missing_s(left, self.keys[key]) if left else 0.0
        if missing_s:
            first = min(left, key=order_of)
            first.setup_s += missing_s
            self._count(first.deadline.cut, missing_s)

    def _missing_s(self, left: Sequence[Share], pieces: int) -> float:
        """Set-ups that the batches of so many pieces take more than these shares of their key have."""
        batches = -(-pieces // self.bench.rates[left[0].lot.key].most)
        return max(0.0, batches * self.bench.setup_s - sum(one.setup_s for one in left))

    def together(self, share: Share) -> int:
        """Pieces of the share's key that have to be made by the same moment: one batch, if that holds so many."""
        return sum(
            one.pieces
            for one in self.shares
            if one.lot.key == share.lot.key
            and one.deadline.cut <= share.deadline.cut
            and one.deadline.kept == share.deadline.kept
        )

    def first(self) -> Share:
        """What has to be made first."""
        return min(self.shares, key=order_of)

    def _count(self, cut: float, work: float) -> None:
        at = bisect_left(self.cuts, cut)
        if at == len(self.cuts) or self.cuts[at] != cut:
            self.cuts.insert(at, cut)
            self.works.insert(at, 0.0)
            self._before.insert(at, self._before[at])
            self._latest.insert(at, self._latest[at])
        self.works[at] += work
        if self.works[at] <= EPSILON_S:
            del self.cuts[at], self.works[at], self._before[at + 1], self._latest[at]
        self._sum_up(at)

    def _sum_up(self, changed: int) -> None:
        """Put both sums right after the work at one deadline, or that deadline itself, has changed."""
        before, latest, works = self._before, self._latest, self.works
        for at in range(changed, len(works)):
            before[at + 1] = before[at] + works[at]
        least = _NEVER
        for at in range(len(works) - 1, -1, -1):
            alone = self.cuts[at] - before[at + 1]
            least = alone if alone < least else least
            if at < changed and latest[at] == least:
                break  # the earlier ones depend on nothing else
            latest[at] = least

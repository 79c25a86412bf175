"""What waits to be frozen in a simulation: counts by batch key, in the buckets that the line counts in."""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.sla.lots import BUCKET_S, Backlog, BatchKey
from pipeline.sla.simulation.arrivals import Arrival

Pieces = list[tuple[float, bool, int]]
"""Due time, whether the artwork came late, and how many."""


@dataclass
class _Key:
    """`buckets` are in order; each holds the pieces that are due in it, in the order of their coming."""

    buckets: list[int] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    inside: dict[int, Pieces] = field(default_factory=dict)
    since: float = 0.0


class Pool:
    """`waiting` pieces in all; `peak` is the most there ever were."""

    def __init__(self, keys: Sequence[BatchKey]) -> None:
        self._keys = {key: _Key() for key in keys}
        self.waiting = 0
        self.peak = 0

    def add(self, arrival: Arrival) -> None:
        here, bucket = self._keys[arrival.key], int(arrival.due // BUCKET_S)
        if not here.buckets:
            here.since = arrival.ready_at
        if bucket not in here.counts:
            insort(here.buckets, bucket)
            here.counts[bucket], here.inside[bucket] = 0, []
        here.counts[bucket] += arrival.pieces
        here.inside[bucket].append((arrival.due, arrival.late, arrival.pieces))
        self.waiting += arrival.pieces
        self.peak = max(self.peak, self.waiting)

    def count(self, key: BatchKey) -> int:
        return sum(self._keys[key].counts.values())

    def backlogs(self) -> list[Backlog]:
        """As the line counts them."""
        return [
            Backlog(
                key,
                [float(bucket * BUCKET_S) for bucket in here.buckets],
                [here.counts[bucket] for bucket in here.buckets],
                _moment(here.since),
            )
            for key, here in self._keys.items()
            if here.buckets
        ]

    def take(self, key: BatchKey, pieces: int, due_from: datetime | None = None) -> Pieces:
        """Freeze the next-due: as the line does it, by bucket, and the first come first inside one."""
        here = self._keys[key]
        first = 0 if due_from is None else int(due_from.timestamp() // BUCKET_S)
        taken: Pieces = []
        for bucket in [bucket for bucket in here.buckets if bucket >= first]:
            while pieces and here.counts[bucket]:
                due, late, count = here.inside[bucket][0]
                part = min(pieces, count)
                taken.append((due, late, part))
                pieces -= part
                self.waiting -= part
                here.counts[bucket] -= part
                if part == count:
                    here.inside[bucket].pop(0)
                else:
                    here.inside[bucket][0] = (due, late, count - part)
            if not here.counts[bucket]:
                here.buckets.remove(bucket)
                del here.counts[bucket], here.inside[bucket]
            if not pieces:
                break
        return taken

    def left(self) -> Pieces:
        """What was never frozen."""
        return [one for here in self._keys.values() for bucket in here.buckets for one in here.inside[bucket]]


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

"""The backlog as the planner sees it: counts by batch key and due time, cut into lots that share their trucks."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

BUCKET_S = 900
"""Promises are counted in quarters of an hour, from the start of the bucket: no piece is taken to have longer than it has."""


class BatchKey(NamedTuple):
    """What the pieces of one batch have in common. `account_id` is set for test mail only: each account has its own clock."""

    mode: str
    account_id: str | None
    product: str
    stock: str
    mail_class: str
    sheets: int


@dataclass(frozen=True)
class Backlog:
    """Pieces that may be frozen now: `counts` of them by `dues`, ascending, in seconds since the epoch.

    The first piece waits since `waiting_since`.
    """

    key: BatchKey
    dues: Sequence[float]
    counts: Sequence[int]
    waiting_since: datetime

    @property
    def pieces(self) -> int:
        return sum(self.counts)


@dataclass(eq=False, slots=True)
class Lot:
    """Pieces of one key between two trucks; `due` is the first promise among them, in seconds since the epoch and as a time."""

    key: BatchKey
    due: float
    first_due: datetime
    pieces: int


def cut_into_lots(backlog: Backlog, trucks: Sequence[float]) -> list[Lot]:
    """`trucks` are all departures that matter, ascending: pieces with the same trucks before their due time are one lot."""
    dues, start = backlog.dues, 0
    lots: list[Lot] = []
    for truck in [*trucks, float("inf")]:
        end = bisect_left(dues, truck, start)
        pieces = sum(backlog.counts[start:end])
        if pieces:
            lots.append(Lot(backlog.key, dues[start], as_time(dues[start]), pieces))
        start = end
    return lots


def as_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

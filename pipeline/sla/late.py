"""Pieces whose promise cannot be kept: they go with the first truck that can still take them, after those that can be kept."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from pipeline.lifecycle import Cause
from pipeline.sla.loading import Loading
from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import CAUTIONS, Bench, Deadline

_LAST_RESORT = CAUTIONS[-1]

_TRUCKS = 8
"""Of each press; the days that they cover are enough for what is late already."""


@dataclass(eq=False, slots=True)
class _Truck:
    """One departure of a press: when, which of its `cuts` that is, and whether not one more sheet can be printed for it."""

    leaves: float
    at: int
    bench: Bench
    full: bool = False


Unkept = tuple[Lot, int, Cause]
"""A lot, how many of its pieces, and the cause."""


def part_hopeless(lots: Sequence[Lot], able: Mapping[BatchKey, Sequence[Bench]]) -> tuple[list[Lot], list[Unkept]]:
    """The lots that some press could keep if it had nothing else to do, and the others."""
    hopeful: list[Lot] = []
    hopeless: list[Unkept] = []
    soonest = {key: min(_soonest(bench, key) for bench in able[key]) for key in {lot.key for lot in lots}}
    for lot in lots:
        if lot.due >= soonest[lot.key]:
            hopeful.append(lot)
        else:
            hopeless.append((lot, lot.pieces, _cause(able[lot.key], lot)))
    return hopeful, hopeless


def too_many(takers: Sequence[Bench]) -> Cause:
    """Why a lot that could be kept alone is not."""
    names = ", ".join(sorted({bench.press.title for bench in takers}))
    return Cause("over_capacity", f"more than {names} can print before the last truck that keeps the promise")


def send_late(unkept: Sequence[Unkept], loading: Loading, able: Mapping[BatchKey, Sequence[Bench]]) -> list[Unkept]:
    """Place them behind what can be kept, each under the first truck with room; returns what has none."""
    stranded: list[Unkept] = []
    trucks = _trucks({bench for lot, _, _ in unkept for bench in able[lot.key]})
    roomy = {key: deque(_of(trucks, able[key])) for key in {lot.key for lot, _, _ in unkept}}
    for lot, pieces, cause in unkept:
        left, open_ = pieces, roomy[lot.key]
        while left and open_:
            truck = open_[0]
            if truck.full:
                open_.popleft()
                continue
            on, cut = loading.loads[truck.bench.press.printer_id], truck.bench.cuts[0][truck.at]
            fits = min(left, on.fits(lot.key, cut))
            if fits:
                on.add(lot, Deadline(cut, truck.leaves, kept=False), fits)
                left -= fits
            if left:
                # What is added later takes of its room, so that none of this key will ever fit again.
                open_.popleft()
                truck.full = on.room_s(cut) < truck.bench.least_s
        if left:
            further = f"{cause.detail}; and no press has room for them within days"
            stranded.append((lot, left, cause._replace(detail=further)))
    return stranded


def _trucks(benches: Collection[Bench]) -> list[_Truck]:
    """The next ones of each press, soonest first."""
    found = [_Truck(truck, at, bench) for bench in benches for at, truck in enumerate(bench.trucks[:_TRUCKS])]
    return sorted(found, key=lambda one: (one.leaves, one.bench.press.printer_id))


def _of(trucks: Sequence[_Truck], takers: Sequence[Bench]) -> Iterator[_Truck]:
    """A press that is late to acknowledge gets no late work."""
    some = {bench for bench in takers if not bench.late} or set(takers)
    return (truck for truck in trucks if truck.bench in some)


def _soonest(bench: Bench, key: BatchKey) -> float:
    """The first truck that this press could still make with one sheet."""
    return bench.first_truck(bench.base + bench.setup_s + bench.rates[key].sheet_s)


def _cause(takers: Sequence[Bench], lot: Lot) -> Cause:
    if all(bench.deadline(lot.due, _LAST_RESORT) is None for bench in takers):
        return Cause("no_truck", "no truck of a printer that takes it leaves before it is due")
    return Cause("no_press_in_time", "no press that takes it is free in time for the last truck before it is due")

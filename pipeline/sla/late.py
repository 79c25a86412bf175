"""Pieces whose promise cannot be kept: they go with the first truck that can still take them, after those that can be kept."""

from collections.abc import Mapping, Sequence

from pipeline.sla.loading import Loading
from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import CAUTIONS, EPSILON_S, Bench, Deadline

_LAST_RESORT = CAUTIONS[-1]

_TRUCKS = 8
"""Of each press; the days that they cover are enough for what is late already."""

Unkept = tuple[Lot, int, str]
"""A lot, how many of its pieces, and the cause."""


def part_hopeless(lots: Sequence[Lot], able: Mapping[BatchKey, Sequence[Bench]]) -> tuple[list[Lot], list[Unkept]]:
    """The lots that some press could keep if it had nothing else to do, and the others."""
    hopeful: list[Lot] = []
    hopeless: list[Unkept] = []
    for lot in lots:
        if any(_keeps(bench, lot) for bench in able[lot.key]):
            hopeful.append(lot)
        else:
            hopeless.append((lot, lot.pieces, _cause(able[lot.key], lot)))
    return hopeful, hopeless


def too_many(takers: Sequence[Bench]) -> str:
    """Why a lot that could be kept alone is not."""
    names = ", ".join(sorted({bench.press.printer_id for bench in takers}))
    return f"more than {names} can print before the last truck that keeps the promise"


def send_late(unkept: Sequence[Unkept], loading: Loading, able: Mapping[BatchKey, Sequence[Bench]]) -> list[Unkept]:
    """Place them behind what can be kept, each under the first truck with room; returns what has none."""
    stranded: list[Unkept] = []
    trucks = {key: _trucks(able[key]) for key in {lot.key for lot, _, _ in unkept}}
    for lot, pieces, cause in unkept:
        left = pieces
        for truck, at, bench in trucks[lot.key]:
            on, due = loading.loads[bench.press.printer_id], Deadline(bench.cuts[0][at], truck, kept=False)
            fits = min(left, on.fits(lot.key, due.cut))
            if fits:
                on.add(lot, due, fits)
                left -= fits
            if not left:
                break
        if left:
            stranded.append((lot, left, f"{cause}; and no press has room for them within days"))
    return stranded


def _trucks(takers: Sequence[Bench]) -> list[tuple[float, int, Bench]]:
    """Soonest first; a press that is late to acknowledge gets no late work."""
    some = [bench for bench in takers if not bench.late] or takers
    found = [(truck, at, bench) for bench in some for at, truck in enumerate(bench.trucks[:_TRUCKS])]
    return sorted(found, key=lambda one: (one[0], one[2].press.printer_id))


def _keeps(bench: Bench, lot: Lot) -> bool:
    due = bench.deadline(lot.due, _LAST_RESORT)
    if due is None:
        return False
    return bench.base + bench.setup_s + bench.rates[lot.key].sheet_s <= due.cut + EPSILON_S


def _cause(takers: Sequence[Bench], lot: Lot) -> str:
    if all(bench.deadline(lot.due, _LAST_RESORT) is None for bench in takers):
        return "no truck of a printer that takes it leaves before it is due"
    return "no press that takes it is free in time for the last truck before it is due"

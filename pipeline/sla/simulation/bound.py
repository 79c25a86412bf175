"""How many promises could be kept at all: perfect foresight, batches of any size, no set-up, no spoilage, every press used at will.

A piece can be printed from its acceptance until the last cut-off, at some printer, of a truck that leaves by its due time. Which
pieces can be printed together is a flow: from pieces, through the spans of time of each press, to the press time that is
open in them. Press time is counted so that a product takes the same everywhere, the least that it takes anywhere; products
that take less of it go first, since the most pieces are kept that way (sets that can be served together are a matroid).
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.sla.simulation.arrivals import CANCEL_WINDOW_S, Arrival
from pipeline.sla.simulation.flow import Flow
from pipeline.sla.simulation.scenario import Scenario
from pipeline.sla.simulation.shop import Shop

_QUANTUM_S = 900.0
_ROUNDING = 1e-6


@dataclass(frozen=True)
class _Press:
    """One press: `cuts` are when its trucks stop taking, `trucks` when they leave, `edges` the bounds of its spans."""

    shop: Shop
    speed: float
    trucks: Sequence[float]
    cuts: Sequence[float]
    edges: Sequence[float]


def bound(scenario: Scenario, arrivals: Sequence[Arrival], shops: Sequence[Shop]) -> int:
    """The number of pieces that no schedule can exceed."""
    marks = sorted({_rounded(arrival) for arrival in arrivals})
    presses = [_press(shop, marks) for shop in shops]
    effort = _efforts(scenario, presses)
    lots: dict[str, dict[tuple[float, tuple[int, ...]], int]] = defaultdict(lambda: defaultdict(int))
    for arrival in arrivals:
        spans = tuple(
            bisect_right(press.trucks, arrival.due) if arrival.key.product in press.shop.printer.products else 0
            for press in presses
        )
        lots[arrival.key.product][_rounded(arrival), spans] += arrival.pieces
    flow = Flow()
    _open_presses(flow, presses)
    kept = 0
    for product in sorted((name for name in lots if name in effort), key=lambda name: effort[name]):
        for (ready, spans), pieces in lots[product].items():
            flow.edge("source", (product, ready, spans), pieces * effort[product])
            for press, trucks in zip(presses, spans, strict=True):
                if trucks:
                    at = bisect_left(press.edges, ready)
                    flow.edge((product, ready, spans), (press.shop.printer.name, trucks, at), float("inf"))
        kept += int(flow.push("source", "sink") / effort[product] + 0.5)
    return min(kept, sum(arrival.pieces for arrival in arrivals))


def _rounded(arrival: Arrival) -> float:
    """Earlier than in truth, as a bound may have it."""
    return (arrival.ready_at - CANCEL_WINDOW_S) // _QUANTUM_S * _QUANTUM_S


def _press(shop: Shop, marks: Sequence[float]) -> _Press:
    lead_s = 60.0 * shop.printer.lead_minutes
    cuts = [truck - lead_s for truck in shop.departures]
    fastest = max(pace.sheets_per_hour for pace in shop.printer.products.values())
    return _Press(shop, fastest, shop.departures, cuts, sorted({*marks, *cuts}))


def _efforts(scenario: Scenario, presses: Sequence[_Press]) -> dict[str, float]:
    """Press time a piece takes at least, as a share of what the press's fastest sheet takes."""
    return {
        product: min(
            press.speed / (pace.sheets_per_hour * pace.n_up)
            for press in presses
            if (pace := press.shop.printer.products.get(product)) is not None
        )
        for product in {key.product for key in scenario.batch_keys()}
        if any(product in press.shop.printer.products for press in presses)
    }


def _open_presses(flow: Flow, presses: Sequence[_Press]) -> None:
    """For each press a chain of spans for every last truck, and what can be printed in each span."""
    for press in presses:
        name, hours = press.shop.printer.name, press.shop.hours
        for at, (start, end) in enumerate(zip(press.edges, press.edges[1:], strict=False)):
            sheets = (hours.worked(end) - hours.worked(start)) * press.speed / 3600.0
            if sheets > _ROUNDING:
                flow.edge((name, "span", at), "sink", sheets)
        for trucks, cut in enumerate(press.cuts, start=1):
            last = bisect_left(press.edges, cut)
            for at in range(last):
                flow.edge((name, trucks, at), (name, "span", at), float("inf"))
                flow.edge((name, trucks, at), (name, trucks, at + 1), float("inf"))

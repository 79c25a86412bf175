"""Which press is meant to make what: every lot is placed under the safest deadline that its trucks, and the others' work, allow.

Nothing is decided here but what is possible. Where all cannot be kept, as many pieces are as can be: those that few presses
take come first, then those that take least press time, and what stands in the way moves to another press if it can.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.sla.loads import Load, Share
from pipeline.sla.lots import BatchKey, Lot
from pipeline.sla.presses import CAUTIONS, Bench, Caution, Deadline

_LAST_RESORT = CAUTIONS[-1]
_MOST_MOVES, _MOST_SHORT = 8, 3
"""Shares on a press that are looked at to make room for one lot, and lots for which that is done: a plan may not take long."""


@dataclass
class Loading:
    """`loads` has every press that may get work now; `unkept` the pieces for which no deadline is left, by lot."""

    loads: Mapping[str, Load]
    unkept: list[tuple[Lot, int]] = field(default_factory=list)


def load(lots: Sequence[Lot], able: Mapping[BatchKey, Sequence[Bench]], benches: Sequence[Bench]) -> Loading:
    """`able` has the presses that take a key, the preferred ones first; presses that are late to acknowledge are a last resort."""
    by_due = sorted(lots, key=lambda lot: (lot.due, lot.key.product, lot.key.mail_class, lot.key.stock, lot.key.sheets))
    relaxed: frozenset[BatchKey] = frozenset()
    loading, left = _loaded(by_due, able, benches, relaxed)
    least = {key: _least(key, takers) for key, takers in able.items()} if left else {}
    by_worth = sorted(by_due, key=lambda lot: _worth(lot, least[lot.key])) if left else by_due
    while any(lot.key not in relaxed for lot, _ in left):
        relaxed |= _beside({lot.key for lot, _ in left}, able)
        loading, left = _loaded(by_worth, able, benches, relaxed)
    left = [
        (lot, _make_room(lot, pieces, loading.loads, able) if at < _MOST_SHORT else pieces)
        for at, (lot, pieces) in enumerate(left)
    ]
    loading.unkept = [(lot, pieces) for lot, pieces in left if pieces]
    return loading


def _loaded(
    lots: Sequence[Lot],
    able: Mapping[BatchKey, Sequence[Bench]],
    benches: Sequence[Bench],
    relaxed: frozenset[BatchKey],
) -> tuple[Loading, list[tuple[Lot, int]]]:
    """Stops at the first lot that does not fit though others need not be as safe as they are."""
    loads = {bench.press.printer_id: Load(bench) for bench in benches}
    healthy = {key: [bench for bench in takers if not bench.late] for key, takers in able.items()}
    left: list[tuple[Lot, int]] = []
    for lot in lots:
        pieces = lot.pieces
        for caution in (_LAST_RESORT,) if lot.key in relaxed else CAUTIONS:
            pieces = _place(lot, pieces, loads, healthy[lot.key], caution)
            if not pieces:
                break
        else:
            pieces = _place(lot, pieces, loads, [b for b in able[lot.key] if b.late], _LAST_RESORT)
            if pieces:
                left.append((lot, pieces))
                if lot.key not in relaxed:
                    break
    return Loading(loads), left


def _place(lot: Lot, pieces: int, loads: Mapping[str, Load], benches: Sequence[Bench], caution: Caution) -> int:
    """Place the lot on the first press that takes it whole, or else over several; returns how many pieces are left."""
    fitting: list[tuple[int, Load, Deadline]] = []
    for bench in benches:
        due = bench.deadline(lot.due, caution)
        if due is None:
            continue
        on = loads[bench.press.printer_id]
        fits = on.fits(lot.key, due.cut)
        if fits >= pieces:
            on.add(lot, due, pieces)
            return 0
        if fits:
            fitting.append((fits, on, due))
    for fits, on, due in sorted(fitting, key=lambda one: -one[0]):
        taken = _splittable(on.bench, lot.key, min(fits, pieces), pieces)
        if taken:
            on.add(lot, due, taken)
            pieces -= taken
    return pieces


def _splittable(bench: Bench, key: BatchKey, pieces: int, whole: int) -> int:
    """A part of a lot may not be smaller than a batch may be at this printer, nor leave such a rest behind."""
    fewest = bench.press.profile.postage.min_pieces(key.mail_class)
    if pieces == whole or whole - pieces >= fewest:
        return pieces if pieces >= fewest else 0
    return whole - fewest if whole - fewest >= fewest else 0


def _beside(keys: Collection[BatchKey], able: Mapping[BatchKey, Sequence[Bench]]) -> frozenset[BatchKey]:
    """These and all others that share a press with one of them."""
    presses = {bench for key in keys for bench in able[key]}
    return frozenset(key for key, takers in able.items() if not presses.isdisjoint(takers))


def _worth(lot: Lot, least: tuple[int, float, float, int]) -> tuple[int, float]:
    """How many presses take it, and the press time that a piece of it costs, with its part of the set-up."""
    takers, piece_s, setup_s, most = least
    return takers, piece_s + setup_s / min(lot.pieces, most)


def _least(key: BatchKey, takers: Sequence[Bench]) -> tuple[int, float, float, int]:
    """What a key costs where it costs least."""
    rates = [bench.rates[key] for bench in takers]
    setup_s = min(bench.setup_s for bench in takers)
    return len(takers), min(rate.piece_s for rate in rates), setup_s, max(rate.most for rate in rates)


def _make_room(lot: Lot, pieces: int, loads: Mapping[str, Load], able: Mapping[BatchKey, Sequence[Bench]]) -> int:
    """Move what others have on this lot's presses to presses that these others can use; returns how many pieces are still left."""
    for bench in able[lot.key]:
        on, due = loads[bench.press.printer_id], bench.deadline(lot.due, _LAST_RESORT)
        for share in on.in_the_way(due.cut)[:_MOST_MOVES] if due else ():
            if share.lot is not lot and _move_away(share, on, loads, able[share.lot.key]):
                pieces = _place(lot, pieces, loads, able[lot.key], _LAST_RESORT)
                if not pieces:
                    return 0
    return pieces


def _move_away(share: Share, on: Load, loads: Mapping[str, Load], takers: Sequence[Bench]) -> bool:
    for other in takers:
        due = other.deadline(share.lot.due, _LAST_RESORT)
        if other is on.bench or due is None:
            continue
        target = loads[other.press.printer_id]
        moved = min(share.pieces, target.fits(share.lot.key, due.cut))
        if moved:
            target.add(share.lot, due, moved)
            on.take(share, moved)
            return True
    return False

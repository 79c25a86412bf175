"""Closing batches: how many pieces of which lots, at which press, and the reason, in words that an operator can check."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import NamedTuple

from pipeline.sla.loads import Load, Share
from pipeline.sla.lots import BatchKey, Lot, as_time
from pipeline.sla.presses import CAUTIONS, EPSILON_S, Bench, Rate
from pipeline.sla.waiting import Waiting

FEED_AHEAD = timedelta(minutes=5)
"""How long before a press falls idle it gets its next batch: what is not given away can still go elsewhere."""

SPARE_TICKS = timedelta(seconds=60)
"""How long before the last safe moment a batch closes: no tick comes at that very moment, and when a leader dies the next one
leads, and plans, within half of this."""

_HELD_TO = 0.9
"""What part of a batch must still be there when it is frozen, unless a truck would be missed: some pieces may be canceled
meanwhile; where more are gone, somebody else had them, and what is left may wait for a batch that is worth it."""


@dataclass(frozen=True)
class Close:
    """Freeze `pieces` of `key` for `printer_id` now: the next-due first, beginning with those due at `due_from`.

    Where there are not even `fewest` any more, nothing is: the printer makes no such batch, or the reason is gone with the pieces.
    """

    key: BatchKey
    printer_id: str
    pieces: int
    fewest: int
    due_from: datetime
    mail_by: datetime
    reason: str


class _Offer(NamedTuple):
    """Pieces of a key for one press: `pieces` from the lot numbered `first` on, due at `due`."""

    due: float
    waiting: Waiting
    first: int
    pieces: int


class Desk:
    """One planning: `closes` grows, what waits shrinks, and each press's `base` moves on with what it was given."""

    def __init__(self, waitings: Sequence[Waiting], benches: Sequence[Bench], now: datetime) -> None:
        self.waitings = waitings
        self.benches = benches
        self.now = now
        self.closes: list[Close] = []
        self.loads: Mapping[str, Load] = {}
        self._at = now.timestamp()
        self._by_key = {waiting.key: waiting for waiting in waitings}

    def take_loads(self, loads: Mapping[str, Load]) -> None:
        self.loads = loads
        for load in loads.values():
            for share in load.shares:
                self._by_key[share.lot.key].shares.setdefault(share.lot, []).append(share)

    def close(self) -> None:
        for waiting in self.waitings:
            self._close_waited(waiting)
        at_work = {bench for bench in self.benches if bench.open and not bench.away}
        while at_work:
            bench = min(at_work, key=lambda one: (one.free_at(), one.press.printer_id))
            if not (self._close_urgent(bench) or self._feed(bench)):
                at_work.remove(bench)

    def meant_for_none(self, lot: Lot) -> int:
        """Pieces of a lot that are left and that no press is meant to make."""
        return lot.pieces - sum(share.pieces for share in self._by_key[lot.key].shares.get(lot, ()))

    def next_close_at(self) -> datetime | None:
        moments = [moment for moment in self._moments() if moment > self.now]
        return min(moments, default=None)

    # 1. The printers' own longest wait

    def _close_waited(self, waiting: Waiting) -> None:
        limit = waiting.longest_wait_until()
        healthy = [bench for bench in waiting.takers if not bench.late]
        if limit is None or limit > self.now or not healthy:
            return
        while left := waiting.pieces_from(0):
            bench = min(healthy, key=lambda one: self._rank(one, waiting))
            if left < bench.rates[waiting.key].fewest:
                return
            wait_s = bench.press.floor.max_wait_s
            pieces = _leaving_enough(min(left, bench.rates[waiting.key].most), left, waiting, bench)
            self._close(bench, waiting, 0, pieces, f"first piece waited {wait_s} s, the longest this printer allows")

    def _rank(self, bench: Bench, waiting: Waiting) -> tuple[bool, float, float, str]:
        """A press that can still make its truck; among those the one that is free first, then the cheapest."""
        lot = next(lot for lot in waiting.lots if lot.pieces)
        due = bench.deadline(lot.due, CAUTIONS[-1])
        sheet = waiting.work_s(bench, 1)
        keeps = due is not None and bench.base + sheet <= due.cut
        by_truck = 0.0 if keeps else bench.truck_for(bench.base + sheet)
        return not keeps, max(by_truck, bench.free_at()), waiting.takers.index(bench), bench.press.printer_id

    # 2. The last safe moment

    def _close_urgent(self, bench: Bench) -> bool:
        load = self.loads[bench.press.printer_id]
        last_s = bench.close_by(bench.base + load.slack()) - SPARE_TICKS.total_seconds()
        if not load.shares or last_s > self._at + EPSILON_S:
            return False
        return self._close_share(load, load.first(), None)

    def _close_share(self, load: Load, share: Share, reason: str | None) -> bool:
        """Close what is meant for this press, and fill its last sheet, and more whole sheets, with the next-due."""
        bench, waiting = load.bench, self._by_key[share.lot.key]
        first = waiting.lots.index(share.lot)
        needed, n_up = load.together(share), bench.rates[waiting.key].n_up
        there = self._joinable(bench, waiting, first, share.pieces)
        pieces = min(-(-needed // n_up) * n_up, there)
        more = int(self._more_s(load, share) / bench.rates[waiting.key].piece_s)
        pieces = max(pieces, waiting.whole_sheets(bench, min(there, pieces + more)))
        pieces = min(max(pieces, min(bench.rates[waiting.key].fewest, there)), bench.rates[waiting.key].most)
        pieces = _leaving_enough(pieces, there, waiting, bench)
        if pieces < bench.rates[waiting.key].fewest:
            return False
        self._close(bench, waiting, first, pieces, reason or _last_moment(share), at_all_costs=reason is None)
        return True

    def _joinable(self, bench: Bench, waiting: Waiting, first: int, certain: int) -> int:
        """How many pieces a batch that begins with this lot may have without breaking a promise of those that fill it up."""
        there, most = 0, bench.rates[waiting.key].most
        for lot in waiting.lots[first:]:
            if any(share.deadline.kept for share in waiting.shares.get(lot, ()) if share.pieces):
                due = bench.deadline(lot.due, CAUTIONS[-1])
                room_s = 0.0 if due is None else due.cut - bench.base - bench.setup_s + EPSILON_S
                most = min(most, waiting.whole_sheets(bench, int(room_s / bench.rates[waiting.key].piece_s)))
            if there >= most:
                break
            there += lot.pieces
        return max(certain, min(there, most))

    def _more_s(self, load: Load, share: Share) -> float:
        """Press time for next-due pieces that save a set-up of their own: what is idle, or a small part of what was spared."""
        rate = load.bench.rates[share.lot.key]
        filled_s = rate.piece_s * rate.well_filled
        return max(0.0, load.slack(), min(load.spared() / 2, filled_s))

    # 3. Well-filled sheets for a press that would stand idle

    def _feed(self, bench: Bench) -> bool:
        if bench.late or bench.close_by(bench.base) > self._at + FEED_AHEAD.total_seconds():
            return False
        offer = self._best_offer(bench)
        if offer is None:
            return False
        _, waiting, first, pieces = offer
        load, rate = self.loads[bench.press.printer_id], bench.rates[waiting.key]
        spare_s = load.spare(waiting.meant_for(bench, first, pieces))
        if waiting.work_s(bench, pieces) > spare_s + EPSILON_S:
            pieces = waiting.whole_sheets(bench, int((spare_s - bench.setup_s) / rate.piece_s))
            # What is left of the key then has a set-up of its own.
            spare_s = load.spare(waiting.meant_for(bench, first, max(0, pieces)))
            if pieces < rate.well_filled or waiting.work_s(bench, pieces) > spare_s + EPSILON_S:
                return self._close_share(load, load.first(), "its press would stand idle, or be kept from it by others")
        self._close(bench, waiting, first, pieces, "well-filled sheets for a press that is free")
        return True

    def _best_offer(self, bench: Bench) -> "_Offer | None":
        """What is due first; of that due with it, what is most."""
        best: _Offer | None = None
        for next_due, waiting in sorted(self._printable_by(bench), key=lambda one: one[0]):
            if best is not None and next_due > best.due:
                break  # none that comes after can be due any sooner
            offer = self._offer(bench, waiting, next_due)
            if offer is not None and (best is None or (offer.due, -offer.pieces) < (best.due, -best.pieces)):
                best = offer
        return best

    def _printable_by(self, bench: Bench) -> Iterator[tuple[float, Waiting]]:
        """What may get a well-filled batch on this press, with the first due time of which it could print so much in time."""
        for waiting in self._taken_by(bench):
            rate = bench.rates[waiting.key]
            soonest = bench.first_truck(bench.base + bench.setup_s + _enough(rate) * rate.piece_s)
            for lot in waiting.lots[bisect_left(waiting.lots, soonest, key=_due) :]:
                if lot.pieces:
                    yield lot.due, waiting
                    break

    def _offer(self, bench: Bench, waiting: Waiting, from_due: float) -> "_Offer | None":
        """The next-due pieces, due from then on, that fill sheets well and that this press can print in time."""
        enough, most = _enough(bench.rates[waiting.key]), bench.rates[waiting.key].most
        begin = bisect_left(waiting.lots, from_due, key=_due)
        there = waiting.pieces_from(begin)
        for first, lot in enumerate(waiting.lots[begin:], begin):
            if there < enough:
                break
            in_time = self._printable(bench, waiting, lot) if lot.pieces else 0
            pieces = min(waiting.whole_sheets(bench, min(there, in_time)), most)
            if pieces >= enough:
                return _Offer(lot.due, waiting, first, _leaving_enough(pieces, there, waiting, bench))
            there -= lot.pieces
        return None

    def _printable(self, bench: Bench, waiting: Waiting, lot: Lot) -> int:
        """How many pieces a batch that begins with this lot may have, under the safest deadline that lets it be well filled."""
        most = 0
        piece_s, enough = bench.rates[waiting.key].piece_s, bench.rates[waiting.key].well_filled
        for caution in CAUTIONS:
            due = bench.deadline(lot.due, caution)
            if due is not None:
                most = max(most, int((due.cut - bench.base - bench.setup_s) / piece_s))
                if most >= enough:
                    break
        return most

    # What all three do

    def _close(
        self, bench: Bench, waiting: Waiting, first: int, pieces: int, reason: str, *, at_all_costs: bool = False
    ) -> None:
        begins = next(lot for lot in waiting.lots[first:] if lot.pieces)
        reason = f"{reason}; {_why_here(bench, waiting)}"
        bench.base += waiting.work_s(bench, pieces)
        for lot, taken in list(waiting.taking(first, pieces)):
            lot.pieces -= taken
            self._settle(waiting, lot, taken, bench)
        last = [truck for truck in bench.trucks if truck <= begins.due]
        mail_by = max(last) if last else bench.truck_for(bench.base)
        printer_id = bench.press.printer_id
        fewest = max(bench.rates[waiting.key].fewest, 1 if at_all_costs else ceil(_HELD_TO * pieces))
        self.closes.append(Close(waiting.key, printer_id, pieces, fewest, begins.first_due, as_time(mail_by), reason))

    def _settle(self, waiting: Waiting, lot: Lot, taken: int, bench: Bench) -> None:
        """Take closed pieces out of what is meant for the presses, first of all for the one that got them."""
        shares = waiting.shares.get(lot, [])
        for share in sorted(shares, key=lambda one: one.bench is not bench):
            part = min(taken, share.pieces)
            if part:
                self.loads[share.bench.press.printer_id].take(share, part)
                taken -= part
        waiting.shares[lot] = [share for share in shares if share.pieces]

    def _moments(self) -> Iterator[datetime]:
        for waiting in self.waitings:
            limit = waiting.longest_wait_until()
            if limit is not None and waiting.pieces_from(0):
                yield limit
        for bench in self.benches:
            if not bench.open:
                continue
            if bench.away and bench.press.back_at is not None:
                yield bench.press.back_at
                continue
            load, late_at = self.loads[bench.press.printer_id], bench.press.late_at()
            if load.shares:
                last = as_time(bench.close_by(bench.base + load.slack())) - SPARE_TICKS
                yield max(last, self.now + timedelta(seconds=1))
            if any(waiting.pieces_from(0) >= bench.rates[waiting.key].well_filled for waiting in self._taken_by(bench)):
                yield as_time(bench.close_by(bench.base)) - FEED_AHEAD
            if late_at is not None:
                yield late_at

    def _taken_by(self, bench: Bench) -> Iterator[Waiting]:
        return (waiting for waiting in self.waitings if bench in waiting.takers)


def _why_here(bench: Bench, waiting: Waiting) -> str:
    """Why this press and none of the others that take it."""
    if len(waiting.takers) == 1:
        return "the only open printer that takes it"
    cheaper = [one for one in waiting.takers if one.piece_cents(waiting.key) < bench.piece_cents(waiting.key)]
    if not cheaper:
        return "none that takes it is cheaper"
    if all(one.late for one in cheaper):
        return "cheaper ones are slow to answer or cool off"
    if all(one.late or one.free_at() > bench.free_at() for one in cheaper):
        return "its press is free sooner than cheaper ones"
    return "cheaper ones have no room for it in time"


def _due(lot: Lot) -> float:
    return lot.due


def _enough(rate: Rate) -> int:
    """Pieces that are worth a batch of their own while nothing presses."""
    return max(rate.well_filled, rate.fewest)


def _leaving_enough(pieces: int, there: int, waiting: Waiting, bench: Bench) -> int:
    """Fewer, so that the rest is enough for a batch of its own; all, where that is possible and the rest would not be enough."""
    fewest, rest = bench.rates[waiting.key].fewest, there - pieces
    if fewest <= 1 or rest == 0 or rest >= fewest:
        return pieces
    if there <= bench.rates[waiting.key].most:
        return there
    return max(there - fewest, min(pieces, fewest))


def _last_moment(share: Share) -> str:
    truck = as_time(share.deadline.truck).astimezone(share.bench.press.floor.zoneinfo)
    if not share.deadline.kept:
        return f"its promise is lost; the next truck is {truck:%a %H:%M}"
    spare = ", which leaves one to spare" if share.deadline.spare else ""
    return f"last safe moment for the {truck:%a %H:%M} truck{spare}"

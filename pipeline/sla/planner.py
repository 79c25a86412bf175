"""The plan: which pieces to close into batches now and later, at which printer, and why. A pure function of counts and clocks.

Waiting is free until the last truck that keeps the promise, with one to spare where there is one. So a batch closes

1. when its printer's own longest wait is over,
2. at the last safe moment: its press, working back from its trucks through all that is meant for it, has to begin, or
3. when its sheets fill well and a press would stand idle.

Everything is counted: what a plan costs depends on the number of batch keys, trucks and presses, not on that of the pieces.
"""

from bisect import bisect_right
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pipeline.lifecycle import Cause
from pipeline.sla.closing import SPARE_TICKS, Close, Desk
from pipeline.sla.late import Unkept, part_hopeless, send_late, too_many
from pipeline.sla.loading import load
from pipeline.sla.loads import Share, order_of
from pipeline.sla.lots import Backlog, BatchKey, as_time, cut_into_lots
from pipeline.sla.presses import Bench, Press
from pipeline.sla.waiting import Waiting

_NONE = Cause("", "")
_NEAR_S = 12 * 3600.0
_COARSE = 6.0
"""Trucks that are 24 hours away part lots that are 4 hours apart."""


@dataclass(frozen=True)
class Wait:
    """Pieces that wait for more, for whom, and when they close if nothing else happens."""

    key: BatchKey
    printer_id: str
    pieces: int
    first_due: datetime
    close_at: datetime
    mail_by: datetime


@dataclass(frozen=True)
class Shortfall:
    """Pieces whose promise will be missed, or that no printer can make, and the cause; `first_due` is the first promise of them.

    Most of them are late only, and close or wait like others; `unplanned` of them do neither, since no press may get them.
    """

    key: BatchKey
    pieces: int
    first_due: datetime
    cause: Cause
    unplanned: int = 0


@dataclass(frozen=True)
class Plan:
    """What to close now, in this order; what waits; what will miss; and when, if nothing else happens, the next batch closes."""

    closes: tuple[Close, ...]
    waits: tuple[Wait, ...]
    shortfalls: tuple[Shortfall, ...]
    next_close_at: datetime | None


def plan(backlogs: Sequence[Backlog], presses: Sequence[Press], now: datetime) -> Plan:
    """`now` is line time; give the backlogs, one a key, and the presses of one mode, and in test of one account."""
    benches = [Bench(press, now) for press in presses]
    shortfalls: list[Shortfall] = []
    waitings: list[Waiting] = []
    departures: dict[frozenset[Bench], list[float]] = {}
    for backlog in backlogs:
        if not backlog.dues:
            continue
        takers, cause = _takers(backlog, benches)
        if takers:
            same = frozenset(takers)
            if same not in departures:
                departures[same] = _departures(same)
            trucks = _trucks(departures[same], backlog, now)
            waitings.append(Waiting(backlog.key, cut_into_lots(backlog, trucks), takers, backlog.waiting_since))
        else:
            pieces = backlog.pieces
            shortfalls.append(Shortfall(backlog.key, pieces, as_time(backlog.dues[0]), cause, unplanned=pieces))
    desk = Desk(waitings, benches, now)
    unkept = _load(desk)
    desk.close()
    for lot, pieces, why in unkept:
        shortfalls.append(Shortfall(lot.key, pieces, lot.first_due, why, unplanned=desk.meant_for_none(lot)))
    return Plan(tuple(desk.closes), tuple(_waits(desk)), tuple(shortfalls), desk.next_close_at())


def _takers(backlog: Backlog, benches: Sequence[Bench]) -> tuple[list[Bench], Cause]:
    """The presses that may get it, the cheapest first, and the cause where there is none."""
    key = backlog.key
    made = [bench for bench in benches if bench.takes(key)]
    if not made:
        return [], Cause("no_printer", f"no printer takes {key.product} on {key.stock} as {key.mail_class}")
    working = [bench for bench in made if bench.open]
    if not working:
        shut = ", ".join(sorted(f"{bench.press.title} {bench.shut}" for bench in made))
        return [], Cause("printers_shut", f"no printer that takes it is open: {shut}")
    pieces = backlog.pieces
    fewest = {bench: bench.press.profile.postage.min_pieces(key.mail_class) for bench in working}
    enough = [bench for bench in working if fewest[bench] <= pieces]
    if not enough:
        least = min(fewest.values())
        told = f"its printers make no {key.mail_class} batch of fewer than {least} pieces, and fewer wait"
        return [], Cause("too_few", told)
    return sorted(enough, key=lambda bench: (bench.piece_cents(key), bench.press.printer_id)), _NONE


def _departures(benches: Collection[Bench]) -> list[float]:
    """When any of these has a truck."""
    return sorted({truck for bench in benches for truck in bench.trucks})


def _trucks(departures: Sequence[float], backlog: Backlog, now: datetime) -> list[float]:
    """Those that part the backlog into lots: all of the next hours, and of later ones fewer the further away they are.

    Pieces between two that are left out are taken to be due with the first of them: a lot is never later than its pieces.
    """
    last, at = backlog.dues[-1], now.timestamp()
    trucks: list[float] = []
    for truck in departures[: bisect_right(departures, last)]:
        ahead_s = truck - at
        if ahead_s < _NEAR_S or not trucks or truck - trucks[-1] >= ahead_s / _COARSE:
            trucks.append(truck)
    return trucks


def _load(desk: Desk) -> list[Unkept]:
    """Place all that waits; returns what will miss."""
    able = {waiting.key: waiting.takers for waiting in desk.waitings}
    hopeful, unkept = part_hopeless([lot for waiting in desk.waitings for lot in waiting.lots], able)
    loading = load(hopeful, able, desk.benches)
    unkept += [(lot, pieces, too_many(able[lot.key])) for lot, pieces in loading.unkept]
    stranded = send_late(unkept, loading, able)
    desk.take_loads(loading.loads)
    causes = {lot: (lot, pieces, cause) for lot, pieces, cause in unkept}
    return list((causes | {lot: (lot, causes[lot][1], cause) for lot, _, cause in stranded}).values())


def _waits(desk: Desk) -> list[Wait]:
    """By press, in the order in which they have to begin."""
    waits: list[Wait] = []
    for load_ in desk.loads.values():
        begin = load_.bench.base + load_.slack()
        first: dict[BatchKey, tuple[float, Share]] = {}
        for share in sorted(load_.shares, key=order_of):
            first.setdefault(share.lot.key, (begin, share))
            begin += share.work_s + share.setup_s
        for key, (on_press, share) in first.items():
            close_at = max(as_time(load_.bench.close_by(on_press)) - SPARE_TICKS, desk.now)
            due, by = share.lot.first_due, as_time(share.deadline.truck)
            waits.append(Wait(key, load_.bench.press.printer_id, load_.keys[key], due, close_at, by))
    return waits

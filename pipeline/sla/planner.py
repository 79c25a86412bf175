"""The plan: which pieces to close into batches now, at which printer, and why. A pure function of counts and clocks.

Waiting is free until the last truck that keeps the promise; so a batch closes when its sheets fill well, or when waiting longer
would break the promise or the printer's own longest wait.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.models.profile import PrinterProfile
from pipeline.sla.calendar import trucks_between

LINE_OVERHEAD = timedelta(minutes=5)
"""From freezing to the whole drop at the printer: imposing and sending."""


@dataclass(frozen=True)
class BatchKey:
    """What the pieces of one batch have in common. `account_id` is set for test mail only: each account has its own clock."""

    mode: str
    account_id: str | None
    product: str
    stock: str
    mail_class: str
    sheets: int


@dataclass(frozen=True)
class Backlog:
    """Pieces that may be frozen now: how many, the first promise among them, and since when the first has waited."""

    key: BatchKey
    pieces: int
    first_due: datetime
    waiting_since: datetime


@dataclass(frozen=True)
class Press:
    """A printer as the planner sees it. `n_up` is slots a sheet by product; `queued_sheets` is its work not yet printed."""

    printer_id: str
    account_id: str | None
    profile: PrinterProfile
    n_up: Mapping[str, int]
    queued_sheets: int


@dataclass(frozen=True)
class Close:
    """Freeze `pieces` of `key` for `printer_id` now."""

    key: BatchKey
    printer_id: str
    pieces: int
    mail_by: datetime
    reason: str


@dataclass(frozen=True)
class Plan:
    """What to close now; what no printer can make, with the cause; and when, by this plan, the next batch closes."""

    closes: tuple[Close, ...]
    stuck: tuple[tuple[BatchKey, str], ...]
    next_close_at: datetime | None


def plan(backlogs: Sequence[Backlog], presses: Sequence[Press], now: datetime) -> Plan:
    """`now` is line time; give the backlogs and presses of one mode, and in test of one account."""
    queued = {press.printer_id: press.queued_sheets for press in presses}
    closes: list[Close] = []
    stuck: list[tuple[BatchKey, str]] = []
    waits: list[datetime] = []
    for backlog in sorted(backlogs, key=lambda b: b.first_due):
        able = [press for press in presses if _can_make(press, backlog.key)]
        if not able:
            stuck.append(
                (
                    backlog.key,
                    f"no printer takes {backlog.key.product} on {backlog.key.stock} as {backlog.key.mail_class}",
                )
            )
            continue
        able = _in_play(able, backlog, now)
        left = backlog.pieces
        for close in _close_backlog(backlog, able, queued, now):
            closes.append(close)
            left -= close.pieces
        if left:
            waits.append(max(_close_at(press, backlog, left, queued, now) for press in able))
    return Plan(tuple(closes), tuple(stuck), min(waits, default=None))


def _close_backlog(backlog: Backlog, able: list[Press], queued: dict[str, int], now: datetime) -> Iterator[Close]:
    left = backlog.pieces
    while left:
        press = _choose(able, backlog, left, queued, now)
        n_up, floor = press.n_up[backlog.key.product], press.profile.floor
        if left >= floor.fill_sheets * n_up:
            pieces = min(left // n_up, floor.max_sheets_per_batch) * n_up
            reason = f"{pieces // n_up} full sheets"
        elif max(_close_at(p, backlog, left, queued, now) for p in able) <= now:
            pieces = min(left, floor.max_sheets_per_batch * n_up)
            reason = _deadline_reason(press, backlog, now)
        else:
            return
        queued[press.printer_id] += -(-pieces // n_up)
        left -= pieces
        yield Close(backlog.key, press.printer_id, pieces, _mail_by(press, backlog, now), reason)


def _choose(able: Sequence[Press], backlog: Backlog, pieces: int, queued: Mapping[str, int], now: datetime) -> Press:
    """A press that can still make its truck; among those the one that is free first, then the cheapest."""

    def rank(press: Press) -> tuple[timedelta, float, float, str]:
        too_late = max(now - _last_safe(press, backlog, pieces, queued, now), timedelta())
        return too_late, _hours(press, queued), press.profile.floor.cost_cents_per_sheet, press.printer_id

    return min(able, key=rank)


def _can_make(press: Press, key: BatchKey) -> bool:
    profile = press.profile
    return (
        press.account_id == key.account_id
        and key.product in press.n_up
        and key.stock in profile.stocks
        and key.mail_class in profile.classes
    )


def _in_play(able: list[Press], backlog: Backlog, now: datetime) -> list[Press]:
    """The presses with a truck that keeps the first promise; where none has one, the press whose truck leaves first."""
    trucks = {press.printer_id: _mail_by(press, backlog, now) for press in able}
    keeping = [press for press in able if trucks[press.printer_id] <= backlog.first_due]
    return keeping or [min(able, key=lambda press: (trucks[press.printer_id], press.printer_id))]


def _hours(press: Press, queued: Mapping[str, int]) -> float:
    return queued[press.printer_id] / press.profile.floor.sheets_per_hour


def _close_at(press: Press, backlog: Backlog, pieces: int, queued: Mapping[str, int], now: datetime) -> datetime:
    """The latest moment at which closing still makes the last truck before the promise, or the printer's longest wait."""
    latest, max_wait_s = _last_safe(press, backlog, pieces, queued, now), press.profile.floor.max_wait_s
    return latest if max_wait_s is None else min(latest, backlog.waiting_since + timedelta(seconds=max_wait_s))


def _last_safe(press: Press, backlog: Backlog, pieces: int, queued: Mapping[str, int], now: datetime) -> datetime:
    floor = press.profile.floor
    sheets = queued[press.printer_id] + -(-pieces // press.n_up[backlog.key.product])
    making = timedelta(
        hours=sheets / floor.sheets_per_hour, minutes=floor.setup_minutes + floor.lead_minutes + floor.ack_minutes
    )
    return _mail_by(press, backlog, now) - making - LINE_OVERHEAD


def _mail_by(press: Press, backlog: Backlog, now: datetime) -> datetime:
    """The last truck that keeps the first promise; the next truck of all where none does."""
    floor = press.profile.floor
    in_time = trucks_between(now, backlog.first_due, floor.zoneinfo, floor.trucks)
    if in_time:
        return in_time[-1]
    return next(iter(trucks_between(now, now + timedelta(days=7), floor.zoneinfo, floor.trucks)), backlog.first_due)


def _deadline_reason(press: Press, backlog: Backlog, now: datetime) -> str:
    floor = press.profile.floor
    if floor.max_wait_s is not None and now >= backlog.waiting_since + timedelta(seconds=floor.max_wait_s):
        return f"first piece waited {floor.max_wait_s} s, the longest this printer allows"
    truck = _mail_by(press, backlog, now).astimezone(floor.zoneinfo)
    return f"last safe moment for the {truck:%a %H:%M} truck"

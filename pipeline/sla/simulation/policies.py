"""Who decides what is batched when: the line's own planner, and two simpler ways to compare it with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from pipeline.sla.lots import BatchKey
from pipeline.sla.planner import plan
from pipeline.sla.presses import Press
from pipeline.sla.shifts import shifts
from pipeline.sla.simulation.pool import Pool

EVERY_S = 1800.0


@dataclass(frozen=True)
class Order:
    key: BatchKey
    printer: str
    pieces: int
    due_from: datetime | None = None


class Policy(Protocol):
    name: str

    def decide(self, pool: Pool, presses: Sequence[Press], at: float) -> tuple[list[Order], float | None]:
        """What to freeze at `at`, and when to ask again even if nothing happens."""
        ...


class MailStream:
    """The planner that the line runs."""

    name = "mailstream"

    def decide(self, pool: Pool, presses: Sequence[Press], at: float) -> tuple[list[Order], float | None]:
        planned = plan(pool.backlogs(), presses, datetime.fromtimestamp(at, UTC))
        orders = [Order(close.key, close.printer_id, close.pieces, close.due_from) for close in planned.closes]
        return orders, None if planned.next_close_at is None else planned.next_close_at.timestamp()


class FixedInterval:
    """Every 30 minutes, all that waits to the cheapest open printer."""

    name = "fixed-interval"

    def decide(self, pool: Pool, presses: Sequence[Press], at: float) -> tuple[list[Order], float | None]:
        if at % EVERY_S:
            return [], _next(at)
        orders: list[Order] = []
        for backlog in pool.backlogs():
            key, there = backlog.key, pool.count(backlog.key)
            able = _open(presses, key, at)
            if able:
                press = min(able, key=lambda one: (one.pace[key.product].cents_per_sheet, one.printer_id))
                orders += _in_batches(key, press, there)
        return orders, _next(at)


class FullSheetsOnly:
    """Every 30 minutes, the sheets that are full, to the open printer with the least work; nothing else, ever."""

    name = "full-sheets-only"

    def decide(self, pool: Pool, presses: Sequence[Press], at: float) -> tuple[list[Order], float | None]:
        if at % EVERY_S:
            return [], _next(at)
        orders: list[Order] = []
        given = {press.printer_id: sum(batch.sheets for batch in press.queue) for press in presses}
        for backlog in pool.backlogs():
            key, there = backlog.key, pool.count(backlog.key)
            able = _open(presses, key, at)
            if able:
                press = min(able, key=lambda one: (given[one.printer_id], one.printer_id))
                n_up = press.pace[key.product].n_up
                given[press.printer_id] += there // n_up
                orders += _in_batches(key, press, there // n_up * n_up)
        return orders, _next(at)


def _open(presses: Sequence[Press], key: BatchKey, at: float) -> list[Press]:
    now = datetime.fromtimestamp(at, UTC)
    able = [press for press in presses if not press.lacks(key)]
    return [press for press in able if shifts(press.floor, now).worked(at + 1) > shifts(press.floor, now).worked(at)]


def _in_batches(key: BatchKey, press: Press, pieces: int) -> list[Order]:
    most = press.most_pieces(key.product, key.sheets)
    whole, rest = divmod(pieces, most)
    return [Order(key, press.printer_id, size) for size in [most] * whole + [rest] if size]


def _next(at: float) -> float:
    return (at // EVERY_S + 1) * EVERY_S


POLICIES: tuple[type[Policy], ...] = (MailStream, FixedInterval, FullSheetsOnly)

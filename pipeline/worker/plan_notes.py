"""What the tick planned for live mail, noted for the board: counting a million pieces that wait takes longer than a glance may."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from pipeline.lifecycle import Cause
from pipeline.repository.board import noted_plan
from pipeline.repository.tables import plan_notes
from pipeline.sla.board import meant_for_trucks
from pipeline.sla.lots import Backlog, BatchKey
from pipeline.sla.planner import Plan, Shortfall
from pipeline.sla.presses import Press
from pipeline.sla.shifts import shifts
from pipeline.sla.work import Meant
from pipeline.stages.stage import Context

NOTED_EVERY = timedelta(seconds=5)
"""A note that says the same is not written more often."""


@dataclass(frozen=True)
class Noted:
    """The plan of `at` (line time), as it was noted: what waits, for which trucks, and what will miss."""

    at: datetime
    waiting: int
    meant: tuple[Meant, ...]
    shortfalls: tuple[Shortfall, ...]


class PlanNotes:
    """Only of live mail: test accounts have clocks of their own, and nobody who watches them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._last: tuple[datetime, dict[str, Any]] | None = None

    def note(self, backlogs: Sequence[Backlog], planned: Plan, presses: Sequence[Press], at: datetime) -> None:
        if self._context.mode != "live":
            return
        dues = {one.key: _left(one, planned) for one in backlogs}
        waits = [(one.key, one.printer_id, one.pieces) for one in planned.waits]
        trucks = {press.printer_id: shifts(press.floor, at).trucks_after(at.timestamp()) for press in presses}
        meant = meant_for_trucks(dues, waits, trucks)
        self._write(
            {
                "waiting": sum(count for counted in dues.values() for _, count in counted),
                "meant": [_meant(one) for one in meant],
                "shortfalls": [_shortfall(one) for one in planned.shortfalls],
            },
        )

    def note_nothing(self) -> None:
        """Nothing waits."""
        if self._context.mode == "live":
            self._write({"waiting": 0, "meant": [], "shortfalls": []})

    def _write(self, data: dict[str, Any]) -> None:
        now = self._context.machine_clock()
        if self._last is not None and self._last[1] == data and now - self._last[0] < NOTED_EVERY:
            return
        with self._context.db.write() as tx:
            insert = sqlite.insert if tx.dialect.name == "sqlite" else postgresql.insert
            new = insert(plan_notes).values(mode=self._context.mode, noted_at=now, data=data)
            changed = {"noted_at": new.excluded.noted_at, "data": new.excluded.data}
            tx.execute(new.on_conflict_do_update(index_elements=["mode"], set_=changed))
        self._last = (now, data)


def read_note(tx: Connection) -> Noted | None:
    """The last plan that was noted; None where none ever was."""
    row = noted_plan(tx)
    if row is None:
        return None
    return Noted(
        row.noted_at,
        row.data["waiting"],
        tuple(
            Meant(one["printer_id"], _key(one["key"]), _time(one["truck"]), one["pieces"], _time(one["first_due"]))
            for one in row.data["meant"]
        ),
        tuple(
            Shortfall(_key(one["key"]), one["pieces"], _time(one["first_due"]), Cause(*one["cause"]))
            for one in row.data["shortfalls"]
        ),
    )


def _left(backlog: Backlog, planned: Plan) -> list[tuple[float, int]]:
    """What waits on when the plan's batches have closed, which take the next-due."""
    closed = sum(close.pieces for close in planned.closes if close.key == backlog.key)
    left = []
    for due, count in zip(backlog.dues, backlog.counts, strict=True):
        taken = min(count, closed)
        closed -= taken
        if count > taken:
            left.append((due, count - taken))
    return left


def _meant(one: Meant) -> dict[str, Any]:
    times = {"truck": one.truck.isoformat(), "first_due": one.first_due.isoformat()}
    return {"printer_id": one.printer_id, "key": list(one.key), "pieces": one.pieces, **times}


def _shortfall(one: Shortfall) -> dict[str, Any]:
    first_due = one.first_due.isoformat()
    return {"key": list(one.key), "pieces": one.pieces, "first_due": first_due, "cause": list(one.cause)}


def _key(values: Sequence[Any]) -> BatchKey:
    return BatchKey(*values)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)

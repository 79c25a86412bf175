"""Backlogs and presses for tests of the plan, and a line that follows it: a Tuesday morning in New York."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Any

from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.closing import Close
from pipeline.sla.lots import Backlog, BatchKey
from pipeline.sla.presses import Pace, Press

NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York
DUE = NOW + timedelta(hours=24)
LAST_TRUCK = datetime(2026, 3, 4, 1, 30, tzinfo=UTC)  # 20:30
POSTCARDS = BatchKey("live", None, "postcard_4x6", "cover_120lb", "first_class", 1)
MARKETING = BatchKey("live", None, "postcard_4x6", "cover_120lb", "marketing", 1)


def press(
    name: str = "north",
    *,
    slots: int = 8,
    postage: dict[str, Any] | None = None,
    more: dict[str, Any] | None = None,
    **floor: Any,
) -> Press:
    """It loads a truck at 20:30, prints 6,000 sheets an hour, spoils nothing, and is well filled at 100 sheets."""
    usual = {"trucks": (time(20, 30),), "fill_sheets": 100, "max_sheets_per_batch": 600, "spoilage": 0}
    set_ = Floor.model_validate(usual | floor)
    profile = PrinterProfile(
        transport=Sandbox(),
        postage=Postage.model_validate({"mailer_id": "123456", "method": "meter"} | (postage or {})),
        floor=set_,
    )
    pace = {"postcard_4x6": Pace(slots, set_.sheets_per_hour, set_.cost_cents_per_sheet)}
    return replace(Press(name, None, profile, pace), **(more or {}))


def backlog(
    pieces: int, *, due: datetime = DUE, since: datetime = NOW, key: BatchKey = POSTCARDS, later: int = 0
) -> Backlog:
    """`later` more are due an hour after these."""
    dues = [(due, pieces), (due + timedelta(hours=1), later)]
    return Backlog(key, [one for one in dues if one[1]], since)


def sizes(closes: Sequence[Close]) -> list[tuple[str, int]]:
    return [(close.printer_id, close.pieces) for close in closes]

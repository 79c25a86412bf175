"""What there is to do at the printers, counted: batches that are not mailed, by step, and pieces that wait for one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pipeline.sla.lots import BatchKey

RATE_OVER = timedelta(minutes=30)
"""What a press made in this time is its rate."""


class Step(StrEnum):
    """How far pieces are, by the evidence there is; in the order of the line."""

    WAITING = "waiting"
    UNSENT = "unsent"
    SENT = "sent"
    ACCEPTED = "accepted"
    PRINTED = "printed"
    INSERTED = "inserted"
    LOADED = "loaded"


UNPRINTED = (Step.UNSENT, Step.SENT, Step.ACCEPTED)
AT_PRINTER = (Step.SENT, Step.ACCEPTED)
HANDED_OVER = (*AT_PRINTER, Step.PRINTED, Step.INSERTED)


@dataclass(frozen=True)
class Work:
    """An open batch, its pieces by step. `sheets` are press sheets, `reprints` placed again and not made, `short` passed over."""

    batch_id: str
    printer_id: str
    key: BatchKey
    frozen_at: datetime
    due_at: datetime
    mail_by: datetime
    pieces: int
    sheets: int
    steps: Mapping[Step, int]
    reprints: int = 0
    short: int = 0
    in_doubt: bool = False

    @property
    def unprinted(self) -> int:
        return sum(self.steps.get(step, 0) for step in UNPRINTED)

    @property
    def open(self) -> int:
        """Pieces that are not said to be mailed."""
        return sum(count for step, count in self.steps.items() if step is not Step.LOADED)

    @property
    def handed_over(self) -> bool:
        """Whether its printer has something of it that is not loaded, or may have."""
        return self.in_doubt or any(self.steps.get(step, 0) for step in HANDED_OVER)

    @property
    def at_printer(self) -> bool:
        """Whether its printer has something of it to print, or may have."""
        return self.in_doubt or any(self.steps.get(step, 0) for step in AT_PRINTER)


@dataclass(frozen=True)
class Meant:
    """Pieces without a batch that the plan means for a printer, by the last of its trucks that keeps their promise."""

    printer_id: str
    key: BatchKey
    truck: datetime
    pieces: int
    first_due: datetime


def as_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)

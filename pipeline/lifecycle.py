"""The states of a piece, a batch and a drop, and which moves between them are allowed.

Pure: `pipeline.repository.moves` is the one writer that applies a move, compare-and-set, with its event.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple


class Status(StrEnum):
    """Where a piece is. The order of the members from CREATED to DELIVERED is the order of the line."""

    CREATED = "created"
    READY = "ready"
    HELD = "held"
    BATCHED = "batched"
    SENT = "sent"
    PRINTED = "printed"
    MAILED = "mailed"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERED = "delivered"
    RETURNED = "returned"
    REROUTED = "rerouted"
    REJECTED = "rejected"
    CANCELED = "canceled"
    FAILED = "failed"


class Basis(StrEnum):
    """On whose word a piece counts as mailed or delivered."""

    PRINTER = "printer"
    STATEMENT = "statement"
    ACCEPTANCE = "acceptance"
    SCAN = "scan"
    INFERRED = "inferred"


class SlaState(StrEnum):
    """How the promise of one piece stands."""

    ON_TRACK = "on_track"
    AT_RISK = "at_risk"
    BREACHED = "breached"
    KEPT = "kept"
    VOID = "void"  # canceled, rejected or failed: there is nothing left to keep


class BatchStatus(StrEnum):
    FROZEN = "frozen"
    IMPOSED = "imposed"
    HANDING_OVER = "handing_over"
    SENT = "sent"
    ACCEPTED = "accepted"
    PRINTED = "printed"
    MAILED = "mailed"
    REFUSED = "refused"
    RECALLED = "recalled"
    IN_DOUBT = "in_doubt"
    VOID = "void"


class DropStatus(StrEnum):
    """One revision of a batch on its way to the printer."""

    FROZEN = "frozen"
    IMPOSED = "imposed"
    HANDING_OVER = "handing_over"
    SENT = "sent"
    REFUSED = "refused"
    RECALLED = "recalled"
    IN_DOUBT = "in_doubt"
    VOID = "void"


class Cause(NamedTuple):
    """Why a promise will be, or was, missed: in a word that programs read, and in a sentence that people do."""

    code: str
    detail: str


class Standing(StrEnum):
    """Whether a printer is given work: only while it is OPEN. A COOLING one will be again, at a known time."""

    OPEN = "open"
    SUSPENDED = "suspended"
    QUARANTINED = "quarantined"
    UNREACHABLE = "unreachable"
    COOLING = "cooling"

    @property
    def told(self) -> str:
        """As the rest of a sentence that begins with the printer's name."""
        return _TOLD.get(self, f"is {self}")


_TOLD = {
    Standing.UNREACHABLE: "cannot be reached",
    Standing.COOLING: "is given nothing for a while, since it refused a drop or could not be given one",
}
_BEFORE_FREEZE = frozenset({Status.CREATED, Status.READY, Status.HELD})
_BATCHED = frozenset({Status.BATCHED})
_WITH_PRINTER = frozenset({Status.BATCHED, Status.SENT})
_ON_THE_LINE = frozenset({Status.BATCHED, Status.SENT, Status.PRINTED})
_IN_THE_MAIL = frozenset({Status.MAILED, Status.IN_TRANSIT})

# From where each status may be reached. Later steps may skip earlier ones when their evidence arrives first; backward are
# only held → ready, and batched or sent → ready when the batch is void; printed → ready when it is a reprint that is void.
REACHED_FROM: dict[Status, frozenset[Status]] = {
    Status.READY: frozenset({Status.CREATED, Status.HELD}) | _ON_THE_LINE,
    Status.HELD: frozenset({Status.CREATED, Status.READY}),
    Status.BATCHED: frozenset({Status.READY}),
    Status.SENT: _BATCHED,
    Status.PRINTED: _WITH_PRINTER,
    Status.MAILED: _ON_THE_LINE,
    Status.IN_TRANSIT: _ON_THE_LINE | {Status.MAILED},
    Status.OUT_FOR_DELIVERY: _ON_THE_LINE | _IN_THE_MAIL | {Status.REROUTED},
    Status.DELIVERED: _ON_THE_LINE | _IN_THE_MAIL | {Status.OUT_FOR_DELIVERY, Status.REROUTED},
    Status.RETURNED: _ON_THE_LINE | _IN_THE_MAIL | {Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.REROUTED},
    Status.REROUTED: _ON_THE_LINE | _IN_THE_MAIL | {Status.OUT_FOR_DELIVERY, Status.DELIVERED},
    Status.REJECTED: frozenset({Status.CREATED, Status.READY, Status.HELD}),
    Status.CANCELED: _BEFORE_FREEZE,
    Status.FAILED: _BEFORE_FREEZE | _ON_THE_LINE,
}

ENDED = frozenset({Status.DELIVERED, Status.RETURNED, Status.REJECTED, Status.CANCELED, Status.FAILED})
PROMISE_OPEN = _BEFORE_FREEZE | _ON_THE_LINE
"""The statuses in which the promise still runs."""

PROMISE_KEPT_BY = _IN_THE_MAIL | {Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.RETURNED, Status.REROUTED}
"""The statuses of a piece that the carrier has, or had."""

PROMISE_VOIDED_BY = frozenset({Status.REJECTED, Status.CANCELED, Status.FAILED})

# Told to senders; the other moves stand in the log as evidence only.
WEBHOOK_STATUSES = frozenset(Status) - {Status.READY, Status.BATCHED}


def event_type(status: Status) -> str:
    """The name of the event that tells of a move to `status`."""
    return f"mail.{status}"


EVENT_TYPES = frozenset(event_type(s) for s in WEBHOOK_STATUSES) | {
    "mail.sla_at_risk",
    "mail.sla_breached",
    "mail.sla_corrected",
    "mail.sla_rescheduled",
}

EXCUSED = "mail.sla_excused"
"""The type of the event by which an operator excuses a miss; its evidence has the `reason`. Senders are not told of it."""

BATCH_ORDER = (
    BatchStatus.FROZEN,
    BatchStatus.IMPOSED,
    BatchStatus.HANDING_OVER,
    BatchStatus.SENT,
    BatchStatus.ACCEPTED,
    BatchStatus.PRINTED,
    BatchStatus.MAILED,
)


class Snapshot(NamedTuple):
    """A piece as it stood when somebody looked: what a move compares itself with, and what its events need."""

    id: str
    account_id: str
    mode: str
    revision: int
    attempt: int
    status: Status
    sla_state: SlaState
    due_at: datetime


@dataclass(frozen=True)
class Move:
    """One wish to change a piece: to a status, with the evidence for it, and what else changes in its row.

    `at` is line time: when it became so. Evidence may come late, so `at` may lie before other events of the piece.
    """

    piece: Snapshot
    to: Status
    at: datetime
    evidence: Mapping[str, Any]
    sets: Mapping[str, Any] = field(default_factory=dict)


def promise_after(move: Move) -> tuple[SlaState, str | None]:
    """How the promise stands after a move, and the alarm event that this calls for, if any.

    A piece mailed by `due_at` kept its promise, even where that is learned after a breach was told: then the breach is corrected.
    """
    now = move.piece.sla_state
    if move.to in PROMISE_VOIDED_BY and now is not SlaState.BREACHED:
        return SlaState.VOID, None
    if move.to not in PROMISE_KEPT_BY or now in (SlaState.KEPT, SlaState.VOID):
        return now, None
    if move.at <= move.piece.due_at:
        return SlaState.KEPT, "mail.sla_corrected" if now is SlaState.BREACHED else None
    return SlaState.BREACHED, None if now is SlaState.BREACHED else "mail.sla_breached"

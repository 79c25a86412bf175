"""What senders are told, to whom, and how each telling went; and the rows that keep one leader and one log."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from pipeline.models.claim import Claimable, claim_indexes
from pipeline.models.types import Json, UtcDateTime


class Event(SQLModel, table=True):
    """One move or alarm of one piece, with its evidence. `position` is given after commit by the one publisher."""

    __tablename__ = "events"
    __table_args__ = (
        UniqueConstraint("piece_id", "sequence"),
        Index(
            "ix_events_unpublished",
            "mode",
            "id",
            sqlite_where=text("position IS NULL"),
            postgresql_where=text("position IS NULL"),
        ),
        Index(
            "ux_events_position",
            "mode",
            "position",
            unique=True,
            sqlite_where=text("position IS NOT NULL"),
            postgresql_where=text("position IS NOT NULL"),
        ),
        Index(
            "ix_events_log",
            "account_id",
            "mode",
            "position",
            sqlite_where=text("position IS NOT NULL"),
            postgresql_where=text("position IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    piece_id: str = Field(foreign_key="pieces.id")
    account_id: str
    mode: str
    type: str
    sequence: int
    position: int | None = None  # in the log of its mode
    told: bool  # whether senders are told of it
    status: str
    at: datetime = Field(sa_type=UtcDateTime)  # line clock: when it was so
    recorded_at: datetime = Field(sa_type=UtcDateTime)  # machine clock: when we learned it
    evidence: dict[str, Any] = Field(default_factory=dict, sa_type=Json)


class LogHead(SQLModel, table=True):
    """The last position given out, one row per mode; locked by the publisher."""

    __tablename__ = "log_heads"

    mode: str = Field(primary_key=True)
    position: int = 0


class Endpoint(SQLModel, table=True):
    """Where an account wants its events sent. `ordered` asks for a piece's events in sequence."""

    __tablename__ = "webhook_endpoints"

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id", index=True)
    mode: str
    url: str
    events: list[str] = Field(default_factory=lambda: ["*"], sa_type=Json)
    ordered: bool = True
    secrets: list[str] = Field(default_factory=list, sa_type=Json)
    description: str = ""
    disabled_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    disabled_reason: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)


class Delivery(Claimable, table=True):
    """One event for one endpoint. `tries` counts attempts; the schedule, from the first of them, is `next_attempt_at`."""

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("endpoint_id", "event_id"),
        Index(
            "ix_deliveries_due",
            "mode",
            "next_attempt_at",
            "id",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        Index(
            "ix_deliveries_order",
            "endpoint_id",
            "piece_id",
            "sequence",
            sqlite_where=text("status = 'pending'"),
            postgresql_where=text("status = 'pending'"),
        ),
        *claim_indexes("deliveries"),
    )

    id: str = Field(primary_key=True)
    endpoint_id: str = Field(foreign_key="webhook_endpoints.id")
    event_id: str = Field(foreign_key="events.id")
    piece_id: str
    sequence: int
    mode: str
    ordered: bool
    status: str = "pending"  # then delivered, exhausted or canceled
    delivered_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class DeliveryAttempt(SQLModel, table=True):
    __tablename__ = "delivery_attempts"

    id: str = Field(primary_key=True)
    delivery_id: str = Field(foreign_key="deliveries.id", index=True)
    number: int
    at: datetime = Field(sa_type=UtcDateTime)
    delivered: bool
    status_code: int | None = None
    error: str = ""
    duration_ms: int = 0
    response: str = ""


class Lease(SQLModel, table=True):
    """Who leads. `epoch` goes up with every change of leader, so that a leader that slept can tell that it lost."""

    __tablename__ = "leases"

    name: str = Field(primary_key=True)
    owner: str
    epoch: int = 1
    lease_until: datetime = Field(sa_type=UtcDateTime)

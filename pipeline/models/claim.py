"""The columns by which a row is worked on: who holds it, until when, and how often that went wrong."""

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from pipeline.models.types import UtcDateTime


class Claimable(SQLModel):
    """A row that a stage claims. All times are on the machine clock.

    `attempt` goes up with every claim and is compared when work is saved, so that a worker that lost its lease saves nothing.
    Rows that share a `claim_token` share the claim: a claim that died is tried again in halves, and only a row that died
    alone counts a `solo_death`.
    """

    attempt: int = Field(default=0)
    claim_token: str | None = Field(default=None)
    lease_until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    next_attempt_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    tries: int = Field(default=0)
    solo_deaths: int = Field(default=0)
    quarantined_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_error: str | None = None


def claim_indexes(table: str) -> tuple[Index, Index]:
    """Finds what is under a claim, and what died alone: few rows at any time, however many the table holds."""
    claimed, lonely = text("claim_token IS NOT NULL"), text("solo_deaths > 0")
    return (
        Index(f"ix_{table}_claimed", "claim_token", "lease_until", sqlite_where=claimed, postgresql_where=claimed),
        Index(f"ix_{table}_lonely", "mode", sqlite_where=lonely, postgresql_where=lonely),
    )

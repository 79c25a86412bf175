"""Accounts, their keys and sandbox clocks, prices, and the answers kept for idempotent requests."""

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field, SQLModel

from pipeline.models.types import Json, UtcDateTime


class Account(SQLModel, table=True):
    __tablename__ = "accounts"

    id: str = Field(primary_key=True)
    name: str = Field(unique=True)
    zone: str = "America/New_York"
    cancel_window_s: int = 300
    promise: str = "default"  # or "clock"
    created_at: datetime = Field(sa_type=UtcDateTime)


class Key(SQLModel, table=True):
    """An API key. Only its keyed hash is kept; `shown` is its prefix and last four characters."""

    __tablename__ = "keys"

    id: str = Field(primary_key=True)
    account_id: str | None = Field(default=None, foreign_key="accounts.id", index=True)
    mode: str  # live, test, or op for operators
    digest: str = Field(unique=True)
    shown: str
    name: str = ""
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    revoked_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class SandboxClock(SQLModel, table=True):
    """The line clock of one test account: it stands at `line_now` and is moved forward by the tick or by its owner.

    `rate` is how many line seconds may pass per machine second while mail is on its way; 0 stops it. `advance_to` is where
    its owner asked it to go, as fast as the line can follow.
    """

    __tablename__ = "sandbox_clocks"

    account_id: str = Field(primary_key=True, foreign_key="accounts.id")
    line_now: datetime = Field(sa_type=UtcDateTime)
    rate: float = 21_600.0
    advance_to: datetime | None = Field(default=None, sa_type=UtcDateTime)
    moved_at: datetime = Field(sa_type=UtcDateTime)


class Price(SQLModel, table=True):
    __tablename__ = "prices"

    product: str = Field(primary_key=True)
    mail_class: str = Field(primary_key=True)
    cents: int
    further_sheet_cents: int = 0  # for each sheet after the first
    currency: str = "usd"


class IdempotentAnswer(SQLModel, table=True):
    """The answer to a request that carried an Idempotency-Key, written in the transaction that made the object."""

    __tablename__ = "idempotent_answers"
    __table_args__ = (UniqueConstraint("account_id", "mode", "key"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    mode: str
    key: str
    fingerprint: str
    request_id: str
    status_code: int
    body: str
    location: str | None = None
    created_at: datetime = Field(sa_type=UtcDateTime)
    expires_at: datetime = Field(sa_type=UtcDateTime, index=True)


class Audit(SQLModel, table=True):
    """What an operator did, why, and to what."""

    __tablename__ = "audit"

    id: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str
    action: str
    subject: str
    reason: str = ""
    data: dict[str, Any] = Field(default_factory=dict, sa_type=Json)

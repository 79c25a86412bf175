"""Pieces, who they go to, and their artwork."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from pipeline.models.claim import Claimable, claim_indexes
from pipeline.models.types import Json, UtcDateTime

_WORKABLE = "quarantined_at IS NULL"


class Piece(Claimable, table=True):
    """One physical item for one recipient. `…_at` columns are line time unless `Claimable` has them.

    `revision` goes up with every event and is the event's `sequence`. `freeze_from` is the earliest moment at which the piece may
    be frozen: acceptance plus the cancel window, or the start of `send_on`.
    """

    __tablename__ = "pieces"
    __table_args__ = (
        UniqueConstraint("account_id", "mode", "external_id"),
        Index(
            "ix_pieces_to_standardize",
            "mode",
            "due_at",
            sqlite_where=text(f"status = 'created' AND address_state = 'pending' AND {_WORKABLE}"),
            postgresql_where=text(f"status = 'created' AND address_state = 'pending' AND {_WORKABLE}"),
        ),
        Index(
            "ix_pieces_to_promote",
            "mode",
            "due_at",
            sqlite_where=text("status = 'created' AND address_state = 'done'"),
            postgresql_where=text("status = 'created' AND address_state = 'done'"),
        ),
        Index(
            "ix_pieces_to_freeze",
            "mode",
            "product",
            "mail_class",
            "due_at",
            sqlite_where=text("status = 'ready'"),
            postgresql_where=text("status = 'ready'"),
        ),
        Index(
            "ix_pieces_to_poll",
            "mode",
            "poll_at",
            sqlite_where=text(f"poll_at IS NOT NULL AND {_WORKABLE}"),
            postgresql_where=text(f"poll_at IS NOT NULL AND {_WORKABLE}"),
        ),
        Index(
            "ix_pieces_deadline",
            "mode",
            "alarm_at",
            sqlite_where=text("alarm_at IS NOT NULL"),
            postgresql_where=text("alarm_at IS NOT NULL"),
        ),
        *claim_indexes("pieces"),
        Index("ix_pieces_listed", "account_id", "mode", "id"),
        # Each index that holds a piece is written again with each of its steps.
        *(
            Index(f"ix_pieces_{name}", name, sqlite_where=text(holds), postgresql_where=text(holds))
            for name, holds in (("batch_id", "batch_id IS NOT NULL"), ("imb", "imb IS NOT NULL"))
        ),
        # Asked for only of pieces that wait for their artwork; SQLite does not see that a parameter fits a condition.
        *(
            Index(f"ix_pieces_{name}", name, postgresql_where=text("status = 'created'"))
            for name in ("front_creative_id", "back_creative_id")
        ),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    mode: str
    status: str
    revision: int = 1
    request_id: str
    external_id: str | None = None
    product: str
    stock: str
    mail_class: str
    sheets: int = 1
    print_sides: str | None = None  # simplex or duplex, of a document
    deliverability: str = "normal"
    address_state: str = "pending"  # then done
    front_creative_id: str = Field(foreign_key="creatives.id")
    back_creative_id: str | None = Field(default=None, foreign_key="creatives.id")
    details: dict[str, Any] = Field(default_factory=dict, sa_type=Json, sa_column_kwargs={"name": "metadata"})
    errors: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    price_cents: int
    batch_id: str | None = None
    imb: str | None = None
    accepted_at: datetime = Field(sa_type=UtcDateTime)
    send_on: date | None = None  # in the account's zone
    freeze_from: datetime = Field(sa_type=UtcDateTime)
    ready_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mailed_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    mailed_basis: str | None = None
    delivered_basis: str | None = None
    due_at: datetime = Field(sa_type=UtcDateTime)
    sla_state: str = "on_track"
    sla_cause: str | None = None  # why it will be, or was, missed: a word, and a sentence
    sla_detail: str | None = None
    alarm_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # when the promise is next looked at
    poll_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # when the carrier is next asked
    created_at: datetime = Field(sa_type=UtcDateTime)  # machine clock


class Recipient(SQLModel, table=True):
    """Names and addresses of one piece, as given and as standardized. No other table holds a person's data."""

    __tablename__ = "recipients"

    piece_id: str = Field(primary_key=True, foreign_key="pieces.id")
    given: dict[str, Any] = Field(sa_type=Json)
    sender: dict[str, Any] | None = Field(default=None, sa_type=Json)
    standardized: dict[str, Any] | None = Field(default=None, sa_type=Json)
    zip5: str = ""
    routing: str = ""
    corrections: list[str] = Field(default_factory=list, sa_type=Json)
    keyed_hash: str


class Creative(Claimable, table=True):
    """Artwork, checked at the door and normalized once per account, mode, product and content hash."""

    __tablename__ = "creatives"
    __table_args__ = (
        UniqueConstraint("account_id", "mode", "product", "sha256"),
        Index(
            "ix_creatives_to_prepare",
            "mode",
            sqlite_where=text("status = 'checked'"),
            postgresql_where=text("status = 'checked'"),
        ),
        Index("ix_creatives_listed", "account_id", "mode", "id"),
        *claim_indexes("creatives"),
    )

    id: str = Field(primary_key=True)
    account_id: str = Field(foreign_key="accounts.id")
    mode: str
    product: str
    status: str = "checked"  # then accepted or rejected
    kind: str
    sha256: str
    size_bytes: int
    source_key: str
    normalized_key: str | None = None
    normalized_sha256: str | None = None
    proof_key: str | None = None
    report: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    created_at: datetime = Field(sa_type=UtcDateTime)

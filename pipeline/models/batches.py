"""Printers, batches and what becomes of them there."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from pipeline.models.claim import Claimable, claim_indexes
from pipeline.models.types import Json, UtcDateTime


class PrinterRow(Claimable, table=True):
    """A printer and its whole profile (`pipeline.models.profile.PrinterProfile`). A test account has one of its own."""

    __tablename__ = "printers"
    __table_args__ = (UniqueConstraint("mode", "name"), *claim_indexes("printers"))

    id: str = Field(primary_key=True)
    name: str
    mode: str
    account_id: str | None = Field(default=None, foreign_key="accounts.id", index=True)
    profile: dict[str, Any] = Field(sa_type=Json)
    revision: int = 1
    suspended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    poll_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    last_ack_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    waiting_acks: dict[str, dict[str, str]] | None = Field(
        default=None, sa_type=Json
    )  # by name: `digest` as the last poll read it, `since`
    trouble: str | None = None  # the code of what keeps us out, once it was told
    trouble_at: str | None = None  # connection, inbox or outbox
    trouble_since: datetime | None = Field(default=None, sa_type=UtcDateTime)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Serial(SQLModel, table=True):
    """The next IMb serial of a mailer id. It only ever goes up, so that no serial comes twice."""

    __tablename__ = "serials"

    mailer_id: str = Field(primary_key=True)
    next_serial: int = 0


class Batch(SQLModel, table=True):
    """Pieces that one printer makes and mails together. It never changes printer or pieces. `sheets` are press sheets."""

    __tablename__ = "batches"
    __table_args__ = (Index("ix_batches_at_printer", "printer_id", "status"),)

    id: str = Field(primary_key=True)
    mode: str
    account_id: str | None = Field(default=None, foreign_key="accounts.id", index=True)
    printer_id: str = Field(foreign_key="printers.id", index=True)
    status: str
    revision: int = 1
    product: str
    stock: str
    mail_class: str
    sheets_per_piece: int = 1
    pieces: int
    sheets: int
    reason: str
    frozen_at: datetime = Field(sa_type=UtcDateTime)
    due_at: datetime = Field(sa_type=UtcDateTime)
    mail_by: datetime = Field(sa_type=UtcDateTime)
    postage: dict[str, Any] = Field(sa_type=Json)
    imposition: dict[str, Any] = Field(sa_type=Json)


class Placement(SQLModel, table=True):
    """A piece's place in one revision of a batch. One live placement per piece is a constraint of the database."""

    __tablename__ = "placements"
    __table_args__ = (
        Index(
            "ux_placements_live",
            "piece_id",
            unique=True,
            sqlite_where=text("live"),
            postgresql_where=text("live"),
        ),
        # What became of a batch is counted from the index alone.
        Index(
            "ix_placements_drop",
            "batch_id",
            "revision",
            "sequence",
            postgresql_include=["live", "outcome", "unclear_at"],
        ),
        Index(
            "ix_placements_unclear",
            "batch_id",
            "revision",
            sqlite_where=text("unclear_at IS NOT NULL"),
            postgresql_where=text("unclear_at IS NOT NULL"),
        ),
    )

    id: str = Field(primary_key=True)
    piece_id: str = Field(foreign_key="pieces.id")
    batch_id: str = Field(foreign_key="batches.id")
    revision: int
    sequence: int
    sheet: int
    slot: int
    stack_position: int
    imb: str
    live: bool = True
    outcome: str | None = None  # printed, inserted, mailed, spoiled or destroyed; None: nothing was said yet
    unclear_at: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # line clock: when a line was refused that names it, while no good one has named it since


class Drop(Claimable, table=True):
    """The files of one revision of a batch, as they lie at a printer, and how far their hand-over has come."""

    __tablename__ = "drops"
    __table_args__ = (
        UniqueConstraint("batch_id", "revision"),
        Index(
            "ix_drops_to_work",
            "mode",
            "due_at",
            sqlite_where=text("status IN ('frozen', 'imposed', 'handing_over')"),
            postgresql_where=text("status IN ('frozen', 'imposed', 'handing_over')"),
        ),
        Index(
            "ix_drops_to_recall",
            "mode",
            sqlite_where=text("recall_state = 'asked'"),
            postgresql_where=text("recall_state = 'asked'"),
        ),
        Index(
            "ix_drops_unheard",
            "mode",
            "handing_over_at",
            sqlite_where=text("status = 'sent'"),
            postgresql_where=text("status = 'sent'"),
        ),
        *claim_indexes("drops"),
    )

    id: str = Field(primary_key=True)
    stem: str = Field(unique=True)
    batch_id: str = Field(foreign_key="batches.id")
    printer_id: str = Field(foreign_key="printers.id", index=True)
    mode: str
    account_id: str | None = Field(default=None, foreign_key="accounts.id", index=True)
    revision: int
    status: str
    pieces: int
    sheets: int
    due_at: datetime = Field(sa_type=UtcDateTime)
    frozen_at: datetime = Field(sa_type=UtcDateTime)
    files: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    ready_body: str | None = None
    digest: str | None = Field(default=None, index=True)
    putting_since: datetime | None = Field(
        default=None, sa_type=UtcDateTime
    )  # line clock: when its files were first put
    ready_part: str | None = None
    handing_over_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # line clock
    sent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    recall_state: str | None = None  # asked, then won or lost; or refused, while its printer's refusal is applied
    recall_by: str | None = None
    recall_reason: str | None = None
    set_aside_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # line clock: when its pieces were freed
    silent_at: datetime | None = Field(default=None, sa_type=UtcDateTime)  # line clock: when its silence was told


class Ack(SQLModel, table=True):
    """One acknowledgement file, kept as it came; keyed by printer and digest, so that a repeated file changes nothing."""

    __tablename__ = "acks"
    __table_args__ = (UniqueConstraint("printer_id", "digest"), Index("ix_acks_heard", "printer_id", "received_at"))

    id: str = Field(primary_key=True)
    printer_id: str = Field(foreign_key="printers.id")
    mode: str
    name: str
    digest: str
    body: str
    named_stem: str | None = Field(default=None, index=True)  # the drop that it names, be what it says good or bad
    drop_stem: str | None = Field(default=None, index=True)  # the drop of which it says something good
    state: str | None = None
    at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    received_at: datetime = Field(sa_type=UtcDateTime)
    faults: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)  # quarantined lines
    fault_count: int = 0  # all of them, of which `faults` keeps the first


class Neighbour(SQLModel, table=True):
    """A good piece of a batch that came out once more on a reprint's sheets and was destroyed: once, however often it is told."""

    __tablename__ = "neighbours"

    batch_id: str = Field(foreign_key="batches.id", primary_key=True)
    revision: int = Field(primary_key=True)
    piece_id: str = Field(foreign_key="pieces.id", primary_key=True)


class ScanRow(SQLModel, table=True):
    """One carrier record for one piece; `dedup` is what makes a repeated record the same one."""

    __tablename__ = "scans"
    __table_args__ = (UniqueConstraint("piece_id", "dedup"),)

    id: str = Field(primary_key=True)
    piece_id: str = Field(foreign_key="pieces.id", index=True)
    mode: str
    dedup: str
    at: datetime = Field(sa_type=UtcDateTime)
    code: str
    phase: str
    handling: str
    facility_zip: str = ""
    facility_city: str = ""
    facility_state: str = ""
    machine: str = ""
    received_at: datetime = Field(sa_type=UtcDateTime)

"""What the promise depends on besides the piece: holds, days on which nothing is mailed, and the plan as it was last made."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from pipeline.models.types import Json, UtcDateTime

_OPEN = text("until IS NULL")


class HoldRow(SQLModel, table=True):
    """Why a piece waits for a decision, who wanted that, and how long; line time, `until` None while it lasts.

    `stops_count`: its sender asked for it. A hold on a piece that is not ready yet begins to keep it when it would be.
    """

    __tablename__ = "holds"
    __table_args__ = (
        Index("ux_holds_open", "piece_id", unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN),
        Index("ix_holds_of_piece", "piece_id"),
    )

    id: str = Field(primary_key=True)
    piece_id: str = Field(foreign_key="pieces.id")
    account_id: str = Field(foreign_key="accounts.id")
    mode: str
    code: str
    by: str
    note: str = ""
    stops_count: bool
    since: datetime = Field(sa_type=UtcDateTime)
    until: datetime | None = Field(default=None, sa_type=UtcDateTime)
    released_by: str | None = None


class SuspensionRow(SQLModel, table=True):
    """Days, `last` included, on which a printer mails nothing, or nothing goes to ZIP codes that begin so; with neither: all.

    One that was called off is cut short, and keeps what it did. `put_off_to` is the last piece whose promise was counted anew,
    by id; None once all are, or where none has to be.
    """

    __tablename__ = "suspensions"

    id: str = Field(primary_key=True)
    first: date
    last: date = Field(index=True)
    printer_id: str | None = Field(default=None, foreign_key="printers.id")
    zip3: str | None = None
    reason: str
    by: str
    created_at: datetime = Field(sa_type=UtcDateTime)
    put_off_to: str | None = None


class PlanNote(SQLModel, table=True):
    """What the tick last planned for a mode, for those who look at the board: counting a backlog takes longer than they wait."""

    __tablename__ = "plan_notes"

    mode: str = Field(primary_key=True)
    noted_at: datetime = Field(sa_type=UtcDateTime)  # machine clock
    data: dict[str, Any] = Field(sa_type=Json)

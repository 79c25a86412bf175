"""What every stage is: which rows it works on, the work with no transaction open, and the saving in one."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Row, Table

from pipeline.clock import Clock
from pipeline.errors import PortError
from pipeline.models.types import Ids
from pipeline.ports import Note, Printer
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LineClock


@dataclass(frozen=True)
class Context:
    """What every stage stands on. `mode` is live or test; a stage sees rows of its own mode only."""

    mode: str
    db: Database
    ids: Ids
    machine_clock: Clock
    line_clock: LineClock


@dataclass(frozen=True)
class Done:
    """How the work on a claim ended: `save` writes it (returning the ids of the rows it settled), `later` waits in its row.

    Rows that are in neither are let go and come round again. `rings` are rung once the saving has committed.
    """

    save: Callable[[Connection, datetime], Collection[str]]
    later: Mapping[str, PortError] = field(default_factory=dict)
    rings: Sequence[Note] = ()


class Stage(Protocol):
    """One stage of the line. `limit` is how many rows make a chunk."""

    name: str
    table: Table
    limit: int

    def where(self) -> ColumnElement[bool]:
        """Which rows are this stage's, beyond being due and free."""
        ...

    def order_by(self) -> Sequence[ColumnElement[Any]]: ...

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        """The effect, with no transaction open. May be repeated: nothing here may depend on being the first."""
        ...


class PrinterDirectory(Protocol):
    """How a stage reaches a printer: the live root opens real ones, the test root simulated ones only."""

    def open(self, printer: Row[Any]) -> AbstractContextManager[Printer]:
        """The printer of a row of `printers`. Raises as the port does."""
        ...

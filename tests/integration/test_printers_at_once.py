"""Printers that two operators add and change at the same moment, in two sessions of a real database: one outbox has one printer."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from datetime import UTC, datetime

import pytest
from sqlalchemy import Connection, text

from pipeline.errors import Permanent
from pipeline.models.profile import PrinterProfile
from pipeline.models.types import system_ids
from pipeline.repository.database import Database
from pipeline.repository.printers import Deed, add_printer, edit_printer, list_printers, printer_named
from tests.unit.printers.test_profile import PROFILE, TRANSPORT

Change = Callable[[Connection], bool]
BY = Deed("root", datetime(2026, 11, 30, tzinfo=UTC))
_WAITING = text(
    "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
    "(SELECT oid FROM pg_database WHERE datname = current_database()) AND locktype = 'advisory'"
)
_LOOK_S = 0.01


def with_outbox(outbox: str) -> PrinterProfile:
    return PrinterProfile.model_validate({**PROFILE, "transport": {**TRANSPORT, "outbox": outbox}})


def adds(name: str, outbox: str) -> Change:
    return lambda tx: add_printer(tx, name, with_outbox(outbox), BY, ids=system_ids()) is not None


def edits(name: str, outbox: str) -> Change:
    def edit(tx: Connection) -> bool:
        row = printer_named(tx, "live", name)
        return row is not None and edit_printer(tx, row, with_outbox(outbox), BY, ids=system_ids())

    return edit


def at_once(db: Database, first: Change, second: Change) -> Future[bool]:
    """Commits the first only when the second has done what it could by then: it waits for the first, or is over."""

    def another() -> bool:
        with db.write() as tx:
            return second(tx)

    with ThreadPoolExecutor(1) as threads:
        with db.write() as tx:
            assert first(tx)
            other = threads.submit(another)
            while not (db.is_sqlite or other.done() or tx.execute(_WAITING).scalar_one()):
                wait([other], _LOOK_S)
        other.exception(60)  # over, well or not
        return other


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (adds("north", "out"), adds("south", "/out")),
        (adds("north", "out"), edits("east", "out")),
        (edits("east", "out"), adds("north", "out")),
        (edits("east", "out"), edits("west", "./out")),
    ],
)
def test_an_outbox_that_two_want_at_once_is_the_first_ones(db: Database, first: Change, second: Change) -> None:
    with db.write() as tx:
        assert adds("east", "out-east")(tx)
        assert adds("west", "out-west")(tx)
    with pytest.raises(Permanent) as refused:
        at_once(db, first, second).result()
    assert refused.value.code == "outbox_shared"
    with db.read() as tx:
        rows = list_printers(tx, "live")
    places = [row.profile["transport"]["outbox"].strip("./") for row in rows]
    assert len(set(places)) == len(places)
    assert "out" in places


def test_a_name_that_two_want_at_once_is_the_first_ones(db: Database) -> None:
    assert at_once(db, adds("north", "out"), adds("north", "out-2")).result() is False
    with db.read() as tx:
        assert [row.profile["transport"]["outbox"] for row in list_printers(tx, "live")] == ["out"]

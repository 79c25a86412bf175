"""What the printers of one account bear together, as the live root reads it from the database."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import Transient
from pipeline.models.profile import PrinterProfile
from pipeline.models.types import system_ids
from pipeline.repository.database import Database
from pipeline.repository.printers import Deed, add_printer, edit_printer, live_printer
from pipeline.repository.tables import printers
from pipeline.worker.live_root import live_printers
from tests.unit.printers.test_profile import PROFILE, TRANSPORT

BY = Deed("root", datetime(2026, 11, 30, tzinfo=UTC))


def profile(name: str, connections: int) -> PrinterProfile:
    own = {"outbox": f"out-{name}", "connections": connections, "timeout_s": 0.05}
    return PrinterProfile.model_validate({**PROFILE, "transport": {**TRANSPORT, **own}})


def add(db: Database, name: str, connections: int) -> Any:
    with db.write() as tx:
        printer_id = add_printer(tx, name, profile(name, connections), BY, ids=system_ids())
        return live_printer(tx, printer_id or "")


def test_a_printer_that_is_opened_alone_keeps_to_what_another_one_of_its_account_bears(
    db: Database, tmp_path: Path
) -> None:
    cards, letters = add(db, "cards", 2), add(db, "letters", 1)
    directory = live_printers(tmp_path, db)
    with directory.open(cards), pytest.raises(Transient, match="do not let go") as caught, directory.open(cards):
        pass
    assert caught.value.code == "printer_engaged"
    with db.write() as tx:
        assert edit_printer(tx, letters, profile("letters", 2), BY, ids=system_ids())
    with directory.open(cards), directory.open(cards):
        pass


def test_a_printer_whose_profile_cannot_be_read_keeps_no_other_one_out(db: Database, tmp_path: Path) -> None:
    cards, letters = add(db, "cards", 2), add(db, "letters", 1)
    with db.write() as tx:
        tx.execute(printers.update().where(printers.c.id == letters.id).values(profile={"transport": {"kind": "fax"}}))
    directory = live_printers(tmp_path, db)
    with directory.open(cards), directory.open(cards):
        pass

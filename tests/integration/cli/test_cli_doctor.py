"""`mailstream doctor` finds what is wrong, and says what to do."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from pipeline.clock import machine_clock
from pipeline.repository.database import Database
from pipeline.repository.leadership import lead
from pipeline.repository.tables import leases, printers
from tests.integration.cli.terminal import Terminal
from tests.integration.cli.test_cli_printers import PROFILE
from tests.integration.line.world import World

PRODUCTS = ["postcard_4x6", "postcard_6x11"]


def test_a_fresh_installation_is_in_order(terminal: Terminal) -> None:
    checks = terminal.json("doctor")
    assert [check["name"] for check in checks] == [
        "home", "storage", "redis", "sshd", "html", "carrier", "database", "prices", "scheduler",
        "printers",
    ]  # fmt: skip
    assert all(check["ok"] for check in checks)
    assert "WRONG" not in terminal.out("doctor")


def test_a_redis_that_answers_is_found(terminal: Terminal, redis_url: str) -> None:
    assert "answers at" in _check(terminal, "redis", MAILSTREAM_REDIS_URL=redis_url)["detail"]


@pytest.mark.parametrize(
    ("variables", "name", "remedy"),
    [
        ({"MAILSTREAM_REDIS_URL": "redis://:secret@127.0.0.1:1/0"}, "redis", "unset MAILSTREAM_REDIS_URL"),
        ({"MAILSTREAM_REDIS_URL": "nonsense"}, "redis", "give redis://HOST:6379/0"),
        ({"MAILSTREAM_STORAGE_URL": "s3://bucket"}, "storage", "file:///path"),
        ({"MAILSTREAM_STORAGE_URL": "file:///proc/none"}, "storage", "MAILSTREAM_STORAGE_URL"),
        ({"MAILSTREAM_IVMTR_USERNAME": "me"}, "carrier", "MAILSTREAM_IVMTR_PASSWORD"),
        ({"MAILSTREAM_DATABASE_URL": "oracle://x"}, "database", "postgresql+psycopg://"),
        ({"MAILSTREAM_DATABASE_URL": "sqlite:////none/such.db"}, "database", "run `mailstream migrate`"),
        ({"MAILSTREAM_DATABASE_URL": "postgresql+psycopg://x@127.0.0.1:1/x"}, "database", "cannot be used"),
    ],
)
def test_a_wrong_setting_is_named_with_its_remedy(
    bare: Terminal, variables: dict[str, str], name: str, remedy: str
) -> None:
    check = _check(bare, name, code=1, **variables)
    assert check["ok"] is False
    assert remedy in check["detail"]
    assert "secret" not in check["detail"]


def test_a_clockwork_that_stands_still_is_told_once_mail_waits_for_it(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    assert _check(bare, "scheduler")["detail"] == "has not been started yet"
    database = Database(f"sqlite:///{bare.home / 'mailstream.db'}")
    world, now = World(database, tmp_path), machine_clock()
    world.clock.advance(now - world.clock())
    assert world.scheduler("live").tick()
    assert _check(bare, "scheduler")["detail"] == "ticks"
    with database.write() as tx:
        tx.execute(update(leases).values(lease_until=now - timedelta(hours=3)))
        # The night's work has a lease too, which says nothing of the tick.
        assert lead(tx, "reconcile-live", "rc_1", now=now, for_s=3_600)
    assert "no mail waits" in _check(bare, "scheduler")["detail"]
    world.add_pieces(2)
    check = _check(bare, "scheduler", code=1)
    assert check["ok"] is False
    assert "2 pieces wait: start `mailstream up`" in check["detail"]
    with database.write() as tx:
        assert lead(tx, "tick-live", "leader", now=now, for_s=60)
    assert _check(bare, "scheduler")["detail"] == "ticks"
    world.add_pieces(3, "test")
    assert "no test mail was looked after ever, and 3 pieces wait" in _check(bare, "scheduler", code=1)["detail"]
    database.dispose()


def test_printers_are_checked_and_the_hours_that_no_truck_serves(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    bare.out("keys", "create", "--mode", "live", "--account", "Ada")
    _add(bare, tmp_path, "acme")
    assert "is missing: put the private key there" in _check(bare, "printer acme", code=1)["detail"]
    key = bare.home / "keys" / "printer"
    key.parent.mkdir()
    key.write_text("a key")
    key.chmod(0o644)
    assert "chmod 600" in _check(bare, "printer acme", code=1)["detail"]
    key.chmod(0o600)
    assert _check(bare, "printer acme")["ok"] is True
    assert _check(bare, "promise")["ok"] is True
    _add(bare, tmp_path, "post", products=["postcard_4x6", "postcard_6x9"], classes=["marketing"])
    assert _check(bare, "promise")["ok"] is True
    bare.out("printers", "suspend", "post", "--reason", "flood")
    promise = _check(bare, "promise", code=1)
    assert promise["detail"].startswith("no truck keeps it for postcard_6x9 as marketing accepted at ")
    bare.out(
        "printers",
        "edit",
        "acme",
        "--reason",
        "slow",
        "--set",
        "floor.lead_minutes=1440",
        "--set",
        'floor.trucks=["11:00"]',
    )
    promise = _check(bare, "promise", code=1)
    assert promise["ok"] is False
    assert "floor.trucks" in promise["detail"]


def test_a_printer_that_keeps_us_out_is_told_with_its_runbook(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    first = {"name": "Press room", "phone": "+1 208-555-0142"}
    _add(bare, tmp_path, "acme", escalation=[first, {**first, "name": "Owner", "after_minutes": 60}])
    database = Database(f"sqlite:///{bare.home / 'mailstream.db'}")
    with database.write() as tx:
        kept_out = {"trouble": "host_key_changed", "trouble_at": "connection", "trouble_since": machine_clock()}
        tx.execute(update(printers).values(kept_out))
    database.dispose()
    detail = _check(bare, "printer acme", code=1)["detail"]
    assert "host_key_changed since 20" in detail
    assert "see ops/runbooks/printer-host-key-changed.md, and ask Press room, +1 208-555-0142" in detail
    assert "open, host_key_changed" in bare.out("printers", "list")


def test_a_printer_whose_sheet_is_too_small_is_told(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    _add(bare, tmp_path, "tiny", imposition={"sheet": {"width_in": 10, "height_in": 11}}, products=PRODUCTS)
    detail = _check(bare, "printer tiny", code=1)["detail"]
    assert "postcard_6x11 with bleed and marks needs" in detail
    assert "the 10 x 11 in sheet images" in detail
    assert "postcard_4x6 with" not in detail


def test_a_stored_profile_that_makes_no_sense_is_told(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    _add(bare, tmp_path, "acme")
    database = Database(f"sqlite:///{bare.home / 'mailstream.db'}")
    with database.write() as tx:
        tx.execute(update(printers).values(profile={**PROFILE, "floor": {"trucks": []}}))
    database.dispose()
    assert "floor.trucks: is empty" in _check(bare, "printer acme", code=1)["detail"]


def test_printers_that_share_an_outbox_are_told(bare: Terminal, tmp_path: Path) -> None:
    bare.out("migrate")
    _add(bare, tmp_path, "acme")
    _add(bare, tmp_path, "other")
    assert "outbox" not in _check(bare, "printer acme", code=1)["detail"]
    database = Database(f"sqlite:///{bare.home / 'mailstream.db'}")
    with database.write() as tx:
        tx.execute(update(printers).values(profile=PROFILE))
    database.dispose()
    assert "other has the same outbox" in _check(bare, "printer acme", code=1)["detail"]
    assert "acme has the same outbox" in _check(bare, "printer other", code=1)["detail"]


def _check(terminal: Terminal, name: str, *, code: int = 0, **variables: str) -> dict[str, Any]:
    done = terminal.run_here("doctor", "--json", **variables)
    assert done.returncode == code, done.stdout + done.stderr
    [found] = [check for check in json.loads(done.stdout) if check["name"] == name]
    return dict(found)


def _add(terminal: Terminal, folder: Path, name: str, **changes: Any) -> None:
    file = folder / f"{name}.json"
    own = {"transport": {**PROFILE["transport"], "outbox": f"out-{name}"}}
    file.write_text(json.dumps({**PROFILE, **own, **changes}))
    terminal.out("printers", "add", name, "--reason", "new shop", "--profile", str(file))

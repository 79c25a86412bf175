"""`mailstream keys`, on both databases."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from pipeline.repository import tables
from pipeline.repository.accounts import find_key
from pipeline.repository.database import Database
from tests.integration.cli.terminal import Terminal


def test_a_key_opens_the_account_that_was_made_for_it(terminal: Terminal, database: Database) -> None:
    made = terminal.json("keys", "create", "--mode", "test", "--account", "Ada", "--name", "laptop")
    assert set(made) == {"key", "id", "account", "mode"}
    with database.read() as tx:
        found = find_key(tx, made["key"], pepper=(terminal.home / "pepper").read_text())
        assert found is not None
        account = tx.execute(select(tables.accounts).where(tables.accounts.c.name == "Ada")).one()
        assert (found.id, found.account_id, found.mode) == (made["id"], account.id, "test")


def test_a_second_key_joins_the_same_account(terminal: Terminal, database: Database) -> None:
    for mode in ("test", "live"):
        terminal.json("keys", "create", "--mode", mode, "--account", "Bob")
    with database.read() as tx:
        assert len(tx.execute(select(tables.accounts).where(tables.accounts.c.name == "Bob")).all()) == 1
    assert {key["mode"] for key in terminal.json("keys", "list", "--account", "Bob")} == {"test", "live"}


def test_a_secret_is_shown_once_and_no_list_has_it(terminal: Terminal) -> None:
    made = terminal.json("keys", "create", "--mode", "op", "--expires-in", "30")
    listed = terminal.out("keys", "list") + terminal.out("keys", "list", "--json")
    assert made["id"] in listed
    assert made["key"] not in listed
    left = datetime.fromisoformat(made["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=29, hours=23) < left <= timedelta(days=30)


def test_rotating_keeps_the_old_key_for_the_overlap(terminal: Terminal, database: Database) -> None:
    old = terminal.json("keys", "create", "--mode", "test", "--account", "Carol", "--name", "shop")
    new = terminal.json("keys", "rotate", old["id"], "--overlap", "2")
    assert (new["account"], new["mode"]) == ("Carol", "test")
    assert new["key"] != old["key"]
    with database.read() as tx:
        rows = {row.id: row for row in tx.execute(select(tables.keys))}
    assert rows[new["id"]].name == "shop"
    ends = rows[old["id"]].revoked_at - datetime.now(UTC)
    assert timedelta(hours=1, minutes=59) < ends <= timedelta(hours=2)
    assert "rotated already" in terminal.refusal("keys", "rotate", old["id"], code=5)


def test_revoking_ends_a_key_now_and_can_be_repeated(terminal: Terminal) -> None:
    made = terminal.json("keys", "create", "--mode", "op")
    assert terminal.json("keys", "revoke", made["id"])["changed"] is True
    assert terminal.json("keys", "revoke", made["id"])["changed"] is False


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["create", "--mode", "live"], 2, "give --account"),
        (["create", "--mode", "op", "--account", "Ada"], 2, "leave --account out"),
        (["create", "--mode", "test", "--account", " "], 2, "needs a name"),
        (["create", "--mode", "nope", "--account", "Ada"], 2, "'live', 'test', 'op'"),
        (["create", "--mode", "op", "--expires-in", "0"], 2, "--expires-in"),
        (["revoke", "ky_none"], 4, "`mailstream keys list`"),
        (["rotate", "ky_none"], 4, "`mailstream keys list`"),
        (["list", "--account", "nobody"], 4, "no account 'nobody'"),
    ],
)
def test_what_is_wrong_is_said_with_its_code(terminal: Terminal, arguments: list[str], code: int, said: str) -> None:
    assert said in terminal.refusal("keys", *arguments, code=code)

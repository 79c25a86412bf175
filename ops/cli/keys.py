"""`mailstream keys`: API keys, for senders and operators. A key is shown once, when it is made."""

from datetime import datetime, timedelta
from enum import StrEnum
from secrets import randbits
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Row, select

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import Installation, installation
from ops.cli.output import Json, print_json, print_record, print_table, say
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.repository import accounts as repository
from pipeline.repository.tables import accounts, keys

app = new_app("API keys of senders and operators.")


class Mode(StrEnum):
    LIVE = "live"
    TEST = "test"
    OP = "op"


Days = Annotated[int | None, typer.Option("--expires-in", min=1, max=36_500, help="Days until the key ends.")]


@app.command()
def create(
    mode: Annotated[Mode, typer.Option(help="live, test, or op for operators.")],
    account: Annotated[str | None, typer.Option(help="The sender's account; it is made when it is new.")] = None,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    expires_in: Days = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once."""
    if (mode is Mode.OP) != (account is None):
        rule = (
            "belong to no account: leave --account out" if mode is Mode.OP else "belong to an account: give --account"
        )
        raise CommandError(f"{mode} keys {rule}", Exit.USAGE)
    if account is not None and not account.strip():
        raise CommandError("an account needs a name: give --account NAME", Exit.USAGE)
    now = machine_clock()
    with installation() as here, here.db.write() as tx:
        account_id = None if account is None else _account(tx, here, account.strip(), now)
        ends = None if expires_in is None else now + timedelta(days=expires_in)
        row, secret = _new_key(tx, here, mode, account_id, now, name=name, expires_at=ends)
    _show(row, secret, account, as_json)


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option(help="Only the keys of this account.")] = None, as_json: Json = False
) -> None:
    """List keys, newest first, without their secrets."""
    wanted = (
        select(keys, accounts.c.name.label("account"))
        .outerjoin(accounts, accounts.c.id == keys.c.account_id)
        .order_by(keys.c.id.desc())
    )
    with installation() as here, here.db.read() as tx:
        if account is not None and repository.account_named(tx, account) is None:
            raise CommandError(f"there is no account {account!r}: `mailstream keys list` shows all", Exit.NOT_FOUND)
        rows = tx.execute(wanted if account is None else wanted.where(accounts.c.name == account)).all()
    columns = ("id", "mode", "account", "name", "shown", "created_at", "expires_at", "revoked_at")
    if as_json:
        print_json([{column: getattr(row, column) for column in columns} for row in rows])
    else:
        print_table(columns, [[getattr(row, column) for column in columns] for row in rows])


@app.command()
def rotate(
    key_id: Annotated[str, typer.Argument(help="The id of the key, ky_….")],
    overlap: Annotated[int, typer.Option(min=0, max=24 * 30, help="Hours for which the old key still works.")] = 24,
    expires_in: Days = None,
    as_json: Json = False,
) -> None:
    """Make a key that takes the place of another one, which ends after an overlap."""
    now = machine_clock()
    with installation() as here, here.db.write() as tx:
        old = _find(tx, key_id)
        if old.revoked_at is not None:
            raise CommandError(f"{key_id} was revoked or rotated already: create a new key", Exit.CONFLICT)
        ends = None if expires_in is None else now + timedelta(days=expires_in)
        row, secret = _new_key(tx, here, Mode(old.mode), old.account_id, now, name=old.name, expires_at=ends)
        repository.revoke_key(tx, key_id, now=now, after=timedelta(hours=overlap))
    _show(row, secret, old.account, as_json)
    say(f"{key_id} works for {overlap} more hours" if overlap else f"{key_id} works no more")


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The id of the key, ky_….")], as_json: Json = False) -> None:
    """End a key now; within a second nothing accepts it any more."""
    now = machine_clock()
    with installation() as here, here.db.write() as tx:
        _find(tx, key_id)
        changed = repository.revoke_key(tx, key_id, now=now)
    if as_json:
        print_json({"id": key_id, "revoked": True, "changed": changed})
    else:
        say(f"{key_id} is revoked" if changed else f"{key_id} was revoked already")


def _account(tx: Connection, here: Installation, name: str, now: datetime) -> str:
    row = repository.account_named(tx, name) or repository.create_account(
        tx,
        name,
        ids=system_ids(),
        now=now,
        sandbox_rate=here.settings.sandbox_rate,
        test_mailer_id=here.settings.test_mailer_id,
    )
    account_id: str = row.id
    return account_id


def _new_key(
    tx: Connection, here: Installation, mode: Mode, account_id: str | None, now: datetime, **more: Any
) -> tuple[Row[Any], str]:
    return repository.create_key(
        tx,
        mode.value,
        account_id=account_id,
        pepper=here.settings.pepper,
        ids=system_ids(),
        random_bits=randbits,
        now=now,
        **more,
    )


def _find(tx: Connection, key_id: str) -> Row[Any]:
    wanted = select(keys, accounts.c.name.label("account")).outerjoin(accounts, accounts.c.id == keys.c.account_id)
    row = tx.execute(wanted.where(keys.c.id == key_id)).first()
    if row is None:
        raise CommandError(f"there is no key {key_id!r}: `mailstream keys list` shows them", Exit.NOT_FOUND)
    return row


def _show(row: Row[Any], secret: str, account: str | None, as_json: bool) -> None:
    shown = {"key": secret, "id": row.id, "account": account, "mode": row.mode}
    if row.expires_at is not None:
        shown["expires_at"] = row.expires_at
    if as_json:
        print_json(shown)
        return
    print_record(shown)
    say("Keep the key in a safe place: it is not shown again.")

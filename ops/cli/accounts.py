"""`mailstream accounts`: senders, and what each was promised."""

from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from sqlalchemy import Row

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_record, print_table
from pipeline.models.types import system_ids
from pipeline.repository.accounts import account_named, edit_account, list_accounts

app = new_app("Accounts: senders, and what each was promised.")

_FIELDS = ("id", "name", "zone", "promise", "cancel_window_s", "created_at")


class Promise(StrEnum):
    """24 hours in which days without mailing do not count, or 24 hours whatever the day."""

    DEFAULT = "default"
    CLOCK = "clock"


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List accounts by name."""
    with installation() as here, here.db.read() as tx:
        rows = list_accounts(tx)
    if as_json:
        print_json([_fields(row) for row in rows])
    else:
        print_table(_FIELDS, [[getattr(row, field) for field in _FIELDS] for row in rows])


@app.command()
def edit(
    name: Annotated[str, typer.Argument(help="The account's name.")],
    reason: Annotated[str, typer.Option(help="Why, for the audit.")],
    promise: Annotated[Promise | None, typer.Option(help="What the next pieces are promised.")] = None,
    zone: Annotated[str | None, typer.Option(help="Its time zone, such as America/Chicago.")] = None,
    cancel_window: Annotated[
        int | None, typer.Option(min=0, max=86_400, help="Seconds for which a piece can be canceled.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change what an account's next pieces are promised. Pieces that were accepted keep theirs."""
    said(reason)
    given = {"promise": None if promise is None else promise.value, "zone": zone, "cancel_window_s": cancel_window}
    changes = {field: value for field, value in given.items() if value is not None}
    if not changes:
        raise CommandError("say what is to change: --promise, --zone or --cancel-window", Exit.USAGE)
    if zone is not None:
        _check_zone(zone)
    with installation() as here, here.db.write() as tx:
        row = account_named(tx, name)
        if row is None:
            raise CommandError(f"there is no account {name!r}: `mailstream accounts list` shows them", Exit.NOT_FOUND)
        changed = edit_account(tx, row, changes, deed(reason), ids=system_ids())
    if as_json:
        print_json(_fields(changed))
    else:
        print_record(_fields(changed))


def _fields(row: Row[Any]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in _FIELDS}


def _check_zone(zone: str) -> None:
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CommandError(f"--zone {zone}: give an IANA name such as America/Chicago", Exit.USAGE) from error

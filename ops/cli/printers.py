"""`mailstream printers`: the printers of live mail, and how each one wants its work."""

import re
from secrets import token_hex
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from sqlalchemy import Row

from adapters.printers.trial import try_out
from ops.cli.apps import new_app
from ops.cli.checks import Check, tell
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_record, print_table, say
from ops.cli.own_keys import placing, with_own_key
from ops.cli.printer_acks import acks
from ops.cli.printer_rows import mode_of, overtaken, printer_row
from ops.cli.probe import account_of
from ops.cli.profiles import checked, differences, read_json, with_changes
from ops.cli.registering import form, measure
from ops.cli.rehearse import rehearse
from pipeline.models.floor_hours import hour_warnings, hours_in_words
from pipeline.models.profile import Floor, PrinterProfile
from pipeline.models.profile_check import PRINTER_NAME
from pipeline.models.types import system_ids
from pipeline.repository import printers as repository

app = new_app("Printers: where batches go, and how each printer wants them.")
app.command()(acks)
app.command()(form)
app.command()(measure)
app.command()(rehearse)

Name = Annotated[str, typer.Argument(help="The printer's name.")]
TestMode = Annotated[bool, typer.Option("--test", help="The simulated printers of test accounts.")]
ProfileFile = Annotated[str, typer.Option("--profile", help="A JSON file with the profile, or - for stdin.")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]

_FIELDS = ("id", "name", "mode", "revision", "suspended_at", "last_ack_at", "quarantined_at", "trouble",
           "trouble_since", "created_at")  # fmt: skip
_HOURS = ("floor.opens", "floor.closes", "floor.extra_hours")


@app.command()
def add(name: Name, profile: ProfileFile, reason: Reason = "", as_json: Json = False) -> None:
    """Add a printer. What its profile leaves out has the defaults of a 13x19 digital press.

    Its private key is a file in the folder keys of MAILSTREAM_HOME (keys/NAME). One that the profile names by an absolute path is
    copied there.
    """
    said(reason)
    if not re.match(PRINTER_NAME, name):
        raise CommandError(f"{name!r} cannot be a printer's name: up to 40 letters, digits, - and _", Exit.USAGE)
    given = read_json(profile)
    with installation() as here:
        given, key = with_own_key(given, name, here.settings.home)
        wanted = checked(given)
        with placing(key) as place_key, here.db.write() as tx:
            if repository.add_printer(tx, name, wanted, deed(reason), ids=system_ids()) is None:
                raise CommandError(
                    f"there is a printer {name!r} already: change it by `mailstream printers edit`", Exit.CONFLICT
                )
            place_key()
            row = printer_row(tx, name)
    _warn(wanted.floor)
    if as_json:
        print_json(_whole(row))
    else:
        say(f"{name} is added; see that it can be reached: mailstream printers check {name}")


@app.command("list")
def list_(test: TestMode = False, as_json: Json = False) -> None:
    """List printers by name."""
    with installation() as here, here.db.read() as tx:
        rows = repository.list_printers(tx, mode_of(test))
    if as_json:
        print_json([_whole(row) for row in rows])
        return
    columns = ("name", "state", "where", "products", "sheet", "permit", "trucks", "last_ack")
    print_table(columns, [_line(row) for row in rows])


@app.command()
def show(name: Name, test: TestMode = False, as_json: Json = False) -> None:
    """Show a printer with its whole profile."""
    with installation() as here, here.db.read() as tx:
        row = printer_row(tx, name, test=test)
    if as_json:
        print_json(_whole(row))
        return
    print_record({field: getattr(row, field) for field in _FIELDS} | dict(_flat(row.profile)))


@app.command()
def edit(
    name: Name,
    sets: Annotated[list[str] | None, typer.Option("--set", help="A field, such as postage.permit_number=123.")] = None,
    profile: Annotated[str | None, typer.Option(help="A JSON file with the new profile, or - for stdin.")] = None,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Change a printer's profile: single fields, or all of it. Batches that are frozen keep the old one."""
    said(reason)
    if bool(sets) == (profile is not None):
        raise CommandError("give --set FIELD=VALUE, once for each field, or --profile FILE", Exit.USAGE)
    with installation() as here:
        with here.db.read() as tx:
            row = printer_row(tx, name)
        given = read_json(profile) if profile is not None else with_changes(row.profile, sets or ())
        given, key = with_own_key(given, name, here.settings.home)
        wanted = checked(given)
        changes = differences(row.profile, wanted.model_dump(mode="json"))
        with placing(key) as place_key, here.db.write() as tx:
            if changes and not repository.edit_printer(tx, row, wanted, deed(reason), ids=system_ids()):
                raise overtaken(name)
            place_key()
            row = printer_row(tx, name)
    if any(path.startswith(_HOURS) for path, _, _ in changes):
        _warn(wanted.floor)
    if as_json:
        print_json(_whole(row))
        return
    print_table(("field", "before", "after"), [(path, before, after) for path, before, after in changes])
    say(f"{name} is at revision {row.revision}" if changes else f"{name} is like that already")


@app.command()
def suspend(
    name: Name,
    off: Annotated[bool, typer.Option("--off", help="End the suspension.")] = False,
    reason: Reason = "",
    as_json: Json = False,
) -> None:
    """Give a printer no new batches, until `--off`.

    What it has goes on; what was not handed over yet goes to another printer that can make it.
    """
    if not off and not reason:
        raise CommandError("say why, for those who look at the board: --reason TEXT", Exit.USAGE)
    with installation() as here, here.db.write() as tx:
        row = printer_row(tx, name)
        changes = (row.suspended_at is None) != off
        if changes and not repository.suspend_printer(tx, row, deed(reason), off=off, ids=system_ids()):
            raise overtaken(name)
        row = printer_row(tx, name)
    if as_json:
        print_json(_whole(row))
    else:
        state = "takes batches" if off else "is suspended"
        say(f"{name} {state}" + ("" if changes else ", as it was"))


@app.command()
def check(name: Name, as_json: Json = False) -> None:
    """See whether a printer can be given a drop: its hours as we read them, its host key, what its server can do, and everything
    that we do in both folders.

    Small files whose names begin with mailstream-check come and go there; no printer looks at them. The folders for what is dealt
    with are made if they are missing. It logs in anew, whatever the service has found.
    """
    account = account_of(name, as_json)
    found = try_out(account.transport, account.key_file, token_hex(4))
    hours = Check("hours", True, hours_in_words(account.profile.floor))
    tell([hours, account.key, *(Check(one.name, one.ok, one.detail) for one in found)], as_json)


def _warn(floor: Floor) -> None:
    for warning in hour_warnings(floor):
        say(f"warning: {warning}")


def _whole(row: Row[Any]) -> dict[str, Any]:
    return {field: getattr(row, field) for field in _FIELDS} | {"profile": row.profile}


def _line(row: Row[Any]) -> list[Any]:
    try:
        profile = PrinterProfile.model_validate(row.profile)
    except ValidationError:
        return [row.name, "profile invalid: run `mailstream doctor`", None, None, None, None, None, row.last_ack_at]
    imposition, postage, transport = profile.imposition, profile.postage, profile.transport
    where = f"{transport.username}@{transport.host}:{transport.port}" if transport.kind == "sftp" else "sandbox"
    sheet = (
        f"{imposition.sheet.width_in:g}x{imposition.sheet.height_in:g}" if imposition.mode == "imposed" else "one-up"
    )
    state = "quarantined" if row.quarantined_at else "suspended" if row.suspended_at else "open"
    state += f", {row.trouble}" if row.trouble else ""
    trucks = [f"{truck:%H:%M}" for truck in profile.floor.trucks]
    permit = postage.permit_number or "none" if postage.method == "permit" else postage.method
    return [row.name, state, where, list(profile.products), sheet, permit, trucks, row.last_ack_at]


def _flat(profile: dict[str, Any], at: str = "") -> list[tuple[str, Any]]:
    fields: list[tuple[str, Any]] = []
    for name, value in profile.items():
        fields += _flat(value, f"{at}{name}.") if isinstance(value, dict) else [(f"{at}{name}", value)]
    return fields

"""`mailstream quarantine`: rows that nobody works on any more, because their worker died with them each time."""

from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed
from ops.cli.output import Json, print_json, print_table, say
from pipeline.models.types import system_ids
from pipeline.repository import quarantine

app = new_app("What is put aside because its worker died with it again and again.")

_LISTED = ("kind", "id", "name", "quarantined_at", "last_error")


@app.command("list")
def list_(
    test: Annotated[bool, typer.Option("--test", help="What belongs to test mail.")] = False, as_json: Json = False
) -> None:
    """List what is quarantined, the longest first."""
    with installation() as here, here.db.read() as tx:
        rows = quarantine.listed(tx, "test" if test else "live")
    if as_json:
        print_json([{name: getattr(row, name) for name in _LISTED} for row in rows])
        return
    print_table(_LISTED, [[getattr(row, name) for name in _LISTED] for row in rows])


@app.command()
def release(
    row_id: Annotated[str, typer.Argument(help="Its id, as the list says.")],
    reason: Annotated[str, typer.Option(help="What was found or mended, for the audit.")],
    as_json: Json = False,
) -> None:
    """Let a row be worked on again. One that kills its worker three times more is quarantined again."""
    if not reason.strip():
        raise CommandError("say why, for the audit: --reason TEXT", Exit.USAGE)
    with installation() as here, here.db.write() as tx:
        kind = quarantine.release(tx, row_id, deed(reason), ids=system_ids())
    if kind is None:
        raise CommandError(f"{row_id} is not quarantined: `mailstream quarantine list` shows what is", Exit.NOT_FOUND)
    if as_json:
        print_json({"kind": kind, "id": row_id})
    else:
        say(f"{kind} {row_id} is worked on again")

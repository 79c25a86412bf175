"""`mailstream audit`: what operators did, when and why."""

from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.installation import installation
from ops.cli.output import Json, print_json, print_table
from pipeline.repository.audits import AuditFilter, list_audit
from pipeline.repository.pages import Page

app = new_app()

_LISTED = ("at", "who", "action", "subject", "reason")


@app.command()
def audit(
    subject: Annotated[
        str | None, typer.Option(help="Only what was done to this: the id of a batch, a piece, …")
    ] = None,
    action: Annotated[
        str | None, typer.Option(help="Only this, such as batch.recall, or batch for all of its kind.")
    ] = None,
    who: Annotated[str | None, typer.Option(help="Only what this operator did.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List what operators did, newest first."""
    with installation() as here, here.db.read() as tx:
        rows = list_audit(tx, AuditFilter(subject, action, who), Page(limit))[:limit]
    if as_json:
        print_json([{column: getattr(row, column) for column in ("id", *_LISTED, "data")} for row in rows])
    else:
        print_table(_LISTED, [[getattr(row, column) for column in _LISTED] for row in rows])

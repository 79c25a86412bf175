"""`mailstream holds`: pieces that wait for a decision, as an operator sees them."""

from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import Installation, installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_table, say
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.repository.holds import HoldWish, list_holds
from pipeline.repository.pages import Page
from pipeline.worker.holding import Held, Holding

app = new_app("Holds: pieces that wait for a decision.")

MailId = Annotated[str, typer.Argument(help="The piece's id, ml_….")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]

_LISTED = ("piece_id", "account", "status", "code", "by", "stops_count", "since", "note")
_REFUSALS = {
    Held.MISSING: ("there is no piece {}", Exit.NOT_FOUND),
    Held.TOO_LATE: ("{} can no longer be held: it is in a batch, or over", Exit.CONFLICT),
    Held.HELD_ALREADY: ("{} is held already", Exit.CONFLICT),
    Held.NOT_HELD: ("{} is not held", Exit.CONFLICT),
}


@app.command("list")
def list_(
    test: Annotated[bool, typer.Option("--test", help="Holds of test mail.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List open holds, newest first. The count of a piece's promise stops only where its sender asked for the hold."""
    with installation() as here, here.db.read() as tx:
        rows = list_holds(tx, "test" if test else "live", Page(limit))[:limit]
    if as_json:
        print_json([{column: getattr(row, column) for column in _LISTED} for row in rows])
    else:
        print_table(_LISTED, [[getattr(row, column) for column in _LISTED] for row in rows])


@app.command()
def place(
    mail_id: MailId,
    reason: Reason,
    code: Annotated[str, typer.Option(help="A word that programs read, such as duplicate.")] = "operator",
    as_json: Json = False,
) -> None:
    """Keep a piece back until it is released. Its promise runs on."""
    said(reason)
    with installation() as here:
        by = deed(reason)
        ended = _holding(here).hold(mail_id, HoldWish(code, by.who, reason), deed=by)
    _tell(ended, mail_id, as_json, held=True)


@app.command()
def release(mail_id: MailId, reason: Reason, as_json: Json = False) -> None:
    """Let a piece go on, whoever held it."""
    said(reason)
    with installation() as here:
        by = deed(reason)
        ended = _holding(here).release(mail_id, by.who, deed=by)
    _tell(ended, mail_id, as_json, held=False)


def _holding(here: Installation) -> Holding:
    return Holding(here.db, machine_clock, system_ids())


def _tell(ended: Held, mail_id: str, as_json: bool, *, held: bool) -> None:
    if ended is not Held.DONE:
        text, code = _REFUSALS[ended]
        raise CommandError(text.format(mail_id), code)
    if as_json:
        print_json({"mail": mail_id, "held": held})
    else:
        say(f"{mail_id} is {'held' if held else 'released'}")

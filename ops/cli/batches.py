"""`mailstream batches`: what was frozen for which printer, and how far it has come."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer
from sqlalchemy import Connection, Row

from ops.cli.apps import new_app
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_record, print_table
from ops.cli.printer_acks import COLUMNS as ACK
from ops.cli.rerouting import reroute, split
from pipeline.lifecycle import BatchStatus
from pipeline.repository.batch_reading import BatchFilter, batch_details, list_batches
from pipeline.repository.batches import batch_mode
from pipeline.repository.counts import PLACES
from pipeline.repository.database import Database
from pipeline.repository.pages import Page
from pipeline.repository.printers import printer_named
from pipeline.stages.recall import Outcome
from pipeline.worker.live_root import live_recall

app = new_app("Batches: what was frozen for which printer, and how far it has come.")
app.command()(reroute)
app.command()(split)

_LISTED = (
    "id", "mode", "printer", "status", "product", "mail_class", "pieces", "sheets", "frozen_at", "mail_by", "due_at",
)  # fmt: skip
_SHOWN = (*_LISTED, "stock", "sheets_per_piece", "revision", "reason")
_DROP = (
    "stem", "status", "pieces", "sheets", "handing_over_at", "sent_at", "digest", "last_error", "recall_state",
    "recall_by", "recall_reason",
)  # fmt: skip
_ACK_LISTED = ("named_stem", "state", "at", "received_at", "name", "faults")
_PLACED = ("revision", "placed", "live", *PLACES, "unclear", "neighbours")


@app.command("list")
def list_(
    status: Annotated[BatchStatus | None, typer.Option(help="Only batches in this status.")] = None,
    printer: Annotated[str | None, typer.Option(help="Only batches of this printer.")] = None,
    test: Annotated[bool, typer.Option("--test", help="Batches of test mail.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many, at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List batches, newest first."""
    mode = "test" if test else "live"
    with installation() as here, here.db.read() as tx:
        printer_id = None if printer is None else _printer_id(tx, mode, printer)
        rows = list_batches(tx, BatchFilter(mode, status, printer_id), Page(limit))[:limit]
    if as_json:
        print_json([_picked(row, _SHOWN) for row in rows])
        return
    shown = [column for column in _LISTED if column != "mode"]
    print_table(shown, [[getattr(row, column) for column in shown] for row in rows])


@app.command()
def show(batch_id: Annotated[str, typer.Argument(help="The batch's id, bt_….")], as_json: Json = False) -> None:
    """Show a batch: why it was closed, its drops, its pieces by status, what the printer said of it."""
    with installation() as here, here.db.read() as tx:
        found = batch_details(tx, batch_id)
    if found is None:
        raise CommandError(f"there is no batch {batch_id!r}: `mailstream batches list` shows them", Exit.NOT_FOUND)
    shown = _picked(found.row, _SHOWN) | {
        "by_status": found.by_status,
        "placements": found.placements,
        "drops": [_picked(one, (*_DROP, "files")) for one in found.drops],
        "acks": [_picked(one, ACK) for one in found.acks],
    }
    if as_json:
        print_json(shown)
        return
    _print(shown)


@app.command()
def recall(
    batch_id: Annotated[str, typer.Argument(help="The batch's id, bt_….")],
    reason: Annotated[str, typer.Option(help="Why, for the audit.")],
    as_json: Json = False,
) -> None:
    """Take a batch back before its printer takes it: its pieces are ready for another. Changes nothing where it is too late.

    The printer is tried once, now, even where the service leaves it alone after failures; what cannot be asked of it now (`asked`)
    the service tries again. The pieces may be planned for the same printer again: suspend that one first if it is not to have
    them. Where the printer does not take drops by renaming, a batch that it was given is in doubt from here on: ask the printer,
    then `batches settle`.
    """
    said(reason)
    with installation() as here:
        _find(here.db, batch_id)
        with live_recall(here.settings.home, here.db) as desk:
            outcomes = desk.recall(batch_id, deed(reason))
    _tell_outcomes(batch_id, outcomes, as_json, nothing="has no drop that could be recalled")
    if any(one.state in ("lost", "asked", "in_doubt") for one in outcomes):
        raise typer.Exit(Exit.FAILURE)


@app.command()
def settle(
    batch_id: Annotated[str, typer.Argument(help="The batch's id, bt_….")],
    taken: Annotated[bool, typer.Option("--taken/--not-taken", help="Whether the printer has it.")],
    reason: Annotated[str, typer.Option(help="Who at the printer said so, for the audit.")],
    even_if_taken: Annotated[
        bool, typer.Option("--even-if-taken", help="Give up all that is there, as when the printer has burned down.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Settle a batch in doubt. Not taken: its pieces are made again, and are recorded as possible duplicates.

    With --even-if-taken, so is all that is at the printer, in doubt or not, accepted or printed, and not in the mail.
    """
    said(reason)
    if taken and even_if_taken:
        raise CommandError("--even-if-taken goes with --not-taken", Exit.USAGE)
    with installation() as here:
        _find(here.db, batch_id)
        with live_recall(here.settings.home, here.db) as desk:
            outcomes = desk.settle(batch_id, deed(reason), taken=taken, even_if_taken=even_if_taken)
    nothing = "has no drop at its printer" if even_if_taken else "is not in doubt"
    _tell_outcomes(batch_id, outcomes, as_json, nothing=nothing)
    if any(one.state == "lost" for one in outcomes):
        raise typer.Exit(Exit.FAILURE)


def _find(db: Database, batch_id: str) -> None:
    with db.read() as tx:
        mode = batch_mode(tx, batch_id)
    if mode is None:
        raise CommandError(f"there is no batch {batch_id!r}: `mailstream batches list` shows them", Exit.NOT_FOUND)
    if mode != "live":
        raise CommandError(f"{batch_id} is test mail: nothing of it is at a real printer", Exit.CONFLICT)


def _tell_outcomes(batch_id: str, outcomes: Sequence[Outcome], as_json: bool, *, nothing: str) -> None:
    if not outcomes:
        raise CommandError(
            f"{batch_id} {nothing}: `mailstream batches show {batch_id}` says where it is", Exit.CONFLICT
        )
    if as_json:
        print_json([asdict(one) for one in outcomes])
        return
    print_table(("drop", "outcome", "pieces", "detail"), [(o.stem, o.state, o.pieces, o.detail) for o in outcomes])


def _print(shown: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {status}" for status, count in shown["by_status"].items())
    print_record({name: shown[name] for name in _SHOWN} | {"pieces by status": counts or "none"})
    for title, columns in (("drops", _DROP), ("acks", _ACK_LISTED)):
        if shown[title]:
            typer.echo()
            print_table([title, *columns[1:]], [[_brief(one[name]) for name in columns] for one in shown[title]])
    typer.echo()
    print_table(_PLACED, [[one[name] for name in _PLACED] for one in shown["placements"]])


def _printer_id(tx: Connection, mode: str, name: str) -> str:
    row = printer_named(tx, mode, name)
    if row is None:
        raise CommandError(f"there is no printer {name!r}: `mailstream printers list` shows them", Exit.NOT_FOUND)
    printer_id: str = row.id
    return printer_id


def _picked(row: Row[Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {column: getattr(row, column) for column in columns}


def _brief(value: Any) -> Any:
    """A digest by its first characters, a list of faults by how many there are."""
    if isinstance(value, list):
        return len(value)
    return value[:12] if isinstance(value, str) and len(value) == 64 else value

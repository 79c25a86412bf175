"""`mailstream printers acks`: what a printer said, file by file, and what of it was refused."""

from typing import Annotated, Any

import typer
from sqlalchemy import Row

from ops.cli.installation import installation
from ops.cli.output import Json, print_json, print_table
from ops.cli.printer_rows import printer_row
from pipeline.repository.ack_reading import list_acks
from pipeline.repository.pages import Page

COLUMNS = ("id", "named_stem", "drop_stem", "state", "at", "received_at", "name", "fault_count", "faults")
_LISTED = ("received_at", "file", "drop", "state", "faults")
_FAULT = ("pointer", "code", "detail", "remedy")


def acks(
    name: Annotated[str, typer.Argument(help="The printer's name.")],
    faulty: Annotated[bool, typer.Option("--faulty", help="Only files of which something was refused.")] = False,
    test: Annotated[bool, typer.Option("--test", help="The simulated printers of test accounts.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many files, at most.")] = 50,
    as_json: Json = False,
) -> None:
    """List what a printer said, newest first, with what of it could not be read or believed.

    Refused is a file of which nothing was good; it lies in the printer's out/error/.
    """
    with installation() as here, here.db.read() as tx:
        printer_id = printer_row(tx, name, test=test).id
        rows = list_acks(tx, printer_id, Page(limit), faulty=faulty)[:limit]
    if as_json:
        print_json([{column: getattr(row, column) for column in COLUMNS} for row in rows])
        return
    print_table(_LISTED, [_line(row) for row in rows])
    wrong = [[row.name, *(fault[column] for column in _FAULT)] for row in rows for fault in row.faults]
    if wrong:
        typer.echo()
        print_table(("file", *_FAULT), wrong)


def _line(row: Row[Any]) -> list[Any]:
    return [row.received_at, row.name, row.named_stem, row.state or "refused", row.fault_count]

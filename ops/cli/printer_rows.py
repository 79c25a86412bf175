"""A printer by the name that an operator types."""

from typing import Any

from sqlalchemy import Connection, Row

from ops.cli.failure import CommandError, Exit
from pipeline.repository.printers import printer_named


def printer_row(tx: Connection, name: str, *, test: bool = False) -> Row[Any]:
    """Raises `CommandError` for a name that no printer has."""
    row = printer_named(tx, mode_of(test), name)
    if row is None:
        where = "`mailstream printers list --test`" if test else "`mailstream printers list`"
        raise CommandError(f"there is no printer {name!r}: {where} shows them", Exit.NOT_FOUND)
    return row


def mode_of(test: bool) -> str:
    return "test" if test else "live"


def overtaken(name: str) -> CommandError:
    return CommandError(f"somebody else changed {name} at the same time: look at it, and try again", Exit.CONFLICT)

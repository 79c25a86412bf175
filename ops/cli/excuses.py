"""`mailstream sla excuse|suspend|suspensions|resume`: what is not ours to keep, with its reason."""

from datetime import date, timedelta
from typing import Annotated

import typer
from sqlalchemy import Connection

from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_table, say
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.repository.printers import printer_named
from pipeline.repository.suspensions import Suspension, end_suspension, list_suspensions
from pipeline.worker.excusing import excuse_batch, excuse_cause, excuse_pieces
from pipeline.worker.holding import Holding

Reason = Annotated[str, typer.Option(help="Why, for the audit and the report.")]

_LISTED = ("id", "first", "last", "printer", "zip3", "reason", "by")
_SHOWN_BACK = timedelta(days=30)
_LONGEST = timedelta(days=60)


def excuse(
    reason: Reason,
    mail_ids: Annotated[list[str] | None, typer.Argument(help="Pieces, ml_….")] = None,
    batch: Annotated[str | None, typer.Option(help="All pieces of this batch, bt_….")] = None,
    cause: Annotated[
        str | None, typer.Option(help="All live pieces that miss for this cause, as the board has it.")
    ] = None,
    product: Annotated[str | None, typer.Option(help="With --cause: of this product only.")] = None,
    as_json: Json = False,
) -> None:
    """Say why promises are, or will be, missed: the report counts those apart. Kept ones are left alone."""
    said(reason)
    if [bool(mail_ids), batch is not None, cause is not None].count(True) != 1:
        raise CommandError("give pieces, or --batch BATCH, or --cause CAUSE", Exit.USAGE)
    if product is not None and cause is None:
        raise CommandError("--product goes with --cause", Exit.USAGE)
    with installation() as here:
        by, ids = deed(reason), system_ids()
        if batch is not None:
            done = excuse_batch(here.db, batch, by, clock=machine_clock, ids=ids)
        elif cause is not None:
            done = excuse_cause(here.db, cause, product, by, clock=machine_clock, ids=ids)
        else:
            done = excuse_pieces(here.db, mail_ids or (), by, clock=machine_clock, ids=ids)
    if done is None:
        raise CommandError(f"there is no batch {batch!r}: `mailstream batches list` shows them", Exit.NOT_FOUND)
    if as_json:
        print_json({"mail": done, "reason": reason})
    else:
        say(f"{len(done)} pieces are excused" if done else "nothing needed an excuse")


def suspend(
    first: Annotated[str, typer.Argument(help="The first day, such as 2026-11-24.")],
    reason: Reason,
    last: Annotated[str | None, typer.Option(help="The last day; without it, the first.")] = None,
    printer: Annotated[str | None, typer.Option(help="Days on which this printer prints and mails nothing.")] = None,
    zip3: Annotated[str | None, typer.Option(help="Days on which nothing goes to ZIP codes that begin so.")] = None,
    as_json: Json = False,
) -> None:
    """Let days not count, for a printer, for ZIP codes, or for all. Open promises that this touches are put off, and told."""
    said(reason)
    days = _day(first, "FIRST"), _day(last or first, "--last")
    if not days[0] <= days[1] <= days[0] + _LONGEST:
        raise CommandError(f"--last {last}: give a day from the first to {_LONGEST.days} days later", Exit.USAGE)
    if printer is not None and zip3 is not None:
        raise CommandError("a suspension is of a printer or of ZIP codes, not of both", Exit.USAGE)
    if zip3 is not None and not (zip3.isascii() and zip3.isdigit() and len(zip3) == 3):
        raise CommandError(f"--zip3 {zip3}: give the first three digits", Exit.USAGE)
    with installation() as here:
        with here.db.read() as tx:
            printer_id = None if printer is None else _printer_id(tx, printer)
        one = Suspension(*days, printer_id, zip3, reason)
        suspension_id, put_off = Holding(here.db, machine_clock, system_ids()).suspend(one, deed(reason))
    if as_json:
        print_json({"id": suspension_id, "put_off": put_off})
    else:
        say(f"{suspension_id} is set; {put_off} promises are put off")


def suspensions(as_json: Json = False) -> None:
    """List suspensions that are ahead, or were over less than 30 days ago."""
    with installation() as here, here.db.read() as tx:
        rows = list_suspensions(tx, machine_clock().date() - _SHOWN_BACK)
    shown = [{**{column: getattr(row, column) for column in _LISTED}, **_days(row)} for row in rows]
    if as_json:
        print_json(shown)
    else:
        print_table(_LISTED, [[one[column] for column in _LISTED] for one in shown])


def resume(
    suspension_id: Annotated[str, typer.Argument(help="The suspension's id, su_….")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Call a suspension off: today and what follows count again. What it put off stays put off."""
    said(reason)
    by = deed(reason)
    with installation() as here, here.db.write() as tx:
        if not end_suspension(tx, suspension_id, by.at.date(), by, ids=system_ids()):
            raise CommandError(f"there is no suspension {suspension_id} that is not over", Exit.NOT_FOUND)
    if as_json:
        print_json({"id": suspension_id, "ended": True})
    else:
        say(f"{suspension_id} is called off")


def _days(row: object) -> dict[str, str]:
    return {name: getattr(row, name).isoformat() for name in ("first", "last")}


def _day(text: str, option: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{option} {text}: give a day such as 2026-11-24", Exit.USAGE) from error


def _printer_id(tx: Connection, name: str) -> str:
    row = printer_named(tx, "live", name)
    if row is None:
        raise CommandError(f"there is no printer {name!r}: `mailstream printers list` shows them", Exit.NOT_FOUND)
    printer_id: str = row.id
    return printer_id

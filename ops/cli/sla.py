"""`mailstream sla`: how the promise was kept, and why it was not."""

import csv
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer
from sqlalchemy import Connection

from ops.cli.apps import new_app
from ops.cli.board import board
from ops.cli.excuses import excuse, resume, suspend, suspensions
from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.output import Json, cell, print_json, print_table, say
from ops.cli.simulate import simulate
from pipeline.clock import machine_clock
from pipeline.repository.accounts import account_named
from pipeline.repository.history import Span, histories, made_by
from pipeline.sla.report import DIMENSIONS, Miss, Report, Shown, Verdict
from pipeline.sla.report_tables import details, duration, percent

app = new_app("The promise: mailed within 24 hours.")
for command in (board, excuse, suspend, suspensions, resume, simulate):
    app.command()(command)

_COUNTS = tuple(verdict.value for verdict in Verdict)
_TIMES = ("p50_s", "p90_s", "p99_s")
_MISS = ("piece_id", "account", "product", "printer", "due_at", "mailed_at", "cause", "detail", "excuse")
_LISTED = 20


class Mode(StrEnum):
    LIVE = "live"
    TEST = "test"


@app.callback()
def sla() -> None:
    """The promise: mailed within 24 hours."""


@app.command()
def report(
    from_: Annotated[str | None, typer.Option("--from", help="A date or time; without it, 30 days ago.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="A date or time, not included; without it, now.")] = None,
    account: Annotated[str | None, typer.Option(help="Only the pieces of this account.")] = None,
    mode: Annotated[Mode, typer.Option(help="Live mail, or test mail on its own clocks.")] = Mode.LIVE,
    zone: Annotated[str, typer.Option(help="The time zone of dates and hours.")] = "UTC",
    misses: Annotated[Path | None, typer.Option(help="Write every miss into this CSV file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report, with charts, as a page into this file.")] = None,
    pdf: Annotated[Path | None, typer.Option(help="The same as a PDF.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the groups as CSV.")] = False,
    as_json: Json = False,
) -> None:
    """Count what was kept, excused and missed, of the promises that fell due between two times.

    Times are those of the line, which for test mail is each account's own clock.
    """
    if as_csv and as_json:
        raise CommandError("give --csv or --json, not both", Exit.USAGE)
    zoneinfo = _zone(zone)
    now = machine_clock()
    start = now - timedelta(days=30) if from_ is None else _time(from_, zoneinfo, "--from")
    end = _end(now, mode) if to is None else _time(to, zoneinfo, "--to")
    if start >= end:
        raise CommandError(f"the time from {cell(start)} to {cell(end)} is empty: give an earlier --from", Exit.USAGE)
    with installation() as here, here.db.read() as tx, _miss_file(misses) as write:
        span = Span(mode, start, end, None if account is None else _account_id(tx, account))
        counted = Report(zoneinfo, made_by(tx, span))
        for history in histories(tx, span, now=now):
            miss = counted.add(history)
            if miss is not None:
                write(miss)
    _write(Shown(counted.as_dict(), mode, start, end, zoneinfo, account), html, pdf)
    left_off = counted.causes.total() - len(counted.misses)
    if as_json and left_off:
        say(f"the first {len(counted.misses)} misses are listed; {left_off} more by --misses FILE")
    if as_json:
        print_json({"mode": mode, "from": start, "to": end, "zone": zone, **counted.as_dict()})
    elif as_csv:
        _print_csv(counted)
    else:
        _print(counted)


def _write(shown: Shown, html: Path | None, pdf: Path | None) -> None:
    if html is None and pdf is None:
        return
    from pipeline.sla.report_page import write_page, write_pdf  # charts take long to load

    for path, write in ((html, write_page), (pdf, write_pdf)):
        if path is not None:
            write(shown, path)
            say(f"written: {path}")


def _end(now: datetime, mode: Mode) -> datetime:
    """Sandbox clocks run ahead: test mail that is due in their future counts too."""
    return now if mode is Mode.LIVE else now + timedelta(days=3660)


@contextmanager
def _miss_file(path: Path | None) -> Iterator[Any]:
    if path is None:
        yield lambda miss: None  # noqa: ARG005
        return
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(_MISS)
        yield lambda miss: rows.writerow(_fields(miss))


def _fields(miss: Miss) -> list[Any]:
    values = [getattr(miss, name) for name in _MISS]
    return [value.isoformat() if isinstance(value, datetime) else value for value in values]


def _print_csv(counted: Report) -> None:
    """Times are in seconds: from acceptance to mailing for groups, else of what `by` names; `pieces` is of how many."""
    shown, rows = counted.as_dict(), csv.writer(sys.stdout)
    rows.writerow(("by", "group", *_COUNTS, "kept_share", *_TIMES, "pieces"))
    for name, key, tally in _groups(counted):
        rows.writerow((name, key, *_line(tally), tally["accepted_to_mailed"]["count"]))
    blank = [""] * (len(_COUNTS) + 1)
    for name, key, times in _timed(shown):
        rows.writerow((name, key, *blank, *(times[column] for column in _TIMES), times["count"]))
    no_times = [""] * len(_TIMES)
    for printer, one in shown["printers"].items():
        rows.writerow(("made", printer, *blank, *no_times, one["made"]))
        rows.writerow(("spoiled", printer, *blank, *no_times, one["spoiled"]))
        rows.writerow(("possible duplicates", printer, *blank, *no_times, one["possible_duplicates"]))
    for cause, count in shown["causes"].items():
        rows.writerow(("cause", cause, *blank, *no_times, count))


def _timed(shown: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    yield from (("stage", stage, times) for stage, times in shown["stages"].items())
    for name, groups in shown["stages_by"].items():
        for key, stages in groups.items():
            yield from ((f"stage of {name}", f"{key}: {stage}", times) for stage, times in stages.items())
    yield from (("first scan", printer, one["first_scan_lag"]) for printer, one in shown["printers"].items())


def _print(counted: Report) -> None:
    print_table(("by", "group", *_COUNTS, "kept %", "p50", "p90", "p99"), [
        (name, key, *(_shown(value, at) for at, value in enumerate(_line(tally)))) for name, key, tally in _groups(counted)
    ])  # fmt: skip
    for table in details(counted.as_dict()):
        typer.echo(f"\n{table.title}")
        print_table(table.heads, table.rows)
    if counted.misses:
        typer.echo("\nEach miss")
        shown = ("piece_id", "account", "printer", "due_at", "mailed_at", "cause", "excuse")
        print_table(shown, [[getattr(miss, name) for name in shown] for miss in counted.misses[:_LISTED]])
        if counted.causes.total() > _LISTED:
            say(f"{counted.causes.total() - _LISTED} more: write them all to a file by --misses FILE")


def _groups(counted: Report) -> Iterator[tuple[str, str, dict[str, Any]]]:
    shown = counted.as_dict()
    yield "all", "", shown["total"]
    for name in DIMENSIONS:
        for key, tally in shown["by"][name].items():
            yield name, key, tally


def _line(tally: dict[str, Any]) -> list[Any]:
    times = tally["accepted_to_mailed"]
    return [*(tally[name] for name in _COUNTS), tally["kept_share"], *(times[name] for name in _TIMES)]


def _shown(value: Any, at: int) -> Any:
    if at < len(_COUNTS):
        return value
    if at == len(_COUNTS):
        return percent(value)
    return duration(value)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise CommandError(f"--zone {name}: give an IANA name such as America/Chicago", Exit.USAGE) from error


def _time(text: str, zone: ZoneInfo, option: str) -> datetime:
    """A date is its first moment; what has no zone of its own is in `zone`."""
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        example = date(2026, 11, 24).isoformat()
        raise CommandError(f"{option} {text}: give a date such as {example}, or {example}T15:00", Exit.USAGE) from error
    return (given if given.tzinfo else given.replace(tzinfo=zone)).astimezone(UTC)


def _account_id(tx: Connection, name: str) -> str:
    row = account_named(tx, name)
    if row is None:
        raise CommandError(f"there is no account {name!r}: `mailstream keys list` shows them", Exit.NOT_FOUND)
    account_id: str = row.id
    return account_id

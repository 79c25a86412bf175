"""`mailstream sla board`: one screen that an operator reads from the top left, live on a terminal, once in a pipe.

A line has 100 columns. What is wrong with a truck stands below it, and every state is told by a word beside its colour.
"""

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from math import isinf
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from api.ops_views import board as board_body
from ops.cli.installation import Installation, installation
from ops.cli.output import Json, print_json
from pipeline.clock import machine_clock
from pipeline.sla.board import Light, Miss, TruckRow
from pipeline.sla.work import Step
from pipeline.worker.board import Board, look

if TYPE_CHECKING:
    from rich.text import Text

WIDTH = 100
_LEAST_HEIGHT = 20
_COLOURS = {Light.LATE: "bold red", Light.RISK: "yellow", Light.STALE: "magenta", Light.OK: "green"}
_STEP_HEADS = {
    Step.WAITING: "wait", Step.UNSENT: "unsn", Step.SENT: "sent", Step.ACCEPTED: "accp", Step.PRINTED: "prnt",
    Step.INSERTED: "insr", Step.LOADED: "load",
}  # fmt: skip
_HEADS = (
    ("", 5), ("printer", -9), ("truck", 5), ("in", 4), ("start", 5), ("move", 5),
    *((head, 4) for head in _STEP_HEADS.values()),
    ("need", 4), ("rate", 4), ("done", 5), ("miss", 4), ("ack", 3),
)  # fmt: skip
_NAMED = 4
Line = list[tuple[str, str]]
"""Pieces of text, each with its style."""


def board(
    every: Annotated[float, typer.Option(min=1, max=3600, help="Seconds between two looks, on a terminal.")] = 5.0,
    once: Annotated[bool, typer.Option("--once", help="Print it once, on a terminal too.")] = False,
    as_json: Json = False,
) -> None:
    """Each truck, the soonest first: what is due for it, how far it is, who will miss, and what can still be done.

    start: when its press has to begin at the latest. move: until when it can go to another printer. need, rate: pieces an hour.
    done: when the last piece is printed. ack: since the printer was heard of. Times are each printer's own.
    """
    with installation() as here:
        if as_json:
            print_json(board_body(_look(here)))
        elif once or not sys.stdout.isatty():
            _print(_look(here))
        else:
            _watch(here, every)


def _look(here: Installation) -> Board:
    with here.db.read() as tx:
        return look(tx, machine_clock())


def _print(shown: Board) -> None:
    if not sys.stdout.isatty():
        for line in lines(shown):
            typer.echo("".join(text for text, _ in line).rstrip())
        return
    from rich.console import Console

    console = Console()
    for line in lines(shown):
        console.print(_text(line), no_wrap=True, crop=True)


def _watch(here: Installation, every: float) -> None:
    """Until Ctrl-C. What has no room on the screen is counted in its last line."""
    from rich.console import Group
    from rich.live import Live

    with Live(screen=True, auto_refresh=False, vertical_overflow="crop") as live:
        while True:
            height = max(_LEAST_HEIGHT, shutil.get_terminal_size((WIDTH, 40)).lines)
            live.update(Group(*(_text(line) for line in fitting(list(lines(_look(here))), height))), refresh=True)
            time.sleep(every)


def fitting(shown: Sequence[Line], height: int) -> Sequence[Line]:
    if len(shown) <= height:
        return shown
    return [*shown[: height - 1], [(f"… {len(shown) - height + 1} lines more: mailstream sla board --once", "dim")]]


def lines(shown: Board) -> Iterator[Line]:
    """The whole board; the trucks first, then what has no truck."""
    yield _title(shown)
    yield [(" ".join(_fit(head, width) for head, width in _HEADS), "dim")]
    for row in shown.trucks:
        yield _row(row, shown.at)
        if below := _below(row):
            yield [(_cut(" " * 6 + below), "dim" if row.light is Light.OK else _COLOURS[row.light])]
        if row.light is not Light.OK and row.batches:
            yield [(_cut(" " * 6 + _commands(row)), "dim")]
    if not shown.trucks:
        yield [("      nothing is due for any truck", "dim")]
    for title, found in (
        ("will miss without a batch", _stuck(shown)),
        ("held", _held(shown)),
        ("in doubt", _doubted(shown)),
        ("may be mailed twice", _doubled(shown)),
        ("printers", _printers(shown)),
    ):
        if found:
            yield []
            yield [(title, "bold")]
            yield from found


def _title(shown: Board) -> Line:
    if shown.planned_at is None:
        plan, style = "no plan was ever made: is the service running?", _COLOURS[Light.STALE]
    else:
        age = _age((shown.at - shown.planned_at).total_seconds())
        plan = f"planned {age} ago" if shown.fresh else f"planned {age} ago: the tick stands still"
        style = "" if shown.fresh else _COLOURS[Light.STALE]
    count = {light: sum(row.light is light for row in shown.trucks) for light in Light}
    trucks: Line = [(f"  {number} {light}", _COLOURS[light]) for light, number in count.items() if number]
    at = f"SLA board  {shown.at:%a %d %b %H:%M:%S} UTC"
    return [(at, "bold"), *trucks, (f"  {_number(shown.waiting)} wait for a batch  ", ""), (plan, style)]


def _row(row: TruckRow, at: datetime) -> Line:
    zone, colour = ZoneInfo(row.zone), _COLOURS[row.light]
    soonest = row.latest_start is not None and row.latest_start < at
    values: list[tuple[str, str]] = [
        (row.light.value.upper(), colour),
        (row.printer, "bold"),
        (f"{row.truck.astimezone(zone):%H:%M}", ""),
        (_span(row.leaves_in_s), ""),
        (_clock(row.latest_start, at, zone), _COLOURS[Light.LATE] if soonest else ""),
        (_clock(row.last_reroute, at, zone), ""),
        *((_number(row.steps[step] or None), "") for step in _STEP_HEADS),
        (_number(row.needed_per_hour), ""),
        (_number(row.made_per_hour), ""),
        (_clock(row.finish, at, zone), ""),
        (_number(sum(miss.pieces for miss in row.misses) or None), _COLOURS[Light.LATE]),
        ("-" if row.ack_age_s is None else _age(row.ack_age_s), ""),
    ]
    line: Line = []
    for (text, style), (_, width) in zip(values, _HEADS, strict=True):
        line += [(_fit(text, width), style), (" ", "")]
    return line


def _below(row: TruckRow) -> str:
    notes = [note for note in row.why if note != "pieces will miss"]
    if row.misses:
        notes.append(f"will miss: {_named(row.misses)}")
    if row.reprints:
        notes.append(f"{row.reprints} to be printed again")
    return "; ".join(notes)


def _commands(row: TruckRow) -> str:
    """What a hand needs: the first batches, and what can be done with them."""
    more = f" and {len(row.batches) - 1} more" if len(row.batches) > 1 else ""
    return f"{row.batches[0]}{more}: mailstream batches show, reroute, split, recall"


def _pieces_line(pieces: int, told: str, light: Light) -> Line:
    return [(f"{_number(pieces):>6} ", _COLOURS[light]), (_cut(told, 7), "")]


def _stuck(shown: Board) -> list[Line]:
    found: list[Line] = []
    for one in shown.stuck:
        whose = f" ({_named(one.misses)})" if one.misses else ""
        told = f"{one.key.product} {one.key.mail_class}{whose}: {one.cause.detail}"
        found.append(_pieces_line(one.pieces, told, Light.LATE))
        excuse = f"mailstream sla excuse --cause {one.cause.code} --product {one.key.product} --reason …"
        found.append([(_cut(" " * 7 + excuse), "dim")])
    return found


def _held(shown: Board) -> list[Line]:
    found: list[Line] = []
    for one in shown.held:
        age = _age((shown.at - one.since).total_seconds())
        count = "their count stands" if one.stops_count else "the count runs"
        told = f"{one.code}, by {one.name}, the oldest for {age}; {count}"
        found.append(_pieces_line(one.pieces, told, Light.RISK))
        found.append(
            [(_cut(" " * 7 + f"mailstream holds release {one.example} --reason … (holds list has all)"), "dim")]
        )
    return found


def _doubted(shown: Board) -> list[Line]:
    found: list[Line] = []
    for one in shown.doubted:
        age = _age((shown.at - one.since).total_seconds())
        told = f"at {one.printer} for {age}: mailstream batches settle {one.batch_id}"
        found.append(_pieces_line(one.pieces, told, Light.RISK))
    return found


def _doubled(shown: Board) -> list[Line]:
    found: list[Line] = []
    for one in shown.doubled:
        age = _age((shown.at - one.since).total_seconds())
        told = f"given up at {one.printer} {age} ago and made again: mailstream batches show {one.batch_id}"
        found.append(_pieces_line(one.pieces, told, Light.RISK))
    return found


def _printers(shown: Board) -> list[Line]:
    """Two or three a line."""
    cells: Line = []
    for one in shown.printers:
        age = "never heard" if one.heard_at is None else f"heard {_age((shown.at - one.heard_at).total_seconds())} ago"
        state = one.trouble or one.state
        cells.append((_fit(f"{one.name} {state}, {age}", -33), "" if state == "open" else _COLOURS[Light.RISK]))
    return [[("      ", ""), *cells[at : at + 2]] for at in range(0, len(cells), 2)]


def _named(misses: Sequence[Miss]) -> str:
    first = ", ".join(f"{miss.account} {_number(miss.pieces)}" for miss in misses[:_NAMED])
    return first + (f" and {len(misses) - _NAMED} more" if len(misses) > _NAMED else "")


def _clock(moment: datetime | None, at: datetime, zone: ZoneInfo) -> str:
    """`16:20`; on another day that day, such as `+1d` or `-2d`."""
    if moment is None:
        return "-"
    days = (moment.astimezone(zone).date() - at.astimezone(zone).date()).days
    return f"{moment.astimezone(zone):%H:%M}" if not days else f"{days:+d}d"


def _span(seconds: float) -> str:
    """A countdown: `58m`, `3h10`, `26h`; negative when it is over."""
    sign, minutes = ("-" if seconds < 0 else ""), int(abs(seconds) // 60)
    if minutes < 100:
        return f"{sign}{minutes}m"
    return f"{sign}{minutes // 60}h{minutes % 60:02d}"[:4] if minutes < 600 and not sign else f"{sign}{minutes // 60}h"


def _age(seconds: float) -> str:
    """`4m`, `3h`, `2d`"""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{unit}"
    return f"{max(0, int(seconds))}s"


def _number(value: float | None) -> str:
    """In four characters: `999`, `4.2k`, `124k`, `1.2M`."""
    if value is None:
        return "-"
    if isinf(value):
        return "∞"
    if value < 999.5:
        return f"{value:.0f}"
    if value < 9_950:
        return f"{value / 1000:.1f}k"
    return f"{value / 1000:.0f}k" if value < 999_500 else f"{value / 1_000_000:.1f}M"


def _fit(text: str, width: int) -> str:
    """In so many columns: to the right, or to the left where `width` is negative."""
    short = text if len(text) <= abs(width) else text[: abs(width) - 1] + "…"
    return short.ljust(-width) if width < 0 else short.rjust(width)


def _cut(text: str, taken: int = 0) -> str:
    return text if len(text) <= WIDTH - taken else text[: WIDTH - taken - 1] + "…"


def _text(line: Line) -> "Text":
    from rich.text import Text

    return Text.assemble(*line)

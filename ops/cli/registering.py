"""`mailstream printers form|measure`: fit a profile to its press, by a form that the printer runs and measures."""

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy import Row

from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed
from ops.cli.output import Json, print_json, print_table, say
from ops.cli.printer_rows import overtaken, printer_row
from ops.cli.profiles import checked, differences, profile_faults
from ops.cli.sizes import width_and_height
from ops.cli.text_files import named, read_text
from pipeline.clock import machine_clock
from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, PrinterProfile, Sheet
from pipeline.models.profile_check import as_line
from pipeline.models.types import system_ids
from pipeline.press.proofs.measures import Measures, averaged, blank_table, read_measures
from pipeline.press.proofs.press_form import PressForm, write_press_form
from pipeline.press.proofs.registration import Registration, register
from pipeline.press.sheets.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import printers as repository


class Turn(StrEnum):
    LONG_EDGE = "long_edge"
    SHORT_EDGE = "short_edge"


class Unit(StrEnum):
    INCHES = "in"
    MILLIMETRES = "mm"


@dataclass(frozen=True)
class _Fitting:
    """A profile before and after, and what the measures said."""

    before: PrinterProfile
    after: PrinterProfile
    found: Registration

    @property
    def changes(self) -> list[tuple[str, Any, Any]]:
        return differences(self.before.model_dump(mode="json"), self.after.model_dump(mode="json"))

    def slots(self) -> dict[str, tuple[int, int]]:
        """Pieces a sheet before and after, of every product whose number changes."""
        counted = {
            name: (_slots(name, self.before.imposition), _slots(name, self.after.imposition))
            for name in self.before.products
        }
        return {name: both for name, both in counted.items() if both[0] != both[1]}


def form(
    name: Annotated[str | None, typer.Argument(help="The printer whose sheet and turn it has.")] = None,
    out: Annotated[Path, typer.Option(help="The PDF; the table for the measures is written beside it.")] = Path(
        "press-form.pdf"
    ),
    sheet: Annotated[str | None, typer.Option(help="Without a printer: the sheet, such as 13x19.")] = None,
    turn: Annotated[
        Turn, typer.Option(help="Without a printer: how the sheet is turned for its back.")
    ] = Turn.LONG_EDGE,
    prove: Annotated[bool, typer.Option("--prove", help="With the back's offset, to see that the sides meet.")] = False,
    as_json: Json = False,
) -> None:
    """Write the form by which a new press is measured: two sides with crosses, rulers and ladders at every edge.

    The printer runs it, fills in the table, and `printers measure` makes of that the back's offset and the imageable area.
    """
    if (name is None) == (sheet is None):
        raise CommandError("name a printer, or give --sheet WIDTHxHEIGHT", Exit.USAGE)
    if out.suffix.lower() == ".csv":
        raise CommandError(f"--out {out} is the form: give it a name in .pdf, and the table lies beside it", Exit.USAGE)
    if name is not None:
        with installation() as here, here.db.read() as tx:
            imposition = _profile(printer_row(tx, name)).imposition
    else:
        width, height = width_and_height("--sheet", sheet or "")
        with profile_faults("the sheet has", "nothing was written"):
            imposition = Imposition(sheet=Sheet(width_in=width, height_in=height), back_turn=turn.value)
    table = out.with_suffix(".csv")
    title = name or "without a printer"
    write_press_form(PressForm(title, table.name, imposition, machine_clock(), prove), out)
    written = [out] if prove else [out, table]
    if not prove:
        _write_table(table)
    if as_json:
        print_json({"files": [str(one) for one in written]})
        return
    say(f"written: {', '.join(map(str, written))}")
    if not prove:
        say(f"once it is filled in: mailstream printers measure {name or 'NAME'} --from {table}")


def measure(
    name: Annotated[str, typer.Argument(help="The printer that ran the form.")],
    source: Annotated[list[str], typer.Option("--from", help="A filled-in table, CSV or JSON, or -; once a sheet.")],
    unit: Annotated[Unit, typer.Option(help="In which the crosses were measured.")] = Unit.INCHES,
    yes: Annotated[bool, typer.Option("--yes", help="Save without asking.")] = False,
    reason: Annotated[str, typer.Option(help="For the audit.")] = "measured on the press form",
    as_json: Json = False,
) -> None:
    """Turn the measures of a press form into the profile's duplex offset and imageable area, and save them if you say so."""
    measures = averaged([_read(one, unit) for one in source])
    with installation() as here:
        with here.db.read() as tx:
            row = printer_row(tx, name)
        fitting = _fit(name, _profile(row), measures)
        if not as_json:
            _tell(name, fitting)
        saves = bool(fitting.changes) and (yes or _agreed(source, as_json=as_json))
        if saves:
            with here.db.write() as tx:
                if not repository.edit_printer(tx, row, fitting.after, deed(reason), ids=system_ids()):
                    raise overtaken(name)
    if as_json:
        print_json(_as_json(fitting, saved=saves))
    elif saves:
        say(
            f"{name} is at revision {row.revision + 1}; see that the sides meet: mailstream printers form {name} --prove"
        )
    if fitting.changes and not saves:
        raise CommandError("nothing was saved: look at the changes, and give --yes", Exit.USAGE)


def _fit(name: str, profile: PrinterProfile, measures: Measures) -> _Fitting:
    if profile.imposition.mode == "one_up":
        raise CommandError(f"{name} imposes by itself: its profile has no offset and no imageable area", Exit.CONFLICT)
    found = register(measures, profile.imposition)
    after = profile.model_copy(update={"imposition": found.applied_to(profile.imposition)})
    return _Fitting(profile, checked(after.model_dump(mode="json")), found)


def _tell(name: str, fitting: _Fitting) -> None:
    found = fitting.found
    if not fitting.changes:
        say(f"{name} is like that already")
    print_table(("field", "before", "after"), fitting.changes)
    if found.sheet is None:
        say("no ladders were read: the imageable area stays as it is")
    for product, (before, after) in fitting.slots().items():
        fits = (
            f"{after} a sheet, not {before}"
            if after
            else "no longer fits this sheet: use fewer marks, or a larger sheet"
        )
        say(f"{product}: {fits}")
    if not found.is_tight:
        say(
            f"the sides are still {found.left_over_in:.3f} in apart at the worst cross, turned by {found.turned_deg:+.2f} degrees: "
            "no offset mends that; measure that cross again, or have the side guides adjusted and run the form again"
        )


def _agreed(source: Sequence[str], *, as_json: bool) -> bool:
    can_ask = not as_json and "-" not in source and sys.stdin.isatty()
    return can_ask and typer.confirm("Save this?", err=True)


def _as_json(fitting: _Fitting, *, saved: bool) -> dict[str, Any]:
    found = asdict(fitting.found)
    del found["sheet"]
    return {
        **found,
        "changes": [{"field": field, "before": before, "after": after} for field, before, after in fitting.changes],
        "pieces_a_sheet": {name: {"before": one, "after": other} for name, (one, other) in fitting.slots().items()},
        "saved": saved,
    }


def _read(source: str, unit: Unit) -> Measures:
    text = read_text(source)
    try:
        return read_measures(text, unit=unit.value)
    except Permanent as error:
        raise CommandError(
            f"{named(source)}: {len(error.faults)} of the measures are wrong; nothing was changed",
            details=tuple(map(as_line, error.faults)),
        ) from error


def _profile(row: Row[Any]) -> PrinterProfile:
    return checked(row.profile, outcome="correct it by `mailstream printers edit`")


def _slots(product: str, imposition: Imposition) -> int:
    try:
        return n_up(PRODUCTS[product], imposition)
    except Permanent:
        return 0


def _write_table(table: Path) -> None:
    """What somebody has filled in is not written over."""
    try:
        with table.open("x", encoding="utf-8") as file:
            file.write(blank_table())
    except FileExistsError:
        say(f"{table} is there already, and stays as it is")

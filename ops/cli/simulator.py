"""`mailstream simulator`: the simulated printer and carrier, each of which is a program of its own with its own options."""

import runpy
import sys
from typing import Annotated

import typer

from ops.cli.apps import new_app

app = new_app("Simulated printers and carriers, which speak the real protocols.")

# The simulators read their options themselves, so that these are told in one place.
_HANDED_ON = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
Arguments = Annotated[list[str] | None, typer.Argument(help="Options of the simulator: see --help.", metavar="OPTIONS")]


@app.command(context_settings=_HANDED_ON)
def printer(arguments: Arguments = None) -> None:
    """A printer: takes drops from its inbox, acknowledges them, and hands trays to the carrier."""
    _run("printer", arguments)


@app.command(context_settings=_HANDED_ON)
def carrier(arguments: Arguments = None) -> None:
    """A carrier: inducts what printers hand over, and answers questions for scans."""
    _run("carrier", arguments)


def _run(name: str, arguments: list[str] | None) -> None:
    sys.argv = [f"mailstream simulator {name}", *(arguments or [])]
    runpy.run_module(f"ops.simulators.{name}", run_name="__main__")

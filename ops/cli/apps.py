"""Typer applications as all commands have them, and the one of `mailstream` itself, which imports a command when it runs."""

import gc
import sys
from importlib import import_module
from importlib.metadata import version
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from ops.cli.registry import COMMANDS, Entry

_EPILOG = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no valid key, 4 not found, 5 conflict, 130 interrupted."


def new_app(help_: str | None = None, **more: Any) -> typer.Typer:
    """An application for a group of commands, or for a single one. Help is plain text where nobody looks at it."""
    markup: Any = "rich" if sys.stdout.isatty() else None
    grouped = help_ is not None
    options = {"add_completion": False, "pretty_exceptions_enable": False, "no_args_is_help": grouped, **more}
    return typer.Typer(help=help_, rich_markup_mode=markup, **options)


class _Later(TyperCommand):
    """A command as `--help` shows it; the real one takes its place when it is called."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help, rich_help_panel=entry.panel)
        self._module, self._presses = entry.module, entry.presses

    def make_context(self, info_name: str | None, args: list[str], *more: Any, **extra: Any) -> Any:
        if self._presses and "--help" not in args:
            # It takes as long to start as the command to be read, and there are two cores.
            import_module("pipeline.press.process.press").PRESS.start()
        real = typer.main.get_command(import_module(self._module).app)
        gc.enable()  # which was off for the imports
        return real.make_context(info_name, args, *more, **extra)


class _Commands(TyperGroup):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for name, entry in COMMANDS.items():
            self.add_command(_Later(name, entry))


app = new_app(
    "Direct mail by API: from one call to a printed piece in the carrier's hands.",
    name="mailstream",
    cls=_Commands,
    epilog=_EPILOG,
    add_completion=True,
)


@app.callback()
def _options(show_version: bool = typer.Option(False, "--version", help="Print the version and end.")) -> None:
    if show_version:
        typer.echo(f"mailstream {version('mailstream')}")
        raise typer.Exit

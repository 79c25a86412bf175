"""`mailstream demo`: real mail from fixtures, from HTTP call to delivered, with everything it needs started for it."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from ops.cli.apps import new_app
from ops.cli.failure import CommandError

app = new_app()


@app.command()
def demo(
    folder: Annotated[
        Path, typer.Option(help="Where everything goes; what an earlier demo left there is removed.")
    ] = Path("var/demo"),
) -> None:
    """Run the demo. Exits with 0 only if every request reached the outcome that its fixture declares."""
    from rich.console import Console

    from ops.demo.play import perform

    # A pipe has no width of its own; the table needs this much.
    console = Console(width=None if sys.stdout.isatty() else 130)
    play = perform(folder.absolute(), console)
    wrong = [result for result in play.results if not result.as_declared]
    if wrong:
        raise CommandError(
            f"{len(wrong)} of {len(play.results)} requests did not reach the declared outcome; logs in {folder}/home/logs",
            details=tuple(f"row {one.ordered.wanted.number}: {one.reached}, {one.wrong}" for one in wrong),
        )
    console.print(
        f"\nAll {len(play.results)} requests reached the declared outcome; {play.webhooks} webhooks; {play.seconds:.0f} s"
    )

"""What the demo leaves behind: the table of pieces, the SLA report, the contact sheet, and where everything lies."""

import os
import subprocess
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from ops.demo.outcome import STEPS, Result
from ops.demo.proofs import write_contact_sheet
from ops.demo.stage_set import Set
from ops.services.process import ServiceError
from pipeline.clock import machine_clock

_HEADS = {
    "batched": "batch",
    "printed": "print",
    "mailed": "mail",
    "in_transit": "trans",
    "out_for_delivery": "out",
    "delivered": "deliv",
}


def write_programme(stage: Set, results: Sequence[Result], folder: Path, console: Console) -> None:
    """Print what there is to say, and write the report and the contact sheet below `folder`."""
    console.print(_pieces(results))
    _report(stage, folder, console)
    delivered = [r.ordered.mail_id for r in results if r.reached == "delivered" and r.ordered.mail_id]
    write_contact_sheet(stage.installation, delivered, folder / "contact-sheet.png")
    console.print("\n[bold]Where it lies[/bold]")
    for name, shop in stage.shops.items():
        sheets = sorted(
            path.name for path in (shop.root / "in").glob("*.pdf") if "-" not in path.stem.rpartition("_r")[2]
        )
        console.print(
            f"  {_short(shop.root / 'in')}/   {len(sheets)} sheet files, manifests, tickets and proofs of {name}"
        )
    console.print(
        f"  {_short(folder / 'contact-sheet.png')}   proofs at a glance; each one in {_short(folder / 'proofs')}/"
    )
    console.print(f"  {_short(folder / 'sla-report.json')}, sla-report.csv   the SLA report")
    console.print(f"  {_short(folder / 'webhooks.jsonl')}   what the senders' receiver was told")
    console.print(f"  {_short(stage.installation.logs)}/   logs")


def _pieces(results: Sequence[Result]) -> Table:
    table = Table(
        title="Pieces: seconds from acceptance to each step",
        box=box.SIMPLE_HEAD,
        title_justify="left",
        padding=(0, 1, 0, 0),
    )
    for name in ("#", "account", "to", "outcome"):
        table.add_column(name, no_wrap=True)
    for step in STEPS:
        table.add_column(_HEADS.get(step, step), justify="right", no_wrap=True)
    for result in results:
        wanted = result.ordered.wanted
        times = (f"{result.seconds[step]:.1f}" if step in result.seconds else "" for step in STEPS)
        outcome = result.reached if result.as_declared else f"[red]{result.reached}: {result.wrong}[/red]"
        place = f"{wanted.to['city']}, {wanted.to['state']}"
        table.add_row(str(wanted.number), wanted.account, place, outcome, *times)
    return table


def _report(stage: Set, folder: Path, console: Console) -> None:
    """By the command that an operator would use, so that what it prints is what is shown here."""
    # The promises made today fall due within the week.
    ahead = ("sla", "report", "--to", f"{machine_clock() + timedelta(days=8):%Y-%m-%d}")
    for option, name in (("--json", "sla-report.json"), ("--csv", "sla-report.csv")):
        (folder / name).write_text(_run(stage, *ahead, option))
    console.print("[bold]SLA report[/bold]")
    console.print(_run(stage, *ahead), highlight=False)


def _run(stage: Set, *arguments: str) -> str:
    command = stage.installation.command(*arguments, name="report")
    done = subprocess.run(list(command.argv), env={**os.environ, **command.env}, capture_output=True, text=True)
    if done.returncode:
        raise ServiceError(f"mailstream {' '.join(arguments)} ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)

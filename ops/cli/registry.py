"""The commands of `mailstream`, by name: where each one is, and its line in `mailstream --help`.

A command's module is imported when it runs, not before: the program has to start quickly. A module has a typer application
`app`, whose commands are the command's own, or its one command if it has a single one.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Entry:
    """`presses`: its work is done in the press process."""

    module: str
    help: str
    panel: str
    presses: bool = False


def _entries(panel: str, *, presses: bool = False, **helps: str) -> dict[str, Entry]:
    return {name: Entry(f"ops.cli.{name}", text, panel, presses) for name, text in helps.items()}


COMMANDS: dict[str, Entry] = {
    **_entries(
        "Service",
        up="Run the whole service in the foreground.",
        demo="Real mail from fixtures, from HTTP call to delivered, on this machine.",
        process="Run one process of the service.",
    ),
    **_entries(
        "Mail",
        send="Order one piece.",
        mail="List, show, cancel, hold, release and fail pieces.",
        listen="Print events as they come.",
        addresses="Standardize addresses.",
    ),
    **_entries(
        "Press",
        presses=True,
        preflight="Say whether an artwork file can be printed.",
        impose="Make press-ready sheets from artwork and a list of recipients.",
    ),
    **_entries(
        "Operation",
        keys="Create, list, rotate and revoke API keys.",
        printers="Add, show, edit, check, rehearse with, measure and suspend printers.",
        batches="List, show, recall, send elsewhere and split batches.",
        quarantine="List and release what kills its worker.",
        sla="The board, the report on the promise, excuses and suspensions.",
        holds="List, place and release holds.",
        accounts="List and change senders' accounts.",
        audit="List what operators did.",
        simulator="Run a simulated printer or carrier.",
        migrate="Bring the database up to date.",
        doctor="Check every setting and service.",
    ),
}

"""The press as a process: polls its inbox until told to stop."""

import signal
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from ops.simulators.printer.journal import Clock, Journal
from ops.simulators.printer.press import Misdeed, Pace, Press


def run(
    folder: Path,
    journal: Path,
    trays: Path,
    *,
    name: str = "",
    pace: Pace | None = None,
    misdeeds: Collection[Misdeed] = (),
    form: str = "json",
    poll_s: float = 0.1,
    clock: Clock = lambda: datetime.now(UTC),
    stop: Event | None = None,
) -> None:
    """Work at the account in `folder` until `stop` is set or, without one, until SIGTERM or SIGINT.

    Raises `journal.JournalInUseError` when another press writes that journal.
    """
    stop = stop or until_told()
    kept = Journal(journal, clock)
    try:
        press = Press(folder, kept, trays, name=name or folder.name, pace=pace or Pace(), misdeeds=misdeeds, form=form)
        press.step()
        while not stop.wait(poll_s):
            press.step()
    finally:
        kept.close()


def until_told() -> Event:
    """Set by SIGTERM and SIGINT, so that a step under way is finished first."""
    told = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: told.set())
    return told

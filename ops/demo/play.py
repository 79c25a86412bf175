"""The play: order everything, watch it until every request has reached its outcome, and say how it went."""

import shutil
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from ops.demo.outcome import Result, judge
from ops.demo.programme import write_programme
from ops.demo.script import Wanted, read_script
from ops.demo.senders import Ordered, Sender, events_of, listen, order_all, pieces_of, registered
from ops.demo.stage_set import Set, set_up
from ops.services.process import ServiceError

PATIENCE_S = 150.0
_LOOK_EVERY_S = 0.4
_ENDS = {"delivered", "rejected", "returned", "failed", "canceled"}


@dataclass(frozen=True)
class Play:
    """How it went: one result a request, in the order of the script."""

    results: Sequence[Result]
    webhooks: int
    seconds: float

    @property
    def as_declared(self) -> bool:
        return all(result.as_declared for result in self.results)


def perform(folder: Path, console: Console) -> Play:
    """Run the whole demo in `folder`, which is emptied first."""
    started = time.monotonic()
    _clear(folder)
    script = read_script()
    console.print("Starting two print shops, the post and MailStream …")
    with set_up(folder) as stage:
        console.print(f"  API at {stage.installation.url}, ready after {time.monotonic() - started:.1f} s")
        with registered(stage) as senders:
            results = _perform(stage, senders, script, console)
        play = Play(results, len(stage.receiver.events), time.monotonic() - started)
        write_programme(stage, play.results, folder, console)
    return play


def _perform(stage: Set, senders: Sequence[Sender], script: Sequence[Wanted], console: Console) -> list[Result]:
    for sender in senders:
        listen(sender, stage)
    with _progress(console) as progress:
        ordered = _order(senders, script, progress)
        pieces = _watch(senders, ordered, stage, progress)
    return _results(senders, ordered, pieces, stage)


def _clear(folder: Path) -> None:
    """Remove what an earlier demo left, and nothing that is not a demo's."""
    mark = folder / ".mailstream-demo"
    if folder.exists() and any(folder.iterdir()) and not mark.exists():
        raise ServiceError(f"{folder} holds something that no demo left there; name another folder with --folder")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    mark.touch()


def _order(senders: Sequence[Sender], script: Sequence[Wanted], progress: Progress) -> list[Ordered]:
    task = progress.add_task("ordering", total=len(script), note="")
    ordered = [one for sender in senders for one in order_all(sender, script, lambda _: progress.advance(task))]
    refused = sum(one.mail_id is None for one in ordered)
    progress.update(task, note=f"{len(ordered) - refused} accepted, {refused} refused at the door")
    return sorted(ordered, key=lambda one: one.wanted.number)


def _watch(
    senders: Sequence[Sender], ordered: Sequence[Ordered], stage: Set, progress: Progress
) -> dict[str, dict[str, Any]]:
    """Every piece as it stands in the end, by id: when all have ended and their webhooks have come, or patience has."""
    total = sum(one.mail_id is not None for one in ordered)
    task = progress.add_task("on its way", total=total, note="")
    end = time.monotonic() + PATIENCE_S
    while True:
        pieces = {piece["id"]: piece for sender in senders for piece in pieces_of(sender)}
        counted = Counter(piece["status"] for piece in pieces.values())
        ended = sum(counted[status] for status in _ENDS)
        told = sum(event["data"]["status"] in _ENDS for event in list(stage.receiver.events.values()))
        note = ", ".join(f"{number} {status}" for status, number in counted.most_common())
        progress.update(task, completed=ended, note=f"{note}; {len(stage.receiver.events)} webhooks")
        if (ended >= total and told >= total) or time.monotonic() > end:
            return pieces
        time.sleep(_LOOK_EVERY_S)


def _results(
    senders: Sequence[Sender], ordered: Sequence[Ordered], pieces: dict[str, dict[str, Any]], stage: Set
) -> list[Result]:
    by_name = {sender.name: sender for sender in senders}
    told = {event["data"]["id"] + event["type"] for event in stage.receiver.events.values()}
    results = []
    for one in ordered:
        events = events_of(by_name[one.wanted.account], one.mail_id) if one.mail_id else []
        results.append(judge(one, pieces.get(one.mail_id or ""), events, told))
    return results


def _progress(console: Console) -> Progress:
    columns = (
        SpinnerColumn(), TextColumn("{task.description:<12}"), BarColumn(bar_width=24), MofNCompleteColumn(),
        TimeElapsedColumn(), TextColumn("{task.fields[note]}"),
    )  # fmt: skip
    return Progress(*columns, console=console)

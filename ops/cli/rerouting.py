"""`mailstream batches reroute|split`: an operator's choice of printer, where the plan's is not wanted."""

from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated

import typer

from ops.cli.failure import CommandError, Exit
from ops.cli.installation import installation
from ops.cli.operator import deed, said
from ops.cli.output import Json, print_json, print_table, say
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.stages.stage import Context
from pipeline.worker.live_root import live_recall
from pipeline.worker.rerouting import CannotRerouteError, Rerouted, Rerouting

BatchId = Annotated[str, typer.Argument(help="The batch's id, bt_….")]
Reason = Annotated[str, typer.Option(help="Why, for the audit.")]


def reroute(
    batch_id: BatchId,
    to: Annotated[str, typer.Option(help="The printer that is to have it.")],
    reason: Reason,
    as_json: Json = False,
) -> None:
    """Send a batch to another printer: free before the hand-over, by a won recall after it.

    What its printer has taken stays there. What was printed is not printed again.
    """
    said(reason)
    _tell(_done(lambda desk: desk.reroute(batch_id, to, deed(reason))), as_json)


def split(
    batch_id: BatchId,
    keep: Annotated[int, typer.Option(min=1, help="How many pieces stay at its printer: the next-due.")],
    reason: Reason,
    to: Annotated[str | None, typer.Option(help="Who gets the others; without it, the plan says.")] = None,
    as_json: Json = False,
) -> None:
    """Split a batch that its printer has not taken."""
    said(reason)
    _tell(_done(lambda desk: desk.split(batch_id, keep, to, deed(reason))), as_json)


def _done(work: Callable[[Rerouting], Rerouted]) -> Rerouted:
    with installation() as here, live_recall(here.settings.home, here.db) as recall:
        context = Context("live", here.db, system_ids(), machine_clock, LiveLineClock(machine_clock))
        try:
            return work(Rerouting(context, recall))
        except CannotRerouteError as error:
            code = Exit.NOT_FOUND if error.code.startswith("no_such_") else Exit.CONFLICT
            raise CommandError(str(error), code) from error


def _tell(done: Rerouted, as_json: bool) -> None:
    """Exits 1 where some of it could not be taken back."""
    if as_json:
        print_json(asdict(done))
    else:
        print_table(
            ("drop", "outcome", "pieces", "detail"), [(o.stem, o.state, o.pieces, o.detail) for o in done.outcomes]
        )
        typer.echo()
        print_table(
            ("new batch", "printer", "pieces"), [(one.batch_id, one.printer, one.pieces) for one in done.frozen]
        )
        if done.left:
            say(f"{done.left} pieces wait for the plan")
    if not done.outcomes or any(one.state in ("lost", "asked", "in_doubt") for one in done.outcomes):
        raise typer.Exit(Exit.FAILURE)

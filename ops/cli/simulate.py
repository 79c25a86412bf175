"""`mailstream sla simulate`: a scenario under the line's planner and simpler policies, beside the bound."""

from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from ops.cli.failure import CommandError, Exit
from ops.cli.output import Json, print_json, print_table, say
from ops.cli.progress import progress

_SHOWN = (
    "policy", "pieces", "kept", "kept_share", "excused", "bound_share", "sheet_waste", "cost_cents", "peak_backlog", "batches",
)  # fmt: skip


def simulate(
    scenario: Annotated[Path, typer.Argument(help="A scenario file; fixtures/scenarios/ has some.")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same result.")] = 1,
    plot: Annotated[Path | None, typer.Option(help="Draw the day into this PNG file.")] = None,
    as_json: Json = False,
) -> None:
    """Simulate a day of mail: what the planner keeps, wastes and costs, beside simpler policies and what no schedule can exceed."""
    from pipeline.sla.simulation.compare import compare
    from pipeline.sla.simulation.scenario import read_scenario

    read = read_scenario(scenario)
    begun = perf_counter()
    with progress() as told:
        last: list[str] = []

        def tell(step: str, minutes: int) -> None:
            if last != [step]:
                last[:] = [step]
                told.say(step)
            told.count(f"{step}, simulated hours", minutes // 60)

        compared = compare(read, seed, tell)
    result = compared.as_dict(perf_counter() - begun)
    if plot is not None:
        _draw(compared, plot)
    if as_json:
        print_json(result)
        return
    print_table(_SHOWN, [[policy[name] for name in _SHOWN] for policy in result["policies"]])
    say(f"{read.name}, seed {seed}: {result['seconds']} s")


def _draw(compared: object, path: Path) -> None:
    from pipeline.sla.simulation.compare import Comparison
    from pipeline.sla.simulation.plot import plot

    assert isinstance(compared, Comparison)  # noqa: S101  # narrows the type; it is imported late
    try:
        plot(compared, path)
    except ValueError as error:
        raise CommandError(f"--plot {path}: give a name that ends in .png", Exit.USAGE) from error

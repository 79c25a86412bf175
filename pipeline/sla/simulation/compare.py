"""One scenario under every policy, beside the bound, as `mailstream sla simulate` tells it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from pipeline.sla.simulation.arrivals import Arrival, draw_arrivals
from pipeline.sla.simulation.bound import bound
from pipeline.sla.simulation.policies import POLICIES
from pipeline.sla.simulation.run import Outcome, Run
from pipeline.sla.simulation.scenario import Scenario
from pipeline.sla.simulation.shop import Shop

Telling = Callable[[str, int], None]
"""Told which step is at work, and how many simulated minutes of it are done."""


@dataclass(frozen=True)
class Comparison:
    """The same arrivals under each policy; `bound_pieces` is how many promises no schedule can exceed."""

    scenario: Scenario
    seed: int
    bound_pieces: int
    outcomes: tuple[Outcome, ...]

    def as_dict(self, seconds: float) -> dict[str, Any]:
        """As JSON holds it; `seconds` is what the simulation took."""
        return {
            "scenario": self.scenario.name,
            "seed": self.seed,
            "seconds": round(seconds, 3),
            "policies": [self._policy(outcome) for outcome in self.outcomes],
        }

    def _policy(self, outcome: Outcome) -> dict[str, Any]:
        return {
            "policy": outcome.policy,
            "pieces": outcome.pieces,
            "kept": outcome.kept,
            "kept_share": round(outcome.kept_share, 8),
            "excused": outcome.excused,
            "bound_share": round(self.bound_pieces / outcome.pieces, 8) if outcome.pieces else 1.0,
            "sheet_waste": round(outcome.sheet_waste, 6),
            "cost_cents": round(outcome.cost_cents),
            "peak_backlog": outcome.peak_backlog,
            "batches": outcome.batches,
        }


def compare(scenario: Scenario, seed: int, tell: Telling) -> Comparison:
    """The same scenario and seed always give the same."""
    arrivals = draw_arrivals(scenario, seed)
    tell("bound", 0)
    most = bound(scenario, arrivals, [Shop(printer, scenario, Random(seed)) for printer in scenario.printers])  # noqa: S311
    return Comparison(scenario, seed, most, tuple(_outcomes(scenario, arrivals, seed, tell)))


def _outcomes(scenario: Scenario, arrivals: Sequence[Arrival], seed: int, tell: Telling) -> list[Outcome]:
    start = scenario.starts_at.timestamp()
    outcomes = []
    for policy in POLICIES:
        name = policy.name
        tell(name, 0)

        def told(at: float, name: str = name) -> None:
            tell(name, int((at - start) // 60))

        outcomes.append(Run(scenario, arrivals, policy(), seed).run(told))
    return outcomes

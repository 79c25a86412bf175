"""One line: the stages of one mode, and what its scheduler needs. Built by a composition root: `live_line` or `sandbox_line`."""

import random
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from pipeline.ports import Doorbell
from pipeline.stages.stage import Context, Stage
from pipeline.worker.runner import Runner


@dataclass(frozen=True)
class Line:
    context: Context
    doorbell: Doorbell
    runner: Runner
    stages: Mapping[str, Stage]

    def run(self, stage: str, only: Collection[str] = ()) -> int:
        """One chunk of one stage; returns how many rows it took."""
        return self.runner.run(self.stages[stage], only)


def make_line(
    context: Context,
    doorbell: Doorbell,
    stages: Sequence[Stage],
    *,
    lease_s: float,
    chance: Callable[[], float] = random.random,
) -> Line:
    """`chance` gives numbers from 0 to 1, which spread the waits."""
    runner = Runner(context, doorbell, lease_s=lease_s, chance=chance)
    return Line(context, doorbell, runner, {stage.name: stage for stage in stages})

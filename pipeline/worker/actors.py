"""The actors: one per stage, named after it, on a queue of its own. A message says "look here"; the rows say what to do."""

from collections.abc import Mapping, Sequence

import dramatiq

from pipeline.worker.line import Line


def declare_actors(broker: dramatiq.Broker, lines: Mapping[str, Line]) -> None:
    """Declare an actor on `broker` for every stage of the lines, which are by mode."""
    for stage in sorted({name for line in lines.values() for name in line.stages}):
        _declare(broker, stage, lines)


def _declare(broker: dramatiq.Broker, stage: str, lines: Mapping[str, Line]) -> None:
    @dramatiq.actor(broker=broker, actor_name=stage, queue_name=stage)
    def look(mode: str, only: Sequence[str] = ()) -> None:
        lines[mode].run(stage, only)

"""The actors: one per stage, named after it, on a queue of its own. A message says "look here"; the rows say what to do."""

from collections.abc import Mapping, Sequence

import dramatiq

from pipeline.worker.line import Line

STAGES = ("standardize", "prepare", "impose", "dispatch", "acknowledge", "track", "notify")


def declare_actors(broker: dramatiq.Broker, lines: Mapping[str, Line]) -> None:
    """Declare an actor for every stage on `broker`; `lines` are by mode."""
    for stage in STAGES:
        _declare(broker, stage, lines)


def _declare(broker: dramatiq.Broker, stage: str, lines: Mapping[str, Line]) -> None:
    @dramatiq.actor(broker=broker, actor_name=stage, queue_name=stage)
    def look(mode: str, only: Sequence[str] = ()) -> None:
        lines[mode].run(stage, only)

"""What arrives when: counts a minute and batch key, with their promises, drawn from the scenario's shares and the seed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from random import Random

from pipeline.sla.calendar import due_at
from pipeline.sla.lots import BatchKey
from pipeline.sla.simulation.chance import binomial, split
from pipeline.sla.simulation.scenario import Scenario, Surge

CANCEL_WINDOW_S = 300.0
"""A sender may cancel for so long, as accounts have it by default; nothing is frozen before."""

_MINUTE = timedelta(minutes=1)
_LATE_STEPS = 20
"""Artwork comes late by one of so many times, equally far apart from 1 to 6 hours."""


@dataclass(frozen=True)
class Arrival:
    """Pieces that were accepted in the same minute. Times are seconds since the epoch; `late` is artwork that came late."""

    ready_at: float
    key: BatchKey
    due: float
    pieces: int
    late: bool


def draw_arrivals(scenario: Scenario, seed: int) -> list[Arrival]:
    """In the order in which they may be frozen."""
    rng = Random(f"{seed}/arrivals")  # noqa: S311  # a simulation has to be repeatable
    drawn = [arrival for accepted in _accepted(scenario, rng) for arrival in _with_artwork(accepted, scenario, rng)]
    return sorted(drawn, key=lambda one: one.ready_at)


def _accepted(scenario: Scenario, rng: Random) -> Iterator[Arrival]:
    """Pieces by the minute of their acceptance; artwork is on time yet."""
    whole = int((scenario.arrivals_end - scenario.starts_at) / _MINUTE)
    minutes = [scenario.starts_at + n * _MINUTE for n in range(whole)]
    shares = [scenario.arrivals.hourly_share[at.astimezone(scenario.zone).hour] for at in minutes]
    plain = split(rng, scenario.pieces, shares)
    for at, count in zip(minutes, plain, strict=True):
        by_key = split(rng, count, _weights(scenario, None))
        for surge in scenario.arrivals.surges:
            local = at.astimezone(scenario.zone)
            since = (local.hour - surge.at.hour) * 60 + local.minute - surge.at.minute
            if 0 <= since < surge.minutes and local.date() == scenario.start:
                extra = split(rng, _this_minute(surge, since), _weights(scenario, surge.product))
                by_key = [one + more for one, more in zip(by_key, extra, strict=True)]
        due = due_at(at, scenario.zone, promise=scenario.promise).timestamp()
        for key, pieces in zip(scenario.batch_keys(), by_key, strict=True):
            if pieces:
                yield Arrival(at.timestamp() + CANCEL_WINDOW_S, key, due, pieces, False)


def _this_minute(surge: Surge, since: int) -> int:
    return surge.pieces * (since + 1) // surge.minutes - surge.pieces * since // surge.minutes


def _weights(scenario: Scenario, product: str | None) -> list[float]:
    shares: dict[str, float] = dict(scenario.products) if product is None else {product: 1.0}
    classes: dict[str, float] = dict(scenario.classes.items())
    return [shares.get(key.product, 0.0) * classes[key.mail_class] for key in scenario.batch_keys()]


def _with_artwork(accepted: Arrival, scenario: Scenario, rng: Random) -> Iterator[Arrival]:
    late = binomial(rng, accepted.pieces, scenario.creative_late_share)
    if accepted.pieces > late:
        yield Arrival(accepted.ready_at, accepted.key, accepted.due, accepted.pieces - late, False)
    if not late:
        return
    for step, pieces in enumerate(split(rng, late, [1.0] * _LATE_STEPS)):
        if pieces:
            by_s = 3600.0 * (1 + 5 * step / (_LATE_STEPS - 1))
            yield Arrival(accepted.ready_at + by_s, accepted.key, accepted.due, pieces, True)

"""What a piece of mail meets on its way, and when: a journey follows from seed, barcode and induction alone.

Steps, operations and phases are in the vocabulary of Informed Visibility (IV-MTR). DBCS operations: 891 and 892 outgoing primary
and secondary, 894 incoming SCF, 896 incoming secondary, 918 and 919 the two passes of delivery sequencing. The two logical events
of the delivery unit have codes of this simulator's own (OFD, DLV): the post does not publish its.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DELIVERY_CODE = "DLV"


@dataclass(frozen=True)
class Habits:
    """How the carrier behaves. `late`, `repeat` and `unscanned` are shares from 0 to 1.

    `speed` is how many seconds of a journey pass in one real second: scans carry the real time at which their moment comes.
    """

    seed: int = 1
    speed: float = 1.0
    late: float = 0.0
    repeat: float = 0.0
    unscanned: float = 0.0
    shuffle: bool = False


@dataclass(frozen=True)
class Facility:
    city: str
    state: str
    zip_code: str
    zone: str


@dataclass(frozen=True)
class Step:
    """`least_h` to `most_h` hours after the step before. `here` is origin or destination."""

    code: str
    phase: str
    handling: str
    here: str
    least_h: float
    most_h: float


@dataclass(frozen=True)
class Seen:
    """One scan and when the carrier first tells of it, both in seconds of real time since the epoch."""

    at: float
    told_at: float
    record: dict[str, Any]


# The plant that serves most of each first digit of ZIP Codes.
PLANTS = (
    Facility("BOSTON", "MA", "02205", "America/New_York"),
    Facility("NEW YORK", "NY", "10199", "America/New_York"),
    Facility("MERRIFIELD", "VA", "22081", "America/New_York"),
    Facility("ATLANTA", "GA", "30304", "America/New_York"),
    Facility("COLUMBUS", "OH", "43218", "America/New_York"),
    Facility("MINNEAPOLIS", "MN", "55401", "America/Chicago"),
    Facility("CAROL STREAM", "IL", "60199", "America/Chicago"),
    Facility("DALLAS", "TX", "75260", "America/Chicago"),
    Facility("DENVER", "CO", "80266", "America/Denver"),
    Facility("LOS ANGELES", "CA", "90052", "America/Los_Angeles"),
)
# "3c-" stands without the space of the others in live answers.
STEPS = (
    Step("891", "Phase 1a - Origin Primary Processing", "A", "origin", 3, 8),
    Step("892", "Phase 1b - Origin Secondary Processing", "A", "origin", 1, 4),
    Step("894", "Phase 2b - Destination SCF Processing", "A", "destination", 12, 30),
    Step("896", "Phase 2c - Destination Primary Processing", "A", "destination", 1, 4),
    Step("918", "Phase 3c- Destination Sequenced Carrier Sortation", "A", "destination", 6, 12),
    Step("919", "Phase 3c- Destination Sequenced Carrier Sortation", "A", "destination", 1, 2),
    Step("OFD", "Phase 4c - Delivery", "S", "destination", 2, 4),
    Step(DELIVERY_CODE, "Phase 4c - Delivery", "L", "destination", 2, 6),
)


def journey(imb: str, inducted_at: float, habits: Habits) -> list[Seen]:
    """The whole journey of a piece in the order in which it is told, empty for one that no machine ever reads."""
    chance = random.Random(f"{habits.seed}/{imb}")  # noqa: S311  # a journey, not a secret
    if chance.random() < habits.unscanned:
        return []
    seen = list(_steps(imb, inducted_at, habits, chance))
    told = [_perhaps_late(number, seen, habits, chance) for number in range(len(seen))]
    told += [one for one in told if chance.random() < habits.repeat]
    if habits.shuffle:
        chance.shuffle(told)
    return told


def destination(imb: str) -> Facility:
    """Where a barcode's routing code leads: digits 21 to 25 are the ZIP Code. Without one, a plant for its serial."""
    routing = imb[20:25]
    return PLANTS[int(routing[0] if routing else imb[-1])]


def _steps(imb: str, inducted_at: float, habits: Habits, chance: random.Random) -> Iterator[Seen]:
    places = {"origin": chance.choice(PLANTS), "destination": destination(imb)}
    at = inducted_at
    for step in STEPS:
        at += timedelta(hours=chance.uniform(step.least_h, step.most_h)).total_seconds() / habits.speed
        machine = f"DBCS-{chance.randrange(1, 60):03d}"
        yield Seen(at, at, _record(step, places[step.here], at, machine))


def _record(step: Step, place: Facility, at: float, machine: str) -> dict[str, Any]:
    """A scan as the interface tells it: the time is the facility's own, to the second, without a zone."""
    local = datetime.fromtimestamp(int(at), UTC).astimezone(ZoneInfo(place.zone))
    return {
        "scan_date_time": local.strftime("%Y-%m-%dT%H:%M:%S"),
        "scan_event_code": step.code,
        "scan_facility_city": place.city,
        "scan_facility_state": place.state,
        "scan_facility_zip": place.zip_code,
        "mail_phase": step.phase,
        "handling_event_type": step.handling,
        "machine_name": machine if step.handling == "A" else None,
    }


def _perhaps_late(number: int, seen: list[Seen], habits: Habits, chance: random.Random) -> Seen:
    """A late scan is told only after the one that follows it; the last one cannot be."""
    one = seen[number]
    late = chance.random() < habits.late and number + 1 < len(seen)
    return Seen(one.at, seen[number + 1].told_at + 0.001, one.record) if late else one

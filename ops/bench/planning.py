"""How long a plan takes, whatever the backlog: 50 batch keys, hundreds of due times, ten printers in four zones."""

import random
from datetime import UTC, datetime, time, timedelta
from time import process_time

from ops.bench.figures import Figure, print_figures
from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.sla.lots import Backlog, BatchKey
from pipeline.sla.planner import plan
from pipeline.sla.presses import Pace, Press

TITLE = "Planning, one core"
_NOW = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
_ZONES = ("America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles")
_PRODUCTS = [f"product_{n}" for n in range(25)]
_BUCKETS = 300
_REPEATS = 5


def measure() -> list[Figure]:
    """The best of five plans of three backlogs; processor time, since a plan does nothing but count."""
    presses = _presses(random.Random(1))
    return [_figure(pieces, presses) for pieces in (50_000, 1_000_000, 10_000_000)]


def _figure(pieces: int, presses: list[Press]) -> Figure:
    backlogs = _backlogs(pieces, random.Random(2))
    took = []
    for _ in range(_REPEATS):
        begun = process_time()
        planned = plan(backlogs, presses, _NOW)
        took.append(process_time() - begun)
    closed = f"{len(planned.closes)} batches closed, {len(planned.waits)} wait"
    return Figure(f"plan, {pieces:,} pieces", f"{1000 * min(took):.1f} ms", closed, "20 ms")


def _presses(rng: random.Random) -> list[Press]:
    made = []
    for n in range(10):
        floor = Floor(zone=_ZONES[n % 4], max_sheets_per_batch=4_000, trucks=(time(11), time(17), time(20, 30)))
        postage = Postage(mailer_id="123456", method="meter")
        profile = PrinterProfile(transport=Sandbox(), postage=postage, floor=floor)
        pace = {name: Pace(rng.choice([2, 4, 8]), 6_000, 5 + n / 10) for name in _PRODUCTS}
        made.append(Press(f"printer-{n}", None, profile, pace))
    return made


def _backlogs(pieces: int, rng: random.Random) -> list[Backlog]:
    """Due from an hour ago on, over three days."""
    each = pieces // (2 * len(_PRODUCTS) * _BUCKETS)
    keys = [
        BatchKey("live", None, name, "cover_120lb", kind, 1)
        for name in _PRODUCTS
        for kind in ("first_class", "marketing")
    ]
    first = (_NOW - timedelta(hours=1)).timestamp()
    dues = [first + 900.0 * n for n in range(_BUCKETS)]
    return [Backlog(key, dues, [each + 1 + rng.randrange(4) for _ in dues], _NOW) for key in keys]


if __name__ == "__main__":
    print_figures(TITLE, measure())

"""One process of the line, as the harness runs it: take orders, run what was rung for, tick, until there is nothing to do."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from adapters.addresses.offline import OfflineStandardizer
from adapters.storage.local import LocalStorage
from api import views
from pipeline.clock import ManualClock
from pipeline.models.types import Ids
from pipeline.ports import Note
from pipeline.press.creative import normalize as creative
from pipeline.press.proofs.proof import proof
from pipeline.press.sheets.impose import impose
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Once
from pipeline.repository.drafts import Terms
from pipeline.repository.intake import Intake
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.orders import Artwork, Order
from pipeline.sla.calendar import due_at
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.dispatch import Dispatch
from pipeline.stages.impose import Impose
from pipeline.stages.notify import Notify
from pipeline.stages.prepare import Prepare
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context
from pipeline.stages.standardize import Standardize
from pipeline.stages.track import Track
from pipeline.worker.line import Line, make_line
from pipeline.worker.scheduler import Scheduler
from tests.e2e.crash.outside import DELIVERY_CODES, Bell, Directory, Receiver, TrayCarrier
from tests.e2e.crash.tripwire import Target, Tripwire, Tripwired, TripwiredDatabase, watched

LEASE_S = 30.0
PIECES = 10
ARTWORK = 3


@dataclass(frozen=True)
class Ground:
    """One run's folder, database and seed; `sender` is the account whose mail it is."""

    folder: Path
    database: Path
    seed: int
    sender: Sender
    sweeps: bool = True


def live(ground: Ground, at: datetime, life: int, target: Target | None) -> None:
    """One life of the line, from its start at `at` until it is quiet, or dead. `life` counts them from 0."""
    chance = random.Random(f"{ground.seed}-{life}")
    tripwire = Tripwire(ground.folder / "points", target)
    clock = ManualClock(at)
    ids = Ids(lambda: int(clock().timestamp() * 1000), chance.getrandbits)
    db = TripwiredDatabase(ground.database, tripwire)
    context = Context("live", db, ids, clock, LiveLineClock(clock))
    bell = Bell(chance)
    line = _line(ground, context, bell, tripwire)
    scheduler = _Scheduler(line, tripwire, owner=f"life-{life}", sweep_s=0, sweeps=ground.sweeps)
    _order(ground, context, ids, bell)
    _run_until_quiet(line, scheduler, bell, tripwire)
    db.dispose()


class _Scheduler(Scheduler):
    """Names the points of each step apart."""

    def __init__(self, line: Line, tripwire: Tripwire, *, owner: str, sweep_s: float, sweeps: bool) -> None:
        super().__init__(line, owner=owner, sweep_s=sweep_s, sweeps=sweeps)
        self._tripwire = tripwire

    def _try(self, name: str, step: Callable[[], None]) -> None:
        self._tripwire.stage = f"tick-{name}"
        super()._try(name, step)


def _run_until_quiet(line: Line, scheduler: Scheduler, bell: Bell, tripwire: Tripwire) -> None:
    """Tick, and run what was rung for, until two ticks in a row bring nothing to do."""
    quiet = 0
    while quiet < 2:
        tripwire.stage = "tick-lead"
        scheduler.tick()
        quiet += 1
        while (note := bell.take()) is not None:
            tripwire.stage = note.stage
            if line.run(note.stage, note.only):
                quiet = 0


def _line(ground: Ground, context: Context, bell: Bell, tripwire: Tripwire) -> Line:
    storage = Tripwired(LocalStorage(ground.folder / "files"), tripwire)
    printers = Directory(ground.folder / "printers", context.machine_clock, tripwire)
    carrier = Tripwired(TrayCarrier(ground.folder / "trays", context.machine_clock), tripwire)
    receiver = Tripwired(Receiver(ground.folder / "webhooks", ground.seed), tripwire)
    stages = (
        Standardize(context, OfflineStandardizer()),
        Prepare(
            context,
            storage,
            normalize=watched(creative.normalize, "normalize", tripwire),
            proof=watched(lambda art, product, out: proof(product, out, art=art, ppi=20), "proof", tripwire),
        ),
        Impose(context, storage, watched(impose, "impose", tripwire)),
        Dispatch(context, storage, printers, scan_poll_s=10),
        Recall(context, printers),
        Acknowledge(context, printers, poll_s=5),
        Track(context, carrier, poll_s=10, delivery_codes=DELIVERY_CODES),
        Notify(context, receiver),
    )
    return make_line(context, bell, stages, lease_s=LEASE_S)


def _order(ground: Ground, context: Context, ids: Ids, bell: Bell) -> None:
    """Order everything, as a client that repeats its requests with the same keys until it knows that they were taken."""
    terms = Terms(ids, b"pepper", due_at, views.mail_json)
    Intake(context.db, context.machine_clock, terms).save([_piece(ground, number) for number in range(PIECES)])
    bell.ring(Note("standardize", "live"))
    bell.ring(Note("prepare", "live"))


def _piece(ground: Ground, number: int) -> Order:
    key = f"key-{number}"
    return Order(
        sender=ground.sender,
        request_id=f"req_{number}",
        once=Once(key, sha256(key.encode()).hexdigest()),
        product="postcard_4x6",
        mail_class="marketing" if number % 3 == 0 else "first_class",
        deliverability="normal",
        send_on=None,
        metadata={},
        external_id=f"order-{number}",
        to={
            "name": f"Reader {number}", "company": "", "line1": f"{100 + number} Main St", "line2": "",
            "city": "Boise", "state": "ID", "zip": f"837{number:02d}",
        },
        from_=None,
        front=_artwork(number % ARTWORK),
        back=None,
    )  # fmt: skip


def _artwork(number: int) -> Artwork:
    return Artwork(f"{number:064x}", 1, "png", {"ok": True}, f"live/artwork/{number}.png")

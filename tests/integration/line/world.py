"""A line of each mode on one database, with clocks that stand until a test moves them and an outside world in memory."""

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Table, func, insert, select

from adapters.storage.local import LocalStorage
from pipeline.clock import ManualClock
from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.models.types import Ids
from pipeline.products import POSTCARD_4X6
from pipeline.repository import tables
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LineClock, LiveLineClock, SandboxLineClock
from pipeline.repository.moves import created, snapshot_in
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.dispatch import Dispatch
from pipeline.stages.impose import Impose
from pipeline.stages.notify import Notify
from pipeline.stages.prepare import Prepare
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context, Stage
from pipeline.stages.standardize import Standardize
from pipeline.stages.track import Track
from pipeline.stages.watched_printers import WatchedPrinters
from pipeline.worker.line import Line, make_line
from pipeline.worker.scheduler import Scheduler
from tests.integration.line import fakes
from tests.integration.line.fakes import DELIVERY_POINT, ZIP4, Bell, FakeCarrier, FakePrinter, FakePrinters

START = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)  # a Tuesday, 10:00 in New York
DUE = START + timedelta(hours=24)
ACK_POLL_S, SCAN_POLL_S, LEASE_S = 60.0, 3_600.0, 30.0
MAILER_ID = "123456"
_ROUNDS = 200
_READY = {
    "status": "ready",
    "revision": 2,
    "address_state": "done",
    "ready_at": START,
}


class World:
    """`line` and `scheduler` are by mode. Whatever is added is due at once: no cancel window, presses that wait for nothing."""

    def __init__(self, db: Database, folder: Path, *, seed: int = 1, account: str = "ada") -> None:
        self.db = db
        self.clock = ManualClock(START)
        self.bell = Bell()
        self.ids = Ids(lambda: int(self.clock().timestamp() * 1000), random.Random(seed).getrandbits)
        self.storage = LocalStorage(folder / "files")
        self.folder = folder
        self.standardizer = fakes.Standardizer()
        self.printers = FakePrinters()
        self.carrier = FakeCarrier()
        self.webhooks = fakes.FakeWebhooks()
        self.imposer = fakes.Imposer()
        self.chance = lambda: 0.0
        self.contexts = {mode: self.context(mode) for mode in ("live", "test")}
        self.lines = {mode: self.make_line(mode) for mode in ("live", "test")}
        self.schedulers = {mode: self.scheduler(mode) for mode in ("live", "test")}
        self.account = self.add_account(account)

    def context(self, mode: str, clock: LineClock | None = None) -> Context:
        usual: LineClock = LiveLineClock(self.clock) if mode == "live" else SandboxLineClock()
        return Context(mode, self.db, self.ids, self.clock, clock or usual)

    def stages(self, mode: str) -> Sequence[Stage]:
        context = self.contexts[mode]
        inbox = WatchedPrinters(context, self.printers, "inbox")
        outbox = WatchedPrinters(context, self.printers, "outbox")
        return (
            Standardize(context, self.standardizer),
            Prepare(context, self.storage, normalize=fakes.normalize, proof=fakes.proof),
            Impose(context, self.storage, self.imposer),
            Dispatch(context, self.storage, inbox, scan_poll_s=SCAN_POLL_S),
            Recall(context, inbox),
            Acknowledge(context, outbox, poll_s=ACK_POLL_S),
            Track(context, self.carrier, poll_s=SCAN_POLL_S, delivery_codes=frozenset({"DLV"})),
            Notify(context, self.webhooks),
        )

    def make_line(self, mode: str, stages: Sequence[Stage] | None = None, *, lease_s: float = LEASE_S) -> Line:
        stages = stages or self.stages(mode)
        return make_line(self.contexts[mode], self.bell, stages, lease_s=lease_s, chance=self.chance)

    def scheduler(self, mode: str, owner: str = "leader", *, sweeps: bool = True) -> Scheduler:
        return Scheduler(self.lines[mode], owner=owner, sweeps=sweeps)

    # What stands in the database

    def add_account(self, name: str, *, rate: float = 3_600.0) -> str:
        account_id = self.ids.new("ac")
        clock = {"account_id": account_id, "line_now": self.clock(), "rate": rate, "moved_at": self.clock()}
        with self.db.write() as tx:
            tx.execute(
                insert(tables.accounts).values(id=account_id, name=name, cancel_window_s=0, created_at=self.clock())
            )
            tx.execute(insert(tables.sandbox_clocks).values(**clock))
        return account_id

    def add_printer(self, mode: str = "live", *, name: str = "north", account: str | None = None, **floor: Any) -> str:
        """A printer of the mode; in test it belongs to `account`, by default the world's."""
        row = {
            "id": self.ids.new("pr"),
            "name": name,
            "mode": mode,
            "account_id": (account or self.account) if mode == "test" else None,
            "profile": profile(**floor).model_dump(mode="json"),
            "created_at": self.clock(),
        }
        return self.insert(tables.printers, row)

    def add_creative(self, mode: str = "live", *, account: str | None = None, body: bytes = b"art", **more: Any) -> str:
        """A creative whose file lies in storage; accepted unless told otherwise."""
        creative_id, key = self.ids.new("cr"), f"{mode}/creatives/{self.ids.new('fi')}"
        source = self.folder / "source"
        source.write_bytes(body)
        self.storage.put(key, source)
        row = {
            "id": creative_id,
            "account_id": account or self.account,
            "mode": mode,
            "product": POSTCARD_4X6.name,
            "kind": "pdf",
            "sha256": creative_id,
            "size_bytes": len(body),
            "source_key": key,
            "status": "accepted",
            "normalized_key": key,
            "created_at": self.clock(),
        }
        return self.insert(tables.creatives, row | more)

    def add_pieces(
        self, count: int = 1, mode: str = "live", *, names: Sequence[str] = (), creative: str = "", **more: Any
    ) -> list[str]:
        """Pieces as intake leaves them; `names` are their recipients'. Any column may be given."""
        account = more.get("account_id", self.account)
        front = creative or self.add_creative(mode, account=account)
        rows = [_piece_row(self.ids.new("ml"), account, mode, front, self.clock()) | more for _ in range(count)]
        people = [_person(row["id"], names[n % len(names)] if names else "Ada", n) for n, row in enumerate(rows)]
        with self.db.write() as tx:
            tables.insert_rows(tx, tables.pieces, rows)
            tables.insert_rows(tx, tables.recipients, people)
            tables.insert_rows(tx, tables.events, [event for row in rows for event in self._history(row)])
        return [row["id"] for row in rows]

    def add_ready(self, count: int = 1, mode: str = "live", **more: Any) -> list[str]:
        """Pieces that wait for a batch."""
        return self.add_pieces(count, mode, **{**_READY, **more})

    def add_endpoint(self, mode: str = "live", *, url: str = "https://a.example", **more: Any) -> str:
        row = {
            "id": self.ids.new("we"),
            "account_id": self.account,
            "mode": mode,
            "url": url,
            "events": ["*"],
            "ordered": True,
            "secrets": ["whsec_1"],
            "created_at": self.clock(),
        }
        return self.insert(tables.endpoints, row | more)

    def insert(self, table: Table, row: Mapping[str, Any]) -> str:
        with self.db.write() as tx:
            tx.execute(insert(table).values(**row))
        row_id: str = row["id"]
        return row_id

    def _history(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The events of a piece that came as far as its row says: created, and one for each revision since."""
        first = created({**row, "revision": 1}, now=self.clock(), ids=self.ids)
        later = {"type": f"mail.{row['status']}", "status": row["status"], "told": False}
        return [first] + [
            {**first, **later, "id": self.ids.new("ev"), "sequence": n} for n in range(2, row["revision"] + 1)
        ]

    # What a test looks at

    def rows(self, table: Table, *where: Any) -> Sequence[Row[Any]]:
        with self.db.read() as tx:
            return tx.execute(select(table).where(*where).order_by(next(iter(table.primary_key)))).all()

    def count(self, table: Table, *where: Any) -> int:
        with self.db.read() as tx:
            return tx.execute(select(func.count()).select_from(table).where(*where)).scalar_one()

    def piece(self, piece_id: str) -> Row[Any]:
        [row] = self.rows(tables.pieces, tables.pieces.c.id == piece_id)
        return row

    def snapshot(self, piece_id: str) -> Any:
        return snapshot_in(self.piece(piece_id))

    def statuses(self, piece_ids: Sequence[str]) -> dict[str, int]:
        """How many of these pieces are in each status."""
        rows = self.rows(tables.pieces, tables.pieces.c.id.in_(piece_ids))
        found: dict[str, int] = {}
        for row in rows:
            found[row.status] = found.get(row.status, 0) + 1
        return found

    def events(self, piece_id: str) -> list[Row[Any]]:
        return sorted(self.rows(tables.events, tables.events.c.piece_id == piece_id), key=lambda row: row.sequence)

    def event_types(self, piece_id: str) -> list[str]:
        return [event.type.removeprefix("mail.") for event in self.events(piece_id)]

    def drop(self, revision: int = 0) -> Row[Any]:
        [row] = self.rows(tables.drops, tables.drops.c.revision == revision)
        return row

    def batch(self) -> Row[Any]:
        [row] = self.rows(tables.batches)
        return row

    def printer(self) -> FakePrinter:
        """The in-memory side of the only printer."""
        [row] = self.rows(tables.printers)
        return self.printers[row.id]

    # What makes it go

    def set(self, table: Table, row_id: str, **columns: Any) -> None:
        key = table.c.id if "id" in table.c else table.c.account_id
        with self.db.write() as tx:
            tx.execute(table.update().where(key == row_id).values(**columns))

    def run(self, stage: str, mode: str = "live", only: Sequence[str] = ()) -> int:
        """One chunk of one stage."""
        return self.lines[mode].run(stage, only)

    def tick(self, mode: str = "live") -> None:
        assert self.schedulers[mode].tick()

    def answer_bells(self, mode: str) -> int:
        """Run whatever was rung for, as the workers would; returns how many bells that were."""
        notes = self.bell.take()
        for note in notes:
            assert note.mode == mode
            self.lines[mode].run(note.stage, note.only)
        return len(notes)

    def run_until_quiet(self, mode: str = "live") -> None:
        """Tick and answer bells until a tick rings none. The machine clock stands."""
        for _ in range(_ROUNDS):
            self.tick(mode)
            if not self.answer_bells(mode):
                return
        raise AssertionError("the line did not come to rest")

    def run_until(self, reached: Callable[[], bool], mode: str = "test", *, step_s: float = 1.0) -> None:
        """Tick, answer bells and let machine time pass until a test has seen what it waits for."""
        for _ in range(_ROUNDS * 5):
            if reached():
                return
            self.clock.advance(timedelta(seconds=step_s))
            self.tick(mode)
            self.answer_bells(mode)
        raise AssertionError("the line never came there")

    def freeze_and_send(self, count: int, mode: str = "live", **more: Any) -> list[str]:
        """Pieces in one drop that lies at the only printer, which is added when there is none."""
        if not self.count(tables.printers):
            self.add_printer(mode)
        ids = self.add_ready(count, mode, **more)
        self.run_until_quiet(mode)
        assert self.statuses(ids) == {"sent": count}
        return ids


def profile(**floor: Any) -> PrinterProfile:
    """Eight 4x6 postcards a sheet; by default it lets no piece wait."""
    return PrinterProfile(
        transport=Sandbox(),
        postage=Postage(mailer_id=MAILER_ID, method="meter"),
        floor=Floor(**{"max_wait_s": 0, **floor}),
    )


def _piece_row(piece_id: str, account: str, mode: str, front: str, now: datetime) -> dict[str, Any]:
    return {
        "id": piece_id,
        "account_id": account,
        "mode": mode,
        "status": "created",
        "revision": 1,
        "request_id": "req_1",
        "product": POSTCARD_4X6.name,
        "stock": POSTCARD_4X6.stock,
        "mail_class": "first_class",
        "front_creative_id": front,
        "metadata": {"order": "1001"},
        "price_cents": 90,
        "accepted_at": START,
        "freeze_from": START,
        "due_at": DUE,
        "alarm_at": DUE - timedelta(hours=6),
        "created_at": now,
    }


def _person(piece_id: str, name: str, number: int) -> dict[str, Any]:
    given = {"name": name, "line1": f"{number + 1} Main St", "city": "Boise", "state": "ID", "zip": "83702"}
    return {
        "piece_id": piece_id,
        "given": given,
        "standardized": {**given, "zip5": "83702", "zip4": ZIP4},
        "zip5": "83702",
        "routing": "83702" + ZIP4 + DELIVERY_POINT,
        "keyed_hash": f"hash-{piece_id}",
    }

"""Twenty thousand pieces through two print shops, one of whose presses is killed at the worst moment: the report equals the truth.

Nothing is a stand-in: an SSH server and a press process for each shop, the post as a process, real imposition, the live line. The
worst moment is after the press has taken drops and before it says so: nothing can be taken back, and nothing is printed. It is back
when their promises are over. The truth is what the presses' own journals and the trays say, which outlive the kill.
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from adapters.carriers.ivmtr import IvMtrCarrier
from adapters.printers.directory import LivePrinters
from api import views
from ops.bench.line_orders import orders
from ops.migrations import upgrade
from ops.services.process import Command, ServerProcess, free_port
from ops.services.sshd import SshServer
from pipeline.models.profile import PrinterProfile
from pipeline.ports import Note
from pipeline.press.process import child
from pipeline.repository.accounts import Sender, create_account
from pipeline.repository.drafts import Terms
from pipeline.repository.history import Span, histories, made_by
from pipeline.repository.intake import Accepted, Intake
from pipeline.repository.orders import Artwork
from pipeline.repository.prices import seed_prices
from pipeline.repository.printers import Deed, add_printer
from pipeline.repository.tables import pages, pieces
from pipeline.sla.report import Report
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.track import Track
from pipeline.stages.watched_printers import WatchedPrinters
from pipeline.worker.foundation import Foundation, lay_foundation
from pipeline.worker.live_root import live_line
from pipeline.worker.scheduler import Scheduler
from pipeline.worker.settings import Settings

CREATIVES = Path(__file__).parents[2] / "fixtures" / "creatives"
_IN_TRANSIT = ("mailed", "in_transit", "out_for_delivery", "delivered")
_BOTH = ("--spoil", "0.01", "--poll-s", "0.05", "--print-s", "0.1", "--mail-s", "0.1")
_ACCEPT_S = {"north": 3_600.0, "south": 0.1}
"""North says nothing of what it takes until it is killed; when it is started anew it makes up for it."""


@dataclass
class Shop:
    """A printer's account behind its own SSH server, and its press, which can be killed and started anew."""

    name: str
    folder: Path
    trays: Path
    server: SshServer
    press: ServerProcess | None = None

    def open(self, *, accept_s: float = 0.1) -> None:
        places = ("--folder", self.folder / "account", "--journal", self.folder / "journal", "--trays", self.trays)
        pace = (*_BOTH, "--accept-s", str(accept_s), "--name", self.name)
        argv = [sys.executable, "-m", "ops.simulators.printer", *map(str, places), *pace]
        self.press = ServerProcess.start(Command(f"press-{self.name}", argv, log_path=self.folder / "press.log"))

    def kill(self) -> None:
        assert self.press is not None
        self.press.kill()  # SIGKILL
        self.press = None

    def close(self) -> None:
        if self.press is not None:
            self.press.stop()

    def journal(self) -> list[dict[str, str]]:
        file = self.folder / "journal"
        whole = file.read_text().rpartition("\n")[0] if file.exists() else ""
        return [json.loads(line) for line in whole.splitlines()]

    def taken_and_silent(self) -> set[str]:
        """Drops that it took and has said nothing of."""
        events = self.journal()
        return {one["drop"] for one in events if one["event"] == "taken"} - {
            one["drop"] for one in events if one["event"] != "taken"
        }

    def profile(self, most_sheets: int) -> PrinterProfile:
        """South is the cheaper one and makes no marketing mail: so each of them gets half."""
        postage = {"permit_number": "1042", "permit_city": "Boise", "permit_state": "ID"}
        number = "123456" if self.name == "north" else "654321"
        hours = {
            "opens": "00:00",
            "closes": "00:00",
            "closed_weekdays": [],
            "max_wait_s": 0,
            "max_sheets_per_batch": most_sheets,
            "cost_cents_per_sheet": 6.0 if self.name == "north" else 1.0,
        }
        classes = ("first_class", "marketing") if self.name == "north" else ("first_class",)
        return PrinterProfile.model_validate(
            {
                "transport": self.server.profile_transport(),
                "postage": {"mailer_id": number, **postage},
                "classes": classes,
                "floor": {**hours, "sheets_per_hour": 6_000},
            }
        )


@dataclass
class Bell:
    notes: dict[Note, None] = field(default_factory=dict)

    def ring(self, note: Note) -> None:
        self.notes[note] = None

    def take(self) -> list[Note]:
        notes, self.notes = list(self.notes), {}
        return notes


@contextmanager
def outside(folder: Path) -> Iterator[tuple[dict[str, Shop], str]]:
    """Both shops, and the post's address."""
    with ExitStack() as stack:
        shops = {}
        for name, accept_s in _ACCEPT_S.items():
            server = stack.enter_context(SshServer(folder / name / "sshd", root=folder / name / "account"))
            shops[name] = Shop(name, folder / name, folder / "trays", server)
            shops[name].open(accept_s=accept_s)
            stack.callback(shops[name].close)
        port = free_port()
        places = ("--port", port, "--trays", folder / "trays", "--state", folder / "post", "--speed", 250_000)
        argv = [sys.executable, "-m", "ops.simulators.carrier", *map(str, places), "--username", "x", "--password", "x"]
        post = ServerProcess.start(Command("carrier", argv, log_path=folder / "carrier.log"))
        stack.callback(post.stop)
        yield shops, f"http://127.0.0.1:{port}"


def settings(folder: Path, post: str) -> Settings:
    return Settings(
        home=folder,
        database_url=f"sqlite:///{folder}/line.db",
        redis_url="",
        storage_url=f"file://{folder}/files",
        pepper="report",
        ivmtr_url=post,
        ivmtr_auth_url=post,
        ivmtr_username="x",
        ivmtr_password="x",
        delivery_codes=("DLV",),
        ack_poll_s=1.0,
        scan_poll_s=20.0,
    )


def settle_in(shops: dict[str, Shop], foundation: Foundation, folder: Path, most_sheets: int) -> Sender:
    now, ids = foundation.machine_clock(), foundation.ids
    with foundation.db.write() as tx:
        seed_prices(tx)
        made = create_account(tx, "ada", ids=ids, now=now, sandbox_rate=0.0, test_mailer_id="899999", cancel_window_s=0)
        for name, shop in shops.items():
            add_printer(tx, name, shop.profile(most_sheets), Deed("test", now), ids=ids)
    return Sender(made.id, "live", cancel_window_s=0)


def artwork(foundation: Foundation, folder: Path) -> list[Artwork]:
    """Two fronts, told apart by a comment behind their end, and a back."""
    found = []
    for number, name in enumerate(("harbor-front.pdf", "harbor-front.pdf", "harbor-back.pdf")):
        body = (CREATIVES / name).read_bytes() + b"%% %d\n" % number
        file = folder / "artwork.pdf"
        file.write_bytes(body)
        foundation.storage.put(f"live/artwork/{number}.pdf", file)
        key = f"live/artwork/{number}.pdf"
        found.append(Artwork(sha256(body).hexdigest(), len(body), "pdf", {"ok": True}, key))
    return found


class Day:
    """One run: everything ordered at once, due `promise` after that."""

    def __init__(self, folder: Path, shops: dict[str, Shop], post: str, count: int, promise: timedelta) -> None:
        self._shops, self._count = shops, count
        self._bell = Bell()
        upgrade(f"sqlite:///{folder}/line.db")
        self.foundation = lay_foundation(settings(folder, post), self._bell)
        self._line = live_line(self.foundation)
        # Sixteen batches or so, of 8 pieces a sheet, so that both shops have several.
        sender = settle_in(shops, self.foundation, folder, count // 128 + 1)
        self.due_at = datetime.now(UTC) + promise
        terms = Terms(self.foundation.ids, b"report", lambda *_, **__: self.due_at, views.mail_json)
        intake = Intake(self.foundation.db, self.foundation.machine_clock, terms)
        for group in pages(orders(count, sender, artwork(self.foundation, folder)), 200):
            assert all(isinstance(one, Accepted) for one in intake.save(group))

    def run(self, *, within_s: float) -> set[str]:
        """Until all are mailed and scanned; returns the drops that north had taken when it was killed."""
        scheduler, end = Scheduler(self._line, owner="test"), time.monotonic() + within_s
        north, lost = self._shops["north"], set[str]()
        for stage in ("standardize", "prepare"):
            self._bell.ring(Note(stage, "live"))
        next_tick = 0.0
        while self._left():
            assert time.monotonic() < end, f"{self._left()} pieces are not in the mail"
            if not lost and north.taken_and_silent():
                north.kill()
                lost = north.taken_and_silent()
            if lost and north.press is None and datetime.now(UTC) > self.due_at + timedelta(seconds=5):
                north.open()
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + 1.0
                scheduler.tick()
            for note in self._bell.take():
                # What a dead press has is asked for again and again: the rest waits for the next tick's ring.
                while self._line.run(note.stage, note.only) and not note.only and time.monotonic() < next_tick + 5:
                    pass
        return lost

    def close(self) -> None:
        """What the line's process would take along: its database, and its connections to the post and the shops."""
        track, acknowledge = self._line.stages["track"], self._line.stages["acknowledge"]
        assert isinstance(track, Track)
        assert isinstance(acknowledge, Acknowledge)
        assert isinstance(track._carrier, IvMtrCarrier)
        assert isinstance(acknowledge._directory, WatchedPrinters)
        assert isinstance(acknowledge._directory._directory, LivePrinters)
        track._carrier.close()
        acknowledge._directory._directory.close()
        self.foundation.db.dispose()

    def _left(self) -> int:
        with self.foundation.db.read() as tx:
            there = tx.execute(select(func.count()).where(pieces.c.status.in_(_IN_TRANSIT))).scalar_one()
        return self._count - there


@pytest.mark.parametrize(
    ("count", "promise_s", "within_s"),
    [pytest.param(600, 45, 240), pytest.param(20_000, 150, 1_200, marks=pytest.mark.long)],
    ids=["600 pieces", "20,000 pieces"],
)
def test_the_report_equals_what_journals_and_trays_say(
    count: int, promise_s: int, within_s: float, tmp_path: Path
) -> None:
    child.warm_up()
    with outside(tmp_path) as (shops, post):
        day = Day(tmp_path, shops, post, count, timedelta(seconds=promise_s))
        lost = day.run(within_s=within_s)
        for shop in shops.values():
            shop.close()
    db, due = day.foundation.db, day.due_at
    span = Span("live", due - timedelta(days=1), due + timedelta(days=1))
    with db.read() as tx:
        report = Report(ZoneInfo("UTC"), made_by(tx, span))
        found = {one.piece_id: report.add(one) for one in histories(tx, span, now=datetime.now(UTC))}
    day.close()
    _compare(report, {piece for piece, miss in found.items() if miss is not None}, shops, tmp_path, due, count, lost)


def _compare(
    report: Report, missed: set[str], shops: dict[str, Shop], folder: Path, due: datetime, count: int, lost: set[str]
) -> None:
    mailed = {name: _mailed(shop) for name, shop in shops.items()}
    assert (
        sum(map(len, mailed.values())) == len({one for some in mailed.values() for one in some}) == count
    )  # each once
    trays = [*(folder / "trays").glob("*.jsonl"), *(folder / "trays" / "taken").glob("*.jsonl")]
    inducted = Counter(json.loads(line)["piece"] for tray in trays for line in tray.read_text().splitlines())
    assert set(inducted.values()) == {1}
    assert len(inducted) == count

    late = {piece for some in mailed.values() for piece, at in some.items() if at > due}
    assert lost
    assert late
    assert missed == late
    shown = report.as_dict()
    assert (shown["total"]["kept"], shown["total"]["missed"]) == (count - len(late), len(late))
    assert shown["total"]["kept"] > 0
    assert sum(shown["causes"].values()) == len(late)
    for name, shop in shops.items():
        tally = shown["by"]["printer"][name]
        assert tally["kept"] == sum(at <= due for at in mailed[name].values())
        assert tally["missed"] == sum(at > due for at in mailed[name].values())
        journal = Counter(event["event"] for event in shop.journal())
        assert shown["printers"][name]["made"] == journal["printed"] + journal["spoiled"]
        assert shown["printers"][name]["spoiled"] == journal["spoiled"]


def _mailed(shop: Shop) -> dict[str, datetime]:
    """When each piece that came off this press good was mailed, by its journal."""
    events = shop.journal()
    at = {one["drop"]: datetime.fromisoformat(one["at"]) for one in events if one["event"] == "mailed"}
    return {one["piece"]: at[one["drop"]] for one in events if one["event"] == "printed"}

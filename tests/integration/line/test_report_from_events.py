"""Every number of the report on the promise, derived a second time: from the events alone, by code that knows
nothing of the report.

A mixed line runs through the real stages; then only the table of events is read, and names are the test's own. What a printer
spoiled is no event of a piece but of its sheets: that is counted by what the test itself let the printers say.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Row, select

from pipeline.lifecycle import Move, Status
from pipeline.products import PRODUCTS
from pipeline.repository.history import Span, histories, made_by
from pipeline.repository.holds import HoldWish
from pipeline.repository.moves import move
from pipeline.repository.printers import Deed
from pipeline.repository.tables import batches, drops, events, pieces, printers
from pipeline.sla.report import Report
from pipeline.worker.excusing import excuse_pieces
from pipeline.worker.holding import Holding
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import World, profile

ZONE = ZoneInfo("America/New_York")
BEGIN = datetime(2026, 3, 8, 5, 30, tzinfo=UTC)  # 00:30; at 02:00 the clocks go forward
HOUR = timedelta(hours=1)
STAGES = ("created", "held", "ready", "batched", "sent", "printed")
IN_THE_MAIL = ("mailed", "in_transit", "out_for_delivery", "delivered", "returned", "rerouted")
CALLED_OFF = ("rejected", "canceled", "failed")


# The line


@dataclass
class Mixed:
    """The world of the test, with the ids and names that it gave, and what its printers said they made and spoiled."""

    world: World
    accounts: dict[str, str]
    shops: dict[str, str]
    made: Counter[str] = field(default_factory=Counter)
    spoiled: Counter[str] = field(default_factory=Counter)

    def order(
        self, hours: float, count: int, account: str = "ada", product: str = "postcard_4x6", **more: Any
    ) -> list[str]:
        """Pieces accepted so many hours after the beginning, due a day later, ready at once."""
        at = BEGIN + hours * HOUR
        who = next(key for key, name in self.accounts.items() if name == account)
        what = {"product": product, "stock": PRODUCTS[product].stock, "account_id": who}
        due = {"due_at": at + 24 * HOUR, "alarm_at": at + 18 * HOUR}
        return self.world.add_ready(count, **what, **due, accepted_at=at, freeze_from=at, ready_at=at, **more)

    def pass_(self, hours: float) -> None:
        self.world.clock.advance(BEGIN + hours * HOUR - self.world.clock())
        self.world.run_until_quiet()

    def say(self, piece: str, state: str, *, at: float | None = None, only: Iterable[str] = ()) -> None:
        """The printer of a piece says something of its last drop, or of some of its pieces."""
        world, row = self.world, self.world.piece(piece)
        [batch] = world.rows(batches, batches.c.id == row.batch_id)
        drop = max(world.rows(drops, drops.c.batch_id == batch.id), key=lambda one: one.revision)
        listed = {"pieces": list(only)} if only else {}
        when = {} if at is None else {"at": BEGIN + at * HOUR}
        ack(world, drop.stem, state, printer=world.printers[batch.printer_id], **listed, **when)
        count, shop = len(list(only)) or drop.pieces, self.shops[batch.printer_id]
        self.spoiled[shop] += count if state == "spoiled" else 0
        self.made[shop] += count if state in ("printed", "spoiled") else 0
        world.run_until_quiet()

    def see(self, piece: str, at: float, phase: str, *, code: str = "891", handling: str = "A") -> None:
        imb = self.world.piece(piece).imb
        self.world.carrier.told[imb].append(scan(imb, BEGIN + at * HOUR, phase, code=code, handling=handling))

    def end(self, piece: str, to: Status) -> None:
        with self.world.db.write() as tx:
            wish = Move(self.world.snapshot(piece), to, self.world.clock(), {"why": "test"})
            assert move(tx, [wish], now=self.world.clock(), ids=self.world.ids)


def mixed_line(world: World) -> Mixed:
    world.clock.advance(BEGIN - world.clock())
    accounts = {world.account: "ada", world.add_account("bob"): "bob"}
    made = {"north": "postcard_4x6", "south": "postcard_6x9"}
    shops = {}
    for name, product in made.items():
        shop = world.add_printer(name=name, closed_weekdays=[], opens="00:00", closes="00:00")
        told = profile(closed_weekdays=[], opens="00:00", closes="00:00").model_copy(update={"products": (product,)})
        world.set(printers, shop, profile=told.model_dump(mode="json"))
        shops[shop] = name
    return Mixed(world, accounts, shops)


def play(line: Mixed) -> None:
    """Kept, missed, excused, corrected, reprinted, refused, rejected, canceled, held, released, returned, and never made."""
    world, hold = line.world, Holding(line.world.db, line.world.clock, line.world.ids)
    asked = HoldWish("asked", "key:1", stops_count=True)
    kept = line.order(0, 3)
    line.pass_(0.2)
    line.say(kept[0], "printed", only=kept[:2])
    line.say(kept[0], "spoiled", only=kept[2:])  # printed again
    line.pass_(1)
    line.say(kept[2], "printed")
    line.say(kept[0], "mailed", only=kept)
    line.see(kept[0], 6, "Phase 1a - Origin")
    line.see(kept[1], 7, "Phase 1a - Origin")
    line.see(kept[1], 9, "Phase 4c - Delivery", code="DLV", handling="L")
    nobody = line.order(1.1, 2, "bob", "postcard_6x11")
    missed, excused = line.order(1.2, 2, "bob", "postcard_6x9")  # 01:42, before the clocks go forward
    line.pass_(2.4)
    late = line.order(2.5, 2, "bob")  # 04:00 already
    line.pass_(2.7)
    line.say(late[0], "rejected")
    held, stopped, ours, canceled, rejected, too_late = line.order(3, 6, "ada", "postcard_6x11")
    line.pass_(3.5)
    for piece, wish in ((held, asked), (stopped, asked), (ours, HoldWish("duplicate", "cli:joe"))):
        hold.hold(piece, wish)
    line.end(canceled, Status.CANCELED)
    line.end(rejected, Status.REJECTED)
    line.pass_(8)
    hold.release(held, "key:1")
    line.say(missed, "printed")
    line.say(late[0], "printed")
    for hours in (18.5, 19.5, 20.5, 25.3, 26.6, 30):
        line.pass_(hours)
    line.end(too_late, Status.CANCELED)
    line.say(missed, "mailed")
    excuse_pieces(world.db, [excused], Deed("cli:joe", world.clock(), "blizzard"), clock=world.clock, ids=world.ids)
    line.see(late[1], 26, "Phase 1a - Origin")  # in the mail before it was due, though nobody said so
    line.see(kept[2], 28, "Phase 1a - Origin")
    line.pass_(34)
    line.end(kept[2], Status.RETURNED)
    line.say(late[0], "mailed", only=late[:1])
    line.pass_(60)
    assert {world.piece(one).sla_state for one in nobody} == {"breached"}


# The second derivation


@dataclass
class Told:
    """What the events of one piece say."""

    moves: list[tuple[str, datetime]] = field(default_factory=list)
    evidence: list[Mapping[str, Any]] = field(default_factory=list)
    account: str = ""
    product: str = ""
    freeze_from: datetime = BEGIN
    due_at: datetime = BEGIN
    printer: str | None = None
    cause: tuple[str, str] | None = None
    excuse: str | None = None
    piece: str = ""

    def hear(self, event: Row[Any], line: Mixed) -> None:
        kind, said = event.type.removeprefix("mail."), event.evidence
        if kind == "created":
            self.piece, self.account, self.product = event.piece_id, line.accounts[event.account_id], said["product"]
            self.freeze_from, self.due_at = (datetime.fromisoformat(said[name]) for name in ("freeze_from", "due_at"))
        if kind == "sla_rescheduled":
            self.due_at, self.cause = datetime.fromisoformat(said["due_at"]), None
        if kind in ("sla_at_risk", "sla_breached") and "cause" in said:
            self.cause = said["cause"], said["detail"]
        if kind == "sla_excused":
            self.excuse = said["reason"]
        if kind == "batched":
            self.printer = line.shops[said["printer"]]
            if self.due_at >= datetime.fromisoformat(said["mail_by"]):
                self.cause = None
        if kind == "ready" and "drop" in said:
            self.printer = None
        if not kind.startswith("sla_"):
            self.moves.append((kind, event.at))
            self.evidence.append(said)

    def verdict(self, now: datetime) -> tuple[str, datetime | None]:
        mailed = [at for status, at in self.moves if status in IN_THE_MAIL]
        status, at = self.moves[-1]
        stands_still = status == "held" and self.evidence[-1]["by"] == "sender" and at <= self.due_at
        if mailed and min(mailed) <= self.due_at:
            return "kept", min(mailed)
        if any(one in CALLED_OFF and at <= self.due_at for one, at in self.moves):
            return "void", None
        if not mailed and (stands_still or now <= self.due_at):
            return "open", None
        return ("missed" if self.excuse is None else "excused"), min(mailed, default=None)

    def stage_seconds(self) -> dict[str, float]:
        spent: dict[str, float] = {}
        for (status, at), (_, after) in zip(self.moves, self.moves[1:], strict=False):
            if status in STAGES:
                since = max(at, self.freeze_from) if status == "ready" else at
                spent[status] = spent.get(status, 0.0) + max(0.0, (after - since).total_seconds())
        return spent

    def why(self) -> tuple[str, str]:
        before = [n for n, (_, at) in enumerate(self.moves) if at <= self.due_at]
        status = self.moves[before[-1]][0]
        only = {"printer_silent": ("sent",), "press_behind": ("batched", "sent")}
        if self.cause is not None and status in only.get(self.cause[0], STAGES[2:]):
            return self.cause
        back = ""
        for n in before:
            if "refused" in self.evidence[n]:
                back = f"its printer refused the drop: {self.evidence[n]['refused']}"
        stood = {
            "created": ("not_ready", "address or artwork was not settled"),
            "held": ("held", "it was held for a decision"),
            "ready": ("refused", back) if back else ("not_batched", "no batch had taken it"),
            "batched": ("not_sent", "its drop was not at the printer"),
            "sent": ("not_printed", "the printer had not printed it"),
            "printed": ("not_mailed", "it was printed and not mailed"),
        }
        code, detail = stood[status]
        return code, f"{detail}; before that, {back}" if back and status != "ready" else detail

    def scan_lag_s(self) -> float | None:
        said = [at for status, at in self.moves if status == "mailed"]
        seen = [at for status, at in self.moves if status in IN_THE_MAIL[1:]]
        return max(0.0, (min(seen) - said[0]).total_seconds()) if said and seen else None


def times(seconds: Iterable[float]) -> dict[str, int | None]:
    """Whole seconds, above 1,000 in three digits; a percentile is the smallest that so many of 100 did not exceed."""
    known = sorted(round(one) if one < 1_000 else int(float(f"{round(one):.3g}")) for one in seconds)
    shown: dict[str, int | None] = {"count": len(known)}
    for percent in (50, 90, 99):
        shown[f"p{percent}_s"] = known[math.ceil(len(known) * percent / 100) - 1] if known else None
    return shown


def tally(some: list[Told], now: datetime) -> dict[str, Any]:
    verdicts = Counter(one.verdict(now)[0] for one in some)
    judged = verdicts["kept"] + verdicts["missed"]
    mailed = [(at, one) for one in some if (at := one.verdict(now)[1]) is not None]
    return {
        **{name: verdicts[name] for name in ("kept", "excused", "missed", "void", "open")},
        "kept_share": math.floor(10**6 * verdicts["kept"] / judged) / 10**6 if judged else None,
        "accepted_to_mailed": times((at - one.moves[0][1]).total_seconds() for at, one in mailed),
    }


def stages(some: list[Told]) -> dict[str, Any]:
    return {name: times(one.stage_seconds()[name] for one in some if name in one.stage_seconds()) for name in STAGES}


def derived(line: Mixed, now: datetime) -> dict[str, Any]:
    """The whole report, from the events."""
    told: dict[str, Told] = defaultdict(Told)
    with line.world.db.read() as tx:
        for event in tx.execute(select(events).order_by(events.c.piece_id, events.c.sequence)):
            told[event.piece_id].hear(event, line)
    every = list(told.values())
    keys = {
        "printer": lambda one: one.printer or "none",
        "product": lambda one: one.product,
        "account": lambda one: one.account,
        "hour": lambda one: f"{one.moves[0][1].astimezone(ZONE):%H}:00",
    }
    groups = {
        name: {key: [one for one in every if of(one) == key] for key in sorted({of(one) for one in every})}
        for name, of in keys.items()
    }
    lost = sorted((one for one in every if one.verdict(now)[0] in ("missed", "excused")), key=lambda one: one.piece)
    return {
        "total": tally(every, now),
        "stages": stages(every),
        "stages_by": {
            name: {key: stages(some) for key, some in groups[name].items()} for name in ("printer", "account")
        },
        "by": {name: {key: tally(some, now) for key, some in of.items()} for name, of in groups.items()},
        "printers": _printers(line, groups["printer"]),
        "causes": dict(Counter(one.why()[0] for one in lost)),
        "misses": [_miss(one, now) for one in lost],
        "misses_left_off": 0,
        "possible_duplicates": 0,
    }


def _printers(line: Mixed, groups: Mapping[str, list[Told]]) -> dict[str, Any]:
    shown = {}
    for name in sorted(line.shops.values()):
        lags = [lag for one in groups.get(name, []) if (lag := one.scan_lag_s()) is not None]
        made, spoiled = line.made[name], line.spoiled[name]
        share = round(spoiled / made, 6) if made else None
        shown[name] = {"made": made, "spoiled": spoiled, "spoiled_share": share, "first_scan_lag": times(lags)}
        shown[name]["possible_duplicates"] = 0  # nobody gives a drop up
    return shown


def _miss(one: Told, now: datetime) -> dict[str, Any]:
    cause, detail = one.why()
    return {
        "piece_id": one.piece,
        "account": one.account,
        "product": one.product,
        "printer": one.printer,
        "due_at": one.due_at,
        "mailed_at": one.verdict(now)[1],
        "cause": cause,
        "detail": detail,
        "excuse": one.excuse,
    }


def test_every_number_of_the_report_follows_from_the_events_alone(world: World) -> None:
    line = mixed_line(world)
    play(line)
    now, span = world.clock(), Span("live", BEGIN, BEGIN + timedelta(days=30))
    with world.db.read() as tx:
        report = Report(ZONE, made_by(tx, span))
        for one in histories(tx, span, now=now):
            report.add(one)
    shown, wanted = report.as_dict(), derived(line, now)
    assert set(shown) == set(wanted)
    for part in shown:
        assert shown[part] == wanted[part], part
    # Nothing of this is there for nothing.
    assert all(shown["total"][name] for name in ("kept", "excused", "missed", "void", "open"))
    assert set(shown["by"]["hour"]) == {"00:00", "01:00", "04:00"}  # it was never two, and three hardly
    assert set(shown["causes"]) == {"no_truck", "no_printer", "held", "not_mailed"}
    assert {row.status for row in world.rows(pieces)} >= {"returned", "delivered", "held", "canceled", "rejected"}
    assert world.count(events, events.c.type == "mail.sla_corrected") == 1

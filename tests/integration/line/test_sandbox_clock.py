"""The sandbox clocks: fast where nothing happens, standing where something does, and never past a due moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.carrier import DELIVERY_CODES, Posted, SandboxCarrier
from adapters.sandbox.printer import SandboxPrinters
from pipeline.repository.database import Database
from pipeline.repository.posted import find_posted
from pipeline.repository.sandbox_clocks import ask_to_advance, read_clock
from pipeline.repository.sandbox_moments import set_clock, standings
from pipeline.repository.tables import deliveries, events, pieces, printers, sandbox_clocks
from pipeline.stages.acknowledge import Acknowledge
from pipeline.stages.dispatch import Dispatch
from pipeline.stages.stage import Stage
from pipeline.stages.track import Track
from pipeline.worker.sandbox_clock import LONGEST_STEP, move_clocks
from tests.integration.line.conftest import empty
from tests.integration.line.world import DUE, START, World

ACK_POLL_S, SCAN_POLL_S = 3_600.0, 21_600.0


class SandboxWorld(World):
    """A world whose test mail goes through the sandbox's own printers and carrier, at the pace of the sandbox root."""

    def stages(self, mode: str) -> Sequence[Stage]:
        usual = list(super().stages(mode))
        if mode == "live":
            return usual
        context, shops = self.contexts[mode], SandboxPrinters(self.folder / "sandbox", self.line_now)
        mine: list[Stage] = [
            Dispatch(context, self.storage, shops, scan_poll_s=SCAN_POLL_S),
            Acknowledge(context, shops, poll_s=ACK_POLL_S),
            Track(context, SandboxCarrier(self.posted), poll_s=SCAN_POLL_S, delivery_codes=DELIVERY_CODES),
        ]
        names = {stage.name for stage in mine}
        return [stage for stage in usual if stage.name not in names] + mine

    def line_now(self, account_id: str) -> datetime:
        with self.db.read() as tx:
            return self.contexts["test"].line_clock.read(tx, {account_id})[account_id]

    def posted(self, imbs: Sequence[str]) -> Mapping[str, Posted]:
        with self.db.read() as tx:
            return {row.imb: Posted(row.mailed_at, row.line_now) for row in find_posted(tx, imbs)}


@pytest.fixture
def sandbox(database: Database, tmp_path: Path) -> SandboxWorld:
    empty(database)
    return SandboxWorld(database, tmp_path)


def now(world: World) -> datetime:
    with world.db.read() as tx:
        moment: datetime = read_clock(tx, world.account).line_now
    return moment


def advance(world: World, **wanted: Any) -> bool:
    with world.db.write() as tx:
        return ask_to_advance(tx, world.account, **wanted)


def pass_time(world: World, seconds: float, *, closing: Mapping[str, datetime] | None = None) -> None:
    world.clock.advance(timedelta(seconds=seconds))
    move_clocks(world.contexts["test"], closing or {})


def test_a_clock_without_mail_stands(world: World) -> None:
    pass_time(world, 60)
    assert now(world) == START
    assert move_clocks(world.contexts["test"], {}) == 0


def test_a_clock_runs_at_its_rate_while_mail_is_on_its_way(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=5))
    pass_time(world, 0.5)
    assert now(world) == START + timedelta(seconds=0.5 * 3_600)
    pass_time(world, 1)
    assert now(world) == START + timedelta(seconds=1.5 * 3_600)


def test_a_rate_of_zero_stops_it(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=5))
    world.set(sandbox_clocks, world.account, rate=0.0)
    pass_time(world, 1)
    assert now(world) == START


def test_a_service_that_was_down_does_not_leap(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(days=5), alarm_at=None)
    pass_time(world, 7_200)
    assert now(world) == START + LONGEST_STEP * 3_600


def test_a_machine_clock_that_went_back_moves_nothing_back(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(days=5))
    pass_time(world, -3_600)
    assert now(world) == START


@pytest.mark.parametrize("moment", ["freeze_from", "alarm_at", "poll_at"])
def test_it_stops_where_a_piece_falls_due(world: World, moment: str) -> None:
    at = START + timedelta(minutes=7)
    usual = {"freeze_from": START + timedelta(days=1), "alarm_at": None, "poll_at": None}
    world.add_ready(1, "test", **{**usual, moment: at})
    pass_time(world, 1)
    assert now(world) == at


def test_it_stops_where_a_printer_is_to_be_asked_and_where_the_plan_closes_a_batch(world: World) -> None:
    printer = world.add_printer("test")
    world.set(printers, printer, poll_at=START + timedelta(minutes=9))
    pass_time(world, 1, closing={world.account: START + timedelta(minutes=3)})
    assert now(world) == START + timedelta(minutes=3)
    pass_time(world, 1)
    assert now(world) == START + timedelta(minutes=9)


@pytest.mark.parametrize("state", ["created", "polled", "printer"])
def test_it_stands_while_something_is_due_where_it_stands(world: World, state: str) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=1))
    if state == "created":
        world.add_pieces(1, "test")
    elif state == "polled":
        world.add_ready(1, "test", poll_at=START)
    else:
        world.set(printers, world.add_printer("test"), poll_at=START)
    for _ in range(3):
        pass_time(world, 2)
    assert now(world) == START


def test_what_is_quarantined_holds_no_clock(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=1))
    world.add_pieces(1, "test", quarantined_at=START)
    pass_time(world, 2)
    assert now(world) == START + timedelta(hours=1)


def test_an_account_waits_for_its_own_work_alone(world: World) -> None:
    bob = world.add_account("bob")
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=1))
    world.add_pieces(1, "test", account_id=bob)
    pass_time(world, 1)
    assert now(world) == START + timedelta(hours=1)
    with world.db.read() as tx:
        assert read_clock(tx, bob).line_now == START


def test_asked_to_advance_it_goes_there_at_once_but_past_no_due_moment(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=30), alarm_at=None)
    assert advance(world, by=timedelta(hours=48))
    pass_time(world, 0)
    assert now(world) == START + timedelta(hours=30)
    pass_time(world, 0)
    assert now(world) == START + timedelta(hours=48)
    pass_time(world, 0)
    assert now(world) == START + timedelta(hours=48)


def test_asked_to_advance_it_still_waits_for_work(world: World) -> None:
    world.add_pieces(1, "test")
    assert advance(world, to=START + timedelta(hours=48))
    pass_time(world, 2)
    assert now(world) == START


def test_it_goes_neither_back_nor_beyond_a_year(world: World) -> None:
    assert not advance(world, to=START)
    assert not advance(world, by=timedelta(days=400))
    assert advance(world, by=timedelta(days=300))
    assert not advance(world, by=timedelta(days=100))


def test_of_two_that_move_a_clock_one_does(world: World) -> None:
    world.add_ready(1, "test", freeze_from=START + timedelta(hours=1))
    with world.db.write() as tx:
        [standing] = standings(tx)
        assert set_clock(tx, standing, START + timedelta(minutes=5), now=START)
        assert not set_clock(tx, standing, START + timedelta(minutes=9), now=START)
    assert now(world) == START + timedelta(minutes=5)


WALK = ["created", "ready", "batched", "sent", "printed", "mailed", "in_transit", "out_for_delivery", "delivered"]


def test_a_test_piece_goes_from_created_to_delivered_by_itself_and_in_order(sandbox: SandboxWorld) -> None:
    world = sandbox
    world.set(sandbox_clocks, world.account, rate=21_600.0)
    world.add_printer("test", max_wait_s=1_800)
    world.add_endpoint("test")
    ids = world.add_pieces(2, "test", freeze_from=START + timedelta(minutes=5))
    begun = world.clock()
    world.run_until(lambda: world.statuses(ids) == {"delivered": 2}, step_s=0.5)
    world.run_until_quiet("test")
    assert world.clock() - begun < timedelta(seconds=60)
    for piece_id in ids:
        rows = world.events(piece_id)
        assert world.event_types(piece_id) == WALK
        assert [row.at for row in rows] == sorted(row.at for row in rows)
        assert world.piece(piece_id).sla_state == "kept"
    batched, sent, printed, mailed = (
        next(row.at for row in world.events(ids[0]) if row.type == f"mail.{name}") for name in WALK[2:6]
    )
    assert batched == sent == START + timedelta(minutes=35)
    assert (printed - sent, mailed - sent) == (timedelta(minutes=60), timedelta(minutes=240))
    assert {row.status for row in world.rows(deliveries)} == {"delivered"}
    for piece_id in ids:
        told = [one.event_type for one in world.webhooks.sent if piece_id.encode() in one.body]
        assert told == [f"mail.{name}" for name in WALK if name not in ("ready", "batched")]
    standing = now(world)
    for _ in range(5):
        world.clock.advance(timedelta(seconds=2))
        world.tick("test")
        world.answer_bells("test")
    assert now(world) == standing  # with everything delivered, the clock has nothing to go for


def test_an_advance_through_a_whole_week_tells_everything_that_lies_in_it(sandbox: SandboxWorld) -> None:
    world = sandbox
    world.set(sandbox_clocks, world.account, rate=0.0)
    world.add_printer("test")
    [piece_id] = world.add_pieces(1, "test")
    assert advance(world, by=timedelta(days=7))
    world.run_until(lambda: now(world) == START + timedelta(days=7), step_s=0)
    assert world.event_types(piece_id) == WALK
    assert world.piece(piece_id).mailed_at < DUE


def test_without_a_printer_the_promise_breaks_on_the_line_clock(world: World) -> None:
    [piece_id] = world.add_ready(1, "test")
    assert advance(world, by=timedelta(days=2))
    world.run_until(lambda: now(world) == START + timedelta(days=2), step_s=0)
    alarms = [(row.type, row.at) for row in world.events(piece_id)][2:]
    assert alarms == [("mail.sla_at_risk", START), ("mail.sla_breached", DUE)]
    assert {row.evidence.get("cause") for row in world.events(piece_id)[2:]} == {"no_printer"}
    assert world.count(events) == 4
    assert world.count(pieces, pieces.c.sla_state == "breached") == 1

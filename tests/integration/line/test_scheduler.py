"""The tick: one leader, a second that does no harm, alarms told once, and lost work found again."""

import threading
from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.ports import Note
from pipeline.repository import leadership
from pipeline.repository.leadership import lead
from pipeline.repository.tables import deliveries, drops, events, leases, pieces, placements, printers
from pipeline.worker import scheduler as module
from pipeline.worker.leading import LEASE_S, Leadership
from pipeline.worker.scheduler import Scheduler
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import DUE, START, World


def test_one_leads_and_the_other_does_nothing(world: World) -> None:
    world.add_printer()
    ids = world.add_ready(1)
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")
    with world.db.write() as tx:
        assert lead(tx, "tick-live", "first", now=START, for_s=LEASE_S) == 1
    assert not second.tick()
    assert world.statuses(ids) == {"ready": 1}
    assert first.tick()
    assert world.statuses(ids) == {"batched": 1}


def test_the_modes_are_led_apart(world: World) -> None:
    assert world.scheduler("live", "first").tick()
    assert world.scheduler("test", "second").tick()


def test_a_leader_that_is_gone_is_followed_and_the_epoch_goes_up(world: World) -> None:
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")
    assert first.tick()
    world.clock.advance(timedelta(seconds=LEASE_S - 1))
    assert first.tick()
    world.clock.advance(timedelta(seconds=LEASE_S - 1))
    assert not second.tick()
    world.clock.advance(timedelta(seconds=1))
    assert second.tick()
    assert not first.tick()
    [row] = [row for row in world.rows(leases) if row.name == "tick-live"]
    assert (row.owner, row.epoch) == ("second", 2)


def test_who_resigns_is_followed_at_once(world: World) -> None:
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")
    assert first.tick()
    first.resign()
    assert second.tick()
    assert not first.tick()


def test_resigning_after_having_lost_takes_nothing_from_the_new_leader(world: World) -> None:
    first, second = world.scheduler("live", "first"), world.scheduler("live", "second")
    first.tick()
    world.clock.advance(timedelta(seconds=LEASE_S))
    second.tick()
    first.resign()
    assert not world.scheduler("live", "third").tick()


def test_of_many_that_want_to_lead_at_once_one_does(concurrent_world: World) -> None:
    world = concurrent_world
    got: list[int | None] = []
    together = threading.Barrier(4)

    def run(owner: str) -> None:
        together.wait()
        with world.db.write() as tx:
            got.append(lead(tx, "tick-live", owner, now=START, for_s=LEASE_S))

    run_all([threading.Thread(target=run, args=(f"owner-{n}",)) for n in range(4)])
    assert sorted(str(epoch) for epoch in got) == ["1", "None", "None", "None"]


def run_all(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_two_that_both_believe_they_lead_double_nothing(
    concurrent_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = concurrent_world
    world.add_printer()
    world.add_endpoint()
    monkeypatch.setattr(Leadership, "take", lambda _: True)
    monkeypatch.setattr(Leadership, "prove", lambda *_: None)
    # Half may be frozen, half is at risk or broken: freezing and marking want the same rows.
    ids = world.add_ready(150)
    overdue = world.add_ready(150, due_at=START - timedelta(hours=1), alarm_at=START - timedelta(hours=2))
    together = threading.Barrier(2)

    def run(owner: str) -> None:
        scheduler = world.scheduler("live", owner)
        for _ in range(4):
            together.wait()
            assert scheduler.tick()

    run_all([threading.Thread(target=run, args=(f"owner-{n}",)) for n in range(2)])
    world.tick()
    assert world.statuses([*ids, *overdue]) == {"batched": 300}
    assert world.count(placements, placements.c.live) == 300
    assert world.count(placements) == 300
    breached = [row.piece_id for row in world.rows(events, events.c.type == "mail.sla_breached")]
    assert sorted(breached) == sorted(overdue)
    told = world.rows(events, events.c.told)
    assert world.count(deliveries) == len(told) == 300 + 150
    assert sorted(row.position for row in world.rows(events)) == list(range(1, world.count(events) + 1))


def test_alarms_are_told_once_each_by_the_tick(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    for _ in range(26):
        world.tick()
        world.clock.advance(timedelta(hours=1))
    assert world.event_types(piece_id) == ["created", "sla_at_risk", "sla_breached"]
    at = [event.at for event in world.events(piece_id)][1:]
    assert at == [DUE - timedelta(hours=6), DUE]


def test_a_flood_of_alarms_is_told_whole(world: World) -> None:
    ids = world.add_ready(1_100)
    world.clock.advance(timedelta(hours=30))
    world.tick()
    assert {row.sla_state for row in world.rows(pieces)} == {"breached"}
    assert world.count(events, events.c.type == "mail.sla_breached") == len(ids)


@pytest.mark.parametrize("broken", ["publish", "due_alarms", "promote"])
def test_a_step_that_fails_keeps_no_other_from_running(
    world: World, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    world.add_printer()
    ids = world.add_ready(1, alarm_at=START)

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(module, broken, fail)
    world.tick()
    assert world.statuses(ids) == {"batched": 1}
    published = world.count(events, events.c.position.is_not(None)) > 0
    assert published is (broken != "publish")
    assert ("sla_at_risk" in world.event_types(ids[0])) is (broken != "due_alarms")
    assert "impose" in {note.stage for note in world.bell.take()}
    monkeypatch.undo()
    world.tick()
    assert world.count(events, events.c.position.is_(None)) <= 1


def test_a_lead_that_cannot_be_taken_is_told_of_and_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add_printer()
    ids = world.add_ready(1)

    def fail(*_: Any, **__: Any) -> Any:
        raise RuntimeError("broken")

    monkeypatch.setattr(leadership, "lead", fail)
    with capture_logs() as logs:
        assert not world.schedulers["live"].tick()
    told = [(one["step"], one["runbook"]) for one in logs if one["event"] == "tick.step_failed"]
    assert told == [("lead", "tick-step-failed")]
    monkeypatch.undo()
    world.tick()
    assert world.statuses(ids) == {"batched": 1}


def test_every_stage_that_has_something_due_is_rung_for_again_and_again(world: World) -> None:
    world.add_pieces(1)
    world.add_creative(status="checked")
    for _ in range(3):
        world.tick()
        assert {note.stage for note in world.bell.take()} == {"standardize", "prepare"}


def test_losing_every_bell_costs_nothing_but_time(world: World) -> None:
    world.add_printer()
    ids = world.add_pieces(3)
    for _ in range(10):
        world.tick()
        notes = world.bell.take()
        world.tick()
        assert set(notes) <= set(world.bell.take()) | {Note("impose", "live")}
        for note in notes:
            world.run(note.stage, only=note.only)
        world.bell.take()  # what the stages rang for is lost
    assert world.statuses(ids) == {"sent": 3}


def test_nothing_is_swept_by_a_scheduler_without_sweeps(world: World) -> None:
    world.add_pieces(1)
    world.scheduler("live", sweeps=False).tick()
    assert world.bell.take() == []


def test_a_dead_claim_is_rung_for_apart_at_every_stage_of_its_table(world: World) -> None:
    ids = sorted(world.add_pieces(5))
    for piece_id in ids:
        world.set(pieces, piece_id, claim_token="cl_dead", lease_until=START - timedelta(seconds=1), attempt=1)
    world.tick()
    apart = {note for note in world.bell.take() if note.only}
    halves = {tuple(ids[:2]), tuple(ids[2:])}
    assert apart == {Note(stage, "live", half) for stage in ("standardize", "track") for half in halves}


def test_the_sweep_keeps_its_own_pace(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    world.tick()
    world.bell.take()
    world.set(pieces, piece_id, claim_token="cl_dead", lease_until=START - timedelta(seconds=1), attempt=1)
    world.clock.advance(timedelta(seconds=4))
    world.tick()
    assert [note for note in world.bell.take() if note.only] == []
    world.clock.advance(timedelta(seconds=1))
    world.tick()
    assert {note.only for note in world.bell.take()} == {(piece_id,)}


def test_two_schedulers_and_workers_together_bring_everything_to_the_printer_once(concurrent_world: World) -> None:
    world = concurrent_world
    world.add_printer(max_sheets_per_batch=2)
    ids = world.add_pieces(200)
    stop = threading.Event()
    faults: list[BaseException] = []

    def guarded(step: Any) -> None:
        while not stop.is_set():
            try:
                step()
            except Exception as error:  # noqa: BLE001  # a thread's edge: it is asserted on below
                faults.append(error)
                stop.set()

    def work() -> None:
        line = world.make_line("live")
        for stage in line.stages:
            line.run(stage)

    both = [Scheduler(world.lines["live"], owner=f"owner-{n}") for n in range(2)]
    threads = [threading.Thread(target=guarded, args=(one.tick,)) for one in both]
    threads += [threading.Thread(target=guarded, args=(work,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(3_000):
        if stop.wait(0.02) or world.statuses(ids) == {"sent": 200}:
            break
    stop.set()
    for thread in threads:
        thread.join()
    assert faults == []
    assert world.statuses(ids) == {"sent": 200}
    handed_over = world.printer().handed_over
    assert len(handed_over) == len(set(handed_over)) == world.count(drops)
    assert all(world.event_types(one) == ["created", "ready", "batched", "sent"] for one in ids)


def test_live_and_test_mail_never_meet(world: World) -> None:
    for mode in ("live", "test"):
        world.add_printer(mode, name=mode)
        world.add_endpoint(mode, url=f"https://{mode}.example")
    both = {mode: world.add_pieces(2, mode) for mode in ("live", "test")}
    world.add_creative("test", status="checked")
    due = world.rows(printers)
    for row in due:
        world.set(printers, row.id, poll_at=START)
    for other, mode in (("live", "test"), ("test", "live")):
        with world.db.read() as tx:
            before = {t.name: tx.execute(t.select().where(t.c.mode == mode).order_by(t.c.id)).all() for t in TABLES}
        world.run_until_quiet(other)
        if other == "live":
            for table in TABLES:
                assert before[table.name] == world.rows(table, table.c.mode == mode)
            assert world.statuses(both["live"]) == {"sent": 2}
        for stage in world.lines[mode].stages.values():
            for row in world.rows(stage.table, stage.where(), stage.table.c.mode != mode):
                raise AssertionError(f"{stage.name} of {mode} would take {row.id}")
    assert world.statuses(both["test"]) == {"sent": 2}
    assert {one.url for one in world.webhooks.sent if b'"livemode":true' in one.body} == {"https://live.example"}
    assert {one.url for one in world.webhooks.sent if b'"livemode":false' in one.body} == {"https://test.example"}


TABLES = (pieces, events, printers, drops, deliveries)


def test_a_stage_of_one_mode_claims_no_row_of_the_other_not_even_by_name(world: World) -> None:
    ids = world.add_pieces(2, "test")
    assert world.run("standardize", "live", only=ids) == 0
    assert world.run("standardize", "test", only=ids) == 2


def test_a_day_of_a_piece_ends_with_the_endpoint_told(world: World) -> None:
    world.add_endpoint(events=["mail.delivered"])
    [piece_id] = world.freeze_and_send(1)
    imb = world.piece(piece_id).imb
    ack(world, world.drop().stem, "mailed")
    world.carrier.told[imb] = [scan(imb, START + timedelta(hours=9), "Phase 4c", code="DLV", handling="L")]
    world.clock.advance(timedelta(hours=10))
    world.run_until_quiet()
    assert [one.event_type for one in world.webhooks.sent] == ["mail.delivered"]

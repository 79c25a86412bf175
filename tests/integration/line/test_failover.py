"""Failover: before the hand-over freely, after it only by a won recall or a refusal, and never where nobody else can make it."""

from datetime import timedelta
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Permanent, Transient
from pipeline.models.profile import Floor, PrinterProfile
from pipeline.repository.backlog import COOLING, open_printers
from pipeline.repository.printers import Deed
from pipeline.repository.suspensions import Suspension, add_suspension
from pipeline.repository.tables import audit, batches, drops, pieces, placements, printers
from pipeline.sla.presses import Press
from pipeline.worker.failover import CRAWL, OUTAGE, RESERVE, Stranded, last_start, reason_to_move
from pipeline.worker.floor import read_presses
from tests.integration.line.marks import ack
from tests.integration.line.world import DUE, START, World, profile

ACK_MINUTES = 20
SILENT = timedelta(minutes=ACK_MINUTES + 10)
DROP = Stranded("postcard_4x6", "cover_120lb", "first_class", 10, START, DUE, failed="printer_unreachable")


def at_its_last_start(other: PrinterProfile) -> Any:
    start = last_start(other, DROP, START)
    assert start is not None
    return start


class TestTheRule:
    def test_an_outage_that_lasts_moves_the_drop(self) -> None:
        assert reason_to_move(DROP, [profile()], START + OUTAGE - timedelta(seconds=1)) is None
        assert "for 20 minutes (printer_unreachable)" in (reason_to_move(DROP, [profile()], START + OUTAGE) or "")

    def test_it_moves_sooner_where_the_last_chance_elsewhere_is_near(self) -> None:
        near = at_its_last_start(profile()) - RESERVE
        fresh = Stranded(**{**DROP.__dict__, "since": near - timedelta(minutes=5)})
        assert "only if it starts within 30 minutes" in (reason_to_move(fresh, [profile()], near) or "")
        assert reason_to_move(fresh, [profile()], near - timedelta(seconds=31)) is None

    def test_a_chance_that_has_passed_is_no_reason(self) -> None:
        gone = at_its_last_start(profile()) + timedelta(seconds=1)
        fresh = Stranded(**{**DROP.__dict__, "since": gone - timedelta(minutes=5)})
        assert reason_to_move(fresh, [profile()], gone) is None

    def test_the_last_start_is_the_last_truck_less_what_comes_before_it(self) -> None:
        one = profile(trucks=["16:00"], lead_minutes=75, setup_minutes=4, sheets_per_hour=600)
        # 16:00 in New York is 21:00 UTC; the tomorrow's truck is after the promise.
        assert last_start(one, DROP, START) == START + timedelta(hours=6) - timedelta(minutes=75 + 4 + 1 + 5)
        assert last_start(profile(trucks=[]), DROP, START) is None

    @pytest.mark.parametrize("unable", [{"products": ["letter"]}, {"stocks": ["bond"]}, {"classes": ["marketing"]}])
    def test_who_cannot_make_it_is_nobody(self, unable: dict[str, Any]) -> None:
        other = profile().model_copy(update={name: tuple(value) for name, value in unable.items()})
        assert reason_to_move(DROP, [other], START + timedelta(hours=3)) is None

    def test_a_printer_out_of_use_is_left_at_once_and_one_that_is_well_never(self) -> None:
        well = Stranded(**{**DROP.__dict__, "failed": None})
        assert reason_to_move(well, [profile()], START + timedelta(hours=3)) is None
        assert reason_to_move(Stranded(**{**well.__dict__, "out_of_use": True}), [profile()], START) is not None
        assert reason_to_move(Stranded(**{**well.__dict__, "out_of_use": True}), [], START) is None


def imposed_at_north(world: World, count: int = 3) -> tuple[str, list[str]]:
    """A drop that is imposed and not on its way."""
    north = world.add_printer(name="north")
    ids = world.add_ready(count)
    world.tick()
    world.run("impose")
    world.bell.take()
    return north, ids


def hold_down(world: World, printer_id: str, error: Exception) -> None:
    """Every drop for this printer fails from now on, until the traps are cleared."""

    class Down(dict[Any, Any]):
        def pop(self, step: Any, default: Any = None) -> Any:
            return error if step in (("put", "before"), ("acks", "before"), ("recall", "before")) else default

    world.printers[printer_id].traps = Down()


def sent_to(world: World) -> set[str]:
    return {row.printer_id for row in world.rows(drops, drops.c.status == "sent")}


def test_the_drop_of_a_suspended_printer_goes_to_another(world: World) -> None:
    north, ids = imposed_at_north(world)
    south = world.add_printer(name="south")
    old = {row.imb for row in world.rows(pieces)}
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert sent_to(world) == {south}
    assert world.statuses(ids) == {"sent": 3}
    assert world.printers[north].handed_over == []
    assert not old & {row.imb for row in world.rows(pieces)}
    assert sorted(row.status for row in world.rows(batches)) == ["sent", "void"]
    assert world.events(ids[0])[3].evidence["void"] == "its printer is out of use"
    [kept] = world.rows(audit)
    assert (kept.action, kept.who, kept.data["pieces"]) == ("batch.failover", "failover", 3)


def test_a_suspended_printer_goes_on_where_nobody_else_can_make_it(world: World) -> None:
    north, ids = imposed_at_north(world)
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 3}
    assert sent_to(world) == {north}


@pytest.mark.parametrize(
    "error", [Transient("printer_unreachable", "no route"), Permanent("host_key_changed", "another key")]
)
def test_an_outage_moves_the_drop_and_spares_the_printer_for_a_while(world: World, error: Exception) -> None:
    north, ids = imposed_at_north(world)
    south = world.add_printer(name="south")
    hold_down(world, north, error)
    world.run_until_quiet()
    world.run("dispatch")
    assert world.statuses(ids) == {"batched": 3}
    world.clock.advance(OUTAGE)
    world.run_until_quiet()
    assert sent_to(world) == {south}
    assert world.statuses(ids) == {"sent": 3}
    world.set(printers, south, suspended_at=START)
    more = world.add_ready(1)
    world.run_until_quiet()
    assert world.statuses(more) == {"ready": 1}
    world.clock.advance(COOLING)
    world.run_until_quiet()
    assert world.statuses(more) == {"batched": 1}


def test_what_fails_on_our_own_side_blames_no_printer(world: World) -> None:
    north, ids = imposed_at_north(world)
    world.add_printer(name="south")
    full = Transient("storage_unavailable", "the store of files is down")
    hold_down(world, north, full)
    for _ in range(4):
        world.clock.advance(OUTAGE)
        world.run_until_quiet()
    [drop] = world.rows(drops)
    assert (drop.status, drop.printer_id, drop.last_error) == ("imposed", north, "storage_unavailable")
    world.printers[north].traps = {}
    world.clock.advance(timedelta(minutes=15))
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({north}, {"sent": 3})


def test_what_cannot_be_imposed_goes_from_printer_to_printer_no_more(world: World) -> None:
    world.add_printer(name="north")
    world.add_printer(name="south")
    ids = world.add_ready(3)
    files = world.folder / "files"
    files.rename(world.folder / "gone")
    for _ in range(4):
        world.run_until_quiet()
        world.clock.advance(OUTAGE)
    [drop] = world.rows(drops)
    assert (drop.status, drop.last_error) == ("frozen", "missing_file")
    (world.folder / "gone").rename(files)
    world.clock.advance(timedelta(minutes=15))
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({drop.printer_id}, {"sent": 3})


def test_a_drop_that_crawls_to_its_printer_is_moved_though_nothing_fails(world: World) -> None:
    north, ids = imposed_at_north(world)
    south = world.add_printer(name="south")
    looked = []

    def crawl() -> None:  # a worker puts the files, and the clockwork goes on beside it
        world.clock.advance(CRAWL - timedelta(seconds=1))
        world.tick()
        looked.append(world.drop().status)
        world.clock.advance(timedelta(seconds=1))
        world.tick()

    world.printers[north].traps[("put", "before")] = crawl
    world.run_until_quiet()
    assert looked == ["imposed"]
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 3})
    assert world.printers[north].handed_over == []
    assert "for 60 minutes (printer_slow)" in str(world.events(ids[0])[3].evidence)


def test_a_drop_that_waits_for_our_own_workers_does_not_crawl(world: World) -> None:
    north, ids = imposed_at_north(world)
    world.add_printer(name="south")
    world.clock.advance(CRAWL + timedelta(minutes=5))
    world.tick()
    world.run("dispatch")
    assert (sent_to(world), world.statuses(ids)) == ({north}, {"sent": 3})


def test_a_printer_that_cannot_be_asked_is_given_nothing_until_it_can(world: World) -> None:
    ids = world.freeze_and_send(1)
    north = world.rows(printers)[0].id
    hold_down(world, north, Transient("printer_unreachable", "no route"))
    for _ in range(5):
        world.clock.advance(timedelta(minutes=2))
        world.run_until_quiet()
    more = world.add_ready(1)
    world.run_until_quiet()
    assert world.statuses(more) == {"ready": 1}
    world.printers[north].traps = {}
    world.clock.advance(timedelta(minutes=10))
    world.run_until_quiet()
    assert world.statuses(ids + more) == {"sent": 2}


def stuck_in_the_hand_over(world: World) -> tuple[str, list[str]]:
    """A drop whose rename was never made: its ready file still has the name of a part."""
    north = world.add_printer(name="north")
    world.printers[north].traps["hand_over", "before"] = Transient("printer_connection_lost", "cut")
    ids = world.add_ready(2)
    world.tick()
    world.run("impose")
    world.run("dispatch")
    world.bell.take()
    assert world.drop().status == "handing_over"
    world.clock.advance(timedelta(minutes=1))
    return north, ids


def test_what_was_not_handed_over_to_a_printer_that_is_suspended_meanwhile_goes_elsewhere(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    south = world.add_printer(name="south")
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert world.printers[north].handed_over == []
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 2})
    assert [name for name in world.printers[north].inbox if "ready" in name] == []


def test_a_hand_over_that_is_asked_back_is_not_made_while_its_printer_cannot_be_reached(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    south = world.add_printer(name="south")
    world.set(printers, north, suspended_at=START)
    hold_down(world, north, Transient("printer_unreachable", "no route"))
    world.run_until_quiet()
    world.run("dispatch")
    assert (world.drop().status, world.drop().recall_state) == ("handing_over", "asked")
    world.printers[north].traps = {}
    world.clock.advance(timedelta(minutes=10))
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 2})


def test_a_hand_over_that_only_its_suspended_printer_can_make_is_made_there(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({north}, {"sent": 2})


def test_a_hand_over_that_was_made_and_taken_before_the_suspension_stays(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    world.add_printer(name="south")
    stem = world.drop().stem
    world.printers[north].hand_over(stem, world.drop().ready_part)
    world.printers[north].take(stem)
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    assert (sent_to(world), world.statuses(ids)) == ({north}, {"sent": 2})


def fail_at_the_rename(world: World, north: str, *, minutes: int) -> list[Any]:
    """The printer of a drop that is half handed over stays away for so long; the alarms of that time."""
    down = Transient("printer_unreachable", "no route")
    with capture_logs() as logs:
        for _ in range(minutes // 5):
            world.printers[north].traps = {(step, "before"): down for step in ("hand_over", "look", "recall", "acks")}
            world.clock.advance(timedelta(minutes=5))
            world.run_until_quiet()
    world.printers[north].traps.clear()
    return [one for one in logs if one["log_level"] == "error"]


def test_an_outage_that_begins_at_the_rename_is_told_and_the_drop_is_asked_back(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    south = world.add_printer(name="south")
    assert fail_at_the_rename(world, north, minutes=15) == []
    assert world.drop().recall_state is None
    [told] = fail_at_the_rename(world, north, minutes=300)
    assert (told["event"], told["runbook"], told["code"]) == (
        "drop.half_handed_over", "drop-half-handed-over", "printer_unreachable",
    )  # fmt: skip
    assert (world.drop().status, world.drop().recall_state) == ("handing_over", "asked")
    assert "could not be ended for 21 minutes (printer_unreachable)" in world.drop().recall_reason
    world.clock.advance(timedelta(minutes=20))
    world.run_until_quiet()
    assert world.printers[north].handed_over == []
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 2})


def test_after_an_outage_at_the_rename_silence_counts_from_when_the_drop_came_there(world: World) -> None:
    north, ids = stuck_in_the_hand_over(world)
    assert [one["event"] for one in fail_at_the_rename(world, north, minutes=300)] == ["drop.half_handed_over"]
    assert (world.drop().silent_at, world.drop().recall_state) == (START + timedelta(minutes=21), None)
    world.clock.advance(timedelta(minutes=20))
    with capture_logs() as logs:
        world.run_until_quiet()
        assert (sent_to(world), world.statuses(ids), world.drop().silent_at) == ({north}, {"sent": 2}, None)
        world.add_printer(name="south")
        world.clock.advance(SILENT - timedelta(minutes=1))
        world.run_until_quiet()
        assert [one for one in logs if one["log_level"] == "error"] == []
        assert world.drop().recall_state is None
        world.clock.advance(timedelta(minutes=1))
        world.run_until_quiet()
    assert [one["minutes"] for one in logs if one["event"] == "printer.silent"] == [30]


def test_an_outage_at_the_rename_makes_no_slow_printer(world: World) -> None:
    north, _ = stuck_in_the_hand_over(world)
    fail_at_the_rename(world, north, minutes=300)
    world.clock.advance(timedelta(minutes=20))
    world.run_until_quiet()
    came = world.clock()
    assert press_of(world).unacknowledged_since == came
    world.clock.advance(timedelta(minutes=10))
    ack(world, world.drop().stem, "accepted")
    world.run_until_quiet()
    assert press_of(world).heard_after == timedelta(minutes=10)


def press_of(world: World) -> Press:
    with world.db.read() as tx:
        [press] = read_presses(tx, open_printers(tx, "live", None, world.clock()), world.clock())
    return press


def test_silence_puts_the_promises_at_risk_once_with_one_alarm(world: World) -> None:
    ids = world.freeze_and_send(3)
    world.clock.advance(SILENT - timedelta(seconds=1))
    world.run_until_quiet()
    assert world.event_types(ids[0])[-1] == "sent"
    world.clock.advance(timedelta(seconds=1))
    with capture_logs() as logs:
        for _ in range(3):
            world.run_until_quiet()
    [told] = [one for one in logs if one["event"] == "printer.silent"]
    assert (told["runbook"], told["minutes"], told["drop"]) == ("printer-silent", 30, world.drop().stem)
    for one in ids:
        last = world.events(one)[-1]
        assert (last.type, last.evidence["cause"]) == ("mail.sla_at_risk", "printer_silent")
        assert world.piece(one).sla_state == "at_risk"
    assert world.drop().silent_at == START + SILENT
    assert world.statuses(ids) == {"sent": 3}


NIGHT = timedelta(hours=17)
"""From the start of a test to 3 o'clock in New York, three hours before its printers open."""


def test_a_shop_that_is_closed_is_not_silent_before_it_opens(world: World) -> None:
    world.clock.advance(NIGHT)
    due = DUE + NIGHT
    ids = world.freeze_and_send(3, due_at=due, alarm_at=due - timedelta(hours=6))
    world.add_printer(name="south")
    with capture_logs() as logs:
        for passed in (SILENT, timedelta(hours=3) - timedelta(seconds=1)):
            world.clock.advance(passed)
            world.run_until_quiet()
        assert "printer.silent" not in {one["event"] for one in logs}
        assert {world.piece(one).sla_state for one in ids} == {"on_track"}
        world.clock.advance(timedelta(seconds=1))
        world.run_until_quiet()
    assert [one["event"] for one in logs].count("printer.silent") == 1
    assert sorted(row.status for row in world.rows(drops)) == ["recalled", "sent"]


def test_a_day_on_which_its_printer_is_suspended_does_not_count_as_silence(world: World) -> None:
    world.freeze_and_send(3)
    today = START.date()
    with world.db.write() as tx:
        one = Suspension(today, today, printer=world.rows(printers)[0].id)
        add_suspension(tx, one, Deed("cli:ada", START, "snow"), ids=world.ids)
    with capture_logs() as logs:
        world.clock.advance(SILENT)
        world.run_until_quiet()
        assert "printer.silent" not in {line["event"] for line in logs}
        world.clock.advance(timedelta(hours=20))
        world.run_until_quiet()
    assert "printer.silent" in {line["event"] for line in logs}


def test_a_silent_reprint_puts_what_it_makes_again_at_risk_and_nothing_else(world: World) -> None:
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(minutes=5))
    ack(world, world.drop().stem, "printed")
    world.run_until_quiet()
    world.clock.advance(timedelta(minutes=5))
    ack(world, world.drop().stem, "spoiled", pieces=ids[:1])
    world.run_until_quiet()
    assert (world.drop(1).status, world.statuses(ids)) == ("sent", {"printed": 3})
    world.clock.advance(SILENT)
    world.run_until_quiet()
    assert world.drop(1).silent_at == world.clock()
    assert [world.piece(one).sla_state for one in ids] == ["at_risk", "on_track", "on_track"]
    assert world.events(ids[0])[-1].evidence["drop"] == world.drop(1).stem


def test_a_printer_that_speaks_in_time_is_not_silent(world: World) -> None:
    ids = world.freeze_and_send(3)
    world.clock.advance(timedelta(minutes=5))
    ack(world, world.drop().stem, "accepted")
    world.run_until_quiet()
    world.clock.advance(SILENT)
    world.run_until_quiet()
    assert {world.piece(one).sla_state for one in ids} == {"on_track"}


def test_a_silent_drop_that_lies_on_the_shelf_is_taken_back_and_made_elsewhere(world: World) -> None:
    ids = world.freeze_and_send(3)
    north = world.rows(printers)[0].id
    stem = world.drop().stem
    south = world.add_printer(name="south")
    world.clock.advance(SILENT)
    world.run_until_quiet()
    assert f"{stem}.recalled" in world.printers[north].inbox
    assert (sent_to(world), world.statuses(ids)) == ({south}, {"sent": 3})
    assert "said nothing for 30 minutes" in str(world.events(ids[0])[-3].evidence)
    assert world.count(placements, placements.c.live) == 3


def test_a_silent_drop_that_was_taken_stays_however_long_the_silence(world: World) -> None:
    ids = world.freeze_and_send(3)
    world.printer().take(world.drop().stem)
    world.add_printer(name="south")
    for _ in range(3):
        world.clock.advance(SILENT)
        world.run_until_quiet()
    [drop] = world.rows(drops)
    assert (drop.status, drop.recall_state) == ("sent", "lost")
    assert world.statuses(ids) == {"sent": 3}


def test_an_unreachable_silent_printer_keeps_its_drop_until_the_recall_is_won(world: World) -> None:
    ids = world.freeze_and_send(3)
    north = world.rows(printers)[0].id
    world.add_printer(name="south")
    hold_down(world, north, Transient("printer_unreachable", "no route"))
    world.clock.advance(SILENT)
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 3}
    assert world.drop().recall_state == "asked"
    world.printers[north].traps = {}
    world.clock.advance(timedelta(minutes=10))
    world.run_until_quiet()
    assert {row.printer_id for row in world.rows(drops, drops.c.status == "sent")} != {north}
    assert world.statuses(ids) == {"sent": 3}


def test_the_floor_of_the_test_profile_is_as_the_tests_take_it() -> None:
    assert Floor().ack_minutes == ACK_MINUTES

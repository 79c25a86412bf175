"""An excuse is an event that the report counts by, an audit row that says who, and nothing that a sender hears of."""

from datetime import timedelta
from zoneinfo import ZoneInfo

from pipeline.lifecycle import EXCUSED
from pipeline.repository.audits import AuditFilter, list_audit
from pipeline.repository.history import Span, histories
from pipeline.repository.pages import Page
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, events
from pipeline.sla.report import Report, Verdict
from pipeline.worker.excusing import excuse_batch, excuse_cause, excuse_pieces
from tests.integration.line.world import START, World


def deed(world: World, reason: str = "blizzard in Boise") -> Deed:
    return Deed("cli:joe", world.clock(), reason)


def excuse(world: World, *piece_ids: str) -> list[str]:
    return excuse_pieces(world.db, piece_ids, deed(world), clock=world.clock, ids=world.ids)


def report(world: World) -> Report:
    counted = Report(ZoneInfo("UTC"))
    with world.db.read() as tx:
        for history in histories(tx, Span("live", START, START + timedelta(days=3)), now=world.clock()):
            counted.add(history)
    return counted


def test_an_excused_miss_is_counted_apart_with_its_reason(world: World) -> None:
    excused, missed = world.add_ready(2)
    world.clock.advance(timedelta(hours=25))
    world.tick()
    assert excuse(world, excused) == [excused]
    counted = report(world)
    assert (counted.total.verdicts[Verdict.EXCUSED], counted.total.verdicts[Verdict.MISSED]) == (1, 1)
    assert {miss.piece_id: miss.excuse for miss in counted.misses} == {excused: "blizzard in Boise", missed: None}
    [event] = world.rows(events, events.c.type == EXCUSED)
    assert (event.told, event.evidence) == (False, {"reason": "blizzard in Boise", "by": "cli:joe"})
    assert (world.piece(excused).status, world.piece(excused).revision) == ("ready", event.sequence)


def test_a_piece_may_be_excused_before_it_is_late_and_is_kept_all_the_same_if_it_is_not(world: World) -> None:
    world.add_printer()
    [piece] = world.add_ready()
    assert excuse(world, piece) == [piece]
    world.run_until_quiet()
    assert world.piece(piece).status == "sent"
    assert report(world).total.verdicts[Verdict.OPEN] == 1


def test_what_was_kept_or_called_off_needs_no_excuse(world: World) -> None:
    kept = world.add_ready(1, sla_state="kept")
    void = world.add_ready(1, sla_state="void")
    assert excuse(world, *kept, *void, "ml_none") == []
    assert world.rows(audit) == []


def test_a_batch_is_excused_whole_over_many_pages(world: World) -> None:
    world.add_printer(max_sheets_per_batch=200)
    piece_ids = world.freeze_and_send(1_001)
    batch_id = world.batch().id
    done = excuse_batch(world.db, batch_id, deed(world), clock=world.clock, ids=world.ids)
    assert done == sorted(piece_ids)
    assert world.count(events, events.c.type == EXCUSED) == 1_001
    [row] = world.rows(audit)
    assert (row.action, row.subject, row.data["pieces"], len(row.data["first"])) == (
        "batch.excuse",
        batch_id,
        1_001,
        100,
    )
    assert excuse_batch(world.db, "bt_none", deed(world), clock=world.clock, ids=world.ids) is None


def test_deeds_are_listed_newest_first_and_by_what_and_who(world: World) -> None:
    pieces = world.add_ready(3)
    for n, piece in enumerate(pieces):
        world.clock.advance(timedelta(seconds=1))
        who = Deed(f"cli:{'joe' if n else 'ann'}", world.clock(), "storm")
        excuse_pieces(world.db, [piece], who, clock=world.clock, ids=world.ids)

    def listed(limit: int = 10, **wanted: str) -> list[str]:
        with world.db.read() as tx:
            return [row.subject for row in list_audit(tx, AuditFilter(**wanted), Page(limit))]

    assert listed() == pieces[::-1]
    assert listed(1) == pieces[:0:-1]  # one more than the page
    assert listed(who="cli:ann") == pieces[:1]
    assert listed(subject=pieces[1]) == pieces[1:2]
    assert listed(action="mail") == listed(action="mail.excuse") == pieces[::-1]
    assert listed(action="mai") == listed(action="batch") == []


def test_what_misses_for_a_cause_is_excused_together(world: World) -> None:
    cards = world.add_ready(2)
    [larger] = world.add_ready(1, product="postcard_6x9")
    [other] = world.add_pieces(1)
    world.tick()
    world.clock.advance(timedelta(minutes=2))
    world.tick()
    by = deed(world, "the only shop that makes it burned down")
    clocks = {"clock": world.clock, "ids": world.ids}
    assert excuse_cause(world.db, "no_truck", None, by, **clocks) == []
    assert excuse_cause(world.db, "no_printer", "postcard_4x6", by, **clocks) == sorted(cards)
    assert excuse_cause(world.db, "no_printer", None, by, **clocks) == sorted([*cards, larger])
    world.clock.advance(timedelta(hours=25))
    counted = report(world)
    assert counted.total.verdicts[Verdict.EXCUSED] == 3
    assert [miss.piece_id for miss in counted.misses if miss.excuse is None] == [other]

"""An operator's recorded decision that what a printer has is made again: as possible duplicates, with who and why."""

from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from pipeline.errors import Transient
from pipeline.ports import Lies
from pipeline.repository.history import Span, made_by
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, placements, printers
from pipeline.sla.report import Report
from pipeline.stages.recall import Outcome, Recall
from pipeline.worker.board import look
from pipeline.worker.failing import Failed, FailedAs, Failing
from tests.integration.line.marks import ack
from tests.integration.line.test_acknowledge import faults, hear, told
from tests.integration.line.test_dispatch import lose
from tests.integration.line.test_failover import hold_down
from tests.integration.line.world import World

GIVEN_UP = "lost"


@pytest.fixture
def ids(world: World) -> list[str]:
    """Three pieces taken by a printer that is given nothing more."""
    ids = world.freeze_and_send(3)
    printer_id = world.rows(printers)[0].id
    world.set(printers, printer_id, suspended_at=world.clock())
    world.printer().take(world.drop().stem)
    world.clock.advance(timedelta(hours=1))
    return ids


def settle(world: World, *, taken: bool = False, even_if_taken: bool = False) -> list[Outcome]:
    desk = Recall(world.contexts["live"], world.printers)
    deed = Deed("cli:ada", world.clock(), "the press burned down")
    return desk.settle(world.batch().id, deed, taken=taken, even_if_taken=even_if_taken)


def test_what_a_printer_has_is_settled_by_nothing_less(world: World, ids: list[str]) -> None:
    assert settle(world) == []
    assert world.statuses(ids) == {"sent": 3}


@pytest.mark.parametrize("word", [None, "accepted", "printed", "inserted"])
def test_it_is_given_up_whatever_it_said(world: World, ids: list[str], word: str | None) -> None:
    if word:
        told(world, word)
    [outcome] = settle(world, even_if_taken=True)
    assert (outcome.state, outcome.pieces) == ("void", 3)
    assert (world.statuses(ids), world.drop().status, world.batch().status) == ({"ready": 3}, "void", "void")
    assert world.count(placements, placements.c.live) == 0
    for one in ids:
        evidence = world.events(one)[-1].evidence
        assert (evidence["possible_duplicate"], evidence["by"], evidence["void"]) == (
            True,
            "cli:ada",
            "the press burned down",
        )
    [kept] = world.rows(audit)
    assert (kept.action, kept.data["even_if_taken"], kept.data["drops"]) == ("batch.settle", True, [world.drop().stem])
    assert sorted(kept.data["possible_duplicates"]) == sorted(ids)


def test_what_is_in_the_mail_stays_and_a_later_word_of_the_rest_is_an_alarm(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "mailed", pieces=ids[:1])
    assert [one.pieces for one in settle(world, even_if_taken=True)] == [2]
    assert (world.statuses(ids), world.batch().status) == ({"ready": 2, "mailed": 1}, "mailed")
    told(world, "mailed", pieces=ids[:2])
    assert (faults(world), world.statuses(ids)) == (["drop_set_aside"], {"ready": 2, "mailed": 1})
    told(world, "mailed")
    assert (faults(world), world.statuses(ids)) == (["drop_set_aside"] * 2, {"ready": 2, "mailed": 1})


def test_what_may_be_mailed_twice_is_a_figure_in_the_report_and_on_the_board(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "mailed", pieces=ids[:1])
    settle(world, even_if_taken=True)
    world.clock.advance(timedelta(hours=2))
    due = world.piece(ids[0]).due_at
    with world.db.read() as tx:
        report = Report(ZoneInfo("UTC"), made_by(tx, Span("live", due, due + timedelta(seconds=1)))).as_dict()
        others = Report(ZoneInfo("UTC"), made_by(tx, Span("live", due + timedelta(seconds=1), due + timedelta(days=1))))
        [doubled] = look(tx, world.clock()).doubled
        later = look(tx, world.clock() + timedelta(days=8)).doubled
    assert (report["possible_duplicates"], report["printers"]["north"]["possible_duplicates"]) == (2, 2)
    assert others.as_dict()["possible_duplicates"] == 0
    assert (doubled.drop, doubled.printer, doubled.pieces, later) == (world.drop().stem, "north", 2, ())


def test_what_a_printer_refuses_or_gives_back_is_no_duplicate(world: World, ids: list[str]) -> None:
    told(world, "rejected", reason="out of paper")
    with world.db.read() as tx:
        assert (world.statuses(ids), look(tx, world.clock()).doubled) == ({"ready": 3}, ())


def test_a_reprint_and_the_first_printing_are_given_up_together(world: World, ids: list[str]) -> None:
    told(world, "printed")
    told(world, "spoiled", pieces=ids[:1])
    assert [(one.state, one.pieces) for one in settle(world, even_if_taken=True)] == [("void", 2), ("void", 1)]
    assert (world.statuses(ids), world.batch().status) == ({"ready": 3}, "void")


def test_a_printer_that_cannot_be_reached_keeps_nobody_from_it(world: World, ids: list[str]) -> None:
    hold_down(world, world.rows(printers)[0].id, Transient("down", "no route"))
    world.printer().inbox[f"{world.drop().stem}.ready"] = world.printer().inbox.pop(f"{world.drop().stem}.taken")
    assert [one.pieces for one in settle(world, even_if_taken=True)] == [3]
    assert world.statuses(ids) == {"ready": 3}


class TestWhatLiesThere:
    """A drop in doubt of which the printer's folder tells more by now."""

    @pytest.fixture
    def doubted(self, world: World) -> list[str]:
        world.add_printer()
        ids = world.add_ready(3)
        world.tick()
        world.run("impose")
        world.set(printers, world.rows(printers)[0].id, suspended_at=world.clock())
        lose(world)
        return ids

    def lay(self, world: World, suffix: str) -> None:
        world.printer().inbox[f"{world.drop().stem}.{suffix}"] = b"{}"

    def test_a_ready_file_is_taken_away_first(self, world: World, doubted: list[str]) -> None:
        self.lay(world, "ready")
        assert [one.state for one in settle(world)] == ["void"]
        assert world.printer().look(world.drop().stem, world.drop().ready_part) is Lies.RECALLED
        assert world.statuses(doubted) == {"ready": 3}

    def test_what_is_taken_at_that_moment_stays_in_doubt(self, world: World, doubted: list[str]) -> None:
        self.lay(world, "ready")
        printer, stem = world.printer(), world.drop().stem
        printer.traps["recall", "before"] = lambda: printer.take(stem)
        assert [(one.state, one.pieces) for one in settle(world)] == [(GIVEN_UP, 0)]
        assert (world.drop().status, world.statuses(doubted), world.count(audit)) == ("in_doubt", {"batched": 3}, 0)

    def test_what_was_taken_is_not_made_again_but_by_the_stronger_word(self, world: World, doubted: list[str]) -> None:
        self.lay(world, "taken")
        assert [one.state for one in settle(world)] == [GIVEN_UP]
        assert [one.state for one in settle(world, even_if_taken=True)] == ["void"]
        assert world.statuses(doubted) == {"ready": 3}


def test_a_printer_that_has_refused_and_taken_it_may_be_said_not_to_have_it(world: World) -> None:
    ids = world.freeze_and_send(3)
    printer, stem = world.printer(), world.drop().stem
    printer.traps["recall", "before"] = lambda: printer.take(stem)
    ack(world, stem, "rejected")
    world.clock.advance(timedelta(minutes=5))
    hear(world)
    assert world.drop().status == "in_doubt"
    world.set(printers, world.rows(printers)[0].id, suspended_at=world.clock())
    printer.inbox.pop(f"{stem}.taken")
    assert [one.state for one in settle(world)] == ["void"]
    assert world.statuses(ids) == {"ready": 3}


class TestFailing:
    """`failed` is an operator's word about one piece, and the last."""

    def fail(self, world: World, piece: str) -> Failed:
        deed = Deed("cli:ada", world.clock(), "the sender is insolvent")
        return Failing(world.db, world.clock, world.ids).fail(piece, deed)

    def test_a_piece_fails_with_who_and_why_and_its_sender_is_told(self, world: World, ids: list[str]) -> None:
        assert self.fail(world, ids[0]) == Failed(FailedAs.DONE, world.batch().id)
        last = world.events(ids[0])[-1]
        assert (last.type, last.told, last.evidence) == (
            "mail.failed",
            True,
            {"reason": "the sender is insolvent", "by": "operator"},
        )
        piece = world.piece(ids[0])
        assert (piece.status, piece.sla_state, piece.alarm_at, piece.poll_at) == ("failed", "void", None, None)
        [kept] = world.rows(audit)
        assert (kept.action, kept.subject, kept.who, kept.reason) == (
            "mail.fail",
            ids[0],
            "cli:ada",
            "the sender is insolvent",
        )

    def test_it_is_followed_no_further_and_keeps_its_batch_from_nothing(self, world: World, ids: list[str]) -> None:
        self.fail(world, ids[0])
        told(world, "printed")
        told(world, "mailed")
        assert (world.statuses(ids), world.batch().status) == ({"failed": 1, "mailed": 2}, "mailed")
        assert self.fail(world, ids[0]).ended is self.fail(world, ids[1]).ended is FailedAs.TOO_LATE

    def test_it_is_never_made_again(self, world: World, ids: list[str]) -> None:
        self.fail(world, ids[0])
        assert [one.pieces for one in settle(world, even_if_taken=True)] == [2]
        world.set(printers, world.rows(printers)[0].id, suspended_at=None)
        world.add_printer(name="south")
        world.run_until_quiet()
        assert world.statuses(ids) == {"failed": 1, "sent": 2}

    @pytest.mark.parametrize("status", ["created", "held", "ready"])
    def test_before_its_batch_it_fails_too(self, world: World, status: str) -> None:
        [piece] = world.add_pieces(1, status=status)
        assert self.fail(world, piece) == Failed(FailedAs.DONE, None)
        assert self.fail(world, "ml_nobody").ended is FailedAs.MISSING

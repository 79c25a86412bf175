"""A line and two presses under random faults, against what the presses themselves wrote down: nothing is lost, nothing is taken
twice without a recorded override, and every status has its evidence."""

import tempfile
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlmodel import SQLModel

from pipeline.errors import InDoubt, Transient
from pipeline.repository.database import Database
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, drops, pieces, placements, printers
from pipeline.stages.recall import Recall
from tests.integration.line.fakes import KilledError
from tests.integration.line.floor import Shops, by_kind, impose
from tests.integration.line.world import LEASE_S, World

STEPS = ("put", "stage_ready", "hand_over", "look", "recall", "acks", "settle_ack")
_ROUNDS = 150


class PrinterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        root = Path(self._folder.name)
        self.db = Database(f"sqlite:///{root / 'line.db'}")
        SQLModel.metadata.create_all(self.db.engine)
        self.world = World(self.db, root)
        self.shops = Shops(root / "printers", self.world.clock)
        self.world.printers = self.shops  # type: ignore[assignment]
        self.world.imposer = impose  # type: ignore[assignment]
        self.world.lines["live"] = self.world.make_line("live")
        self.world.schedulers["live"] = self.world.scheduler("live")
        self.desk = Recall(self.world.contexts["live"], self.shops)
        self.printer_ids = [self.world.add_printer(name=name, closed_weekdays=[]) for name in ("north", "south")]
        for printer_id in self.printer_ids:
            self.shops.add(printer_id)
        self.ids: list[str] = []

    @rule(count=st.integers(1, 12))
    def order(self, count: int) -> None:
        self.ids += self.world.add_ready(count)

    @rule(seconds=st.sampled_from([1, 35, 120, 700, 1_900]))
    def work(self, seconds: int) -> None:
        """Time passes, and the line goes on until it is quiet; a worker that dies leaves its claim."""
        self.world.clock.advance(timedelta(seconds=seconds))
        for _ in range(30):
            self.world.tick()
            notes = self.world.bell.take()
            for note in notes:
                try:
                    self.world.lines["live"].run(note.stage, note.only)
                except KilledError:
                    continue
            if not notes:
                return

    @rule(which=st.integers(0, 1))
    def press_works(self, which: int) -> None:
        self.shops.by_id[self.printer_ids[which]].press.step()

    @rule(
        which=st.integers(0, 1),
        step=st.sampled_from(STEPS),
        when=st.sampled_from(["before", "after"]),
        kind=st.sampled_from([Transient, KilledError, InDoubt]),
    )
    def set_a_trap(self, which: int, step: str, when: str, kind: type[Exception]) -> None:
        if kind is InDoubt and step != "hand_over":
            kind = Transient
        error = KilledError() if kind is KilledError else kind("trap", f"{step} failed {when} its effect")
        self.shops.by_id[self.printer_ids[which]].traps[step, when] = error

    @rule(which=st.integers(0, 1), off=st.booleans())
    def suspend(self, which: int, off: bool) -> None:
        self.world.set(printers, self.printer_ids[which], suspended_at=None if off else self.world.clock())

    @rule(which=st.integers(0, 1))
    def spoil_a_file(self, which: int) -> None:
        """Something at the printer's damages the drops on its shelf: the press will refuse them."""
        for ready in self.shops.by_id[self.printer_ids[which]].inbox(".ready"):
            ready.with_suffix(".pdf").write_bytes(b"damaged")

    @rule(which=st.integers(0, 1))
    def tidy_up(self, which: int) -> None:
        """The printer puts away what it is done with, and parts that it does not know."""
        shop = self.shops.by_id[self.printer_ids[which]]
        ended = {event["drop"] for event in shop.events() if event["event"] in ("accepted", "rejected")}
        for path in [*shop.inbox(".ready.part"), *(one for one in shop.inbox(".taken") if one.stem in ended)]:
            path.unlink()

    @precondition(lambda self: self.world.count(drops))
    @rule(data=st.data())
    def recall(self, data: st.DataObject) -> None:
        batch_id = data.draw(st.sampled_from(sorted({row.batch_id for row in self.world.rows(drops)})))
        try:
            self.desk.recall(batch_id, self._deed("drawn by lot"))
        except KilledError:
            return

    @precondition(lambda self: self.world.count(drops, drops.c.status == "in_doubt"))
    @rule(taken=st.booleans())
    def settle(self, taken: bool) -> None:
        """An operator decides, rightly or wrongly."""
        drop = self.world.rows(drops, drops.c.status == "in_doubt")[0]
        self.desk.settle(drop.batch_id, self._deed("somebody said so"), taken=taken or self._is_taken(drop.stem))

    @precondition(lambda self: self.world.count(drops, drops.c.status == "in_doubt"))
    @rule()
    def settle_wrongly(self) -> None:
        drop = self.world.rows(drops, drops.c.status == "in_doubt")[0]
        self.desk.settle(drop.batch_id, self._deed("I saw nothing"), taken=False)

    @invariant()
    def nothing_is_taken_twice_without_an_override(self) -> None:
        journal = by_kind(self.shops)
        assert journal["repeated"] == []
        rejected = {event["drop"] for event in journal["rejected"]}
        spoiled = {(event["piece"], event["drop"]) for event in journal["spoiled"]}
        held = defaultdict(set)
        for event in journal["taken"]:
            if event["drop"] not in rejected:
                for piece in self._placed(event["drop"]):
                    if (piece, event["drop"]) not in spoiled:
                        held[piece].add(event["drop"])
        overridden = {piece for row in self.world.rows(audit) for piece in row.data.get("possible_duplicates", [])}
        # A drop may have been taken and not yet have been found wrong.
        found = {event["drop"] for event in journal["accepted"]}
        assert {piece for piece, stems in held.items() if len(stems & found) > 1} <= overridden

    @invariant()
    def nothing_is_lost(self) -> None:
        live = {row.piece_id for row in self.world.rows(placements, placements.c.live)}
        for row in self.world.rows(pieces):
            assert (row.status == "ready") != (row.id in live), (row.id, row.status)

    @invariant()
    def every_status_has_its_evidence(self) -> None:
        journal = by_kind(self.shops)
        taken, mailed = ({event["drop"] for event in journal[kind]} for kind in ("taken", "mailed"))
        printed = {(event["piece"], event["drop"]) for event in journal["printed"]}
        lying = {path.stem for shop in self.shops.by_id.values() for suffix in (".ready", ".recalled")
                 for path in shop.inbox(suffix)}  # fmt: skip
        for row in self.world.rows(pieces, pieces.c.status.in_(["sent", "printed", "mailed"])):
            last = next(one for one in reversed(self.world.events(row.id)) if one.type == f"mail.{row.status}")
            stem = last.evidence["drop"]
            if row.status == "sent":
                assert stem in taken | lying or "settled" in last.evidence
            else:
                assert (row.id, stem) in printed
                assert row.status == "printed" or stem in mailed

    def teardown(self) -> None:
        """Everything is repaired, doubts are settled by the truth: then every piece comes to the mail."""
        try:
            self._finish()
        finally:
            self.shops.close()
            self.db.dispose()
            self._folder.cleanup()

    def _finish(self) -> None:
        for printer_id in self.printer_ids:
            self.world.set(printers, printer_id, suspended_at=None, quarantined_at=None, solo_deaths=0)
            self.shops.by_id[printer_id].traps.clear()
        for row in self.world.rows(drops, drops.c.quarantined_at.is_not(None)):
            self.world.set(drops, row.id, quarantined_at=None, solo_deaths=0)
        for _ in range(_ROUNDS):
            if set(self.world.statuses(self.ids)) <= {"mailed"}:
                break
            self.work(int(LEASE_S) + 600)
            for row in self.world.rows(drops, drops.c.status == "in_doubt"):
                self.desk.settle(row.batch_id, self._deed("looked"), taken=self._is_taken(row.stem))
            for printer_id in self.printer_ids:
                self.press_works(self.printer_ids.index(printer_id))
        assert set(self.world.statuses(self.ids)) <= {"mailed"}, self.world.statuses(self.ids)
        self.nothing_is_taken_twice_without_an_override()
        self.every_status_has_its_evidence()

    def _deed(self, reason: str) -> Deed:
        return Deed("cli:ada", self.world.clock(), reason)

    def _is_taken(self, stem: str) -> bool:
        return stem in {event["drop"] for event in by_kind(self.shops)["taken"]}

    def _placed(self, stem: str) -> set[str]:
        [drop] = self.world.rows(drops, drops.c.stem == stem)
        here: Any = (placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision)
        return {row.piece_id for row in self.world.rows(placements, *here)}


def run(examples: int, steps: int) -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        PrinterMachine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=examples < 10,
        ),
    )


def test_printers_under_faults() -> None:
    run(examples=4, steps=20)


@pytest.mark.long
def test_printers_under_faults_for_thousands_of_steps() -> None:
    run(examples=100, steps=50)

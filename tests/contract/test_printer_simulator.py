"""The simulated printer as a process: what it takes it prints once and mails once, whatever kills it, and it says so truly."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ops.simulators.printer.journal import Journal, JournalInUseError
from ops.simulators.printer.press import Misdeed, Pace, Press
from ops.simulators.printer.service import run
from pipeline.clock import ManualClock
from pipeline.models.ack_files import read_acks
from pipeline.models.ack_format import AckBody, read_ack
from tests.waiting import PLENTY_S, until

STEM = "bt_01jd0000000000000000000000_r00"
START = datetime(2026, 11, 2, 14, tzinfo=UTC)
PACE = Pace(accept_s=10, print_s=100, mail_s=1_000, spoil=0)


@dataclass(frozen=True)
class Shop:
    """A printer's place: its account, its journal, its trays."""

    folder: Path

    @property
    def account(self) -> Path:
        return self.folder / "north"

    @property
    def journal(self) -> Path:
        return self.folder / "journal.jsonl"

    @property
    def trays(self) -> Path:
        return self.folder / "trays"

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._whole_lines().splitlines()]

    def lines(self) -> int:
        return self._whole_lines().count(b"\n")

    def _whole_lines(self) -> bytes:
        """Of the journal; a running press may be in the middle of the next."""
        said = self.journal.read_bytes() if self.journal.exists() else b""
        return said[: said.rfind(b"\n") + 1]

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.events() if event["event"] == kind]

    def acks(self) -> list[AckBody]:
        """In the order of their names, each checked to be one that the line can read."""
        read = [read_ack(path.name, path.read_bytes()) for path in sorted((self.account / "out").glob("*.ack.json"))]
        assert all(isinstance(ack, AckBody) for ack in read)
        return [ack for ack in read if isinstance(ack, AckBody)]

    def mailed(self) -> list[dict[str, Any]]:
        """What the carrier finds in the trays."""
        lines = [line for path in sorted(self.trays.glob("*.jsonl")) for line in path.read_text().splitlines()]
        return [json.loads(line) for line in lines]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path)
    (shop.account / "in").mkdir(parents=True)
    return shop


def deliver(shop: Shop, pieces: int = 3, stem: str = STEM, changes: dict[str, Any] | None = None) -> str:
    """A whole drop, as the line leaves it; the digest of its ready file."""
    inbox = shop.account / "in"
    with (inbox / f"{stem}.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["piece_id", "sheet", "imb", "sequence"])
        rows.writerows([f"ml_{number}", 1, f"{number:031}", number] for number in range(1, pieces + 1))
    (inbox / f"{stem}.pdf").write_bytes(b"sheets of " + stem.encode())
    files = [
        {"name": path.name, "size": path.stat().st_size, "sha256": sha256(path.read_bytes()).hexdigest()}
        for path in (inbox / f"{stem}.csv", inbox / f"{stem}.pdf")
    ]
    body = json.dumps({"drop": stem, "pieces": pieces, "files": files, **(changes or {})}).encode()
    (inbox / f"{stem}.ready.part").write_bytes(body)
    (inbox / f"{stem}.ready.part").rename(inbox / f"{stem}.ready")
    return sha256(body).hexdigest()


@contextmanager
def press_at(shop: Shop, clock: ManualClock, pace: Pace = PACE) -> Iterator[Press]:
    """A press in this process, on a clock of ours; leaving it is as good as a crash, for nothing is kept but the journal."""
    journal = Journal(shop.journal, clock)
    try:
        yield Press(shop.account, journal, shop.trays, name="north", pace=pace)
    finally:
        journal.close()


def test_a_drop_goes_its_way_in_its_time(shop: Shop) -> None:
    digest = deliver(shop)
    clock = ManualClock(START)
    seen = []
    with press_at(shop, clock) as press:
        for seconds in (0, 9, 1, 99, 1, 999, 1.001):
            clock.advance(timedelta(seconds=seconds))
            press.step()
            seen.append([ack.state for ack in shop.acks()])
    assert seen == [[], [], *[["accepted"]] * 2, *[["accepted", "printed"]] * 2, ["accepted", "printed", "mailed"]]
    assert {(ack.drop, ack.digest, ack.pieces) for ack in shop.acks()} == {(STEM, digest, None)}
    assert [round((ack.at - START).total_seconds()) for ack in shop.acks()] == [10, 110, 1110]
    assert [path.name for path in (shop.account / "in").glob(f"{STEM}.[rt]*")] == [f"{STEM}.taken"]


def test_what_is_mailed_is_in_a_tray_for_the_carrier(shop: Shop) -> None:
    deliver(shop, pieces=2)
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, 0)) as press:
        press.step()
    at = shop.of("mailed")[0]["at"]
    assert shop.mailed() == [
        {"imb": f"{number:031}", "piece": f"ml_{number}", "at": at, "printer": "north"} for number in (1, 2)
    ]
    assert [path.name for path in shop.trays.iterdir()] == [f"{STEM}.jsonl"]


def test_nothing_is_taken_before_it_is_ready(shop: Shop) -> None:
    deliver(shop)
    (shop.account / "in" / f"{STEM}.ready").rename(shop.account / "in" / f"{STEM}.ready.part")
    with press_at(shop, ManualClock(START)) as press:
        press.step()
    assert shop.events() == []


@pytest.mark.parametrize(
    ("harm", "reason"),
    [
        (lambda inbox: (inbox / f"{STEM}.pdf").write_bytes(b"sheets of " + STEM.encode()[::-1]), "has not the digest"),
        (lambda inbox: (inbox / f"{STEM}.pdf").write_bytes(b"short"), "has 5 bytes"),
        (lambda inbox: (inbox / f"{STEM}.pdf").unlink(), "cannot be read"),
        (lambda inbox: (inbox / f"{STEM}.ready").write_bytes(b"[]"), "ready file cannot be read"),
        (lambda inbox: (inbox / f"{STEM}.ready").write_bytes(b"\xff"), "ready file cannot be read"),
    ],
    ids=["other bytes", "cut short", "missing", "no object", "no text"],
)
def test_a_drop_that_is_not_as_its_ready_file_says_is_rejected(
    shop: Shop, harm: Callable[[Path], object], reason: str
) -> None:
    deliver(shop)
    harm(shop.account / "in")
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, 0)) as press:
        press.step()
    [ack] = shop.acks()
    assert ack.state == "rejected"
    assert reason in ack.reason
    assert shop.of("printed") == shop.mailed() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"pieces": 4}, "lists 3 pieces, the ready file says 4"),
        ({"files": []}, "0 manifests"),
        ({"files": [{"name": "../x.csv", "size": 1, "sha256": ""}]}, "not a plain file name"),
    ],
)
def test_a_ready_file_that_does_not_add_up_is_rejected(shop: Shop, changes: dict[str, Any], reason: str) -> None:
    deliver(shop, changes=changes)
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, 0)) as press:
        press.step()
    assert [(ack.state, reason in ack.reason) for ack in shop.acks()] == [("rejected", True)]


def test_a_seeded_share_is_spoiled_told_and_not_mailed(shop: Shop) -> None:
    deliver(shop, pieces=400)
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, spoil=0.1, seed=7)) as press:
        press.step()
    spoiled = {event["piece"] for event in shop.of("spoiled")}
    good = {event["piece"] for event in shop.of("printed")}
    assert 20 <= len(spoiled) <= 60
    assert (spoiled | good, spoiled & good) == ({f"ml_{number}" for number in range(1, 401)}, set())
    acks = {ack.state: set(ack.pieces or ()) for ack in shop.acks()}
    assert acks["spoiled"] == spoiled
    assert acks["printed"] == acks["mailed"] == good
    assert {piece["piece"] for piece in shop.mailed()} == good
    assert [ack.state for ack in shop.acks()] == ["accepted", "spoiled", "printed", "mailed"]


def test_another_seed_spoils_others_and_the_same_seed_the_same(tmp_path: Path) -> None:
    spoiled = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        shop = Shop(tmp_path / name)
        (shop.account / "in").mkdir(parents=True)
        deliver(shop, pieces=100)
        with press_at(shop, ManualClock(START), Pace(0, 0, 0, spoil=0.3, seed=seed)) as press:
            press.step()
        spoiled.append([event["piece"] for event in shop.of("spoiled")])
    assert spoiled[0] == spoiled[1] != spoiled[2]


def test_a_drop_all_spoiled_is_never_said_to_be_printed(shop: Shop) -> None:
    deliver(shop)
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, spoil=1)) as press:
        press.step()
    assert [ack.state for ack in shop.acks()] == ["accepted", "spoiled"]
    assert shop.mailed() == []


def test_a_drop_handed_over_again_is_put_aside(shop: Shop) -> None:
    deliver(shop)
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, 0)) as press:
        press.step()
        deliver(shop)
        press.step()
    assert len(shop.of("repeated")) == 1
    assert len(shop.of("printed")) == 3
    assert (shop.account / "in" / f"{STEM}.repeated").exists()


def test_a_recall_is_heeded(shop: Shop) -> None:
    deliver(shop)
    ready = shop.account / "in" / f"{STEM}.ready"
    ready.rename(ready.with_suffix(".recalled"))
    with press_at(shop, ManualClock(START), Pace(0, 0, 0, 0)) as press:
        press.step()
    assert shop.events() == []


def test_a_crash_after_any_line_of_the_journal_is_survived(tmp_path: Path) -> None:
    whole = Shop(tmp_path / "whole")
    (whole.account / "in").mkdir(parents=True)
    deliver(whole, pieces=6)
    pace = Pace(0, 0, 0, spoil=0.4, seed=3)
    with press_at(whole, ManualClock(START), pace) as press:
        press.step()
    lines = whole.journal.read_bytes().splitlines(keepends=True)
    kinds = Counter(event["event"] for event in whole.events())
    assert kinds == {
        "taken": 1,
        "accepted": 1,
        "printed": 4,
        "spoiled": 2,
        "finished": 1,
        "mailed": 1,
        "trayed": 1,
        "said": 4,
    }
    for count in range(len(lines) + 1):
        shop = crashed_after(whole, tmp_path / f"crash{count}", lines, count)
        with press_at(shop, ManualClock(START + timedelta(minutes=5)), pace) as press:
            press.step()
            press.step()
        assert Counter(event["event"] for event in shop.events()) == kinds
        assert {ack.state: ack.pieces for ack in shop.acks()} == {ack.state: ack.pieces for ack in whole.acks()}
        assert len(shop.acks()) == 4
        assert [piece["piece"] for piece in shop.mailed()] == [piece["piece"] for piece in whole.mailed()]


def crashed_after(whole: Shop, folder: Path, lines: list[bytes], count: int) -> Shop:
    """The shop as it was when that many lines, and half of the next, were in the journal.

    Where the next line notes a file that was written, that file is there already.
    """
    shop = Shop(folder)
    shutil.copytree(whole.account / "in", shop.account / "in")
    (shop.account / "out").mkdir()
    shop.trays.mkdir()
    torn = lines[count] if count < len(lines) else b""
    shop.journal.write_bytes(b"".join(lines[:count]) + torn[: len(torn) // 2])
    for line in lines[: count + 1]:
        event = json.loads(line)
        if event["event"] == "said":
            shutil.copy(whole.account / "out" / event["file"], shop.account / "out")
        elif event["event"] == "trayed":
            shutil.copy(whole.trays / event["file"], shop.trays)
    return shop


def test_an_acknowledgement_that_was_read_meanwhile_is_not_said_again(shop: Shop) -> None:
    deliver(shop)
    with press_at(shop, ManualClock(START), Pace(0, 1_000, 0, 0)) as press:
        press.step()
    [said] = (shop.account / "out").glob("*.ack.json")
    (shop.account / "out" / "done").mkdir()
    said.rename(shop.account / "out" / "done" / said.name)
    shop.journal.write_bytes(b"".join(shop.journal.read_bytes().splitlines(keepends=True)[:-1]))
    with press_at(shop, ManualClock(START), Pace(0, 1_000, 0, 0)) as press:
        press.step()
    assert shop.acks() == []
    assert len(shop.of("said")) == 1


def test_a_journal_has_one_writer(shop: Shop) -> None:
    with press_at(shop, ManualClock(START)), pytest.raises(JournalInUseError, match=r"journal\.jsonl"):
        Journal(shop.journal, ManualClock(START))


def test_times_rise_though_the_clock_stands_or_goes_back(shop: Shop) -> None:
    for hours in (0, -1):
        journal = Journal(shop.journal, ManualClock(START + timedelta(hours=hours)))
        journal.write([{"event": "x", "drop": "d"}] * 3)
        journal.close()
    times = [event["at"] for event in shop.events()]
    assert times == sorted(set(times))
    assert len(times) == 6


@contextmanager
def process_at(shop: Shop, *options: str) -> Iterator[subprocess.Popen[bytes]]:
    """The press as a process of its own, killed at the end unless it has ended."""
    argv = [sys.executable, "-m", "ops.simulators.printer", "--folder", str(shop.account), "--trays", str(shop.trays)]
    argv += ["--journal", str(shop.journal), "--poll-s", "0.01", *options]
    process = subprocess.Popen(argv, stderr=subprocess.PIPE)
    with process:
        try:
            yield process
        finally:
            process.kill()


FAST = ("--accept-s", "0", "--print-s", "0", "--mail-s", "0")


def test_a_process_works_until_it_is_told_to_stop(shop: Shop) -> None:
    deliver(shop, pieces=50)
    with process_at(shop, *FAST, "--spoil", "0.2", "--name", "south") as process:
        until(lambda: len(shop.acks()) == 4)
        process.terminate()
        assert process.wait(PLENTY_S) == 0
    assert {piece["printer"] for piece in shop.mailed()} == {"south"}
    assert len(shop.of("printed")) + len(shop.of("spoiled")) == 50


def test_a_second_process_on_the_same_journal_is_refused(shop: Shop) -> None:
    with press_at(shop, ManualClock(START)), process_at(shop) as second:
        assert second.stderr is not None
        assert b"another press writes" in second.stderr.read()
        assert second.wait(PLENTY_S) == 1


def test_killed_again_and_again_it_prints_no_piece_twice_and_forgets_no_drop(shop: Shop) -> None:
    stems = [f"bt_{number:026}_r00" for number in range(12)]
    pieces = 300
    for kill_at in range(1, 9):
        stem = stems[kill_at - 1]
        with process_at(shop, *FAST, "--spoil", "0.05") as process:
            lines = shop.lines()
            deliver(shop, pieces=pieces, stem=stem)
            until(lambda lines=lines, kill_at=kill_at: shop.lines() > lines + kill_at)
            process.send_signal(signal.SIGKILL)
            process.wait(PLENTY_S)
    for stem in stems[8:]:
        deliver(shop, pieces=pieces, stem=stem)
    with process_at(shop, *FAST, "--spoil", "0.05"):
        until(lambda: len(list(shop.trays.glob("*.jsonl"))) == len(stems))
    printed = Counter((event["drop"], event["piece"]) for event in shop.of("printed") + shop.of("spoiled"))
    assert printed == {(stem, f"ml_{number}"): 1 for stem in stems for number in range(1, pieces + 1)}
    assert len(shop.mailed()) == len(shop.of("printed"))


def test_of_a_recall_and_a_taking_one_wins(shop: Shop) -> None:
    with process_at(shop, "--accept-s", "1000"):
        for number in range(40):
            stem = f"bt_{number:026}_r00"
            deliver(shop, stem=stem)
            ready = shop.account / "in" / f"{stem}.ready"
            try:
                ready.rename(ready.with_suffix(".recalled"))
            except FileNotFoundError:
                until(lambda stem=stem: stem in [event["drop"] for event in shop.of("taken")])
            else:
                assert not ready.with_suffix(".taken").exists()
    taken = {event["drop"] for event in shop.of("taken")}
    assert taken == {path.stem for path in (shop.account / "in").glob("*.taken")}
    assert not taken & {path.stem for path in (shop.account / "in").glob("*.recalled")}


def test_it_runs_within_another_process_too(shop: Shop) -> None:
    deliver(shop)
    stop = threading.Event()
    work = threading.Thread(
        target=run,
        args=(shop.account, shop.journal, shop.trays),
        kwargs={"pace": Pace(0, 0, 0, 0), "poll_s": 0.01, "stop": stop},
    )
    work.start()
    until(lambda: len(shop.acks()) == 3)
    stop.set()
    work.join()
    assert {piece["printer"] for piece in shop.mailed()} == {"north"}


AT_ONCE = Pace(0, 0, 0, 0)


def misbehave(shop: Shop, *misdeeds: Misdeed, pieces: int = 3, form: str = "json") -> str:
    """One drop at a press that does wrong; the digest of its ready file."""
    digest = deliver(shop, pieces)
    journal = Journal(shop.journal, ManualClock(START))
    press = Press(shop.account, journal, shop.trays, name="north", pace=AT_ONCE, misdeeds=misdeeds, form=form)
    press.step()
    journal.close()
    return digest


def test_a_press_refuses_on_demand(shop: Shop) -> None:
    misbehave(shop, Misdeed.REFUSE)
    assert [ack.state for ack in shop.acks()] == ["rejected"]
    assert shop.of("printed") == []


def test_a_press_prints_half_and_speaks_of_no_more(shop: Shop) -> None:
    misbehave(shop, Misdeed.HALF_PRINT)
    assert [event["piece"] for event in shop.of("printed")] == ["ml_1", "ml_2"]
    assert {ack.state: ack.pieces for ack in shop.acks()} == {
        "accepted": ("ml_1", "ml_2", "ml_3"), "printed": ("ml_1", "ml_2"), "mailed": ("ml_1", "ml_2"),
    }  # fmt: skip


def test_a_silent_press_mails_without_a_word(shop: Shop) -> None:
    misbehave(shop, Misdeed.SILENT)
    assert (shop.acks(), len(shop.mailed())) == ([], 3)


def test_a_slow_press_takes_twenty_times_as_long(shop: Shop) -> None:
    deliver(shop)
    clock = ManualClock(START)
    journal = Journal(shop.journal, clock)
    press = Press(shop.account, journal, shop.trays, name="north", pace=PACE, misdeeds=[Misdeed.SLOW])
    for seconds, states in ((0, []), (199, []), (1, ["accepted"])):
        clock.advance(timedelta(seconds=seconds))
        press.step()
        assert [ack.state for ack in shop.acks()] == states
    journal.close()


def test_a_press_acknowledges_another_ready_file(shop: Shop) -> None:
    assert misbehave(shop, Misdeed.WRONG_DIGEST) not in {ack.digest for ack in shop.acks()}


def test_a_press_says_everything_twice(shop: Shop) -> None:
    misbehave(shop, Misdeed.DUPLICATE_ACKS)
    assert Counter(ack.state for ack in shop.acks()) == {"accepted": 2, "printed": 2, "mailed": 2}


def test_a_press_whose_clock_runs_ahead(shop: Shop) -> None:
    misbehave(shop, Misdeed.CLOCK_SKEW)
    assert {round((ack.at - START) / timedelta(hours=1)) for ack in shop.acks()} == {2}


def test_a_press_acknowledges_in_csv(shop: Shop) -> None:
    misbehave(shop, Misdeed.HALF_PRINT, form="csv")
    read = [read_acks(path.name, path.read_bytes()) for path in sorted((shop.account / "out").glob("*.ack.csv"))]
    assert [one.faults for one in read] == [()] * 3
    assert [(ack.state, ack.pieces) for one in read for ack in one.acks] == [
        ("accepted", ("ml_1", "ml_2", "ml_3")), ("printed", ("ml_1", "ml_2")), ("mailed", ("ml_1", "ml_2")),
    ]  # fmt: skip

"""What an operator does from a terminal: the board, sending batches elsewhere, holds, excuses, suspensions, accounts, the audit."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.clock import machine_clock
from pipeline.repository.database import Database
from pipeline.repository.tables import batches, pieces
from tests.integration.cli.terminal import Terminal
from tests.integration.line.conftest import empty
from tests.integration.line.world import World

WHY = ("--reason", "the truck is full")


@pytest.fixture
def line(terminal: Terminal, database: Database, tmp_path: Path) -> World:
    """An empty line whose clock stands at this moment."""
    empty(database)
    world = World(database, tmp_path)
    world.clock.advance(machine_clock() - world.clock())
    return world


def ready(line: World, count: int = 1, *, due_in: timedelta = timedelta(days=7)) -> list[str]:
    """By default due when a truck has left in any case, whatever weekend or holiday there is."""
    now = line.clock()
    times = {"accepted_at": now, "freeze_from": now, "ready_at": now}
    return line.add_ready(count, **times, due_at=now + due_in, alarm_at=now + due_in - timedelta(hours=6))


def frozen(line: World, count: int = 10) -> str:
    line.add_printer(cost_cents_per_sheet=1)
    line.add_printer(name="south", cost_cents_per_sheet=9)
    ready(line, count)
    line.tick()
    batch_id: str = line.batch().id
    return batch_id


def deeds(terminal: Terminal) -> list[tuple[str, str]]:
    return [(one["action"], one["reason"]) for one in terminal.json("audit")]


def test_the_board_is_printed_once_in_a_pipe_and_as_json(terminal: Terminal, line: World) -> None:
    batch_id = frozen(line)
    [truck] = terminal.json("sla", "board")["trucks"]
    assert (truck["printer"], truck["batches"], truck["steps"]["unsent"]) == ("north", [batch_id], 10)
    text = terminal.out("sla", "board").splitlines()
    assert text[0].startswith("SLA board")
    assert [line_ for line_ in text if " north " in line_ and " 10 " in line_]
    assert max(map(len, text)) <= 100
    assert "\x1b" not in "".join(text)


def test_on_a_terminal_the_board_is_live_until_it_is_interrupted(terminal: Terminal, line: World) -> None:
    frozen(line)
    ours, theirs = pty.openpty()
    size = {"COLUMNS": "100", "LINES": "40", "TERM": "xterm-256color"}
    env = {**os.environ, "MAILSTREAM_HOME": str(terminal.home), **terminal.env, **size}
    program = Path(sys.executable).with_name("mailstream")
    with subprocess.Popen([program, "sla", "board", "--every", "1"], env=env, stdout=theirs, stderr=theirs) as live:
        os.close(theirs)
        shown = b""
        while shown.count(b"SLA board") < 2:  # it was drawn again
            shown += os.read(ours, 65_536)
        live.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # what Linux says once nobody holds the other end
            while more := os.read(
                ours, 65_536
            ):  # a terminal that is not read lets nobody end who has something to write
                shown += more
        assert live.wait(timeout=30) == 130
    os.close(ours)
    assert b"north" in shown
    assert b"\x1b[?1049h" in shown  # on a screen of its own, so that nothing scrolls away


def test_the_board_of_an_empty_installation_says_that_nobody_plans(terminal: Terminal, line: World) -> None:
    assert "no plan was ever made" in terminal.out("sla", "board").splitlines()[0]
    assert terminal.json("sla", "board")["fresh"] is False


def test_a_batch_is_sent_elsewhere_and_split(terminal: Terminal, line: World) -> None:
    batch_id = frozen(line)
    moved = terminal.json("batches", "reroute", batch_id, "--to", "south", *WHY)
    [new] = moved["frozen"]
    assert (new["printer"], new["pieces"], moved["left"]) == ("south", 10, 0)
    text = terminal.run_here("batches", "split", new["batch_id"], "--keep", "4", *WHY)
    assert (text.returncode, "6 pieces wait for the plan" in text.stderr) == (0, True)
    assert line.count(pieces, pieces.c.status == "ready") == 6
    assert [row.reason for row in line.rows(batches)][1].endswith(": the truck is full")
    assert [action for action, _ in deeds(terminal)] == ["batch.split", "batch.recall", "batch.reroute", "batch.recall"]


def test_a_batch_that_its_printer_cannot_be_asked_for_stays_there(terminal: Terminal, line: World) -> None:
    batch_id = frozen(line)
    line.run_until_quiet()  # the world's printers are sandbox ones, which the live root does not reach
    failed = terminal.run_here("batches", "reroute", batch_id, "--to", "south", *WHY)
    assert failed.returncode == 1
    assert line.count(pieces, pieces.c.status == "sent") == 10


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["batches", "reroute", "bt_none", "--to", "south", *WHY], 4, "no batch bt_none"),
        (["batches", "split", "bt_none", "--keep", "1", *WHY], 4, "no batch bt_none"),
        (["batches", "reroute", "bt_none", "--to", "south", "--reason", " "], 2, "say why"),
        (["holds", "place", "ml_none", *WHY], 4, "no piece ml_none"),
        (["holds", "release", "ml_none", *WHY], 4, "no piece ml_none"),
        (["holds", "place", "ml_none", "--reason", ""], 2, "say why"),
        (["sla", "excuse", *WHY], 2, "or --batch BATCH"),
        (["sla", "excuse", "--batch", "bt_none", *WHY], 4, "no batch 'bt_none'"),
        (["sla", "suspend", "soon", *WHY], 2, "FIRST soon"),
        (["sla", "suspend", "2026-03-04", "--last", "2026-03-03", *WHY], 2, "--last"),
        (["sla", "suspend", "2026-03-04", "--zip3", "8", *WHY], 2, "--zip3 8"),
        (["sla", "suspend", "2026-03-04", "--zip3", "837", "--printer", "north", *WHY], 2, "not of both"),
        (["sla", "suspend", "2026-03-04", "--printer", "nobody", *WHY], 4, "no printer 'nobody'"),
        (["sla", "resume", "su_none", *WHY], 4, "no suspension su_none"),
        (["accounts", "edit", "nobody", "--promise", "clock", *WHY], 4, "no account 'nobody'"),
        (["accounts", "edit", "ada", *WHY], 2, "what is to change"),
        (["accounts", "edit", "ada", "--zone", "Mars/Olympus", *WHY], 2, "America/Chicago"),
    ],
)
def test_what_cannot_be_done(terminal: Terminal, line: World, arguments: list[str], code: int, said: str) -> None:
    assert said in terminal.refusal(*arguments, code=code)
    assert deeds(terminal) == []


def test_a_piece_is_held_and_released(terminal: Terminal, line: World) -> None:
    [piece] = ready(line)
    assert terminal.json("holds", "place", piece, "--code", "duplicate", *WHY) == {"mail": piece, "held": True}
    [held] = terminal.json("holds", "list")
    assert (held["piece_id"], held["code"], held["status"], held["stops_count"]) == (piece, "duplicate", "held", False)
    assert "duplicate" in terminal.out("sla", "board")
    assert "held already" in terminal.refusal("holds", "place", piece, *WHY, code=5)
    assert "is released" in terminal.run_here("holds", "release", piece, *WHY).stderr
    assert terminal.json("holds", "list") == []
    assert "is not held" in terminal.refusal("holds", "release", piece, *WHY, code=5)
    assert deeds(terminal) == [("mail.release", "the truck is full"), ("mail.hold", "the truck is full")]


def test_misses_are_excused(terminal: Terminal, line: World) -> None:
    batch_id = frozen(line, 2)
    piece = line.rows(pieces)[0].id
    assert terminal.json("sla", "excuse", piece, *WHY)["mail"] == [piece]
    assert len(terminal.json("sla", "excuse", "--batch", batch_id, *WHY)["mail"]) == 2
    assert "nothing needed an excuse" in terminal.run_here("sla", "excuse", "ml_none", *WHY).stderr


def test_days_are_suspended_and_called_off(terminal: Terminal, line: World) -> None:
    [piece] = ready(line, due_in=timedelta(hours=30))
    yesterday, in_three_days, tomorrow = (
        (machine_clock().date() + timedelta(days=days)).isoformat() for days in (-1, 3, 1)
    )
    flood = terminal.json("sla", "suspend", yesterday, "--last", in_three_days, "--zip3", "837", *WHY)
    assert flood["put_off"] == 1
    assert line.piece(piece).due_at.date().isoformat() > in_three_days
    line.add_printer()
    later = terminal.json("sla", "suspend", tomorrow, "--printer", "north", *WHY)["id"]
    [shown] = [one for one in terminal.json("sla", "suspensions") if one["id"] == later]
    assert (shown["first"], shown["last"], shown["printer"]) == (tomorrow, tomorrow, "north")
    assert "is called off" in terminal.run_here("sla", "resume", later, *WHY).stderr
    assert later not in terminal.out("sla", "suspensions")


def test_an_account_is_promised_24_hours_by_the_clock(terminal: Terminal, line: World) -> None:
    assert terminal.json("accounts", "list")[0]["promise"] == "default"
    changed = terminal.json("accounts", "edit", "ada", "--promise", "clock", "--zone", "America/Boise", *WHY)
    assert (changed["promise"], changed["zone"], changed["cancel_window_s"]) == ("clock", "America/Boise", 0)
    [deed] = terminal.json("audit", "--action", "account")
    assert deed["data"]["before"] == {"promise": "default", "zone": "America/New_York"}


def test_a_piece_is_failed_by_hand_once(terminal: Terminal, line: World) -> None:
    [piece] = ready(line)
    failed = terminal.json("mail", "fail", piece, *WHY)
    assert failed == {"mail": piece, "status": "failed", "batch": None}
    assert (line.statuses([piece]), deeds(terminal)) == ({"failed": 1}, [("mail.fail", "the truck is full")])
    again = terminal.run_here("mail", "fail", piece, *WHY)
    assert (again.returncode, "can no longer fail" in again.stderr) == (5, True)
    assert "say why" in terminal.run_here("mail", "fail", piece, "--reason", " ").stderr

"""What must hold when everything has come to rest, whatever died on the way. Asked of the outside world first, then of the rows."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from tests.e2e.crash.line import PIECES


def faults(folder: Path) -> list[str]:
    """All that is wrong with a finished run."""
    with sqlite3.connect(folder / "line.db") as db:
        pieces = dict(db.execute("SELECT id, status FROM pieces"))
        events = db.execute("SELECT piece_id, sequence, told, id FROM events ORDER BY piece_id, sequence").fetchall()
        positions = [row[0] for row in db.execute("SELECT position FROM events ORDER BY position")]
    db.close()
    return [
        *_taken_once(folder, set(pieces)),
        *_ended(pieces),
        *_log(events, positions),
        *_told(folder, events),
    ]


def at_rest(folder: Path) -> bool:
    """Whether every piece is delivered and every event told."""
    with sqlite3.connect(folder / "line.db") as db:
        (delivered,) = db.execute("SELECT count(*) FROM pieces WHERE status = 'delivered'").fetchone()
        (untold,) = db.execute(
            "SELECT (SELECT count(*) FROM events WHERE position IS NULL)"
            " + (SELECT count(*) FROM deliveries WHERE status = 'pending')"
        ).fetchone()
    db.close()
    return bool(delivered == PIECES and untold == 0)


def _taken_once(folder: Path, pieces: set[str]) -> Iterator[str]:
    """Every piece came off a press good exactly once, and into the mail exactly once, under one barcode."""
    printed: Counter[str] = Counter()
    imbs: dict[str, set[str]] = defaultdict(set)
    for event in _journals(folder):
        if event["event"] in ("repeated", "rejected"):
            yield f"{event['drop']} was {event['event']}"
        if event["event"] in ("printed", "spoiled"):
            imbs[event["piece"]].add(event["imb"])
            printed[event["piece"]] += event["event"] == "printed"
    if set(printed) != pieces:
        yield f"printed {len(printed)} pieces of {len(pieces)}"
    yield from (f"{piece} was printed good {times} times" for piece, times in printed.items() if times != 1)
    yield from (f"{piece} had {len(used)} barcodes" for piece, used in imbs.items() if len(used) != 1)
    mailed = Counter(json.loads(line)["piece"] for tray in (folder / "trays").glob("*.jsonl") for line in tray.open())
    yield from (f"{piece} was mailed {mailed[piece]} times" for piece in pieces if mailed[piece] != 1)


def _journals(folder: Path) -> Iterator[dict[str, str]]:
    for journal in sorted(folder.glob("journal-*")):
        yield from (json.loads(line) for line in journal.read_text().splitlines())


def _ended(pieces: dict[str, str]) -> Iterator[str]:
    if len(pieces) != PIECES:
        yield f"{len(pieces)} pieces exist, {PIECES} were ordered"
    yield from (f"{piece} is {status}" for piece, status in pieces.items() if status != "delivered")


def _log(events: list[tuple[str, int, bool, str]], positions: list[int | None]) -> Iterator[str]:
    sequences: dict[str, list[int]] = defaultdict(list)
    for piece, sequence, _, _ in events:
        sequences[piece].append(sequence)
    for piece, found in sequences.items():
        if found != list(range(1, len(found) + 1)):
            yield f"{piece} has the sequences {found}"
    if positions != list(range(1, len(positions) + 1)):
        yield "the log has gaps"


def _told(folder: Path, events: list[tuple[str, int, bool, str]]) -> Iterator[str]:
    """The receiver heard every event, each piece's in sequence; hearing one again is allowed."""
    wanted: dict[str, list[int]] = defaultdict(list)
    for piece, sequence, told, _ in events:
        if told:
            wanted[piece].append(sequence)
    heard: dict[str, list[int]] = defaultdict(list)
    once: set[str] = set()
    for line in (folder / "webhooks").read_text().splitlines():
        event_id, _, body = line.partition(" ")
        if event_id not in once:
            once.add(event_id)
            data = json.loads(body)["data"]
            heard[data["id"]].append(data["sequence"])
    for piece, sequences in wanted.items():
        if heard[piece] != sequences:
            yield f"{piece}: {sequences} were to be told, {heard[piece]} were heard"

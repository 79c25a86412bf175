"""What the clockwork costs with a million open pieces on PostgreSQL: half of them wait, half are in batches at ten printers.

The board, and beside it what it leaves to the tick: counting the half that waits. And the tick's own watch over the promises:
finding a thousand that are due, and marking them, with their events.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from sqlalchemy import Connection, text
from sqlmodel import SQLModel

from ops.bench.figures import Figure, print_figures
from ops.services.postgres import PostgresServer
from pipeline.models.profile import Postage, PrinterProfile, Sandbox
from pipeline.models.types import Ids
from pipeline.repository.backlog import due_alarms, waiting_pieces
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.moves import alarm
from pipeline.sla.lots import BUCKET_S
from pipeline.worker.board import Board, look

TITLE = "The clockwork, PostgreSQL"

_OPEN = 1_000_000
_WAITING = _OPEN // 2
_BATCH = 1_500
_PRINTERS = 10
_REPEATS = 5
_GOAL = "150 ms"
_DUE = 1_000

# Of ten batches two are frozen, two sent, one accepted and five printed; an acknowledgement is of a whole drop.
_ROWS = (
    "INSERT INTO accounts (id, name, zone, cancel_window_s, promise, created_at)"
    " SELECT 'ac_' || g, 'sender ' || g, 'America/New_York', 300, 'default', :now FROM generate_series(0, 49) g",
    "INSERT INTO printers (id, name, mode, profile, revision, created_at, attempt, tries, solo_deaths, last_ack_at, poll_at)"
    " SELECT 'pr_' || g, 'printer-' || g, 'live', cast(:profile AS jsonb), 1, :now, 0, 0, 0, :now, :now"
    " FROM generate_series(0, :printers - 1) g",
    "INSERT INTO pieces (id, account_id, mode, status, revision, request_id, product, stock, mail_class, sheets,"
    " deliverability, address_state, front_creative_id, metadata, errors, price_cents, batch_id, accepted_at, freeze_from,"
    " ready_at, due_at, sla_state, alarm_at, created_at, attempt, tries, solo_deaths)"
    " SELECT 'ml_' || lpad(g::text, 26, '0'), 'ac_' || g % 50, 'live',"
    " CASE WHEN g < :waiting THEN 'ready' WHEN (g - :waiting) / :batch % 10 < 2 THEN 'batched'"
    " WHEN (g - :waiting) / :batch % 10 < 5 THEN 'sent' ELSE 'printed' END,"
    " 2, 'req_' || g, (array['postcard_4x6', 'postcard_6x9', 'letter'])[1 + g % 3], 'cover_120lb',"
    " (array['first_class', 'marketing'])[1 + g % 2], 1, 'normal', 'done', 'cr_1', '{}', '[]', 90,"
    " CASE WHEN g >= :waiting THEN 'bt_' || lpad(((g - :waiting) / :batch)::text, 26, '0') END,"
    " :now, :now, :now, :now + (g % 86400) * interval '1 second', 'on_track', :now + interval '1 day', :now, 0, 0, 0"
    " FROM generate_series(0, :open - 1) g",
    "INSERT INTO placements (id, piece_id, batch_id, revision, sequence, sheet, slot, stack_position, imb, live, outcome)"
    " SELECT 'pl_' || lpad(g::text, 26, '0'), 'ml_' || lpad(g::text, 26, '0'),"
    " 'bt_' || lpad(((g - :waiting) / :batch)::text, 26, '0'), 0, g % :batch, 1, 1, 1, lpad(g::text, 31, '0'), true,"
    " CASE WHEN (g - :waiting) / :batch % 10 >= 5 THEN 'printed' END FROM generate_series(:waiting, :open - 1) g",
    "INSERT INTO batches (id, mode, printer_id, status, revision, product, stock, mail_class, sheets_per_piece, pieces,"
    " sheets, reason, frozen_at, due_at, mail_by, postage, imposition)"
    " SELECT 'bt_' || lpad(g::text, 26, '0'), 'live', 'pr_' || g / 10 % :printers,"
    " (array['frozen', 'imposed', 'sent', 'sent', 'accepted', 'printed', 'printed', 'printed', 'printed', 'printed'])"
    "[1 + g % 10], 1, 'postcard_4x6', 'cover_120lb', 'first_class', 1, :batch, :batch / 8, '',"
    " :now - (g % 10) * interval '10 minutes', :now + interval '6 hours', :truck, '{}', '{}'"
    " FROM generate_series(0, (:open - :waiting - 1) / :batch) g",
    "INSERT INTO drops (id, stem, batch_id, printer_id, mode, revision, status, pieces, sheets, due_at, frozen_at, files,"
    " handing_over_at, attempt, tries, solo_deaths)"
    " SELECT 'dr_' || id, id || '_r00', id, printer_id, 'live', 0,"
    " CASE WHEN status IN ('frozen', 'imposed') THEN 'frozen' ELSE 'sent' END, pieces, sheets, due_at, frozen_at, '[]',"
    " frozen_at, 0, 0, 0 FROM batches",
    "INSERT INTO acks (id, printer_id, mode, name, digest, body, named_stem, drop_stem, state, at, received_at,"
    " faults, fault_count)"
    " SELECT 'ak_' || id, printer_id, 'live', id, id, '{}', id || '_r00', id || '_r00', status, :now,"
    " :now - interval '10 minutes', '[]', 0 FROM batches WHERE status IN ('accepted', 'printed')",
)  # fmt: skip
_FALL_DUE = (
    "UPDATE pieces SET due_at = :now - interval '1 second', alarm_at = :now - interval '1 second'"
    " WHERE id IN (SELECT 'ml_' || lpad((g * (:open / :due))::text, 26, '0') FROM generate_series(0, :due - 1) g)"
)
_LISTING = "UPDATE acks SET body = '{\"pieces\": []}'"


def measure() -> list[Figure]:
    """The best of five; a printer that tells of single pieces costs a look at every place of its batches."""
    with _world() as (db, now):
        counted_s = _best(db, lambda tx: waiting_pieces(tx, "live", None, now, bucket_s=BUCKET_S))
        whole_s, shown = _looked(db, now)
        with db.write() as tx:
            tx.execute(text(_LISTING))
        single_s, _ = _looked(db, now)
        found_s, marked_s = _watched(db, now)
        tick = f"{1000 * counted_s:,.0f} ms to count what waits, which the tick does"
    trucks = f"{len(shown.trucks)} trucks, {sum(len(row.batches) for row in shown.trucks)} batches"
    return [
        Figure(f"board, {_OPEN:,} open pieces", f"{1000 * whole_s:.0f} ms", f"{trucks}; {tick}", _GOAL),
        Figure(
            "the same, piece by piece", f"{1000 * single_s:.0f} ms", "every acknowledgement lists its pieces", _GOAL
        ),
        Figure(f"finding {_DUE:,} promises that are due", f"{1000 * found_s:.1f} ms", "", "5 ms"),
        Figure("marking them, with their events", f"{1000 * marked_s:.1f} ms", "", "60 ms"),
    ]


def _looked(db: Database, now: datetime) -> tuple[float, Board]:
    shown: list[Board] = []
    took_s = _best(db, lambda tx: shown.append(look(tx, now)))
    return took_s, shown[-1]


def _watched(db: Database, now: datetime) -> tuple[float, float]:
    """Seconds to find and to mark all that is due, the best of five of each, every time anew."""
    clock, ids = LiveLineClock(lambda: now), Ids(lambda: int(now.timestamp() * 1000), Random(1).getrandbits)
    with db.write() as tx:
        tx.execute(text(_FALL_DUE), {"now": now, "open": _OPEN, "due": _DUE})
    found_s, marked_s = [], []
    for _ in range(_REPEATS):
        with db.engine.connect() as tx:
            begun = time.perf_counter()
            due = due_alarms(tx, "live", clock, _DUE)
            found = time.perf_counter()
            if len(alarm(tx, due, at=now, now=now, ids=ids)) != _DUE:
                raise RuntimeError(f"{len(due)} of {_DUE} due promises were found, and not all were marked")
            found_s.append(found - begun)
            marked_s.append(time.perf_counter() - found)
            tx.rollback()
    return min(found_s), min(marked_s)


def _best(db: Database, work: Callable[[Connection], Any]) -> float:
    took = []
    for _ in range(_REPEATS):
        with db.read() as tx:
            begun = time.perf_counter()
            work(tx)
            took.append(time.perf_counter() - begun)
    return min(took)


@contextmanager
def _world() -> Iterator[tuple[Database, datetime]]:
    now = datetime.now(UTC)
    with PostgresServer(fsync=False) as server:
        db = Database(server.create_database("board"))
        try:
            SQLModel.metadata.create_all(db.engine)
            _fill(db, now)
            yield db, now
        finally:
            db.dispose()


def _fill(db: Database, now: datetime) -> None:
    profile = PrinterProfile(
        products=("postcard_4x6",), transport=Sandbox(), postage=Postage(mailer_id="123456", method="meter")
    )
    sizes = {"open": _OPEN, "waiting": _WAITING, "batch": _BATCH, "printers": _PRINTERS}
    values = {**sizes, "now": now, "truck": now + timedelta(hours=1), "profile": profile.model_dump_json()}
    with db.write() as tx:
        # The rows that others name are left out: no trigger looks for them.
        tx.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _ROWS:
            asked = {name: value for name, value in values.items() if f":{name}" in statement}
            tx.execute(text(statement), asked)
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


if __name__ == "__main__":
    print_figures(TITLE, measure())

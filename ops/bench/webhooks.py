"""Webhooks: deliveries a second, and how long a healthy endpoint waits beside 100 that accept and never answer.

`python -m ops.bench.webhooks`; the receivers are a process of their own, the second part runs the notify stage in eight threads
over SQLite, as a worker does.
"""

import argparse
import json
import logging
import queue
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import count
from typing import Any

import structlog
from sqlmodel import SQLModel

from adapters.webhooks.sender import HttpWebhookSender
from ops.bench.figures import Figure, print_figures
from pipeline.clock import machine_clock
from pipeline.models import tables as models
from pipeline.models.types import system_ids
from pipeline.ports import Note, Outgoing
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.tables import accounts, creatives, deliveries, endpoints, events, insert_rows, pieces
from pipeline.stages.notify import Notify
from pipeline.stages.stage import Context
from pipeline.worker.runner import Runner

TITLE = "Webhooks"
_SECRET = "whsec_" + "A" * 32
_ALLOW = ("127.0.0.1",)
_THREADS = 8
_HEALTHY_PER_S = 20
_STEP_S = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=45.0)
    parser.add_argument("--dead", type=int, default=100)
    asked = parser.parse_args()
    print_figures(TITLE, measure(asked.seconds, asked.dead))


def measure(seconds: float = 15.0, dead: int = 100) -> list[Figure]:
    """The rate of sending, then the wait of a healthy endpoint, alone and beside `dead` ones, for so many seconds each."""
    # Endpoints that do not answer are what this is about.
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    with _receivers(0) as [port]:
        rates = [(threads, _rate(port, threads)) for threads in (1, _THREADS)]
    sent = [
        Figure(f"webhooks sent by {threads} thread{'s' if threads > 1 else ''}", f"{rate:,.0f}/s", goal=">= 1,000/s")
        for threads, rate in rates
    ]
    return sent + [_beside(dead, seconds) for dead in (0, dead)]


def _beside(dead: int, seconds: float) -> Figure:
    with _receivers(dead) as ports:
        waits = sorted(_waits(ports, seconds))
    p50, p99 = (1e3 * waits[int(share * len(waits))] for share in (0.5, 0.99))
    goal = "p99 < 2 s" if dead else ""
    return Figure(f"beside {dead} dead endpoints", f"p99 {p99:,.0f} ms", f"p50 {p50:,.0f} ms of {len(waits)}", goal)


@contextmanager
def _receivers(dead: int) -> Iterator[list[int]]:
    serve = [sys.executable, "-m", "ops.bench.webhook_receiver", str(dead)]
    with subprocess.Popen(serve, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def _rate(port: int, threads: int, chunks: int = 40) -> float:
    """Deliveries a second through `send`, in chunks of 100 as the stage makes them."""
    sender = HttpWebhookSender("live", allow=_ALLOW)
    body = json.dumps({"type": "mail.mailed", "data": {"id": "ml_" + "0" * 26, "evidence": "x" * 500}}).encode()
    url = f"http://127.0.0.1:{port}/"
    chunk = [Outgoing(f"dl_{n}", f"ev_{n}", url, body, (_SECRET,), 1, "mail.mailed") for n in range(100)]
    sender.send(chunk, datetime.now(UTC))

    def work() -> None:
        for _ in range(chunks // threads):
            done = sender.send(chunk, datetime.now(UTC))
            assert len(done) == 100
            assert all(attempt.delivered for attempt in done)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    start = time.perf_counter()
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    rate = chunks * 100 / (time.perf_counter() - start)
    sender.close()
    return rate


class _Bell:
    """Takes the place of Redis: a queue that all threads of the worker wait at."""

    def __init__(self) -> None:
        self.notes: queue.Queue[Note | None] = queue.Queue()

    def ring(self, note: Note) -> None:
        if self.notes.qsize() < 16:
            self.notes.put(note)


def _waits(ports: list[int], seconds: float) -> list[float]:
    """Seconds from an event's delivery row to its arrival, at the healthy endpoint (the first port)."""
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-") as folder:
        db = Database(f"sqlite:///{folder}/bench.db", pool_size=_THREADS + 4)
        SQLModel.metadata.create_all(db.engine)
        context = Context("live", db, system_ids(), machine_clock, LiveLineClock(machine_clock))
        bell, sender = _Bell(), HttpWebhookSender("live", allow=_ALLOW)
        stage, runner = Notify(context, sender), Runner(context, bell, lease_s=30.0)

        def work() -> None:
            while bell.notes.get() is not None:
                runner.run(stage)

        workers = [threading.Thread(target=work) for _ in range(_THREADS)]
        for worker in workers:
            worker.start()
        inserted = _insert_events(context, bell, ports, seconds)
        time.sleep(2.0)
        with urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/seen") as answer:
            seen = json.load(answer)
        for _ in workers:
            bell.notes.put(None)
        for worker in workers:
            worker.join()
        sender.close()
        for thread in threading.enumerate():
            if thread.name == "notify":
                thread.join()
        # What never came counts as if it came now.
        return [seen.get(event_id, time.time()) - at for event_id, at in inserted.items()]


def _insert_events(context: Context, bell: _Bell, ports: list[int], seconds: float) -> dict[str, float]:
    """Events at a steady rate, one a second for each dead endpoint; the ids of the healthy one's, and when they were committed."""
    _insert_account(context, ports)
    inserted: dict[str, float] = {}
    start = time.monotonic()
    for step in count():
        if time.monotonic() - start > seconds:
            return inserted
        dead = [n for n in range(1, len(ports)) if n % 10 == step % 10]
        rows = [_told(context, endpoint) for endpoint in [*dead, *([0] * int(_HEALTHY_PER_S * _STEP_S))]]
        with context.db.write() as tx:
            insert_rows(tx, pieces, [row[0] for row in rows])
            insert_rows(tx, events, [row[1] for row in rows])
            insert_rows(tx, deliveries, [row[2] for row in rows])
        inserted |= {event["id"]: time.time() for _, event, delivery in rows if delivery["endpoint_id"] == "we_0"}
        bell.ring(Note("notify", "live"))
        time.sleep(max(0.0, start + (step + 1) * _STEP_S - time.monotonic()))
    raise AssertionError


def _insert_account(context: Context, ports: list[int]) -> None:
    now = context.machine_clock()
    with context.db.write() as tx:
        insert_rows(tx, accounts, [models.Account(id="ac_1", name="bench", created_at=now).model_dump()])
        creative = models.Creative(
            id="cr_1", account_id="ac_1", mode="live", product="postcard_4x6", kind="pdf", sha256="0", size_bytes=1,
            source_key="live/x", created_at=now,
        )  # fmt: skip
        insert_rows(tx, creatives, [creative.model_dump()])
        rows = [
            models.Endpoint(
                id=f"we_{n}", account_id="ac_1", mode="live", url=f"http://127.0.0.1:{port}/", secrets=[_SECRET],
                created_at=now,
            ).model_dump()
            for n, port in enumerate(ports)
        ]  # fmt: skip
        insert_rows(tx, endpoints, rows)


def _told(context: Context, endpoint: int) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """A piece, its first event, and that event's delivery to one endpoint."""
    now, new = context.machine_clock(), context.ids.new
    piece = models.Piece(
        id=new("ml"), account_id="ac_1", mode="live", status="created", request_id="req", product="postcard_4x6",
        stock="cover_120lb", mail_class="first_class", front_creative_id="cr_1", price_cents=1, accepted_at=now,
        freeze_from=now, due_at=now, created_at=now,
    ).model_dump()  # fmt: skip
    piece["metadata"] = piece.pop("details")
    event = models.Event(
        id=new("ev"), piece_id=piece["id"], account_id="ac_1", mode="live", type="mail.created", sequence=1, told=True,
        status="created", at=now, recorded_at=now,
    ).model_dump()  # fmt: skip
    delivery = models.Delivery(
        id=new("dl"), endpoint_id=f"we_{endpoint}", event_id=event["id"], piece_id=piece["id"], sequence=1, mode="live",
        ordered=True, created_at=now,
    ).model_dump()  # fmt: skip
    return piece, event, delivery


if __name__ == "__main__":
    main()

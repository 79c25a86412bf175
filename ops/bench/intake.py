"""Intake: durable pieces a second through POST /v1/mail, beside the same endpoint with the database taken out.

`python -m ops.bench.intake [--seconds S] [--database URL]`; without a URL, SQLite in a temporary folder with one server process,
and a PostgreSQL of its own with two. Servers and load share the machine, so only the ratio says much.
"""

import argparse
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ops.bench.figures import Figure, print_figures
from ops.bench.intake_load import Load, send
from ops.bench.intake_server import PEPPER
from ops.migrations import upgrade
from ops.services.postgres import PostgresServer
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.repository.accounts import Sender, create_account, create_key
from pipeline.repository.creatives import Upload, store_creative
from pipeline.repository.database import Database
from pipeline.repository.orders import Artwork
from pipeline.repository.prices import seed_prices

TITLE = "Intake, one durable piece a request"
_MOST_P99_MS = 50


@dataclass(frozen=True)
class _Ground:
    """A database with its tables, an account's key and a creative."""

    url: str
    folder: Path
    secret: str
    creative_id: str


def measure(seconds: float = 4.0) -> list[Figure]:
    """On SQLite with one server process, and on PostgreSQL with two."""
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-") as folder:
        found = _compare(f"sqlite:///{folder}/bench.db", seconds, servers=1, goal=0.5)
    with PostgresServer() as postgres:
        return found + _compare(postgres.create_database("bench"), seconds, servers=2, goal=0.4)


def _compare(url: str, seconds: float, *, servers: int, goal: float) -> list[Figure]:
    name = f"intake, {url.partition(':')[0].partition('+')[0]}, {servers} process{'es' if servers > 1 else ''}"
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-") as folder:
        ground = _lay_ground(url, Path(folder))
        with _serving(ground, servers, without_database=True) as port:
            bare = send(port, Load(ground.secret, ground.creative_id, seconds))
        with _serving(ground, servers, without_database=False) as port:
            full = send(port, Load(ground.secret, ground.creative_id, seconds))
            half = send(port, Load(ground.secret, ground.creative_id, seconds, per_s=full.per_s / 2))
    ratio = full.per_s / bare.per_s
    beside = f"without database {bare.per_s:,.0f}/s; {full.per_s:,.0f}/s is {ratio:.2f} of it"
    return [
        Figure(name, f"{full.per_s:,.0f} pieces/s, p99 {full.p99_ms:.0f} ms", beside, f">= {goal:g} of it"),
        Figure(
            "  at half of that", f"p99 {half.p99_ms:.0f} ms", f"p50 {half.p50_ms:.1f} ms", f"p99 <= {_MOST_P99_MS} ms"
        ),
    ]


def _lay_ground(url: str, folder: Path) -> _Ground:
    upgrade(url)
    db, ids, now = Database(url), system_ids(), machine_clock()
    with db.write() as tx:
        seed_prices(tx)
        account = create_account(
            tx, f"bench-{secrets.token_hex(4)}", ids=ids, now=now, sandbox_rate=0.0, test_mailer_id="899999"
        )
        _, secret = create_key(
            tx, "live", account_id=account.id, pepper=PEPPER, ids=ids, random_bits=secrets.randbits, now=now
        )
        upload = Upload(
            Sender(account.id, "live"), "req_bench", None, "postcard_4x6", Artwork("0" * 64, 1, "pdf", {}, "live/bench")
        )
        stored = store_creative(tx, upload, render=str, now=now, ids=ids)
    db.dispose()
    return _Ground(url, folder, secret, stored.creative_id)  # type: ignore[union-attr]  # no key was given, so it was stored


@contextmanager
def _serving(ground: _Ground, servers: int, *, without_database: bool) -> Iterator[int]:
    """The port of so many server processes that accept from one socket."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        environment = {**os.environ, "BENCH_DATABASE": ground.url, "BENCH_FOLDER": str(ground.folder)}
        if without_database:
            environment["BENCH_CREATIVE"] = ground.creative_id
        serve = [sys.executable, "-m", "ops.bench.intake_server", str(listener.fileno())]
        running = [
            subprocess.Popen(serve, env=environment, pass_fds=[listener.fileno()], stdout=subprocess.PIPE)
            for _ in range(servers)
        ]
        try:
            for one in running:
                assert one.stdout is not None
                one.stdout.readline()
            yield listener.getsockname()[1]
        finally:
            for one in running:
                one.terminate()
            for one in running:
                one.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--database", metavar="URL", help="an empty database to measure on")
    parser.add_argument("--servers", type=int, default=1, help="server processes on that database")
    asked = parser.parse_args()
    print_figures(
        TITLE,
        _compare(asked.database, asked.seconds, servers=asked.servers, goal=0.5)
        if asked.database
        else measure(asked.seconds),
    )


if __name__ == "__main__":
    main()

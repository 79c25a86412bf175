"""Intake: durable pieces a second through POST /v1/mail, beside the same endpoint with the database taken out.

`python -m ops.bench.intake [DATABASE_URL …]`; SQLite in a temporary folder where none is named. One server process and
one load process share the machine, so only the ratio says much.
"""

import argparse
import asyncio
import json
import os
import secrets
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI
from sqlmodel import SQLModel

from adapters.storage.local import LocalStorage
from api.app import create_app
from api.services import Services
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.ports import Note
from pipeline.press.preflight import inspect
from pipeline.repository.accounts import Sender, create_account, create_key
from pipeline.repository.creatives import Upload, store_creative
from pipeline.repository.database import Database
from pipeline.repository.drafts import Draft, Ground, KnownCreative, draft
from pipeline.repository.intake import Accepted, Intake, Outcome
from pipeline.repository.orders import Artwork, Order
from pipeline.repository.prices import read_prices, seed_prices

_PEPPER = "bench"
_CONNECTIONS = 32
_WARM_UP_S = 1.0


class _NoBell:
    def ring(self, note: Note) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("databases", nargs="*", help="SQLAlchemy URLs")
    parser.add_argument("--seconds", type=float, default=4.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="mailstream-bench-") as folder:
        for url in asked.databases or [f"sqlite:///{folder}/bench.db"]:
            bare = _measure(url, Path(folder), asked.seconds, without_database=True)
            full = _measure(url, Path(folder), asked.seconds, without_database=False)
            for name, run in (("without database", bare), (url.partition(":")[0], full)):
                print(f"{name:>20} {run['per_s']:8.0f}/s  p50 {run['p50_ms']:6.1f} ms  p99 {run['p99_ms']:6.1f} ms")  # noqa: T201
            print(f"{'ratio':>20} {full['per_s'] / bare['per_s']:8.2f}")  # noqa: T201


def _measure(url: str, folder: Path, seconds: float, *, without_database: bool) -> dict[str, float]:
    secret, creative_id = _prepare(url)
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        environment = {**os.environ, "BENCH_DATABASE": url, "BENCH_FOLDER": str(folder)}
        if without_database:
            environment["BENCH_CREATIVE"] = creative_id
        serve = [sys.executable, "-m", "ops.bench.intake_server", str(listener.fileno())]
        server = subprocess.Popen(serve, env=environment, pass_fds=[listener.fileno()])
        try:
            return asyncio.run(_load(listener.getsockname()[1], secret, creative_id, seconds))
        finally:
            server.terminate()
            server.wait()


def _prepare(url: str) -> tuple[str, str]:
    """A key and a creative in a database that has its tables."""
    db, ids, now = Database(url), system_ids(), machine_clock()
    SQLModel.metadata.create_all(db.engine)
    with db.write() as tx:
        seed_prices(tx)
        account = create_account(
            tx, f"bench-{secrets.token_hex(4)}", ids=ids, now=now, sandbox_rate=0.0, test_mailer_id="899999"
        )
        _, secret = create_key(
            tx, "live", account_id=account.id, pepper=_PEPPER, ids=ids, random_bits=secrets.randbits, now=now
        )
        upload = Upload(
            Sender(account.id, "live"), "req_bench", None, "postcard_4x6", Artwork("0" * 64, 1, "pdf", {}, "live/bench")
        )
        stored = store_creative(tx, upload, render=str, now=now, ids=ids)
    db.dispose()
    return secret, stored.creative_id  # type: ignore[union-attr]  # no key was given, so it was stored


def application() -> FastAPI:
    """The server's side of the bench, from what the environment says."""
    db = Database(os.environ["BENCH_DATABASE"])
    services = Services(
        db=db,
        ids=system_ids(),
        machine_clock=machine_clock,
        pepper=_PEPPER,
        storage=LocalStorage(Path(os.environ["BENCH_FOLDER"])),
        inspect=inspect,
        check_target=lambda _mode, _url: (),
        doorbell=_NoBell(),
        sandbox_rate=0.0,
    )
    if "BENCH_CREATIVE" in os.environ:
        _take_database_out(db, os.environ["BENCH_CREATIVE"])
    return create_app(services)


def _take_database_out(db: Database, creative_id: str) -> None:
    """Let intake judge and answer orders as ever, and keep none of them."""
    with db.read() as tx:
        prices = read_prices(tx)

    def save(self: Intake, orders: Sequence[Order]) -> list[Outcome]:
        now, outcomes = machine_clock(), list[Outcome]()
        for order in orders:
            creative = KnownCreative(order.sender.account_id, order.sender.mode, order.product, "accepted")
            ground = Ground(now, {}, prices, {creative_id: creative}, {}, frozenset())
            drafted = draft(order, ground, self._terms)
            outcomes.append(Accepted(drafted.body, drafted.location, False) if isinstance(drafted, Draft) else drafted)
        return outcomes

    Intake.save = save  # type: ignore[method-assign]


async def _load(port: int, secret: str, creative_id: str, seconds: float) -> dict[str, float]:
    body: dict[str, Any] = {
        "product": "postcard_4x6",
        "to": {"name": "Ada Lovelace", "line1": "185 Berry St", "city": "San Francisco", "state": "CA", "zip": "94107"},
        "from": {"name": "MailStream", "line1": "1 Main St", "city": "Boise", "state": "ID", "zip": "83702"},
        "front": {"creative": creative_id},
        "metadata": {"order": "1001"},
    }  # fmt: skip
    text = json.dumps(body).encode()
    head = "POST /v1/mail HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    head += f"Authorization: Bearer {secret}\r\nContent-Length: {len(text)}\r\n"
    start = time.perf_counter() + _WARM_UP_S
    end = start + seconds
    took_s: list[float] = []

    async def send_until_end(number: int) -> None:
        reader, writer = await _connect(port)
        sent = 0
        while (began := time.perf_counter()) < end:
            sent += 1
            writer.write(f"{head}Idempotency-Key: {port}-{number}-{sent}\r\n\r\n".encode() + text)
            answer = await reader.readuntil(b"\r\n\r\n")
            if not answer.startswith(b"HTTP/1.1 201"):
                raise SystemExit(answer.decode() + (await reader.read(2000)).decode())
            await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0]))
            if began >= start:
                took_s.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(send_until_end(number) for number in range(_CONNECTIONS)))
    quantiles = statistics.quantiles(took_s, n=100)
    return {"per_s": len(took_s) / seconds, "p50_ms": quantiles[49] * 1000, "p99_ms": quantiles[98] * 1000}


async def _connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", port)


def serve(descriptor: int) -> None:
    """Not by uvicorn's `fd`: it takes every socket for a unix one and leaves Nagle on, which costs 40 ms an answer."""
    server = uvicorn.Server(uvicorn.Config(application(), log_level="warning", access_log=False))
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    main()

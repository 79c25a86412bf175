"""A server process of the intake bench: `python -m ops.bench.intake_server DESCRIPTOR`, a listening socket that it was given.

`BENCH_DATABASE` and `BENCH_FOLDER` say where its rows and files lie; with `BENCH_CREATIVE` it judges and answers orders of
that creative as ever, and keeps none of them.
"""

import os
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from adapters.storage.local import LocalStorage
from api.app import create_app
from api.services import Services
from pipeline.clock import machine_clock
from pipeline.models.types import system_ids
from pipeline.ports import Note
from pipeline.press.preflight.inspect import inspect
from pipeline.repository.database import Database
from pipeline.repository.drafts import Draft, Ground, KnownCreative, draft
from pipeline.repository.intake import Accepted, Intake, Outcome
from pipeline.repository.orders import Order
from pipeline.repository.prices import read_prices
from pipeline.worker.live_root import live_recall

PEPPER = "bench"


class _NoBell:
    def ring(self, note: Note) -> None:
        pass


def application() -> FastAPI:
    """From what the environment says."""
    db = Database(os.environ["BENCH_DATABASE"])
    services = Services(
        db=db,
        ids=system_ids(),
        machine_clock=machine_clock,
        pepper=PEPPER,
        storage=LocalStorage(Path(os.environ["BENCH_FOLDER"])),
        inspect=inspect,
        check_target=lambda _mode, _url: (),
        doorbell=_NoBell(),
        sandbox_rate=0.0,
        open_recall=lambda: live_recall(Path(os.environ["BENCH_FOLDER"]), db),
    )
    if "BENCH_CREATIVE" in os.environ:
        _take_database_out(db, os.environ["BENCH_CREATIVE"])
    return create_app(services)


def _take_database_out(db: Database, creative_id: str) -> None:
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


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says on stdout when it answers."""
        await super().startup(sockets)
        print("ready", flush=True)  # noqa: T201


def serve(descriptor: int) -> None:
    """Not by uvicorn's `fd`: it takes every socket for a unix one and leaves Nagle on, which costs 40 ms an answer."""
    server = _Server(uvicorn.Config(application(), log_level="warning", access_log=False))
    server.run(sockets=[socket.socket(fileno=descriptor)])


if __name__ == "__main__":
    serve(int(sys.argv[1]))

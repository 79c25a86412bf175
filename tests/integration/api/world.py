"""A whole API on a fresh database: two accounts with keys of every kind, real preflight, real storage, and artwork."""

import io
import random
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image
from sqlalchemy import func, select
from sqlmodel import SQLModel
from starlette.testclient import TestClient

from adapters.storage.local import LocalStorage
from api.app import create_app
from api.services import Services
from pipeline.clock import machine_clock
from pipeline.errors import Fault
from pipeline.models import tables as models
from pipeline.models.types import system_ids
from pipeline.ports import Note
from pipeline.press.preflight.inspect import inspect
from pipeline.press.report import Report
from pipeline.products import Product
from pipeline.repository import tables
from pipeline.repository.accounts import create_account, create_key
from pipeline.repository.database import Database
from pipeline.repository.line_clocks import LiveLineClock
from pipeline.repository.prices import seed_prices
from pipeline.stages.recall import Recall
from pipeline.stages.stage import Context
from tests.integration.line.fakes import FakePrinters

PEPPER = "pepper of a test"
ADDRESS = {
    "name": "Ada Lovelace",
    "line1": "185 Berry St Ste 6100",
    "city": "San Francisco",
    "state": "CA",
    "zip": "94107",
}
_COUNTED = (
    tables.pieces,
    tables.recipients,
    tables.creatives,
    tables.events,
    tables.idempotent_answers,
    tables.endpoints,
)


class Bell:
    """Remembers who was called."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def ring(self, note: Note) -> None:
        self.notes.append(note)


@dataclass
class World:
    db: Database
    services: Services
    bell: Bell
    files: Path
    inspected: list[str]
    accounts: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    client: Any = None
    printers: FakePrinters = field(default_factory=FakePrinters)

    def headers(self, who: str = "ada-test", **more: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.keys[who]}"} | {k.replace("_", "-"): v for k, v in more.items()}

    def get(self, path: str, who: str = "ada-test", **params: str) -> httpx2.Response:
        answer: httpx2.Response = self.client.get(path, headers=self.headers(who), params=params)
        return answer

    def post(self, path: str, body: Any, who: str = "ada-test", **headers: str) -> httpx2.Response:
        answer: httpx2.Response = self.client.post(path, json=body, headers=self.headers(who, **headers))
        return answer

    def creative(self, who: str = "ada-test", seed: int = 1) -> str:
        """The id of a creative made from an image of its own."""
        files = {"file": ("art.png", png(seed), "image/png")}
        answer = self.client.post(
            "/v1/creatives", data={"product": "postcard_4x6"}, files=files, headers=self.headers(who)
        )
        assert answer.status_code in (200, 201), answer.text
        creative_id: str = answer.json()["id"]
        return creative_id

    def mail(self, who: str = "ada-test", **changes: Any) -> dict[str, Any]:
        """The body of a piece that would be accepted, with changes; a change to `...` takes the field away."""
        front = changes.pop("front") if "front" in changes else {"creative": self.creative(who)}
        body = {"product": "postcard_4x6", "to": ADDRESS, "front": front, **changes}
        return {name: value for name, value in body.items() if value is not ...}

    def order(self, who: str = "ada-test", **changes: Any) -> dict[str, Any]:
        answer = self.post("/v1/mail", self.mail(who, **changes), who)
        assert answer.status_code == 201, answer.text
        piece: dict[str, Any] = answer.json()
        return piece

    def rows(self) -> dict[str, int]:
        """How many rows there are in every table that a request can write to, and how many files in storage."""
        with self.db.read() as tx:
            counts = {t.name: tx.execute(select(func.count()).select_from(t)).scalar_one() for t in _COUNTED}
        return counts | {"files": sum(path.is_file() for path in self.files.rglob("*"))}


@contextmanager
def world(database_url: str, folder: Path) -> Iterator[World]:
    assert models.Piece.__tablename__ in SQLModel.metadata.tables
    db = Database(database_url)
    SQLModel.metadata.create_all(db.engine)
    made = _make(db, folder)
    try:
        with TestClient(create_app(made.services), raise_server_exceptions=False) as client:
            made.client = client
            yield made
    finally:
        db.dispose()


def _make(db: Database, folder: Path) -> World:
    bell, inspected, printers = Bell(), list[str](), FakePrinters()

    def noted_inspect(source: Path, product: Product) -> Report:
        inspected.append(product.name)
        return inspect(source, product)

    @contextmanager
    def open_recall() -> Iterator[Recall]:
        yield Recall(Context("live", db, services.ids, machine_clock, LiveLineClock(machine_clock)), printers)

    services = Services(
        db=db,
        ids=system_ids(),
        machine_clock=machine_clock,
        pepper=PEPPER,
        storage=LocalStorage(folder / "files"),
        inspect=noted_inspect,
        check_target=no_local_targets,
        doorbell=bell,
        sandbox_rate=3600.0,
        open_recall=open_recall,
    )
    made = World(db, services, bell, folder / "files", inspected, printers=printers)
    with db.write() as tx:
        seed_prices(tx)
        for name in ("ada", "bob"):
            _add_account(made, tx, name)
        made.keys["op"] = _add_key(made, tx, "op", None)
    return made


def _add_account(made: World, tx: Any, name: str) -> None:
    ids, now = made.services.ids, machine_clock()
    account = create_account(tx, name, ids=ids, now=now, sandbox_rate=3600.0, test_mailer_id="899999")
    made.accounts[name] = account.id
    for mode in ("live", "test"):
        made.keys[f"{name}-{mode}"] = _add_key(made, tx, mode, account.id)
    made.keys[f"{name}-expired"] = _add_key(made, tx, "test", account.id, expires_at=now - timedelta(seconds=1))


def _add_key(made: World, tx: Any, mode: str, account_id: str | None, **more: Any) -> str:
    _, secret = create_key(
        tx, mode, account_id=account_id, pepper=PEPPER, ids=made.services.ids, random_bits=secrets.randbits,
        now=machine_clock(), **more,
    )  # fmt: skip
    return secret


def no_local_targets(mode: str, url: str) -> tuple[Fault, ...]:
    if url.startswith("https://"):
        return ()
    return (Fault("invalid_url", "", "The URL is not https.", "Use https."),)


def png(seed: int = 1, *, width_px: int = 1875, height_px: int = 1275) -> bytes:
    """An image at 300 ppi and the bleed size of a 4x6 postcard, unlike that of any other seed."""
    shade = random.Random(seed).randrange(256)
    image = Image.new("RGB", (width_px, height_px), (shade, seed % 256, seed // 256 % 256))
    out = io.BytesIO()
    image.save(out, "PNG", dpi=(300, 300))
    return out.getvalue()


def codes(answer: httpx2.Response) -> Mapping[str, str]:
    """The faults of a problem: code by pointer."""
    return {fault["pointer"]: fault["code"] for fault in answer.json()["errors"]}

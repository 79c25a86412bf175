"""The demo's developers: each account with its key, a webhook endpoint, its artwork uploaded once, and its mail ordered."""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from ops.cli.own_keys import with_own_key
from ops.demo.script import ACCOUNTS, Wanted
from ops.demo.stage_set import Set
from ops.services.process import ServiceError
from pipeline.clock import machine_clock
from pipeline.models.profile import PrinterProfile
from pipeline.models.types import system_ids
from pipeline.repository.accounts import create_account, create_key
from pipeline.repository.database import Database
from pipeline.repository.printers import Deed, add_printer


@dataclass
class Sender:
    """One account and its HTTP client; `creatives` are ids by file."""

    name: str
    key: str
    client: httpx2.Client
    creatives: dict[Path, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Ordered:
    """One request and what the API answered: the id of a piece, or the codes it was refused with."""

    wanted: Wanted
    mail_id: str | None
    refused_with: tuple[str, ...] = ()


@contextmanager
def registered(stage: Set) -> Iterator[list[Sender]]:
    """Both printers and both accounts, as an operator registers them; connections are closed at the end of the block."""
    senders = _register(stage)
    try:
        yield senders
    finally:
        for sender in senders:
            sender.client.close()


def _register(stage: Set) -> list[Sender]:
    settings, ids, now = stage.installation.settings, system_ids(), machine_clock()
    db = Database(settings.database_url)
    senders = []
    with db.write() as tx:
        for name in stage.shops:
            given, own_key = with_own_key(stage.profile(name), name, settings.home)
            if own_key is not None:
                own_key.place()
            profile = PrinterProfile.model_validate(given)
            add_printer(tx, name, profile, Deed("demo", now, "the demo's print shops"), ids=ids)
        for name, title in ACCOUNTS.items():
            account = create_account(
                tx, title, ids=ids, now=now, sandbox_rate=settings.sandbox_rate, test_mailer_id=settings.test_mailer_id,
                cancel_window_s=1, promise="clock",
            )  # fmt: skip
            _, key = create_key(
                tx,
                "live",
                account_id=account.id,
                pepper=settings.pepper,
                ids=ids,
                random_bits=secrets.randbits,
                now=now,
            )
            senders.append(Sender(name, key, _client(stage.installation.url, key)))
    db.dispose()
    return senders


def listen(sender: Sender, stage: Set) -> None:
    """Point a webhook endpoint at the demo's receiver."""
    answer = sender.client.post("/v1/webhook_endpoints", json={"url": stage.receiver.url(sender.name)})
    stage.receiver.secrets.append(_made(answer)["secret"])


def order_all(sender: Sender, script: Sequence[Wanted], tell: Callable[[Ordered], None]) -> list[Ordered]:
    """Send every request of this account; artwork that several pieces share is uploaded once."""
    ordered = []
    for wanted in script:
        if wanted.account == sender.name:
            ordered.append(_order(sender, wanted))
            tell(ordered[-1])
    return ordered


def _order(sender: Sender, wanted: Wanted) -> Ordered:
    sides: dict[str, Any] = {}
    for name, file in (("front", wanted.front), ("back", wanted.back)):
        if file is not None:
            found = _creative(sender, file)
            if isinstance(found, tuple):
                return Ordered(wanted, None, found)
            sides[name] = {"creative": found}
    headers = {"Idempotency-Key": f"demo-{wanted.number}"}
    answer = sender.client.post("/v1/mail", json={**wanted.body, **sides}, headers=headers)
    if answer.status_code == 422:
        return Ordered(wanted, None, _codes(answer))
    return Ordered(wanted, _made(answer)["id"])


def _creative(sender: Sender, file: Path) -> str | tuple[str, ...]:
    """The id of the creative in `file`, or the codes that it is refused with."""
    if file not in sender.creatives:
        files = {"file": (file.name, file.read_bytes())}
        answer = sender.client.post("/v1/creatives", data={"product": "postcard_4x6"}, files=files)
        if answer.status_code == 422:
            return _codes(answer)
        sender.creatives[file] = _made(answer)["id"]
    return sender.creatives[file]


def _codes(answer: httpx2.Response) -> tuple[str, ...]:
    return tuple(fault["code"] for fault in answer.json()["errors"])


def _made(answer: httpx2.Response) -> Any:
    if answer.status_code not in (200, 201):
        raise ServiceError(
            f"{answer.request.method} {answer.request.url.path} was answered {answer.status_code}: {answer.text}"
        )
    return answer.json()


def _client(url: str, key: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False)


def pieces_of(sender: Sender) -> list[dict[str, Any]]:
    """All pieces of an account, page by page."""
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = _made(sender.client.get("/v1/mail", params={"limit": "100", **cursor}))
        found += page["data"]
        if not page["has_more"]:
            return found
        cursor = {"cursor": page["next_cursor"]}


def events_of(sender: Sender, mail_id: str) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = _made(sender.client.get(f"/v1/mail/{mail_id}/events"))["data"]
    return events

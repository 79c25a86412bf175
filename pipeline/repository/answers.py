"""How a request that makes something may end, and the answers kept for those that carried an Idempotency-Key.

An answer is kept in the transaction that makes the object. A key counts within its account and mode:
whoever inserts the row does the work, and the others are given the answer in it.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, select, tuple_

from pipeline.errors import Fault
from pipeline.models.types import Ids
from pipeline.repository.many import insert_many
from pipeline.repository.tables import idempotent_answers, pages

KEPT = {"live": timedelta(days=30), "test": timedelta(hours=24)}
"""How long a key is remembered, by mode."""

Scope = tuple[str, str, str]
"""Account, mode and key."""


@dataclass(frozen=True)
class Once:
    """What makes a request the same one: its key, and a fingerprint of all that it asks for."""

    key: str
    fingerprint: str


@dataclass(frozen=True)
class Answer:
    """An answer to be kept. `body` is kept byte for byte."""

    account_id: str
    mode: str
    once: Once
    request_id: str
    status_code: int
    body: str
    location: str | None

    @property
    def scope(self) -> Scope:
        return self.account_id, self.mode, self.once.key


@dataclass(frozen=True)
class Known:
    """The key was used before for the very same request: this is what that one was answered."""

    status_code: int
    body: str
    location: str | None
    request_id: str


@dataclass(frozen=True)
class Refused:
    """Why a request is not done: a code of the API's registry, and the faults. `existing_id` is what is in its way."""

    code: str
    faults: tuple[Fault, ...] = ()
    detail: str = ""
    existing_id: str | None = None
    retry_after_s: int | None = None


def claim(tx: Connection, answers: Sequence[Answer], *, now: datetime, ids: Ids) -> set[Scope]:
    """Write these answers, one per scope, where there is none in force; returns the scopes that were free.

    Another transaction that is writing the same key is waited for. Sorted, so that no two groups wait for each other.
    """
    if not answers:
        return set()
    table = idempotent_answers
    rows = [_row(answer, now, ids) for answer in sorted(answers, key=lambda answer: answer.scope)]
    new, parameters = insert_many(tx, table, rows)
    over = {column.name: new.excluded[column.name] for column in table.columns}
    scope = (table.c.account_id, table.c.mode, table.c.key)
    # An answer whose time is over gives way to the new one.
    statement = new.on_conflict_do_update(index_elements=scope, set_=over, where=table.c.expires_at <= now)
    return {_scope(row) for row in tx.execute(statement.returning(*scope), parameters)}


def claim_one(tx: Connection, answer: Answer, *, now: datetime, ids: Ids) -> Known | Refused | None:
    """Write this answer, or say what its key was answered before."""
    if claim(tx, [answer], now=now, ids=ids):
        return None
    return known_or_reused(answer.once, find(tx, {answer.scope}, now=now)[answer.scope])


def known_or_reused(once: Once, row: Row[Any]) -> Known | Refused:
    """What a key with an answer gives to a request: that answer, if it is the same request."""
    if row.fingerprint == once.fingerprint:
        return Known(row.status_code, row.body, row.location, row.request_id)
    at = row.created_at.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Refused("idempotency_key_reused", detail=f"The key was used for another request, {row.request_id}, at {at}.")


def find(tx: Connection, scopes: Collection[Scope], *, now: datetime) -> dict[Scope, Row[Any]]:
    """The answers in force for these scopes."""
    table = idempotent_answers
    found: dict[Scope, Row[Any]] = {}
    for page in pages(sorted(scopes)):
        wanted = tuple_(table.c.account_id, table.c.mode, table.c.key).in_(page)
        rows = tx.execute(select(table).where(wanted, table.c.expires_at > now))
        found |= {_scope(row): row for row in rows}
    return found


def withdraw(tx: Connection, scopes: Iterable[Scope]) -> None:
    """Take back answers of this transaction whose object was not made after all."""
    table = idempotent_answers
    for page in pages(sorted(scopes)):
        tx.execute(delete(table).where(tuple_(table.c.account_id, table.c.mode, table.c.key).in_(page)))


def forget_expired(tx: Connection, *, now: datetime) -> int:
    """Delete answers whose time is over; returns how many."""
    return tx.execute(delete(idempotent_answers).where(idempotent_answers.c.expires_at <= now)).rowcount


def _row(answer: Answer, now: datetime, ids: Ids) -> dict[str, Any]:
    return {
        "id": ids.new("ia"),
        "account_id": answer.account_id,
        "mode": answer.mode,
        "key": answer.once.key,
        "fingerprint": answer.once.fingerprint,
        "request_id": answer.request_id,
        "status_code": answer.status_code,
        "body": answer.body,
        "location": answer.location,
        "created_at": now,
        "expires_at": now + KEPT[answer.mode],
    }


def _scope(row: Row[Any]) -> Scope:
    return row.account_id, row.mode, row.key

"""Who asks: API keys, by `Authorization: Bearer` or as the user name of Basic.

A key that was good is believed for `BELIEVED_S`, so that a revoked one works no longer than that.
"""

import base64
import binascii
import hmac
import re
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from fastapi import Request
from fastapi.security import HTTPBasic, HTTPBearer
from sqlalchemy import Row
from starlette.concurrency import run_in_threadpool

from api.problems import Problem
from api.services import Services, services_of
from pipeline.repository.accounts import Sender, find_key, well_formed

BELIEVED_S = 1.0
_MOST_BELIEVED = 10_000
_KEY_IN_URL = re.compile(r"ms_(?:live|test|op)_[0-9A-Za-z]{42}")
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="mailstream", Basic realm="mailstream", charset="UTF-8"'}

bearer = HTTPBearer(auto_error=False, description="An API key: ms_live_… or ms_test_…")
basic = HTTPBasic(auto_error=False, description="An API key as user name, no password")


@dataclass(frozen=True)
class Operator:
    """The bearer of an operator's key."""

    key_id: str


class Keyring:
    """Looks keys up, and remembers good ones for a moment."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._salt = services.pepper.encode()
        self._believed: dict[bytes, tuple[float, Sender | Operator]] = {}

    async def holder(self, secret: str) -> Sender | Operator:
        """Raises `Problem` when the key is not good."""
        if not well_formed(secret):
            raise _unauthorized("malformed_key")
        mark = hmac.new(self._salt, secret.encode(), sha256).digest()
        known = self._believed.get(mark)
        if known is not None and known[0] > time.monotonic():
            return known[1]
        asked_at = time.monotonic()
        holder = self._judge(await run_in_threadpool(self._find, secret))
        if len(self._believed) >= _MOST_BELIEVED:
            self._believed.clear()
        self._believed[mark] = (asked_at + BELIEVED_S, holder)
        return holder

    def _find(self, secret: str) -> Row[Any] | None:
        with self._services.db.read() as tx:
            return find_key(tx, secret, pepper=self._services.pepper)

    def _judge(self, row: Row[Any] | None) -> Sender | Operator:
        now = self._services.machine_clock()
        if row is None:
            raise _unauthorized("unknown_key")
        if row.revoked_at is not None and row.revoked_at <= now:
            raise _unauthorized("revoked_key")
        if row.expires_at is not None and row.expires_at <= now:
            raise _unauthorized("expired_key")
        if row.mode == "op":
            return Operator(row.id)
        return Sender(row.account_id, row.mode, row.zone, row.cancel_window_s, row.promise)


async def sender(request: Request) -> Sender:
    """The account and mode that the request's key opens."""
    holder = await _holder(request)
    if not isinstance(holder, Sender):
        raise Problem("sender_key_required")
    return holder


async def test_sender(request: Request) -> Sender:
    """As `sender`, for routes that are there in test mode only."""
    holder = await sender(request)
    if holder.livemode:
        raise Problem("test_key_required")
    return holder


async def operator(request: Request) -> Operator:
    holder = await _holder(request)
    if not isinstance(holder, Operator):
        raise Problem("operator_key_required")
    return holder


async def _holder(request: Request) -> Sender | Operator:
    if request.scope["query_string"] and _KEY_IN_URL.search(request.scope["query_string"].decode("latin-1")):
        raise _unauthorized("key_in_url")
    keyring: Keyring = request.app.state.keyring
    return await keyring.holder(_secret(request.headers.get("authorization")))


def _secret(header: str | None) -> str:
    scheme, _, rest = (header or "").strip().partition(" ")
    if scheme.lower() == "bearer" and rest.strip():
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode().partition(":")[0]
        except (binascii.Error, UnicodeDecodeError):
            raise _unauthorized("malformed_key") from None
    raise _unauthorized("missing_key")


def _unauthorized(code: str) -> Problem:
    return Problem(code, headers=_CHALLENGE)


__all__ = ["Keyring", "Operator", "basic", "bearer", "operator", "sender", "services_of", "test_sender"]

"""Accounts and their keys. A key is kept as its keyed hash only: what was shown once cannot be shown again.

A key reads `ms_live_`, `ms_test_` or `ms_op_`, then 36 random base62 characters (214 bits), then the CRC-32 of all that
as 6 more, so that a mistyped or invented key is refused without a look into the database.
"""

import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any
from zlib import crc32
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, Select, and_, insert, or_, select, update

from pipeline.models.profile import Floor, Postage, PrinterProfile, Sandbox
from pipeline.models.types import Ids
from pipeline.products import PRODUCTS
from pipeline.repository.printers import Deed, record
from pipeline.repository.sandbox_clocks import start_clock
from pipeline.repository.tables import accounts, keys, printers

MODES = ("live", "test", "op")
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_KEY = re.compile(r"ms_(?:live|test|op)_[0-9A-Za-z]{42}")
_BODY, _CHECKSUM = 36, 6
SANDBOX_MAX_WAIT_S = 1800
_SANDBOX_PERMIT = {"permit_number": "0", "permit_city": "Sandbox", "permit_state": "ID"}


@dataclass(frozen=True)
class Sender:
    """An account in one mode, as a key gives access to it, with what intake needs to know of it."""

    account_id: str
    mode: str
    zone: str = "America/New_York"
    cancel_window_s: int = 300
    promise: str = "default"

    @property
    def livemode(self) -> bool:
        return self.mode == "live"

    @property
    def zoneinfo(self) -> ZoneInfo:
        return _zone(self.zone)


def account_named(tx: Connection, name: str) -> Row[Any] | None:
    return tx.execute(select(accounts).where(accounts.c.name == name)).first()


def list_accounts(tx: Connection) -> Sequence[Row[Any]]:
    """By name."""
    return tx.execute(select(accounts).order_by(accounts.c.name)).all()


def edit_account(tx: Connection, row: Row[Any], changes: Mapping[str, Any], deed: Deed, *, ids: Ids) -> Row[Any]:
    """Change what the account's next pieces are promised; the account as it then stands."""
    changed = update(accounts).where(accounts.c.id == row.id).values(**changes).returning(accounts)
    before = {field: getattr(row, field) for field in changes}
    record(tx, "account.edit", row.id, deed, {"before": before, "after": dict(changes)}, ids=ids)
    return tx.execute(changed).one()


def create_account(
    tx: Connection,
    name: str,
    *,
    ids: Ids,
    now: datetime,
    sandbox_rate: float,
    test_mailer_id: str,
    zone: str = "America/New_York",
    cancel_window_s: int = 300,
    promise: str = "default",
) -> Row[Any]:
    """A new account with its sandbox: a clock and a simulated printer of its own. The name must be new."""
    values = {
        "id": ids.new("ac"),
        "name": name,
        "zone": zone,
        "cancel_window_s": cancel_window_s,
        "promise": promise,
        "created_at": now,
    }
    account = tx.execute(insert(accounts).values(**values).returning(accounts)).one()
    start_clock(tx, account.id, now=now, rate=sandbox_rate)
    tx.execute(insert(printers).values(**_sandbox_printer(account.id, test_mailer_id, ids, now)))
    return account


def create_key(
    tx: Connection,
    mode: str,
    *,
    account_id: str | None,
    pepper: str,
    ids: Ids,
    random_bits: Callable[[int], int],
    now: datetime,
    name: str = "",
    expires_at: datetime | None = None,
) -> tuple[Row[Any], str]:
    """A new key and its secret, which is told here and never again. Only `op` keys belong to no account."""
    if mode not in MODES or (mode == "op") != (account_id is None):
        raise ValueError(f"mode {mode}, account {account_id}: live and test keys have an account, op keys none")
    secret = new_secret(mode, random_bits)
    values = {
        "id": ids.new("ky"),
        "account_id": account_id,
        "mode": mode,
        "digest": digest(secret, pepper),
        "shown": f"ms_{mode}_…{secret[-4:]}",
        "name": name,
        "created_at": now,
        "expires_at": expires_at,
    }
    return tx.execute(insert(keys).values(**values).returning(keys)).one(), secret


def revoke_key(tx: Connection, key_id: str, *, now: datetime, after: timedelta = timedelta()) -> bool:
    """Let a key end at `now + after`; False when there is no such key or it has ended already."""
    ends = now + after
    mine = and_(keys.c.id == key_id, or_(keys.c.revoked_at.is_(None), keys.c.revoked_at > ends))
    return bool(tx.execute(update(keys).where(mine).values(revoked_at=ends)).rowcount)


def find_key(tx: Connection, secret: str, *, pepper: str) -> Row[Any] | None:
    """The key and the columns of its account (None for an operator's), whether or not it has ended."""
    account = (accounts.c.zone, accounts.c.cancel_window_s, accounts.c.promise)
    wanted: Select[Any] = (
        select(keys.c.id, keys.c.account_id, keys.c.mode, keys.c.expires_at, keys.c.revoked_at, *account)
        .outerjoin_from(keys, accounts, accounts.c.id == keys.c.account_id)
        .where(keys.c.digest == digest(secret, pepper))
    )
    return tx.execute(wanted).first()


def new_secret(mode: str, random_bits: Callable[[int], int]) -> str:
    # 256 bits taken modulo 62^36 are as good as even.
    text = f"ms_{mode}_{_base62(random_bits(256), _BODY)}"
    return text + _checksum(text)


def well_formed(secret: str) -> bool:
    """Whether this could be a key at all; costs about a microsecond."""
    return _KEY.fullmatch(secret) is not None and _checksum(secret[:-_CHECKSUM]) == secret[-_CHECKSUM:]


def digest(secret: str, pepper: str) -> str:
    return hmac.new(pepper.encode(), secret.encode(), sha256).hexdigest()


def _checksum(text: str) -> str:
    return _base62(crc32(text.encode()), _CHECKSUM)


def _base62(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 62)
        digits.append(_BASE62[digit])
    return "".join(reversed(digits))


def _sandbox_printer(account_id: str, mailer_id: str, ids: Ids, now: datetime) -> dict[str, Any]:
    profile = PrinterProfile(
        products=tuple(PRODUCTS),
        stocks=tuple(sorted({product.stock for product in PRODUCTS.values()})),
        transport=Sandbox(),
        postage=Postage(mailer_id=mailer_id, **_SANDBOX_PERMIT),
        floor=Floor(max_wait_s=SANDBOX_MAX_WAIT_S),
    )
    return {
        "id": ids.new("pr"),
        "name": f"sandbox-{account_id}",
        "mode": "test",
        "account_id": account_id,
        "profile": profile.model_dump(mode="json"),
        "created_at": now,
    }


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)

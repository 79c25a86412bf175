"""Lists: opaque cursors, signed and bound to their list and filters, and the body that carries a page.

A cursor names the last row seen, not a count of rows, so that rows that come or go between two pages neither repeat nor
hide others. The row it names need not exist any more.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from api.faults import fault
from api.problems import invalid
from pipeline.repository.accounts import Sender
from pipeline.repository.pages import Page

DEFAULT_LIMIT = 10
MOST_LIMIT = 100
_MAC_BYTES = 16


@dataclass(frozen=True)
class List:
    """One list as one sender asked for it: what its cursors are bound to."""

    url: str
    sender: Sender
    filters: Mapping[str, str]
    pepper: str

    def cursor(self, direction: str, mark: str) -> str:
        """A cursor that goes on in `direction` from `mark`."""
        body = json.dumps([direction, mark, self._binding()], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(self._mac(body) + body).rstrip(b"=").decode()

    def read(self, cursor: str) -> tuple[str, str]:
        """Direction and mark. Raises `Problem` for what is not a cursor, or not one of this list."""
        try:
            raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        except (binascii.Error, ValueError):
            raw = b""
        mac, body = raw[:_MAC_BYTES], raw[_MAC_BYTES:]
        if not body or not hmac.compare_digest(mac, self._mac(body)):
            raise invalid([fault("invalid_cursor", "/cursor", "The cursor is not one that this list gave.")])
        direction, mark, binding = json.loads(body)
        if binding != self._binding():
            raise invalid([fault("cursor_mismatch", "/cursor", "The cursor belongs to a list with other filters.")])
        return direction, mark

    def page(self, limit: int, cursor: str | None) -> Page:
        if cursor is None:
            return Page(limit)
        direction, mark = self.read(cursor)
        return Page(limit, newer_than=mark) if direction == "newer" else Page(limit, older_than=mark)

    def body(self, page: Page, rows: Sequence[Any], shown: Sequence[dict[str, Any]]) -> dict[str, Any]:
        """The answer, from one row more than the page holds where there is more; `shown` are these rows, as shown."""
        more = len(rows) > page.limit
        backwards = page.newer_than is not None
        if more:
            rows, shown = (rows[1:], shown[1:]) if backwards else (rows[:-1], shown[:-1])
        older = bool(rows) and (backwards or more)
        newer = bool(rows) and (more if backwards else page.older_than is not None)
        return {
            "object": "list",
            "url": self.url,
            "data": list(shown),
            "has_more": older,
            "next_cursor": self.cursor("older", rows[-1].id) if older else None,
            "previous_cursor": self.cursor("newer", rows[0].id) if newer else None,
        }

    def _binding(self) -> str:
        whose = [self.url, self.sender.account_id, self.sender.mode, sorted(self.filters.items())]
        return sha256(json.dumps(whose).encode()).hexdigest()[:16]

    def _mac(self, body: bytes) -> bytes:
        return hmac.new(self.pepper.encode(), b"cursor\0" + body, sha256).digest()[:_MAC_BYTES]

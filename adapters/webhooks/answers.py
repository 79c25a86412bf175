"""What a receiver's answer says: when to come again, and the little of its body that is kept."""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore2

MOST_READ = 64 * 1024
MOST_KEPT = 8 * 1024
Headers = Sequence[tuple[bytes, bytes]]


def header(headers: Headers, name: bytes) -> str:
    """The first header of this lower-case name, or an empty string."""
    return next((value.decode("latin-1") for key, value in headers if key.lower() == name), "")


def retry_after_s(headers: Headers, now: datetime) -> float | None:
    """`Retry-After` (RFC 9110, 10.2.3) in seconds from `now`: a number, or an HTTP date. None where there is none to read."""
    said = header(headers, b"retry-after").strip()
    if said.isascii() and said.isdecimal():
        return float(said[:9])
    try:
        at = parsedate_to_datetime(said)
    except ValueError:
        return None
    return max(0.0, ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds())


async def read_start(response: httpcore2.Response, kept: bytearray) -> None:
    """Read up to `MOST_READ` bytes of the body, as they come over the wire, and add the first `MOST_KEPT` to `kept`.

    Nothing is unpacked: a small body that unpacks to a large one stays small.
    """
    read = 0
    async for chunk in response.aiter_stream():
        read += len(chunk)
        kept += chunk[: MOST_KEPT - len(kept)]
        if read >= MOST_READ:
            return


def shown(headers: Headers, kept: bytes) -> str:
    """The kept bytes as text that any database takes; nothing of a packed body."""
    if header(headers, b"content-encoding").lower() not in ("", "identity"):
        return ""
    return kept.decode("utf-8", errors="replace").replace("\x00", "\ufffd")

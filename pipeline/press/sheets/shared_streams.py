"""Streams that several creatives hold alike, such as the picture of a template that each piece fills: written once a file.

A checksum finds what may be the same, for it costs a tenth of a digest; only then are both digested, the first by reading it again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from zlib import crc32


@dataclass
class _Kept:
    number: int
    again: Callable[[], bytes]
    digest: bytes | None = None


class SharedStreams:
    """Those of one file being written, by the entries of their dictionaries and their data."""

    def __init__(self) -> None:
        self._kept: dict[tuple[bytes, int, int], _Kept] = {}

    def number(self, entries: bytes, data: bytes, *, write: Callable[[], int], again: Callable[[], bytes]) -> int:
        """The number of the object that is the same, or what `write` gives. `again` reads the data anew, at any later time."""
        key = (entries, len(data), crc32(data))
        kept = self._kept.get(key)
        if kept is None:
            self._kept[key] = _Kept(write(), again)
            return self._kept[key].number
        if kept.digest is None:
            kept.digest = sha256(kept.again()).digest()
        return kept.number if kept.digest == sha256(data).digest() else write()

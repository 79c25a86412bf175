"""The pieces of a job on disk, so that a job of a million takes no more memory than one of ten.

Each line of JSON holds some pieces, as lists in the order of their fields: a third of the size of objects, and one call of the
encoder for many. Sheets take their pieces from as many places as they have slots, and go forward in each: the lines there are kept
at hand. Nothing is unpickled.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import overload

from pipeline.press.job import Placed

_PIECES_A_LINE = 64
_encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode


def spool(pieces: Iterable[Placed], path: Path) -> None:
    """Write the pieces in their order."""
    rest = iter(pieces)
    with path.open("w", encoding="ascii") as file:
        while some := list(islice(rest, _PIECES_A_LINE)):
            file.write(_encode(some) + "\n")


class SpooledPieces(Sequence[Placed]):
    """Reads a spool by number, and from front to back. Keeps eight bytes a line, and up to `kept` lines' pieces.

    More slots than `kept` on one sheet only make it slower.
    """

    def __init__(self, path: Path, *, kept: int = 128) -> None:
        self._file = path.open("rb")
        self._starts = array("Q", [0])
        last = b"[]"
        for last in self._file:
            self._starts.append(self._starts[-1] + len(last))
        self._count = max(len(self._starts) - 2, 0) * _PIECES_A_LINE + len(_placed(last))
        self._line = lru_cache(kept)(self._read)

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Placed]:
        with Path(self._file.name).open("rb") as lines:
            for line in lines:
                yield from _placed(line)

    @overload
    def __getitem__(self, at: int) -> Placed: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Placed, ...]: ...
    def __getitem__(self, at: int | slice) -> Placed | tuple[Placed, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(self._count)[at])
        line, nth = divmod(range(self._count)[at], _PIECES_A_LINE)
        return self._line(line)[nth]

    def close(self) -> None:
        self._file.close()

    def _read(self, line: int) -> list[Placed]:
        start, end = self._starts[line : line + 2]
        return _placed(os.pread(self._file.fileno(), end - start, start))


def _placed(line: bytes) -> list[Placed]:
    return [
        Placed(piece, sheet, slot, position, imb, tuple(address), tuple(sender), front, back, recipient)
        for piece, sheet, slot, position, imb, address, sender, front, back, recipient in json.loads(line)
    ]

"""The pieces of a job on disk, one JSON line each, so that a job of a million takes no more memory than one of ten.

Lines are lists in the order of `Placed`'s fields: a third of the size of objects, and of the time. Nothing is unpickled.
"""

import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from pipeline.press.job import Placed


def spool(pieces: Iterable[Placed], path: Path) -> None:
    """Write the pieces in their order."""
    encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    with path.open("w", encoding="ascii") as file:
        # `__dict__` keeps the order of the fields, which `__init__` set in turn.
        file.writelines(encode(list(vars(piece).values())) + "\n" for piece in pieces)


class SpooledPieces(Sequence[Placed]):
    """Reads a spool by number, and from front to back. Keeps eight bytes a piece."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._starts = array("Q", [0])
        for line in self._file:
            self._starts.append(self._starts[-1] + len(line))

    def __len__(self) -> int:
        return len(self._starts) - 1

    def __iter__(self) -> Iterator[Placed]:
        self._file.seek(0)
        return map(_placed, self._file)

    @overload
    def __getitem__(self, at: int) -> Placed: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Placed, ...]: ...
    def __getitem__(self, at: int | slice) -> Placed | tuple[Placed, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(len(self))[at])
        number = range(len(self))[at]
        start, end = self._starts[number : number + 2]
        self._file.seek(start)
        return _placed(self._file.read(end - start))

    def close(self) -> None:
        self._file.close()


def _placed(line: bytes) -> Placed:
    fields: list[Any] = json.loads(line)
    fields[5], fields[6] = tuple(fields[5]), tuple(fields[6])
    return Placed(*fields)

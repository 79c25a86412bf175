"""The pieces of a job on disk, one JSON line each, so that a job of a million takes no more memory than one of ten.

Each line is the tuple as a list: a third of the size of an object, and of the time. Nothing is unpickled.
"""

import json
import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, overload

from pipeline.press.job import Placed

_ADDRESS, _SENDER = Placed._fields.index("address"), Placed._fields.index("return_address")
# Half the time of `json.loads`, which looks for encodings and blanks around the value.
_scan = json.JSONDecoder().raw_decode


def spool(pieces: Iterable[Placed], path: Path) -> None:
    """Write the pieces in their order."""
    encode = json.JSONEncoder(separators=(",", ":"), check_circular=False).encode
    with path.open("w", encoding="ascii") as file:
        file.writelines(encode(piece) + "\n" for piece in pieces)


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
        with Path(self._file.name).open("rb") as lines:
            yield from map(_placed, lines)

    @overload
    def __getitem__(self, at: int) -> Placed: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Placed, ...]: ...
    def __getitem__(self, at: int | slice) -> Placed | tuple[Placed, ...]:
        if isinstance(at, slice):
            return tuple(self[number] for number in range(len(self))[at])
        number = range(len(self))[at]
        start, end = self._starts[number : number + 2]
        return _placed(os.pread(self._file.fileno(), end - start, start))

    def close(self) -> None:
        self._file.close()


def _placed(line: bytes) -> Placed:
    values: list[Any] = _scan(line.decode("ascii"), 0)[0]
    values[_ADDRESS], values[_SENDER] = tuple(values[_ADDRESS]), tuple(values[_SENDER])
    return Placed._make(values)

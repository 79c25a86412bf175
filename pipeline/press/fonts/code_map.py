"""Which bytes of shown text are one code, and which CID that is: the maps of composite fonts (ISO 32000-1, 9.7.5 and 9.7.6).

Maps that stand in the file are read, with those of the file that they build on. Of the predefined ones only the identity is
followed: the others (`UniJIS-UCS2-H`, `GBK-EUC-H` and their like) need tables of Adobe's, and what carries these for Python is a
whole reader of PDF of 12 MB, while embedded fonts hardly ever have such a map. Nor is a map followed that builds on one of
them. Preflight tells of fonts that have such a map.
"""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

import pikepdf

from pipeline.press.limits import MALFORMED

# Some 60,000 lines. There are 65,536 codes of two bytes, and what is defined twice counts twice.
MOST_BYTES, _MOST_CODES = 1 << 20, 1 << 18
_MOST_SPACES, _MOST_BASES = 100, 5
_LONGEST_CODE = 4
IDENTITY = ("/Identity-H", "/Identity-V")
# Comments and strings say nothing here.
_TOKEN = re.compile(
    rb"%[^\r\n]*|\([^()]*\)|<(?P<code>[0-9A-Fa-f\s]*)>|(?P<name>/[^\s()<>\[\]{}/%]+)|(?P<number>\d+)|(?P<word>[A-Za-z]+)"
)


class CodeMap:
    """Begins as a map without codes, or as a copy of its `base`."""

    def __init__(self, base: "CodeMap | None" = None) -> None:
        # The first and the last code of runs of one length.
        self._spaces: list[tuple[bytes, bytes]] = list(base._spaces) if base else []
        # By the number of a code after a 1, so that its length counts; what is not defined may have a CID too.
        self._cids: dict[int, int] = dict(base._cids) if base else {}
        self._undefined: dict[int, int] = dict(base._undefined) if base else {}
        self._named = len(self._cids)

    def cids(self, text: bytes) -> Iterator[int]:
        """0 for codes that have none. A code that is cut off by the text's end shows nothing."""
        lengths = {len(first) for first, _ in self._spaces}
        only = lengths.pop() if len(lengths) == 1 else 0
        at = 0
        while (end := at + (only or self._length(text[at : at + _LONGEST_CODE]))) <= len(text):
            code = _number(text[at:end])
            yield self._cids.get(code, self._undefined.get(code, 0))
            at = end

    def _length(self, ahead: bytes) -> int:
        """Of the run into which most of the bytes fit; of several, the shortest."""
        return min((-_fitting(ahead, *space), len(space[0])) for space in self._spaces)[1]

    def add(self, section: str, given: list[Any]) -> None:
        """What stands between a `begin` and its `end`. Raises `ValueError` or `TypeError` where it makes no sense."""
        if section == "codespacerange":
            self._spaces += [(first, last) for first, last in _rows(given, 2) if _are_codes(first, last)]
            if len(self._spaces) > _MOST_SPACES:
                raise ValueError("more runs of codes than a font needs")
        elif section in ("cidrange", "notdefrange"):
            for first, last, cid in _rows(given, 3):
                self._define(first, last, cid, alike=section == "notdefrange")
        elif section in ("cidchar", "notdefchar"):
            for code, cid in _rows(given, 2):
                self._define(code, code, cid, alike=section == "notdefchar")

    def _define(self, first: bytes, last: bytes, cid: int, *, alike: bool) -> None:
        if not _are_codes(first, last):
            return
        codes = range(_number(first), _number(last) + 1)
        self._named += len(codes)
        if self._named > _MOST_CODES:
            raise ValueError("more codes than a font needs")
        if alike:
            self._undefined |= dict.fromkeys(codes, cid)
        else:
            self._cids |= zip(codes, range(cid, cid + len(codes)), strict=True)

    @property
    def is_empty(self) -> bool:
        return not self._spaces or not self._cids


def _are_codes(first: bytes, last: bytes) -> bool:
    return 0 < len(first) == len(last) <= _LONGEST_CODE


def _rows(given: list[Any], width: int) -> Iterator[tuple[Any, ...]]:
    return zip(*[iter(given)] * width, strict=True)


def _number(code: bytes) -> int:
    return int.from_bytes(b"\1" + code)


def _fitting(ahead: bytes, first: bytes, last: bytes) -> int:
    """How many bytes of `ahead` lie in a run, each in the range of its place."""
    place = 0
    for byte, low, high in zip(ahead, first, last, strict=False):
        if not low <= byte <= high:
            break
        place += 1
    return place


def read_code_map(given: object) -> CodeMap | None:
    """Of a font's `Encoding`. None for a map that is not followed, or that makes no sense."""
    try:
        found = _read(given, _MOST_BASES)
    except MALFORMED:
        return None
    return None if found.is_empty else found


def _read(given: object, bases: int) -> CodeMap:
    """With at most so many `bases`, one below the other. Raises `MALFORMED`."""
    if isinstance(given, pikepdf.Name | str) and str(given) in IDENTITY:
        return _identity()
    if not isinstance(given, pikepdf.Stream) or bases < 0:
        raise ValueError("a predefined map, or none")
    data, base = given.read_bytes(), given.get("/UseCMap")
    if len(data) > MOST_BYTES:
        raise ValueError("larger than any map")
    operands, based = list[Any](), False
    found = CodeMap(_read(base, bases - 1)) if base is not None else CodeMap()
    for token in _TOKEN.finditer(data):
        if token["word"] is None:
            operands += _operand(token)
        else:
            if token["word"] == b"usecmap":
                if based:
                    raise ValueError("a second base")
                based = True
                found = CodeMap(_read(operands[-1], bases - 1)) if base is None else found
            elif token["word"].startswith(b"end"):
                found.add(token["word"][3:].decode(), operands)
            operands.clear()
    return found


def _operand(token: re.Match[bytes]) -> Iterator[Any]:
    if token["code"] is not None:
        yield bytes.fromhex(token["code"].decode())
    elif token["name"] is not None:
        yield token["name"].decode("latin-1")
    elif token["number"] is not None:
        yield int(token["number"])


@cache
def _identity() -> CodeMap:
    found = CodeMap()
    found.add("codespacerange", [b"\0\0", b"\xff\xff"])
    found.add("cidrange", [b"\0\0", b"\xff\xff", 0])
    return found

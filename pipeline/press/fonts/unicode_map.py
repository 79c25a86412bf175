"""Which codes of a composite font stand for spaces, as its `ToUnicode` says (ISO 32000-1, 9.10.3)."""

import re
from collections.abc import Iterator

import pikepdf

from pipeline.press.fonts.code_map import MOST_BYTES

_CODE = rb"<\s*([0-9A-Fa-f]+)\s*>"
_CHAR = re.compile(_CODE + rb"\s*" + _CODE)
# What follows the first and the last code is the text of the first, or a list of all texts.
_RUN = re.compile(_CHAR.pattern + rb"\s*(?:" + _CODE + rb"|\[([^\[\]]*)\])")
_SPACES = [unit for unit in range(0x10000) if chr(unit).isspace()]


def spaces(given: object) -> frozenset[int]:
    """Breaking or not. None of them where the map is not there, or makes no sense."""
    if not isinstance(given, pikepdf.Stream):
        return frozenset()
    data = given.read_bytes()
    return frozenset(_read(data)) if len(data) <= MOST_BYTES else frozenset()


def _read(data: bytes) -> Iterator[int]:
    for section in data.split(b"beginbf")[1:]:
        body, _, _ = section.partition(b"endbf")
        if section.startswith(b"char"):
            yield from (int(code, 16) for code, text in _CHAR.findall(body) if _is_space(text))
        elif section.startswith(b"range"):
            for first, last, text, texts in _RUN.findall(body):
                yield from _in_run(int(first, 16), int(last, 16), text, texts)


def _in_run(first: int, last: int, text: bytes, texts: bytes) -> Iterator[int]:
    """Texts of several letters are taken as letters."""
    if text:
        found = (first + unit - int(text, 16) for unit in _SPACES)
    else:
        found = (first + at for at, one in enumerate(re.findall(_CODE, texts)) if _is_space(one))
    yield from (code for code in found if first <= code <= last)


def _is_space(text: bytes) -> bool:
    return int(text, 16) in _SPACES

"""What is asked of an embedded font program, of whatever kind: which glyph a code shows, and other advances."""

from collections.abc import Collection, Mapping
from functools import cached_property
from typing import Protocol

from fontTools.agl import toUnicode

TOLERATED = 1.0
"""In thousandths of the type size: what rounding does."""

Widths = Mapping[str, list[float]]
"""What is declared of each glyph, by the program's name for it, in thousandths; several where several codes show it."""


class Program(Protocol):
    """All raise whatever the library stumbles over in a malformed program."""

    def by_number(self, cid: int) -> str | None:
        """The glyph of a CID that no map translates."""
        ...

    def has_number(self, cid: int) -> bool:
        """Whether there is such a glyph, other than that for what is missing."""
        ...

    def by_code(self, code: int, name: str | None) -> str | None:
        """The glyph of a simple font's code, whose name in its encoding may be known."""
        ...

    def may_show(self, code: int, name: str | None) -> bool:
        """Whether any way in which readers look for a simple font's code leads to a glyph."""
        ...

    def missing_is_blank(self) -> bool:
        """Whether nothing is painted where a glyph is missing: what stands for it is empty, or there is no such thing."""
        ...

    def advance(self, glyph: str) -> float:
        """In thousandths, as the program has it."""
        ...

    def with_widths(self, declared: Widths) -> bytes | None:
        """The program with these advances; None where it has them, or where its glyphs would not stay as they are."""
        ...


def agrees(has: float, declared: list[float]) -> bool:
    return any(abs(has - one) <= TOLERATED for one in declared)


class NamedGlyphs:
    """The part of a program that finds glyphs by their names; codes have the names of its `own` encoding, or of the font's."""

    def __init__(self, names: Collection[str], own: Mapping[int, str]) -> None:
        self._names = frozenset(names)
        self._own = own

    def by_code(self, code: int, name: str | None) -> str | None:
        called = name or self._own.get(code)
        return called if called in self._names else None

    def may_show(self, code: int, name: str | None) -> bool:
        """Readers also look for other names of the same letter."""
        if name is None:
            return self.by_code(code, None) not in (None, ".notdef")
        return name in self._names or toUnicode(name) in self._letters

    @cached_property
    def _letters(self) -> set[str]:
        return {toUnicode(name) for name in self._names} - {""}

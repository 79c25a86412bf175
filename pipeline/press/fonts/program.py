"""What is asked of an embedded font program, of whatever kind: which glyph a code shows, and other advances."""

from collections.abc import Mapping
from typing import Protocol

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

    def with_widths(self, declared: Widths) -> bytes | None:
        """The program with these advances; None where it has them, or where its glyphs would not stay as they are."""
        ...


def agrees(has: float, declared: list[float]) -> bool:
    return any(abs(has - one) <= TOLERATED for one in declared)

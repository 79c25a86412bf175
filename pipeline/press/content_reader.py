"""Parses the content streams of artwork, up to a size that no artwork needs: more would be a bomb or a mistake."""

import re
from collections.abc import Iterator, Sequence

import pikepdf

MOST_CONTENT_BYTES = 32 * 1024 * 1024
# Each takes some microseconds to parse and walk; maps with a hundred thousand paths have as many.
MOST_STEPS = 500_000

# Roughly the operators that are parsed, to be counted in raw content before anything is.
_STEP = re.compile(rb"(?<!\S)(?:q|Q|cm|Do|BI|BT|T[frmdDjJ]|[gGkKw]|rg|RG|cs|CS|scn?|SCN?|gs|[fFSsBb]\*?)(?!\S)")

Instruction = pikepdf.ContentStreamInstruction | pikepdf.ContentStreamInlineImage


class TooComplexError(Exception):
    """More content, placings or nesting than any artwork needs. The message goes on from "The page holds"."""


class ContentReader:
    """Counts what it has read, over all the streams of a page."""

    def __init__(self, operators: str = "") -> None:
        """`operators` are those wanted, separated by spaces; all of them where it is empty."""
        self._operators = operators
        self._bytes = 0

    def read(self, holder: pikepdf.Object) -> Sequence[Instruction]:
        """Of a page, a form, a pattern or a drawn glyph. Raises `TooComplexError`."""
        for part in content_parts(holder):
            data = part.read_bytes()
            self._bytes += len(data)
            if self._bytes > MOST_CONTENT_BYTES:
                raise TooComplexError(f"more than {MOST_CONTENT_BYTES >> 20} MB of drawing")
            if sum(1 for _ in _STEP.finditer(data)) > MOST_STEPS:
                raise TooComplexError(f"more than {MOST_STEPS:,} drawing steps")
        return pikepdf.parse_content_stream(holder, self._operators)


def content_parts(holder: pikepdf.Object) -> Iterator[pikepdf.Stream]:
    """The streams that together are the content of `holder`."""
    if isinstance(holder, pikepdf.Stream):
        yield holder
        return
    contents = holder.get("/Contents")
    if isinstance(contents, pikepdf.Stream):
        yield contents
    elif isinstance(contents, pikepdf.Array):
        yield from (part for part in contents.as_list() if isinstance(part, pikepdf.Stream))

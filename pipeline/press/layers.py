"""Layers (optional content) of the artwork in a file: which there are, and which are off, as their creatives had it.

PDF/X-4 allows layers with one default configuration and no automatic states (ISO 15930-7, 6.14), so no more is carried.
"""

from dataclasses import dataclass, field

from pipeline.press.writer import literal


@dataclass
class Layers:
    """Object numbers of the layers in the file being written."""

    all: list[int] = field(default_factory=list)
    off: list[int] = field(default_factory=list)

    def catalog(self) -> bytes:
        """The catalog's entry; empty where no artwork has layers."""
        if not self.all:
            return b""
        off = b"/OFF[%b]" % _references(self.off) if self.off else b""
        default = b"<</Name%b/BaseState/ON/Order[]%b>>" % (literal("Artwork"), off)
        return b"/OCProperties<</OCGs[%b]/D%b>>" % (_references(self.all), default)


def _references(numbers: list[int]) -> bytes:
    return b" ".join(b"%d 0 R" % number for number in numbers)

"""What one line of an address says, once read: the words the post wants, and what kind of line they make."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """Rising with how surely mail can be delivered by this line."""

    EMPTY = 0
    UNIT = 1
    NOTE = 2  # for whom, or which urbanization: ATTN, C/O, URB
    NAMED = 3  # words without a house number: a building, a bare street
    NUMBERED = 4  # a number somewhere: CALLE 3 B12
    PLACE = 5  # house number and street, box, general delivery


@dataclass(slots=True)
class DeliveryLine:
    """`missing` is the fault's code where mail cannot be delivered by this line alone; `corrections` says what was changed."""

    kind: Kind
    words: Sequence[str] = ()
    unit: Sequence[str] = ()
    missing: str = ""
    corrections: Sequence[str] = ()

    @property
    def whole(self) -> list[str]:
        return [*self.words, *self.unit]

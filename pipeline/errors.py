"""The three ways in which work fails, and how each is told.

A port raises `Transient` (tried again, on the schedule in the row) or `Permanent` (the row ends with a code that a
sender or an operator can act on). Anything else that rises is a bug.
"""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with what was sent, and what to do about it.

    `pointer` is an RFC 6901 JSON Pointer into the request (`/to/zip`), or empty where the fault has no field.
    """

    code: str
    pointer: str
    detail: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class PortError(Exception):
    """A failure that an adapter has understood. Messages carry no names, addresses or secrets."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Transient(PortError):
    """May pass by itself: try again. `retry_after_s` is what the other side asked for, if it did."""

    def __init__(self, code: str, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class Permanent(PortError):
    """Will not pass by itself: somebody has to act on `code` or on the listed faults."""

    def __init__(self, code: str, message: str, *, faults: tuple[Fault, ...] = ()) -> None:
        super().__init__(code, message)
        self.faults = faults


class InDoubt(PortError):
    """Whether the other side acted cannot be told from here. Never try again blindly."""

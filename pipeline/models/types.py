"""Column types and ids that every table shares."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

Json = JSON().with_variant(JSONB(), "postgresql")

_CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz"
_PAIRS = tuple(first + second for first in _CROCKFORD for second in _CROCKFORD)
_TEXT_LENGTH = len("2026-03-10 15:00:00.000000")
ID_LENGTH = 29  # a two-letter prefix, an underscore and 26 characters


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; refuses naive values. SQLite has no zones, so it stores the naive UTC value."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        return None if value is None else _in_utc(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        result: datetime = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return result

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """SQLite's text is made here, in one step: rows have many times, and the usual way takes three steps for each."""
        return _as_text if dialect.name == "sqlite" else super().bind_processor(dialect)


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("naive time given to a UTC column")
    return value.astimezone(UTC)


def _as_text(value: datetime | None) -> str | None:
    """Such as `2026-03-10 15:00:00.000000`, which sorts by time."""
    return None if value is None else _in_utc(value).isoformat(" ", "microseconds")[:_TEXT_LENGTH]


class Ids:
    """Makes ids such as `ml_01jd…`: a UUIDv7-like value (48 bits of milliseconds, 82 random bits), so that ids sort by time.

    `milliseconds` and `random_bits` are passed in, so that a test or a simulation can replay them.
    """

    def __init__(self, milliseconds: Callable[[], int], random_bits: Callable[[int], int]) -> None:
        self._milliseconds = milliseconds
        self._random_bits = random_bits

    def new(self, prefix: str) -> str:
        value = (self._milliseconds() & (1 << 48) - 1) << 82 | self._random_bits(82)
        # Two characters at a time: an id is made for every row that there is.
        return prefix + "_" + "".join([_PAIRS[value >> shift & 1023] for shift in range(120, -1, -10)])


def system_ids() -> Ids:
    """Ids from this machine's time and randomness."""
    from secrets import randbits

    return Ids(lambda: time.time_ns() // 1_000_000, randbits)

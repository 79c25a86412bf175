"""What each part of a run costs: its seconds, and the SQL statements that it sends.

A statement that a driver is given with many sets of parameters counts once for each set, since that is how it is sent. BEGIN,
COMMIT and ROLLBACK count too: they are round trips like any other.
"""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event


class Tally:
    """By the name of the part. Parts do not overlap: `of` inside of `of` is counted there and not in the outer one."""

    def __init__(self, engine: Engine) -> None:
        self.seconds: Counter[str] = Counter()
        self.statements: Counter[str] = Counter()
        self.texts: Counter[tuple[str, str]] = Counter()
        self._part = "between"
        self._since = time.perf_counter()
        event.listen(engine, "before_cursor_execute", self._execute)
        for name in ("begin", "commit", "rollback"):
            event.listen(engine, name, self._bracket)

    @contextmanager
    def of(self, part: str) -> Iterator[None]:
        outer = self._turn_to(part)
        try:
            yield
        finally:
            self._turn_to(outer)

    def _turn_to(self, part: str) -> str:
        now = time.perf_counter()
        self.seconds[self._part] += now - self._since  # type: ignore[assignment]  # a Counter adds seconds as well
        outer, self._part, self._since = self._part, part, now
        return outer

    def _execute(self, _connection: Any, _cursor: Any, text: str, parameters: Any, _context: Any, many: bool) -> None:
        # SQLite is told by a statement to begin, PostgreSQL by its driver: both are counted when they are asked to.
        if not text.startswith("BEGIN"):
            # SQLAlchemy turns most inserts of many rows into one statement; its parameters are then one flat tuple.
            times = len(parameters) if many and isinstance(parameters, list) else 1
            self.statements[self._part] += times
            self.texts[self._part, text] += times

    def _bracket(self, _connection: Any) -> None:
        self.statements[self._part] += 1

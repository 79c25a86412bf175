"""What each part of a run costs: its seconds, those that this process computed, and the SQL statements that it sent.

A statement that a driver is given with many sets of parameters counts once for each set, since that is how it is sent. BEGIN,
COMMIT and ROLLBACK count too: they are round trips like any other.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event


@dataclass
class Sent:
    """One statement: how often it was sent, and the seconds until the database answered."""

    times: int = 0
    seconds: float = 0.0


class Tally:
    """By the name of the part. Parts do not overlap: `of` inside of `of` is counted there and not in the outer one."""

    def __init__(self, engine: Engine) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.core_seconds: defaultdict[str, float] = defaultdict(float)
        self.statements: Counter[str] = Counter()
        self.texts: defaultdict[tuple[str, str], Sent] = defaultdict(Sent)
        self._part = "between"
        self._since = time.perf_counter(), time.process_time()
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
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
        now = time.perf_counter(), time.process_time()
        self.seconds[self._part] += now[0] - self._since[0]
        self.core_seconds[self._part] += now[1] - self._since[1]
        outer, self._part, self._since = self._part, part, now
        return outer

    def _before(self, _connection: Any, _cursor: Any, _text: str, _given: Any, context: Any, _many: bool) -> None:
        context.began = time.perf_counter()

    def _after(self, _connection: Any, _cursor: Any, text: str, parameters: Any, context: Any, many: bool) -> None:
        # SQLite is told by a statement to begin, PostgreSQL by its driver: both are counted when they are asked to.
        if not text.startswith("BEGIN"):
            # SQLAlchemy turns most inserts of many rows into one statement; its parameters are then one flat tuple.
            times = len(parameters) if many and isinstance(parameters, list) else 1
            self.statements[self._part] += times
            sent = self.texts[self._part, text]
            sent.times += times
            sent.seconds += time.perf_counter() - context.began

    def _bracket(self, _connection: Any) -> None:
        self.statements[self._part] += 1

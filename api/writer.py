"""The group writer: one thread that takes everything queued and saves it in one transaction.

While one group commits, the next one gathers, so that the cost of a commit is shared by as many as wait for it.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from pipeline.errors import Transient

W = TypeVar("W")
R = TypeVar("R")

Save = Callable[[Sequence[W]], list[R]]
"""All or nothing: one result per item, in order, committed; or an exception, and nothing is saved."""

MOST_AT_ONCE = 200
MOST_WAITING = 2_000


class FullError(Exception):
    """As many are waiting as may wait."""


class GroupWriter(Generic[W, R]):
    def __init__(self, save: Save[W, R], *, most_at_once: int = MOST_AT_ONCE, most_waiting: int = MOST_WAITING) -> None:
        self._save = save
        self._most_at_once = most_at_once
        self._most_waiting = most_waiting
        self._waiting: deque[_Waiting[W, R]] = deque()
        self._wake = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="intake-writer", daemon=True)
        self._thread.start()

    async def write(self, item: W) -> R:
        """The result of saving `item`, once that is committed. Raises `FullError`, or what saving raised."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[R] = loop.create_future()
        with self._wake:
            if self._closed or len(self._waiting) >= self._most_waiting:
                raise FullError
            self._waiting.append(_Waiting(item, loop, future))
            self._wake.notify()
        return await future

    def close(self) -> None:
        """Save what is waiting, and stop."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while group := self._next_group():
            self._settle(group)

    def _next_group(self) -> "list[_Waiting[W, R]]":
        with self._wake:
            while not self._waiting and not self._closed:
                self._wake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most_at_once))]

    def _settle(self, group: "list[_Waiting[W, R]]") -> None:
        """Save a group; if it fails as a whole, each alone, so that one bad item harms no other."""
        try:
            results = self._save([waiting.item for waiting in group])
        except Transient as error:
            _fail(group, error)
        except Exception as error:  # noqa: BLE001  # the edge of this thread: whoever waits is told
            if len(group) == 1:
                _fail(group, error)
                return
            for waiting in group:
                self._settle([waiting])
        else:
            _resolve(group, results)


class _Waiting(Generic[W, R]):
    __slots__ = ("future", "item", "loop")

    def __init__(self, item: W, loop: asyncio.AbstractEventLoop, future: "asyncio.Future[R]") -> None:
        self.item = item
        self.loop = loop
        self.future = future


def _resolve(group: Sequence[_Waiting[W, R]], results: Sequence[R]) -> None:
    def tell() -> None:
        for waiting, result in zip(group, results, strict=True):
            if not waiting.future.done():
                waiting.future.set_result(result)

    _on_loop(group, tell)


def _fail(group: Sequence[_Waiting[W, R]], error: Exception) -> None:
    def tell() -> None:
        for waiting in group:
            if not waiting.future.done():
                waiting.future.set_exception(error)

    _on_loop(group, tell)


def _on_loop(group: Sequence[_Waiting[W, R]], tell: Callable[[], None]) -> None:
    try:
        group[0].loop.call_soon_threadsafe(tell)
    except RuntimeError:  # the loop is closed: nobody waits any more
        return

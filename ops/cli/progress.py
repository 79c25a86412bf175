"""How far a long command has come: a line on stderr that is rewritten on a terminal, and one line a step in a pipe."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rich.status import Status


class Told(Protocol):
    def say(self, step: str) -> None:
        """A new step begins."""
        ...

    def count(self, step: str, done: int) -> None:
        """So much of a step is done."""
        ...


@contextmanager
def progress() -> Iterator[Told]:
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield _Status(status)


class _Lines:
    def say(self, step: str) -> None:
        sys.stderr.write(f"{step}\n")

    def count(self, step: str, done: int) -> None:
        """Says nothing: a log has no use for it."""


class _Status:
    def __init__(self, status: "Status") -> None:
        self._status = status

    def say(self, step: str) -> None:
        self._status.update(step)

    def count(self, step: str, done: int) -> None:
        self._status.update(f"{step}: {done:,}")

"""Query parameters, strictly: what is unknown, doubled or wrong is refused, all at once."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime
from functools import partial
from typing import Any, TypeVar

from fastapi import Request

from api.faults import fault
from api.paging import DEFAULT_LIMIT, MOST_LIMIT
from api.problems import invalid
from pipeline.errors import Fault

T = TypeVar("T")

_PAGING = ("limit", "cursor")


class Query:
    """The parameters of one request. `names` are known; `families` are names with a bracket, such as `created[gte]`."""

    def __init__(self, request: Request, names: Collection[str] = (), families: Collection[str] = ()) -> None:
        self._values: dict[str, str] = {}
        self._faults: list[Fault] = []
        for name, value in request.query_params.multi_items():
            if name in self._values:
                self._wrong(name, "The parameter comes more than once.")
            elif name in names or name in _PAGING or _family(name) in families:
                self._values[name] = value
            else:
                self._faults.append(
                    fault("unknown_parameter", f"/{name[:60]}", f"There is no parameter {name[:60]} here.")
                )

    def get(self, name: str, read: Callable[[str], T]) -> T | None:
        """The value as `read` makes it, which raises `ValueError` with what is wrong; None where it is not given."""
        value = self._values.get(name)
        if value is None:
            return None
        try:
            return read(value)
        except ValueError as error:
            self._wrong(name, str(error))
            return None

    def family(self, family: str, read: Callable[[str, str], Any]) -> dict[str, Any]:
        """What stands in the brackets, with its value as `read(bracket, value)` makes it."""
        found: dict[str, Any] = {}
        for name in [name for name in self._values if _family(name) == family]:
            bracket = name[len(family) + 1 : -1]
            value = self.get(name, partial(read, bracket))
            if value is not None:
                found[bracket] = value
        return found

    @property
    def limit(self) -> int:
        return self.get("limit", _limit) or DEFAULT_LIMIT

    @property
    def cursor(self) -> str | None:
        return self._values.get("cursor")

    @property
    def filters(self) -> dict[str, str]:
        """What the list is narrowed by: everything but the paging."""
        return {name: value for name, value in self._values.items() if name not in _PAGING}

    def check(self) -> None:
        """Raises `Problem` with all that was found wrong so far."""
        if self._faults:
            raise invalid(self._faults)

    def _wrong(self, name: str, detail: str) -> None:
        self._faults.append(fault("invalid_parameter", f"/{name}", detail))


def one_of(choices: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise ValueError(f"The value is not one of {', '.join(sorted(choices))}.")
        return text

    return read


def some_of(choices: Collection[str]) -> Callable[[str], tuple[str, ...]]:
    """Values separated by commas."""
    one = one_of(choices)
    return lambda text: tuple(one(part) for part in text.split(","))


def at_most(characters: int) -> Callable[[str], str]:
    def read(text: str) -> str:
        if not 1 <= len(text) <= characters or not text.isprintable():
            raise ValueError(f"The value is not 1 to {characters} printable characters.")
        return text

    return read


def time_of(text: str) -> datetime:
    """An RFC 3339 time. `ValueError` without a zone: nobody can tell which one was meant."""
    problem = "The value is not a time with its zone, such as 2026-11-24T15:00:00Z."
    try:
        # A plus sign in a URL that was not escaped arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+"))
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(problem) from None
    raise ValueError(problem)


def _limit(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text[:9]) <= MOST_LIMIT:
        raise ValueError(f"The limit is not a number from 1 to {MOST_LIMIT}.")
    return int(text)


def _family(name: str) -> str | None:
    family, bracket, rest = name.partition("[")
    return family if bracket and rest.endswith("]") and len(rest) > 1 else None

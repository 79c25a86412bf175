"""The PostScript of a PDF's calculator functions (ISO 32000, 7.10.5): arithmetic on a stack, with `if` and no loops."""

import math
import operator
import re
from collections.abc import Callable, Sequence
from typing import Any

# Ink libraries write some dozens; a program of the largest converters some hundreds.
MOST_WORDS = 2_000
MOST_STACK = 100
_WORDS = re.compile(rb"[{}]|[^\s{}]+")

_Program = list[Any]
"""Numbers, names of operators, and programs in braces."""


def read_calculator(source: bytes) -> Callable[[Sequence[float]], tuple[float, ...]]:
    """Raises `ValueError` for what is none; the function does so where a program fails."""
    words = _WORDS.findall(re.sub(rb"%[^\r\n]*", b"", source))
    if len(words) > MOST_WORDS:
        raise ValueError(f"a program of more than {MOST_WORDS} words")
    if words[:1] != [b"{"]:
        raise ValueError("a program that does not begin with a brace")
    program = _parsed(iter(words[1:]))

    def call(values: Sequence[float]) -> tuple[float, ...]:
        stack: list[Any] = list(values)
        try:
            _run(program, stack)
        except (IndexError, TypeError) as error:
            raise ValueError("a program that fails") from error
        return tuple(float(value) for value in stack)

    return call


def _parsed(words: Any) -> _Program:
    program: _Program = []
    for word in words:
        if word == b"}":
            return program
        if word == b"{":
            program.append(_parsed(words))
        elif (name := word.decode("latin-1")) in _KNOWN:
            program.append(name)
        else:
            program.append(float(name) if set(name) & set(".eE") else int(name))
    raise ValueError("a program without its last brace")


def _run(program: _Program, stack: list[Any]) -> None:
    for word in program:
        if word == "if":
            then, asked = stack.pop(), stack.pop()
            _run(then if asked else [], stack)
        elif word == "ifelse":
            other, then, asked = stack.pop(), stack.pop(), stack.pop()
            _run(then if asked else other, stack)
        elif not isinstance(word, str):
            stack.append(word)
        elif word in _ONE:
            stack.append(_bounded(_ONE[word](stack.pop())))
        elif word in _TWO:
            second, first = stack.pop(), stack.pop()
            stack.append(_bounded(_TWO[word](first, second)))
        else:
            _STACK[word](stack)
        if len(stack) > MOST_STACK:
            raise ValueError(f"a program that needs more than {MOST_STACK} values at once")


def _bounded(value: Any) -> Any:
    """A whole number of more than 32 bits is a real one from there on, as in PostScript."""
    return float(value) if isinstance(value, int) and abs(value) >> 32 else value


def _atan(over: float, under: float) -> float:
    return math.degrees(math.atan2(over, under)) % 360


def _shift(value: int, places: int) -> int:
    return value << min(places, 32) & 0xFFFFFFFF if places >= 0 else value >> -places


def _not(value: Any) -> Any:
    return not value if isinstance(value, bool) else ~value


def _copy(stack: list[Any]) -> None:
    count = stack.pop()
    if not 0 <= count <= len(stack):
        raise ValueError("a program that copies what is not there")
    stack.extend(stack[len(stack) - count :])


def _index(stack: list[Any]) -> None:
    stack.append(stack[-1 - abs(stack.pop())])


def _roll(stack: list[Any]) -> None:
    places, count = stack.pop(), stack.pop()
    if not 0 < count <= len(stack):
        raise ValueError("a program that rolls what is not there")
    rolled = stack[-count:]
    places %= count
    stack[-count:] = rolled[count - places :] + rolled[: count - places]


def _exchange(stack: list[Any]) -> None:
    stack[-1], stack[-2] = stack[-2], stack[-1]


_ONE: dict[str, Callable[[Any], Any]] = {
    "abs": abs, "ceiling": math.ceil, "cos": lambda value: math.cos(math.radians(value)), "cvi": int, "cvr": float,
    "floor": math.floor, "ln": math.log, "log": math.log10, "neg": operator.neg, "not": _not,
    "round": lambda value: math.floor(value + 0.5), "sin": lambda value: math.sin(math.radians(value)),
    "sqrt": math.sqrt, "truncate": math.trunc,
}  # fmt: skip
_TWO: dict[str, Callable[[Any, Any], Any]] = {
    "add": operator.add, "and": operator.and_, "atan": _atan, "bitshift": _shift, "div": operator.truediv, "eq": operator.eq,
    "exp": math.pow, "ge": operator.ge, "gt": operator.gt, "idiv": lambda first, second: int(first / second),
    "le": operator.le, "lt": operator.lt, "mod": lambda first, second: int(math.fmod(first, second)), "mul": operator.mul,
    "ne": operator.ne, "or": operator.or_, "sub": operator.sub, "xor": operator.xor,
}  # fmt: skip
_STACK: dict[str, Callable[[list[Any]], Any]] = {
    "copy": _copy, "dup": lambda stack: stack.append(stack[-1]), "exch": _exchange, "false": lambda stack: stack.append(False),
    "index": _index, "pop": lambda stack: stack.pop(), "roll": _roll, "true": lambda stack: stack.append(True),
}  # fmt: skip
_KNOWN = frozenset({*_ONE, *_TWO, *_STACK, "if", "ifelse"})

"""Functions of a PDF (ISO 32000, 7.10), as tint transforms and shadings have them: what a press computes, computed here."""

from collections.abc import Callable, Sequence
from itertools import product
from math import prod
from typing import Any

import pikepdf

from pipeline.press.colours.calculator import read_calculator
from pipeline.press.limits import MALFORMED

Function = Callable[[Sequence[float]], tuple[float, ...]]
"""From the values put in to those that come out. Raises `ValueError` and `ArithmeticError` where there is no answer."""

# A spot of the market has one input; seven and more are inks of a packaging press, whose table alone would be megabytes.
MOST_INPUTS = 6
MOST_OUTPUTS = 32
# A gradient has a function for each of its stops. Functions may be stitched from one another, each from a thousand of the next.
MOST_FUNCTIONS = 2_000
_COST_OF_A_PROGRAM = 100
_SAMPLE_BITS = (1, 2, 4, 8, 12, 16, 24, 32)


class UnknownFunctionError(ValueError):
    """It is malformed, or larger than any that a designer's program writes."""


def read_function(given: object) -> Function:
    """Of a function, or of an array of functions with one output each. Raises `UnknownFunctionError`."""
    try:
        function = _Reader().read(given)
    except UnknownFunctionError:
        raise
    except MALFORMED as error:
        raise UnknownFunctionError("a malformed function") from error

    def call(values: Sequence[float]) -> tuple[float, ...]:
        try:
            return tuple(float(value) for value in function(values))
        except (LookupError, TypeError, RecursionError) as error:
            raise ValueError("a function that fails") from error

    return call


class _Reader:
    """Reads one function with all that it is made of."""

    def __init__(self) -> None:
        self._left = MOST_FUNCTIONS

    def read(self, given: Any) -> Function:
        self._spend(1)
        if isinstance(given, pikepdf.Array):
            if len(given) > MOST_OUTPUTS:
                raise UnknownFunctionError(f"a function of more than {MOST_OUTPUTS} outputs")
            parts = [self.read(one) for one in given.as_list()]
            return lambda values: tuple(part(values)[0] for part in parts)
        kind = int(given.FunctionType)
        function: Function
        if kind == 0:
            function = _Table(given)
        elif kind == 2:
            function = _exponential(given)
        elif kind == 3:
            function = self._stitched(given)
        elif kind == 4:
            self._spend(_COST_OF_A_PROGRAM)
            function = read_calculator(given.read_bytes())
        else:
            raise UnknownFunctionError(f"a function of type {kind}")
        return _kept(function, pairs(given.Domain), pairs(given.Range) if "/Range" in given else None)

    def _spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise UnknownFunctionError(f"a function made of more than {MOST_FUNCTIONS}")

    def _stitched(self, given: Any) -> Function:
        parts = [self.read(one) for one in given.Functions]
        ((first, last),) = pairs(given.Domain)
        edges = [first, *(float(bound) for bound in given.Bounds), last]
        encoded = pairs(given.Encode)

        def call(values: Sequence[float]) -> tuple[float, ...]:
            at = max(sum(values[0] >= edge for edge in edges[:-1]) - 1, 0)
            return parts[at]([_between(values[0], (edges[at], edges[at + 1]), encoded[at])])

        return call


def pairs(values: Any) -> list[tuple[float, float]]:
    """Of an array with twice as many numbers."""
    flat = [float(value) for value in values]
    return list(zip(flat[::2], flat[1::2], strict=True))


def _kept(function: Function, domain: list[tuple[float, float]], limits: list[tuple[float, float]] | None) -> Function:
    """With what goes in and comes out kept in their ranges."""

    def call(values: Sequence[float]) -> tuple[float, ...]:
        found = function([min(max(value, low), high) for value, (low, high) in zip(values, domain, strict=True)])
        if limits is None:
            return found
        return tuple(min(max(value, low), high) for value, (low, high) in zip(found, limits, strict=True))

    return call


def _exponential(given: Any) -> Function:
    at_0 = [float(value) for value in given.get("/C0", (0,))]
    at_1 = [float(value) for value in given.get("/C1", (1,))]
    exponent = float(given.N)
    return lambda values: tuple(
        low + values[0] ** exponent * (high - low) for low, high in zip(at_0, at_1, strict=True)
    )


class _Table:
    """By the straight lines between samples, also where cubic ones are asked for, as viewers do."""

    def __init__(self, given: Any) -> None:
        self._sizes = [int(size) for size in given.Size]
        self._bits, self._domain, limits = int(given.BitsPerSample), pairs(given.Domain), pairs(given.Range)
        self._data, self._outputs = given.read_bytes(), len(limits)
        samples = prod(self._sizes) * self._outputs
        if not 0 < len(self._sizes) <= MOST_INPUTS or self._outputs > MOST_OUTPUTS or min(self._sizes) < 1:
            raise UnknownFunctionError("a table with too many inputs or outputs")
        if self._bits not in _SAMPLE_BITS or samples * self._bits > 8 * len(self._data):
            raise UnknownFunctionError("a table with too few samples, or samples of no such size")
        self._encoded = pairs(given.get("/Encode", [edge for size in self._sizes for edge in (0, size - 1)]))
        self._decoded = pairs(given.get("/Decode", given.Range))

    def __call__(self, values: Sequence[float]) -> tuple[float, ...]:
        places = [self._place(at, value) for at, value in enumerate(values)]
        sums = [0.0] * self._outputs
        for corner in product((0, 1), repeat=len(places)):
            share = prod(place % 1 if upper else 1 - place % 1 for place, upper in zip(places, corner, strict=True))
            if share:
                sample = self._sample([int(place) + upper for place, upper in zip(places, corner, strict=True)])
                sums = [total + share * value for total, value in zip(sums, sample, strict=True)]
        whole = 0.0, float(2**self._bits - 1)
        return tuple(_between(total, whole, span) for total, span in zip(sums, self._decoded, strict=True))

    def _place(self, at: int, value: float) -> float:
        """Between which samples of an input a value lies."""
        place = _between(value, self._domain[at], self._encoded[at])
        return min(max(place, 0.0), self._sizes[at] - 1.0)

    def _sample(self, place: Sequence[int]) -> list[int]:
        """All outputs of one. The first input varies fastest."""
        number = 0
        for at, size in zip(reversed(place), reversed(self._sizes), strict=True):
            number = number * size + at
        first = number * self._outputs
        return [self._bits_at((first + output) * self._bits) for output in range(self._outputs)]

    def _bits_at(self, start: int) -> int:
        end = start + self._bits
        whole = int.from_bytes(self._data[start >> 3 : (end + 7) >> 3], "big")
        return whole >> (-end % 8) & ((1 << self._bits) - 1)


def _between(value: float, old: tuple[float, float], new: tuple[float, float]) -> float:
    """Where a value of one span comes to lie in another."""
    width = old[1] - old[0]
    return new[0] if not width else new[0] + (value - old[0]) * (new[1] - new[0]) / width

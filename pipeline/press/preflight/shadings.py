"""The heaviest colour of a shading: what its function gives along the way, or what its mesh has in its corners."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

import pikepdf

from pipeline.press.colours.functions import UnknownFunctionError, pairs, read_function
from pipeline.press.limits import MALFORMED
from pipeline.press.preflight.inks import Ink, Spaces

# Along an axis, and along each of two; designers' gradients have some ten stops.
STEPS = 256
STEPS_OF_TWO = 24
MOST_CORNERS = 100_000
# Of one file; each costs a millisecond or two.
MOST_SHADINGS = 1_000
# Points and colours of a patch that stands alone, and of one that shares an edge.
_PATCHES = {6: ((12, 4), (8, 2)), 7: ((16, 4), (12, 2))}


class Shadings:
    """Those of one file, with its colour spaces: each is looked through once, however often and on how many pages it is painted."""

    def __init__(self) -> None:
        self.spaces = Spaces()
        self._known: dict[tuple[int, int], Ink] = {}
        self._left = MOST_SHADINGS

    def ink(self, shading: object, pattern: object = None) -> Ink | None:
        """The heaviest ink of a shading, which may stand in a pattern; None for what is none.

        One whose colours cannot be told, and one of too many, has the ink of its colour space alone.
        """
        if not isinstance(shading, pikepdf.Dictionary | pikepdf.Stream):
            return None
        keys = [one.objgen for one in (shading, pattern) if isinstance(one, pikepdf.Object) and one.is_indirect]
        known = self._known.get(keys[0]) if keys else None
        if known is None:
            base = self.spaces.ink(shading.get("/ColorSpace"))
            known = self._heaviest(shading, base) if base.of_inks else base
            self._known.update(dict.fromkeys(keys[:1], known))
        return known

    def _heaviest(self, shading: pikepdf.Object, base: Ink) -> Ink:
        self._left -= 1
        if self._left < 0:
            return base
        try:
            inks = (replace(base, values=tuple(values)) for values in _colours(shading, base.channels))
            return max(inks, key=lambda one: one.coverage, default=base)
        except MALFORMED:
            return base


def _colours(shading: Any, channels: int) -> Iterator[Sequence[float]]:
    kind = int(shading.ShadingType)
    if "/Function" not in shading:
        yield from islice(_corners(shading, kind, channels), MOST_CORNERS)
        return
    function = read_function(shading.Function)
    spans = pairs(shading.Decode)[2:] if kind >= 4 else pairs(shading.get("/Domain", (0, 1) * (2 if kind == 1 else 1)))
    for place in _places(spans):
        try:
            yield function(place)
        except (ValueError, ArithmeticError):  # here it has no colour
            continue


def _places(spans: list[tuple[float, float]]) -> Iterator[tuple[float, ...]]:
    if len(spans) == 1:
        yield from ((at,) for at in _steps(spans[0], STEPS))
    elif len(spans) == 2:
        yield from ((x, y) for x in _steps(spans[0], STEPS_OF_TWO) for y in _steps(spans[1], STEPS_OF_TWO))
    else:
        raise UnknownFunctionError("a shading over more than two dimensions")


def _steps(span: tuple[float, float], count: int) -> list[float]:
    return [span[0] + (span[1] - span[0]) * at / count for at in range(count + 1)]


def _corners(mesh: Any, kind: int, channels: int) -> Iterator[list[float]]:
    """The colours as they stand in the data, which is read by whole bytes, as programs write it."""
    flag, coordinate, component = (int(mesh.get(f"/BitsPer{part}", 0)) for part in ("Flag", "Coordinate", "Component"))
    if any(bits % 8 for bits in (flag, coordinate, component)) or not coordinate or not component or not channels:
        return
    data, spans = mesh.read_bytes(), pairs(mesh.Decode)[2:]
    point, colour = 2 * coordinate // 8, channels * component // 8
    lead, at = 0 if kind == 5 else flag // 8, 0
    while at < len(data):
        shared = int.from_bytes(data[at : at + lead], "big") & 3 != 0
        points, colours = _PATCHES[kind][shared] if kind in _PATCHES else (1, 1)
        first = at + lead + points * point
        at = first + colours * colour
        if at <= len(data):
            yield from (_decoded(data[one : one + colour], component // 8, spans) for one in range(first, at, colour))


def _decoded(data: bytes, width: int, spans: list[tuple[float, float]]) -> list[float]:
    most = 256**width - 1
    values = [int.from_bytes(data[at : at + width], "big") / most for at in range(0, len(data), width)]
    return [low + value * (high - low) for value, (low, high) in zip(values, spans, strict=True)]

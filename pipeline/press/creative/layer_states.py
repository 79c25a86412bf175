"""Which layers (optional content) of a sender's file print, by its default configuration (ISO 32000-1, 8.11).

A layer may be set to show on a screen and not in print, or the reverse, and viewers do not agree on when such a setting
counts. What is shown by one reading and hidden by another is `unclear`, and left out.
"""

from collections.abc import Iterator
from typing import Literal

import pikepdf

# By the automatic states of the configuration, as the standard has it, or by a layer's usage wherever there is one, as
# several viewers have it: for a screen and for a press.
Reading = tuple[Literal["View", "Print"], bool]
_READINGS: tuple[Reading, ...] = (("View", False), ("Print", False), ("View", True), ("Print", True))
# Deeper expressions are nobody's artwork.
_MOST_DEPTH = 32

_Key = tuple[int, int]


class LayerStates:
    """Answers for each layer or membership; `left_out` and `unclear` gather the names of the layers that were asked for."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        properties = _dictionary(pdf.Root.get("/OCProperties"))
        default = _dictionary(properties.get("/D"))
        self._listed = set(_keys(properties.get("/OCGs")))
        self._on, self._off = set(_keys(default.get("/ON"))), set(_keys(default.get("/OFF")))
        self._starts_on = default.get("/BaseState") != "/OFF"
        self._automatic = {event: set(_automatic(default, event)) for event in ("View", "Print")}
        self.left_out: set[str] = set()
        self.unclear: set[str] = set()

    def prints(self, membership: pikepdf.Object) -> bool:
        """Of a layer, or of a membership in several."""
        answers = {self._shown(membership, reading) for reading in _READINGS}
        if False in answers:
            (self.unclear if True in answers else self.left_out).update(_names(membership))
        return answers == {True}

    def _shown(self, membership: pikepdf.Object, reading: Reading) -> bool:
        if membership.get("/Type") != "/OCMD":
            return self._is_on(membership, reading)
        expression = membership.get("/VE")
        if isinstance(expression, pikepdf.Array) and len(expression):
            return self._holds(expression, reading, 0)
        states = [self._is_on(layer, reading) for layer in _layers(membership.get("/OCGs"))]
        policy = str(membership.get("/P", "/AnyOn"))
        wanted = not policy.endswith("Off")
        together = all if policy.startswith("/All") else any
        return not states or together(state is wanted for state in states)

    def _holds(self, expression: pikepdf.Object, reading: Reading, depth: int) -> bool:
        if isinstance(expression, pikepdf.Dictionary):
            return self._is_on(expression, reading)
        if depth > _MOST_DEPTH:
            raise ValueError("a visibility expression without end")
        operator, *operands = expression.as_list()
        parts = (self._holds(part, reading, depth + 1) for part in operands if isinstance(part, pikepdf.Object))
        if operator == "/Not":
            return not next(parts, False)
        return any(parts) if operator == "/Or" else all(parts)

    def _is_on(self, layer: pikepdf.Object, reading: Reading) -> bool:
        key, (event, always) = layer.objgen, reading
        if key not in self._listed or not _is_for_viewing(layer):
            return True
        if always or key in self._automatic[event]:
            said = _dictionary(_dictionary(layer.get("/Usage")).get(f"/{event}")).get(f"/{event}State")
            if said in ("/ON", "/OFF"):
                return bool(said == "/ON")
        return key in self._on or (self._starts_on and key not in self._off)


def is_layer(value: object) -> bool:
    """Whether content may be a member of it: a layer, or a membership in several."""
    return isinstance(value, pikepdf.Dictionary) and value.get("/Type") in ("/OCG", "/OCMD")


def _automatic(default: pikepdf.Object, event: str) -> Iterator[_Key]:
    """The layers that an event sets to what their usage says."""
    for one in _layers(default.get("/AS")):
        if one.get("/Event") == f"/{event}" and f"/{event}" in [str(name) for name in one.get("/Category", ())]:
            yield from _keys(one.get("/OCGs"))


def _is_for_viewing(layer: pikepdf.Object) -> bool:
    """Others are for a designer to sort by, and hide nothing."""
    intent = layer.get("/Intent", pikepdf.Name.View)
    intents = list(intent) if isinstance(intent, pikepdf.Array) else [intent]
    return any(one in ("/View", "/All") for one in intents)


def _names(membership: pikepdf.Object) -> Iterator[str]:
    if "/Name" in membership:
        yield str(membership.Name)
    for part in (membership.get("/OCGs"), membership.get("/VE")):
        yield from (str(layer.get("/Name", "")) for layer in _within(part, 0))


def _within(part: object, depth: int) -> Iterator[pikepdf.Object]:
    yield from _layers(part)
    if isinstance(part, pikepdf.Array) and depth <= _MOST_DEPTH:
        for inner in part.as_list():
            if isinstance(inner, pikepdf.Array):
                yield from _within(inner, depth + 1)


def _layers(value: object) -> list[pikepdf.Object]:
    """One, or those of an array."""
    if isinstance(value, pikepdf.Dictionary):
        return [value]
    if isinstance(value, pikepdf.Array):
        return [item for item in value.as_list() if isinstance(item, pikepdf.Dictionary)]
    return []


def _keys(value: object) -> Iterator[_Key]:
    yield from (layer.objgen for layer in _layers(value))


def _dictionary(value: object) -> pikepdf.Object:
    return value if isinstance(value, pikepdf.Dictionary) else pikepdf.Dictionary()

"""The colours that a page sets, as preflight tells them apart: how much ink, of how many plates, in which spot inks."""

from collections.abc import Sequence
from dataclasses import dataclass

import pikepdf

from pipeline.press.colours.functions import Function, UnknownFunctionError, read_function
from pipeline.press.colours.spaces import channels_of, is_cmyk
from pipeline.press.names import shown_name

# By the number of operands; what is named by `cs` is followed for these three families and told apart from spot colours.
_DEVICE = {"/DeviceGray": "gray", "/DeviceRGB": "rgb", "/DeviceCMYK": "cmyk"}
_PROCESS = {"/Cyan", "/Magenta", "/Yellow", "/Black", "/None"}
# It has a finding of its own.
_REGISTRATION = "/All"
# Answers of tint transforms that are kept: a drawing sets a few colours, and sets them often.
_MOST_KEPT = 1_000


_CHANNELS = {family: channels_of(pikepdf.Name(name)) for name, family in _DEVICE.items()}


class Mix:
    """What a colour of `channels` spots prints as: its tint transform, whose answers are inks."""

    def __init__(self, function: Function, channels: int) -> None:
        self.channels = channels
        self._function = function
        self._known: dict[tuple[float, ...], tuple[float, ...]] = {}

    def __call__(self, values: Sequence[float]) -> tuple[float, ...]:
        """Cyan, magenta, yellow and black, from 0 to 1; none where the transform has no answer."""
        key = tuple(values)
        if key not in self._known:
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[key] = self._mixed(key)
        return self._known[key]

    def _mixed(self, values: tuple[float, ...]) -> tuple[float, ...]:
        try:
            inks = self._function(values)
        except (ValueError, ArithmeticError):
            return ()
        return tuple(min(max(value, 0.0), 1.0) for value in inks) if len(inks) == 4 else ()


@dataclass(frozen=True)
class Ink:
    """A colour as it was set: `space` is "gray", "rgb", "cmyk", "spot" or "other", `spots` the names of its spot inks.

    `mix` is of a spot colour that is printed from inks.
    """

    space: str
    values: tuple[float, ...]
    spots: tuple[str, ...] = ()
    mix: Mix | None = None

    @property
    def channels(self) -> int:
        """How many values it has; 0 where that is not known."""
        return self.mix.channels if self.mix is not None else _CHANNELS.get(self.space, 0)

    @property
    def of_inks(self) -> bool:
        """Whether its values say what each separation prints."""
        return self.space == "cmyk" or self.mix is not None

    @property
    def inks(self) -> tuple[float, ...]:
        """What each separation prints, cyan to black; empty for what is not of inks, which is for the press to turn into them."""
        if self.space == "cmyk":
            return self.values
        return self.mix(self.values) if self.mix is not None else ()

    @property
    def white(self) -> bool:
        if self.space in ("gray", "rgb"):
            return all(value >= 1 for value in self.values)
        return self.space == "cmyk" and not any(self.values)

    @property
    def coverage(self) -> float:
        """Ink in all separations together; 3.2 is 320 %."""
        return sum(self.inks)

    @property
    def several(self) -> bool:
        """Printed from more than one separation, so that small type shows every misregister."""
        if self.space == "rgb":
            return len(set(self.values)) > 1
        return sum(value > 0 for value in self.inks) > 1


BLACK = Ink("gray", (0.0,))


def ink(space: str, values: list[float]) -> Ink:
    return Ink(_DEVICE.get(space, space), tuple(values))


class Spaces:
    """The colour spaces of one file. A tint transform is read once, however often its colour is chosen."""

    def __init__(self) -> None:
        self._mixes: dict[tuple[int, int], Mix | None] = {}

    def ink(self, space: object) -> Ink:
        """No colour yet, of the family of a colour space."""
        if not isinstance(space, pikepdf.Array):
            return ink(shown_name(space) if isinstance(space, pikepdf.Name) else "other", [])
        family = str(space[0])
        if family == "/ICCBased":
            return Ink({1: "gray", 3: "rgb", 4: "cmyk"}.get(int(space[1].N), "other"), ())
        if family in ("/Separation", "/DeviceN"):
            names = [space[1]] if family == "/Separation" else space[1].as_list()
            shown = [name for name in map(shown_name, names) if name not in _PROCESS]
            mix = None if _REGISTRATION in shown else self._mix(space, len(names))
            return Ink("spot", (), tuple(name[1:] for name in shown), mix)
        if family in ("/Indexed", "/Pattern") and len(space) > 1 and isinstance(space[1], pikepdf.Array):
            return Ink("other", (), self.ink(space[1]).spots if space[1][0] in ("/Separation", "/DeviceN") else ())
        return Ink("other", ())

    def _mix(self, space: pikepdf.Array, channels: int) -> Mix | None:
        """None where the alternate is not of inks, or the transform cannot be read."""
        transform = space[3]
        key = transform.objgen if isinstance(transform, pikepdf.Object) else (0, 0)
        if key != (0, 0) and key in self._mixes:
            return self._mixes[key]
        try:
            mix = Mix(read_function(transform), channels) if is_cmyk(space[2]) else None
        except UnknownFunctionError:
            mix = None
        self._mixes[key] = mix
        return mix

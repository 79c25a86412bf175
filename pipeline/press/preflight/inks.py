"""The colours that a page sets, as preflight tells them apart: how much ink, of how many plates, in which spot inks."""

from dataclasses import dataclass

import pikepdf

from pipeline.press.names import shown_name

# By the number of operands; what is named by `cs` is followed for these three families and told apart from spot colours.
_DEVICE = {"/DeviceGray": "gray", "/DeviceRGB": "rgb", "/DeviceCMYK": "cmyk"}
_PROCESS = {"/Cyan", "/Magenta", "/Yellow", "/Black", "/None"}


@dataclass(frozen=True)
class Ink:
    """A colour as it was set: `space` is "gray", "rgb", "cmyk", "spot" or "other", `spots` the names of its spot inks."""

    space: str
    values: tuple[float, ...]
    spots: tuple[str, ...] = ()

    @property
    def white(self) -> bool:
        if self.space in ("gray", "rgb"):
            return all(value >= 1 for value in self.values)
        return self.space == "cmyk" and not any(self.values)

    @property
    def coverage(self) -> float:
        """Ink in all separations together; 3.2 is 320 %. What is not CMYK is for the press to turn into it."""
        return sum(self.values) if self.space == "cmyk" else 0.0

    @property
    def several(self) -> bool:
        """Printed from more than one separation, so that small type shows every misregister."""
        if self.space == "cmyk":
            return sum(value > 0 for value in self.values) > 1
        return self.space == "rgb" and len(set(self.values)) > 1


BLACK = Ink("gray", (0.0,))


def ink(space: str, values: list[float]) -> Ink:
    return Ink(_DEVICE.get(space, space), tuple(values))


def ink_of(space: pikepdf.Array) -> Ink:
    """No colour yet, of the family of a colour space."""
    family = str(space[0])
    if family == "/ICCBased":
        return Ink({1: "gray", 3: "rgb", 4: "cmyk"}.get(int(space[1].N), "other"), ())
    if family in ("/Separation", "/DeviceN"):
        names = [space[1]] if family == "/Separation" else space[1].as_list()
        return Ink("spot", (), tuple(name[1:] for name in map(shown_name, names) if name not in _PROCESS))
    if family in ("/Indexed", "/Pattern") and len(space) > 1 and isinstance(space[1], pikepdf.Array):
        return Ink("other", (), ink_of(space[1]).spots if space[1][0] in ("/Separation", "/DeviceN") else ())
    return Ink("other", ())

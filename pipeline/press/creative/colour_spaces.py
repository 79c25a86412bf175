"""Replaces colour spaces of artwork that no press can follow by those that viewers take in their place (ISO 32000-1, 8.6.5.5).

A profile that is damaged, or one of other channels than the file says, is left aside for the plain space of as many channels. The
colours that a palette lacks are filled in: some readers show nothing of a picture with such a palette, and of an index beyond it
some show black and others the last colour.
"""

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import pikepdf
from PIL import ImageCms

from pipeline.press.colours.palette import MOST_INDEX, palette_of
from pipeline.press.limits import MALFORMED

_PLAIN = {1: pikepdf.Name.DeviceGray, 3: pikepdf.Name.DeviceRGB, 4: pikepdf.Name.DeviceCMYK}
# Of the data that a profile is for, as its header says it.
_CHANNELS = {b"GRAY": 1, b"RGB ": 3, b"Lab ": 3, b"CMYK": 4}
_SPACE = slice(16, 20)

_Holder = pikepdf.Dictionary | pikepdf.Stream | pikepdf.Array


def settle_spaces(pdf: pikepdf.Pdf) -> None:
    """In memory, wherever a space is named or stands. What is malformed otherwise is left as it is."""
    profiles = _Profiles()
    for obj in pdf.objects:
        for holder in _holders(obj):
            with suppress(*MALFORMED):
                _settle(holder, profiles)


def _holders(obj: object) -> Iterator[_Holder]:
    """An object and what stands in it, not what it refers to."""
    if not isinstance(obj, _Holder):
        return
    yield obj
    for part in obj.as_list() if isinstance(obj, pikepdf.Array) else obj.values():
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            yield from _holders(part)


def _settle(holder: _Holder, profiles: "_Profiles") -> None:
    if isinstance(holder, pikepdf.Array):
        for at, value in enumerate(holder.as_list()):
            if plain := profiles.instead_of(value):
                holder[at] = plain
        if len(holder) == 4 and holder[0] == "/Indexed":
            _fill(holder)
        return
    for key, value in list(holder.items()):
        if plain := profiles.instead_of(value):
            holder[key] = plain
    space = holder.get("/ColorSpace")
    if "/BitsPerComponent" in holder and isinstance(space, pikepdf.Array) and space[0] == "/Indexed":
        _fill(space, 1 << min(int(holder.BitsPerComponent), MOST_INDEX.bit_length()))  # whatever the picture says


def _fill(indexed: pikepdf.Array, least: int = 0) -> None:
    """Up to the highest index, which is 255 at most, and with so many colours at `least`."""
    given = indexed[3]
    filled = palette_of(indexed, least)
    indexed[2] = len(filled) - 1
    table = b"".join(filled)
    if not (given.read_bytes() if isinstance(given, pikepdf.Stream) else bytes(given)).startswith(table):
        indexed[3] = pikepdf.String(table)


class _Profiles:
    """Each is looked into once."""

    def __init__(self) -> None:
        self._usable: dict[tuple[int, int], bool] = {}

    def instead_of(self, space: object) -> pikepdf.Name | None:
        """The plain space for one whose profile cannot be used."""
        if not isinstance(space, pikepdf.Array) or len(space) < 2 or space[0] != "/ICCBased":
            return None
        profile = space[1]
        if not isinstance(profile, pikepdf.Stream):
            return None
        channels = int(profile.get("/N", 0))
        if profile.objgen not in self._usable:
            self._usable[profile.objgen] = _is_usable(profile, channels)
        return None if self._usable[profile.objgen] else _PLAIN.get(channels)


def _is_usable(profile: pikepdf.Stream, channels: int) -> bool:
    try:
        data = profile.read_bytes()
        ImageCms.ImageCmsProfile(BytesIO(data))
    except (*MALFORMED, ImageCms.PyCMSError):
        return False
    return _CHANNELS.get(data[_SPACE]) == channels

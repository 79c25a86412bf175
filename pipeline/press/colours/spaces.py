"""How many channels the colour spaces of a PDF have (ISO 32000-1, 8.6)."""

import pikepdf

_CHANNELS = {
    "/DeviceGray": 1, "/CalGray": 1, "/Indexed": 1, "/Separation": 1, "/DeviceRGB": 3, "/CalRGB": 3, "/Lab": 3, "/DeviceCMYK": 4,
}  # fmt: skip
# What a profile in a PDF may be for (8.6.5.5).
_PROFILED = (1, 3, 4)
# Annex C.
_MOST_COLORANTS = 32


def channels_of(space: object) -> int:
    """The least there can be of one that is known by the page's resources alone. Raises `MALFORMED`."""
    if isinstance(space, pikepdf.Name):
        return _CHANNELS.get(str(space), 1)
    if not isinstance(space, pikepdf.Array) or not len(space):
        return 1
    kind = str(space[0])
    if kind == "/ICCBased":
        channels = int(space[1].N)
        if channels not in _PROFILED:
            raise ValueError("a profile of as many channels as none has")
        return channels
    if kind == "/DeviceN":
        if len(space[1]) > _MOST_COLORANTS:
            raise ValueError("a space of more inks than any has")
        return len(space[1])
    if kind == "/Indexed":
        channels_of(space[1])  # a palette of nothing shows nothing
    return _CHANNELS.get(kind, 1)


def is_cmyk(space: object) -> bool:
    if isinstance(space, pikepdf.Array) and len(space) > 1 and space[0] == "/ICCBased":
        return int(space[1].N) == 4
    return isinstance(space, pikepdf.Name) and space == "/DeviceCMYK"

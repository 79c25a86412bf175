"""The colours of an Indexed space (ISO 32000-1, 8.6.6.3), also where its table is cut short.

Readers differ about the colours that are missing, and about an index beyond the highest. The engine that draws proofs shows black
for them, over whatever base, and for one that is there in part too.
"""

import pikepdf

from pipeline.press.colours.spaces import channels_of

MOST_INDEX = 255
_LAB_BLACK = b"\0\x80\x80"
_CMYK_BLACK = b"\0\0\0\xff"


def palette_of(indexed: pikepdf.Array, least: int = 0) -> list[bytes]:
    """One for each index up to the highest, or for so many at `least`, with a byte for each channel of the base.

    Raises `MALFORMED`.
    """
    _, base, highest, given = indexed.as_list()
    count, channels, black = min(int(highest), MOST_INDEX) + 1, channels_of(base), _black(base)
    if count < 1:
        raise ValueError("a palette of no colours")
    data = given.read_bytes() if isinstance(given, pikepdf.Stream) else bytes(given)
    table = data[: count * channels]
    known = [table[at : at + channels] for at in range(0, len(table) - channels + 1, channels)]
    return known + [black] * (max(count, least) - len(known))


def _black(base: object) -> bytes:
    """Of spots, which may have none, the darkest."""
    kind, channels = str(base[0]) if isinstance(base, pikepdf.Array) else "", channels_of(base)
    if kind == "/Lab":
        return _LAB_BLACK
    if kind in ("/Separation", "/DeviceN"):
        return b"\xff" * channels
    return _CMYK_BLACK if channels == len(_CMYK_BLACK) else bytes(channels)

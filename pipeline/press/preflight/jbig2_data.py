"""Whether JBIG2 data in a PDF is there to its end: viewers make the rest of a picture up, of noise or of nothing.

Segments say how long they are (ITU-T T.88, 7.2). What is wrong inside one and yet decodes is not found.
"""

import struct
from contextlib import suppress

# So much of it may lack: viewers show the rest.
_TOLERATED = 0.05
# Whatever else follows, as bytes after the data do, is no segment (T.88, 7.3).
_KINDS = frozenset({0, 4, 6, 7, 16, 20, 22, 23, 36, 38, 39, 40, 42, 43, 48, 49, 50, 51, 52, 53, 54, 62})
_END_OF_PAGE, _END_OF_FILE = 49, 51
_LONG_COUNT, _UNKNOWN_LENGTH = 7, 0xFFFFFFFF


def is_cut_short(data: bytes) -> bool:
    """As far as the segments say; pictures of unknown length may be."""
    end = _declared_end(data)
    return end - len(data) > _TOLERATED * end


def _declared_end(data: bytes) -> int:
    """Where the last segment ends that begins in `data`."""
    end = 0
    # A header that is cut off says nothing.
    with suppress(struct.error):
        while end < len(data):
            number, flags = struct.unpack_from(">LB", data, end)
            kind, has_long_page = flags & 0x3F, flags & 0x40
            length_at = end + 5 + _references(data, end + 5, number) + (4 if has_long_page else 1)
            [length] = struct.unpack_from(">L", data, length_at)
            if kind not in _KINDS or length == _UNKNOWN_LENGTH:
                break
            end = length_at + 4 + length
            if kind in (_END_OF_PAGE, _END_OF_FILE):
                break
    return end


def _references(data: bytes, at: int, number: int) -> int:
    """How many bytes tell to which segments this one refers: a count of three bits, or of 29 with flags of their own."""
    count, size = int(struct.unpack_from(">B", data, at)[0]) >> 5, 1
    if count == _LONG_COUNT:
        count = int(struct.unpack_from(">L", data, at)[0]) & 0x1FFFFFFF
        size = 4 + (count + 8) // 8
    return size + count * (1 if number <= 1 << 8 else 2 if number <= 1 << 16 else 4)

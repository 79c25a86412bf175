"""JPEG data as a PDF may carry it: the pixels untouched, all that is said beside them taken out; and what its inks mean.

Cameras write where a picture was taken, and of whom, into the application segments, and whole second pictures behind the
first; a printer has no business with either.
"""

import re

from PIL import Image, ImageChops

_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# Adobe's segment says how four channels are meant; decoders need it.
_KEPT_APPLICATION = 0xEE
_COMMENT = 0xFE
# What ends a scan: a marker that is neither a stuffed byte nor a restart.
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def bare_jpeg(data: bytes) -> bytes:
    """Without application segments and comments, but for Adobe's. Raises `ValueError` for markers without sense."""
    kept, at = [data[:2]], 2
    while True:
        marker, at = _marker(data, at)
        if marker == _END_OF_IMAGE:
            return b"".join([*kept, b"\xff\xd9"])
        if marker in _WITHOUT_LENGTH:
            kept.append(bytes((0xFF, marker)))
            continue
        end = at + int.from_bytes(data[at : at + 2])
        if end < at + 2 or end > len(data):
            raise ValueError("a JPEG segment runs past the end")
        if marker == _START_OF_SCAN:
            end = _end_of_scan(data, end)
        if _is_kept(marker):
            kept.append(bytes((0xFF, marker)) + data[at:end])
        at = end


def as_inks(image: Image.Image) -> Image.Image:
    """An opened JPEG in CMYK as the file means it: Pillow takes all of them to be inverted, and only Adobe's are."""
    return image if "adobe" in image.info else ImageChops.invert(image)


def _marker(data: bytes, at: int) -> tuple[int, int]:
    """The marker at `at`, which any number of fill bytes may precede, and where what follows it begins."""
    start = at
    while data[at : at + 1] == b"\xff":
        at += 1
    if at == start or at >= len(data):
        raise ValueError("a JPEG marker was expected")
    return data[at], at + 1


def _end_of_scan(data: bytes, at: int) -> int:
    found = _NEXT_MARKER.search(data, at)
    if found is None:
        raise ValueError("a JPEG scan does not end")
    return found.start()


def _is_kept(marker: int) -> bool:
    return marker == _KEPT_APPLICATION or not (0xE0 <= marker <= 0xEF or marker == _COMMENT)

"""JPEG data as a PDF may carry it: the pixels untouched, all that is said beside them taken out.

Cameras write where a picture was taken, and of whom, into the application segments; a printer has no business with it.
"""

_START_OF_SCAN = 0xDA
_WITHOUT_LENGTH = {0x01, *range(0xD0, 0xD9)}
# Adobe's segment says how four channels are meant; decoders need it.
_KEPT_APPLICATION = 0xEE
_COMMENT = 0xFE


def bare_jpeg(data: bytes) -> bytes:
    """Without application segments and comments, but for Adobe's. Raises `ValueError` when the markers make no sense."""
    kept, at = [data[:2]], 2
    while True:
        start = at
        while data[at : at + 1] == b"\xff":
            at += 1
        if at == start or at >= len(data):
            raise ValueError("a JPEG marker was expected")
        marker = data[at]
        at += 1
        if marker == _START_OF_SCAN:
            return b"".join([*kept, b"\xff\xda", data[at:]])
        if marker in _WITHOUT_LENGTH:
            kept.append(bytes((0xFF, marker)))
            continue
        end = at + int.from_bytes(data[at : at + 2])
        if end < at + 2 or end > len(data):
            raise ValueError("a JPEG segment runs past the end")
        if _is_kept(marker):
            kept.append(bytes((0xFF, marker)) + data[at:end])
        at = end


def _is_kept(marker: int) -> bool:
    return marker == _KEPT_APPLICATION or not (0xE0 <= marker <= 0xEF or marker == _COMMENT)

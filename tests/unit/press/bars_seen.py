"""Reads an Intelligent Mail barcode from pixels, as a camera would: no text, no glyphs, only how far each bar reaches."""

from PIL import Image

INK = 128


def read_bars(image: Image.Image) -> str:
    """The letters of all bars in a picture that holds nothing else. Raises `ValueError` when there are no bars."""
    dark = image.convert("L").point(lambda level: 255 if level < INK else 0)
    spans = [_span(dark, start, end) for start, end in _columns(dark)]
    if not spans:
        raise ValueError("no bars in this picture")
    top, foot = min(span[0] for span in spans), max(span[1] for span in spans)
    reach = (foot - top) / 8
    return "".join(_LETTERS[span[0] - top < reach, foot - span[1] < reach] for span in spans)


_LETTERS = {(True, True): "F", (True, False): "A", (False, True): "D", (False, False): "T"}


def _columns(dark: Image.Image) -> list[tuple[int, int]]:
    """From where to where there is ink, from left to right."""
    inked = [dark.crop((x, 0, x + 1, dark.height)).getbbox() is not None for x in range(dark.width)]
    edges = [x for x in range(dark.width + 1) if (x < dark.width and inked[x]) != (x > 0 and inked[x - 1])]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _span(dark: Image.Image, start: int, end: int) -> tuple[int, int]:
    box = dark.crop((start, 0, end, dark.height)).getbbox()
    if box is None:
        raise ValueError("a bar without ink")
    return box[1], box[3]

"""How much ink a picture lays down where it lays down most: the mean over a square of 15 mm (GWG 2022, R0026)."""

from dataclasses import replace
from io import BytesIO

import pikepdf
from PIL import Image, ImageChops, ImageFilter

from pipeline.press.colours.palette import palette_of
from pipeline.press.colours.spaces import is_cmyk
from pipeline.press.filters import filters_of
from pipeline.press.limits import MALFORMED, MOST_PIXELS
from pipeline.press.preflight.inks import Spaces

# A fifth of the square's side: the square is looked for in steps of it.
STEP_MM = 3.0
_STEPS = 5
_MM_PER_IN = 25.4
# Pillow's names of what is packed so many bits a pixel.
_ONE_CHANNEL = {1: "P;1", 2: "P;2", 4: "P;4", 8: "P"}


def heaviest(image: Image.Image, ppi: float) -> float:
    """Of inks where 255 is full: 3.2 is 320 %. `image` is CMYK, printed at `ppi`."""
    step = max(1, round(ppi * STEP_MM / _MM_PER_IN))
    small = image.resize((max(1, image.width // step), max(1, image.height // step)), Image.Resampling.BOX)
    cyan, magenta, yellow, black = small.split()
    # The mean of two, and of those two.
    mean = ImageChops.add(ImageChops.add(cyan, magenta, scale=2), ImageChops.add(yellow, black, scale=2), scale=2)
    square = mean.filter(ImageFilter.BoxBlur(_STEPS // 2)) if min(mean.size) >= _STEPS else mean
    return float(square.getextrema()[1]) * 4 / 255  # type: ignore[arg-type]


def inks_of(image: pikepdf.Stream, spaces: Spaces) -> Image.Image | None:
    """An image of a PDF as inks; None for one that is not printed from inks alone, or that is told by its filters alone.

    In CMYK, in a palette of such colours, or in one spot colour. Left out are images of 16 bits, and those in several spots.
    """
    width, height = int(image.Width), int(image.Height)
    if width * height > MOST_PIXELS:
        return None
    try:
        space, bits = image.get("/ColorSpace"), int(image.get("/BitsPerComponent", 8))
        if is_cmyk(space):
            return _in_cmyk(image, (width, height)) if bits == 8 else None
        palette = _palette(space, spaces, 2**bits if bits in _ONE_CHANNEL else 0)
        return _in_palette(image, (width, height), bits, palette) if palette else None
    except (*MALFORMED, SyntaxError):
        # Whether it can be drawn is found elsewhere.
        return None


def _in_cmyk(image: pikepdf.Stream, size: tuple[int, int]) -> Image.Image | None:
    inks = _opened(image, "CMYK") if _is_jpeg(image) else Image.frombytes("CMYK", size, image.read_bytes())
    return ImageChops.invert(inks) if inks is not None and _is_inverted(image) else inks


def _palette(space: object, spaces: Spaces, count: int) -> list[tuple[float, ...]]:
    """The inks of each of `count` values of a picture with one channel; empty where they are not known."""
    if not count or not isinstance(space, pikepdf.Array):
        return []
    if space[0] == "/Indexed":
        base = spaces.ink(space[1])
        shown = palette_of(space, count)[:count]
        found = [replace(base, values=tuple(byte / 255 for byte in entry)).inks for entry in shown]
    else:
        base = spaces.ink(space)
        found = (
            [replace(base, values=(value / (count - 1),)).inks for value in range(count)] if base.channels == 1 else []
        )
    return found if all(len(inks) == 4 for inks in found) else []


def _in_palette(
    image: pikepdf.Stream, size: tuple[int, int], bits: int, palette: list[tuple[float, ...]]
) -> Image.Image | None:
    values = _opened(image, "L") if _is_jpeg(image) else _one_channel(image.read_bytes(), size, bits)
    if values is None:
        return None
    if _is_inverted(image):
        palette = palette[::-1]
    return Image.merge("CMYK", [values.point(_table([inks[at] for inks in palette])) for at in range(4)])


def _one_channel(data: bytes, size: tuple[int, int], bits: int) -> Image.Image:
    """Each pixel as it stands in the data, whatever it means."""
    return Image.frombytes("L", size, Image.frombytes("P", size, data, "raw", _ONE_CHANNEL[bits]).tobytes())


def _table(values: list[float]) -> list[int]:
    full = [round(min(max(value, 0.0), 1.0) * 255) for value in values]
    return full + [0] * (256 - len(full))


def _is_inverted(image: pikepdf.Stream) -> bool:
    decode = image.get("/Decode")
    return isinstance(decode, pikepdf.Array) and len(decode) >= 2 and float(decode[0]) > float(decode[1])


def _is_jpeg(image: pikepdf.Stream) -> bool:
    return filters_of(image)[-1:] in (["/DCTDecode"], ["/DCT"])


def _opened(image: pikepdf.Stream, mode: str) -> Image.Image | None:
    """A JPEG, where nothing is packed around it."""
    if len(filters_of(image)) > 1:
        return None
    with Image.open(BytesIO(image.read_raw_bytes()), formats=["JPEG"]) as opened:
        if opened.mode != mode:
            return None
        # An eighth is plenty, and quick.
        opened.draft(mode, (opened.width // 8, opened.height // 8))
        # Pillow takes all such files to be inverted; a PDF says so itself where they are.
        return ImageChops.invert(opened.copy()) if mode == "CMYK" else opened.copy()

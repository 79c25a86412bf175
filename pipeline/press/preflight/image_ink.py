"""How much ink a picture in CMYK lays down where it lays down most: the mean over a square of 15 mm (GWG 2022, R0026)."""

from io import BytesIO

import pikepdf
from PIL import Image, ImageChops, ImageFilter, UnidentifiedImageError

from pipeline.press.limits import MOST_PIXELS

# A fifth of the square's side: the square is looked for in steps of it.
STEP_MM = 3.0
_STEPS = 5
_MM_PER_IN = 25.4


def heaviest(image: Image.Image, ppi: float) -> float:
    """Of inks where 255 is full: 3.2 is 320 %. `image` is CMYK, printed at `ppi`."""
    step = max(1, round(ppi * STEP_MM / _MM_PER_IN))
    small = image.resize((max(1, image.width // step), max(1, image.height // step)), Image.Resampling.BOX)
    cyan, magenta, yellow, black = small.split()
    # The mean of two, and of those two.
    mean = ImageChops.add(ImageChops.add(cyan, magenta, scale=2), ImageChops.add(yellow, black, scale=2), scale=2)
    square = mean.filter(ImageFilter.BoxBlur(_STEPS // 2)) if min(mean.size) >= _STEPS else mean
    return float(square.getextrema()[1]) * 4 / 255  # type: ignore[arg-type]


def inks_of(image: pikepdf.Stream) -> Image.Image | None:
    """An image of a PDF as inks; None for one that is not in CMYK, or that is told by its filters alone."""
    if not _is_cmyk(image.get("/ColorSpace")) or int(image.get("/BitsPerComponent", 8)) != 8:
        return None
    size = int(image.Width), int(image.Height)
    if size[0] * size[1] > MOST_PIXELS:
        return None
    filters = image.get("/Filter")
    names = [str(name) for name in filters.as_list()] if isinstance(filters, pikepdf.Array) else [str(filters)]
    try:
        if names[-1] in ("/DCTDecode", "/DCT"):
            inks = _jpeg(image, first=len(names) == 1)
        else:
            inks = Image.frombytes("CMYK", size, image.read_bytes())
    except (ValueError, OSError, SyntaxError, UnidentifiedImageError, pikepdf.PdfError):
        # Whether it can be drawn is found elsewhere.
        return None
    decode = image.get("/Decode")
    is_inverted = isinstance(decode, pikepdf.Array) and len(decode) == 8 and float(decode[0]) > float(decode[1])
    return ImageChops.invert(inks) if inks is not None and is_inverted else inks


def _is_cmyk(space: object) -> bool:
    if isinstance(space, pikepdf.Array) and len(space) > 1 and space[0] == "/ICCBased":
        return int(space[1].N) == 4
    return isinstance(space, pikepdf.Name) and space == "/DeviceCMYK"


def _jpeg(image: pikepdf.Stream, *, first: bool) -> Image.Image | None:
    if not first:
        return None
    with Image.open(BytesIO(image.read_raw_bytes()), formats=["JPEG"]) as opened:
        if opened.mode != "CMYK":
            return None
        # An eighth is plenty, and quick.
        opened.draft("CMYK", (opened.width // 8, opened.height // 8))
        # Pillow takes all such files to be inverted; a PDF says so itself where they are.
        return ImageChops.invert(opened.copy())

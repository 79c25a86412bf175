"""A grid of proofs on one picture, for whoever wants to see a run at a glance."""

from collections.abc import Sequence
from pathlib import Path

import reportlab
from PIL import Image, ImageDraw, ImageFont

COLUMNS = 4
CELL_WIDTH_PX = 420
GAP_PX = 24
CAPTION_PX = 17
_PAPER, _INK = (240, 240, 238), (40, 40, 40)


def contact_sheet(proofs: Sequence[Path], out: Path, captions: Sequence[str]) -> None:
    """Write a PNG of all proofs, row by row, each with its caption below. As many captions as proofs."""
    thumbnails = [_thumbnail(file) for file in proofs]
    columns = min(COLUMNS, max(len(thumbnails), 1))
    height = max((image.height for image in thumbnails), default=0) + CAPTION_PX + GAP_PX
    rows = -(-len(thumbnails) // columns)
    sheet = Image.new("RGB", (columns * (CELL_WIDTH_PX + GAP_PX) + GAP_PX, rows * height + GAP_PX), _PAPER)
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.truetype(str(Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"), CAPTION_PX - 4)
    for at, (image, caption) in enumerate(zip(thumbnails, captions, strict=True)):
        x, y = GAP_PX + at % columns * (CELL_WIDTH_PX + GAP_PX), GAP_PX + at // columns * height
        sheet.paste(image, (x, y))
        draw.text((x, y + image.height + 4), _fitted(draw, caption, font), fill=_INK, font=font)
    sheet.save(out, "PNG")


def _thumbnail(file: Path) -> Image.Image:
    with Image.open(file) as image:
        size = (CELL_WIDTH_PX, round(image.height * CELL_WIDTH_PX / image.width))
        return image.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _fitted(draw: ImageDraw.ImageDraw, caption: str, font: ImageFont.FreeTypeFont) -> str:
    while draw.textlength(caption, font=font) > CELL_WIDTH_PX:
        caption = caption.removesuffix("…")[:-1] + "…"
    return caption

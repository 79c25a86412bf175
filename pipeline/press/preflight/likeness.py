"""Whether what we place on the sheet looks as the sender's own file does: no artwork may print other than it was seen.

Both are rendered by the same engine at the same grid and smoothed by a pixel, since a line that moves by a fraction of
one is no difference. Colours are compared as far as a screen shows them.
"""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageChops, ImageCms, ImageFilter, ImageOps

from pipeline.press.artbox import PageView, artwork_box
from pipeline.press.colours.srgb import srgb_profile
from pipeline.press.geometry import Rect, bleed_rect
from pipeline.press.jpeg import as_inks
from pipeline.press.picture import render_part
from pipeline.press.report import Finding, finding
from pipeline.products import Product

# A pixel counts when one of its channels is off by more than this, out of 255 …
FAR = 64
# … or, for inks that no profile explains, by more than this: engines differ in how they show them.
FAR_INKS = 128
# … and at most this share of the pixels may.
TOLERATED = 0.01


def differs(original: Image.Image, normalized: Image.Image, *, far: int = FAR) -> Iterator[Finding]:
    """Refuses what is beyond the tolerance."""
    share = share_off(original, normalized, far=far)
    if share > TOLERATED:
        yield finding(
            "prints_differently",
            f"Prepared for press, {share:.1%} of the artwork looks other than in your file.",
            "Flatten the artwork (PDF/X-1a, or one image of 300 ppi), and send that.",
            measured=f"{share:.1%} of pixels",
            required=f"at most {TOLERATED:.0%}",
        )


def share_off(one: Image.Image, other: Image.Image, *, far: int = FAR) -> float:
    """The share of pixels that differ."""
    other = other if other.size == one.size else other.resize(one.size, Image.Resampling.BOX)
    smooth = ImageFilter.BoxBlur(1)
    bands = ImageChops.difference(one.filter(smooth), other.filter(smooth)).split()
    worst = bands[0]
    for band in bands[1:]:
        worst = ImageChops.lighter(worst, band)
    # What lies at the page's edge is half covered, and differently.
    counts = worst.crop((2, 2, worst.width - 2, worst.height - 2)).histogram()
    return sum(counts[far + 1 :]) / sum(counts)


def original_page(source: Path, seen: PageView, product: Product, ppi: float, page: int) -> Image.Image:
    """The page of the sender's own file, where the artwork lies on it."""
    box = artwork_box(seen, product)
    if box is None:
        raise ValueError("the page has no artwork of that size")
    size = bleed_rect(product)
    width, height = size.width_pt / seen.unit, size.height_pt / seen.unit
    if seen.rotate in (90, 270):
        width, height = height, width
    middle_x, middle_y = box.x_pt + box.width_pt / 2, box.y_pt + box.height_pt / 2
    part = Rect(middle_x - width / 2, middle_y - height / 2, width, height)
    return render_part(source, ppi, part, unit=seen.unit, page=page)


def original_image(source: Path, kind: str, size: tuple[int, int]) -> tuple[Image.Image, int]:
    """The image as a viewer shows it, cut to the page's proportions; and how far colours may be off."""
    with Image.open(source, formats=[kind.upper()]) as image:
        far = FAR_INKS if image.mode == "CMYK" else FAR
        # A JPEG can be decoded small, as long as it stays larger than what it is compared with.
        image.draft(image.mode, (2 * max(size), 2 * max(size)))
        meant = as_inks(image) if image.mode == "CMYK" else image
        shown = _in_srgb(ImageOps.exif_transpose(meant))
    return ImageOps.fit(shown, size, Image.Resampling.BOX), far


def _in_srgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    profile = image.info.get("icc_profile")
    if profile:
        try:
            ours = ImageCms.ImageCmsProfile(BytesIO(srgb_profile()))
            theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
            changed = ImageCms.profileToProfile(image, theirs, ours, outputMode="RGB")
        except (OSError, ImageCms.PyCMSError):
            changed = None
        if changed is not None:
            return changed
    return image.convert("RGB")

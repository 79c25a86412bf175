"""What is wrong with what a page prints: fonts, resolution, inks. Limits are those of GWG 2022 for digital print, by rule."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from pipeline.press.content import Census, ImageUse, Place, TextUse
from pipeline.press.geometry import inches, trim_rect
from pipeline.press.limits import MOST_PIXELS
from pipeline.press.report import Finding, finding, warning
from pipeline.products import Product

# R0031 and R0032: at or below the first an image is refused, at or below the second the sender is warned.
REFUSED_PPI, WARNED_PPI = 95, 149
REFUSED_ONE_BIT_PPI, WARNED_ONE_BIT_PPI = 349, 599
# R0016 to R0019: smaller or thinner, in white or in several inks, does not hold on a digital press.
SMALLEST_TEXT_PT = 5.0
THINNEST_LINE_PT = 0.25
# R0015: text of black and much else besides shows the least misregister.
RICH_BLACK, RICH_COVERAGE = 0.85, 2.8
# R0026 as far as shapes go: offset's limit, at which toner, too, begins to flake in folds.
MOST_COVERAGE = 3.2


def content_findings(census: Census, product: Product, *, placed: bool) -> Iterator[Finding]:
    """`placed` says that the census was taken on the bleed page, so that places mean something."""
    where = _Where(product, placed)
    yield from _fonts(census)
    yield from _images(census, where)
    yield from _texts(census.texts, where)
    yield from _inks(census)


class _Where:
    """Turns places on the bleed page into boxes on the piece."""

    def __init__(self, product: Product, placed: bool) -> None:
        self._trim = trim_rect(product)
        self._placed = placed

    def __call__(self, place: Place) -> tuple[float, float, float, float] | None:
        if not self._placed:
            return None
        left, bottom, right, top = place
        edges = (left - self._trim.x_pt, self._trim.top_pt - top, right - left, top - bottom)
        x, y, width, height = (round(inches(edge), 3) for edge in edges)
        return x, y, width, height

    def shown(self, image: ImageUse) -> bool:
        """Whether any of it lies on the bleed page: what is cropped away does not count (GWG D0030)."""
        bleed = self._trim.grown(self._trim.x_pt)
        left, bottom, right, top = image.place
        inside = left < bleed.right_pt and right > 0 and bottom < bleed.top_pt and top > 0
        return inside or not self._placed


def _fonts(census: Census) -> Iterator[Finding]:
    absent = sorted(name for name, is_embedded in census.fonts.items() if not is_embedded)
    if absent:
        remedy = "Export with all fonts embedded, or turn text into outlines."
        yield finding("unembedded_font", f"Not embedded: {named(absent)}.", remedy, required="all fonts embedded")
    if census.missing:
        count = sum(census.missing.values())
        yield finding(
            "missing_glyph",
            f"{count} characters have no glyph in {named(sorted(census.missing))}; they print as boxes, or not at all.",
            "Set them in a font that has them, and export again.",
            measured=f"{count} characters",
            required="0",
        )


def named(names: Sequence[str]) -> str:
    """The first few of them, for a sentence."""
    return f"{', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"


def _images(census: Census, where: _Where) -> Iterator[Finding]:
    shown = [image for image in census.images if where.shown(image)]
    largest = max((image.width_px * image.height_px for image in census.images), default=0)
    if largest > MOST_PIXELS:
        detail = f"An image has {largest / 1e6:.0f} megapixels, more than any print needs."
        yield finding("decompression_bomb", detail, "Scale it to 300 ppi at the size it is printed.")
    refused = _lowest(shown, REFUSED_PPI, REFUSED_ONE_BIT_PPI)
    for image in refused:
        least = (REFUSED_ONE_BIT_PPI if image.one_bit else REFUSED_PPI) + 1
        detail = f"{_printed(image)}; {least} is the least."
        remedy = "Replace it with one of 300 ppi at the size it is printed."
        yield finding("low_resolution", detail, remedy, **_resolution(image, least, where))
    if refused or largest > MOST_PIXELS:
        return
    for image in _lowest(shown, WARNED_PPI, WARNED_ONE_BIT_PPI):
        least = (WARNED_ONE_BIT_PPI if image.one_bit else WARNED_PPI) + 1
        detail = f"{_printed(image)} and may look coarse."
        yield warning(
            "coarse_image", detail, "Use 300 ppi at the size it is printed.", **_resolution(image, least, where)
        )


def _resolution(image: ImageUse, least: int, where: _Where) -> dict[str, object]:
    return {"measured": f"{image.ppi:.0f} ppi", "required": f"{least} ppi", "box_in": where(image.place)}


def _printed(image: ImageUse) -> str:
    return f"An image of {image.width_px} x {image.height_px} pixels prints at {image.ppi:.0f} ppi"


def _lowest(images: list[ImageUse], grey_ppi: int, one_bit_ppi: int) -> list[ImageUse]:
    """The coarsest image at or below its limit, of those with tones and of those of one bit."""
    under = [image for image in images if round(image.ppi) <= (one_bit_ppi if image.one_bit else grey_ppi)]
    kinds = ([image for image in under if image.one_bit is one_bit] for one_bit in (False, True))
    return [min(kind, key=lambda image: image.ppi) for kind in kinds if kind]


def _texts(texts: list[TextUse], where: _Where) -> Iterator[Finding]:
    for code, wrong, said, remedy in _TEXT_RULES:
        found = [text for text in texts if wrong(text)]
        if not found:
            continue
        worst = min(found, key=lambda text: text.size_pt)
        make = finding if code == "white_overprints" else warning
        measured = f"{worst.size_pt:.1f} pt" if code == "small_text" else f"{worst.ink.coverage:.0%} ink"
        yield make(code, f"{said} ({_times(found)}).", remedy, box_in=where(worst.place), measured=measured)


def _times(found: Iterable[TextUse]) -> str:
    count = sum(1 for _ in found)
    return "once" if count == 1 else f"{count} times"


def _is_small(text: TextUse) -> bool:
    return 0 < round(text.size_pt, 1) < SMALLEST_TEXT_PT and (text.ink.white or text.ink.several)


def _is_rich(text: TextUse) -> bool:
    ink = text.ink
    return ink.space == "cmyk" and len(ink.values) == 4 and ink.values[3] >= RICH_BLACK and ink.coverage > RICH_COVERAGE


_TEXT_RULES: tuple[tuple[str, Callable[[TextUse], bool], str, str], ...] = (
    (
        "white_overprints",
        lambda text: text.overprints and text.ink.white,
        "White text is set to overprint, and will not be seen",
        "Set white text to knock out.",
    ),
    (
        "small_text",
        _is_small,
        f"White or multi-ink text is smaller than {SMALLEST_TEXT_PT:g} pt",
        "Set it larger, or in one ink.",
    ),
    (
        "rich_black_text",
        _is_rich,
        "Black text has much of the other inks in it",
        "Set text in black alone.",
    ),
)


def _inks(census: Census) -> Iterator[Finding]:
    if census.thinnest_pt is not None and round(census.thinnest_pt, 2) < THINNEST_LINE_PT:
        yield warning(
            "thin_line",
            f"A line is {census.thinnest_pt:.2f} pt thin and may break up.",
            f"Draw lines of at least {THINNEST_LINE_PT:g} pt.",
            measured=f"{census.thinnest_pt:.2f} pt",
            required=f"{THINNEST_LINE_PT:g} pt",
        )
    if round(census.coverage, 2) > MOST_COVERAGE:
        yield warning(
            "ink_limit",
            f"A colour is made of {census.coverage:.0%} ink; more than {MOST_COVERAGE:.0%} may flake and smear.",
            "Convert it with a profile that keeps the limit, such as GRACoL 2006.",
            measured=f"{census.coverage:.0%}",
            required=f"at most {MOST_COVERAGE:.0%}",
        )
    if census.spots:
        names = named(sorted(census.spots))
        yield warning(
            "spot_colour",
            f"Spot colours print in process inks: {names}.",
            "Convert them to CMYK to choose how they look.",
        )

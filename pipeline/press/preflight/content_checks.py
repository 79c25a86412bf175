"""What is wrong with what a page prints: fonts, resolution, inks. Limits are those of GWG 2022 for digital print, by rule."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from pipeline.press.geometry import inches, trim_rect
from pipeline.press.limits import MOST_PIXELS
from pipeline.press.preflight.census import Census, ImageUse, PathUse, TextUse
from pipeline.press.preflight.graphics import Place
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
    yield from _fonts(census, where)
    yield from _images(census, where)
    yield from _damaged(census, where)
    yield from _texts([text for text in census.texts if where.shown(text.place)], where)
    yield from _paths([path for path in census.paths if where.shown(path.place)], where)
    yield from _inks(census, where)


class _Where:
    """Turns places on the bleed page into boxes on the piece."""

    def __init__(self, product: Product, placed: bool) -> None:
        self._trim = trim_rect(product)
        self._placed = placed

    def __call__(self, place: Place | None) -> tuple[float, float, float, float] | None:
        if place is None or not self._placed:
            return None
        left, bottom, right, top = place
        edges = (left - self._trim.x_pt, self._trim.top_pt - top, right - left, top - bottom)
        x, y, width, height = (round(inches(edge), 3) for edge in edges)
        return x, y, width, height

    def shown(self, place: Place | None) -> bool:
        """Whether any of it lies on the bleed page: what is cropped away does not count (GWG D0030)."""
        if place is None or not self._placed:
            return True
        bleed = self._trim.grown(self._trim.x_pt)
        left, bottom, right, top = place
        return left < bleed.right_pt and right > 0 and bottom < bleed.top_pt and top > 0


def _damaged(census: Census, where: _Where) -> Iterator[Finding]:
    if census.damaged:
        yield finding(
            "damaged_image",
            "The data of a picture in the PDF is cut short or damaged; a viewer leaves it out, and a press may stop at it.",
            "Place the picture again from its own file, and export.",
            box_in=where(census.damaged[0]),
            measured=f"{len(census.damaged)} of them",
            required="all pictures whole",
        )


def _fonts(census: Census, where: _Where) -> Iterator[Finding]:
    absent = sorted(name for name, is_embedded in census.fonts.items() if not is_embedded)
    if absent:
        remedy = "Export with all fonts embedded, or turn text into outlines."
        yield finding(
            "unembedded_font",
            f"Not embedded, or damaged: {named(absent)}.",
            remedy,
            box_in=where(census.first_shown.get(absent[0])),
            measured=f"{len(absent)} of {len(census.fonts)} fonts",
            required="all fonts embedded",
        )
    if census.missing:
        count = sum(census.missing.values())
        yield finding(
            "missing_glyph",
            f"{count} characters have no glyph in {named(sorted(census.missing))}; they print as boxes, or not at all.",
            "Set them in a font that has them, and export again.",
            box_in=where(census.first_shown.get(min(census.missing))),
            measured=f"{count} characters",
            required="0",
        )
    if census.unchecked:
        unread = sorted(census.unchecked)
        yield warning(
            "unchecked_font",
            f"Whether {named(unread)} has all characters could not be checked: the font or its map of codes is unusual.",
            "Look at the proof. Where a letter is missing, export again with other fonts, or turn text into outlines.",
            box_in=where(census.first_shown.get(unread[0])),
            measured=f"{len(unread)} of {len(census.fonts)} fonts",
            required="fonts that can be read",
        )


def named(names: Sequence[str]) -> str:
    """The first few of them, for a sentence."""
    return f"{', '.join(names[:5])}{' and others' if len(names) > 5 else ''}"


def _images(census: Census, where: _Where) -> Iterator[Finding]:
    shown = [image for image in census.images if where.shown(image.place)]
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
    for code, wrong, said, remedy, required in _TEXT_RULES:
        found = [text for text in texts if wrong(text)]
        if not found:
            continue
        worst = min(found, key=lambda text: text.size_pt)
        make = finding if code == "white_overprints" else warning
        measured = f"{worst.size_pt:.1f} pt" if code == "small_text" else f"{worst.ink.coverage:.0%} ink"
        yield make(
            code, f"{said} ({_times(found)}).", remedy, box_in=where(worst.place), measured=measured, required=required
        )


def _times(found: Iterable[object]) -> str:
    count = sum(1 for _ in found)
    return "once" if count == 1 else f"{count} times"


def _is_small(text: TextUse) -> bool:
    return 0 < round(text.size_pt, 1) < SMALLEST_TEXT_PT and (text.ink.white or text.ink.several)


def _is_rich(text: TextUse) -> bool:
    ink = text.ink
    return ink.space == "cmyk" and len(ink.values) == 4 and ink.values[3] >= RICH_BLACK and ink.coverage > RICH_COVERAGE


_TEXT_RULES: tuple[tuple[str, Callable[[TextUse], bool], str, str, str], ...] = (
    (
        "white_overprints",
        lambda text: text.overprints and text.ink.white,
        "White text is set to overprint, and will not be seen",
        "Set white text to knock out.",
        "no overprint",
    ),
    (
        "small_text",
        _is_small,
        f"White or multi-ink text is smaller than {SMALLEST_TEXT_PT:g} pt",
        "Set it larger, or in one ink.",
        f"{SMALLEST_TEXT_PT:g} pt",
    ),
    (
        "rich_black_text",
        _is_rich,
        "Black text has much of the other inks in it",
        "Set text in black alone.",
        f"at most {RICH_COVERAGE:.0%} ink",
    ),
)


def _paths(paths: list[PathUse], where: _Where) -> Iterator[Finding]:
    thin = [path for path in paths if _is_thin(path)]
    if thin:
        worst = min(thin, key=_width)
        yield warning(
            "thin_line",
            f"A line of white, of several inks or of no width is {_width(worst):.2f} pt thin and may break up.",
            f"Draw lines of at least {THINNEST_LINE_PT:g} pt, or in one ink.",
            box_in=where(worst.place),
            measured=f"{_width(worst):.2f} pt",
            required=f"{THINNEST_LINE_PT:g} pt",
        )
    unseen = [path for path in paths if path.overprints and path.ink.white]
    if unseen:
        yield warning(
            "white_shape_overprints",
            f"A white shape or line is set to overprint, and will not be seen ({_times(unseen)}).",
            "Set white to knock out.",
            box_in=where(unseen[0].place),
            measured="0% ink",
            required="no overprint",
        )


def _width(path: PathUse) -> float:
    return path.width_pt or 0.0


def _is_thin(path: PathUse) -> bool:
    """GWG leaves lines of one ink alone; one of no width is a device's thinnest, which a press hardly shows."""
    if path.width_pt is None or round(path.width_pt, 2) >= THINNEST_LINE_PT:
        return False
    return path.ink.white or path.ink.several or path.width_pt == 0


def _inks(census: Census, where: _Where) -> Iterator[Finding]:
    most, place = max(
        (one for one in _inked(census) if where.shown(one[1])), key=lambda one: one[0], default=(0.0, None)
    )
    yield from ink_limit(most, box_in=where(place))
    shown = {name: [place for place in places if where.shown(place)] for name, places in census.spots.items()}
    spots = sorted(name for name, places in shown.items() if places and name != _ALL)
    if spots:
        yield warning(
            "spot_colour",
            f"Spot colours print in process inks: {named(spots)}.",
            "Convert them to CMYK to choose how they look.",
            box_in=where(shown[spots[0]][0]),
            measured=f"{len(spots)} spot colour{'s' if len(spots) > 1 else ''}",
            required="0",
        )
    if shown.get(_ALL):
        yield warning(
            "registration_colour",
            "Registration colour, which prints in every ink, is used inside the artwork.",
            "Keep it to printer's marks outside the bleed; set the artwork in black.",
            box_in=where(shown[_ALL][0]),
            measured="400% ink",
            required="none of it",
        )
    if census.blends and census.rgb_groups:
        yield warning(
            "rgb_transparency",
            "Transparency is blended in RGB, and may print a little other than on a screen.",
            "Export with a transparency blend space of CMYK, or look at the proof.",
            measured=f"{census.rgb_groups} group{'s' if census.rgb_groups > 1 else ''} in RGB",
            required="CMYK",
        )


def _inked(census: Census) -> Iterator[tuple[float, Place | None]]:
    """How much ink is laid down, and where."""
    yield from ((text.ink.coverage, text.place) for text in census.texts)
    yield from ((path.ink.coverage, path.place) for path in census.paths)
    yield from ((image.coverage, image.place) for image in census.images)


def ink_limit(coverage: float, **where: Any) -> Iterator[Finding]:
    """Of a colour, or of a picture's heaviest part; 3.2 is 320 %."""
    if round(coverage, 2) > MOST_COVERAGE:
        yield warning(
            "ink_limit",
            f"A colour is made of {coverage:.0%} ink; more than {MOST_COVERAGE:.0%} may flake and smear.",
            "Convert it with a profile that keeps the limit, such as GRACoL 2006.",
            measured=f"{coverage:.0%}",
            required=f"at most {MOST_COVERAGE:.0%}",
            **where,
        )


_ALL = "All"

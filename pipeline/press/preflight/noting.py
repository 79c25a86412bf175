"""Notes in a census what a walk over a page comes by: images, text, paths, fonts and spot colours."""

from collections.abc import Iterable

import pikepdf

from pipeline.press.names import shown_name
from pipeline.press.preflight.census import Census, ImageUse, PathUse, TextUse
from pipeline.press.preflight.glyphs import Fonts
from pipeline.press.preflight.graphics import Matrix, Place, State, bounds, sides
from pipeline.press.preflight.image_data import is_damaged
from pipeline.press.preflight.image_ink import heaviest, inks_of
from pipeline.press.preflight.inks import Ink, Spaces

# GWG leaves images of up to 16 pixels out: they are rules and patterns, not pictures.
SMALLEST_IMAGE_PX = 16
# A line thinner than this that is not of one ink, or ink of more than this in all, is noted with its place.
NOTED_LINE_PT, NOTED_COVERAGE = 0.5, 3.0
MOST_NOTED = 20_000
# So many pictures' inks are measured; a card with more is made of scraps.
MOST_INKED = 50
_UNNAMED = pikepdf.Name("/unnamed")


class Notes:
    """Fills `census`. While it is `quiet`, what prints does so at a size unknown: only fonts and spot colours are noted."""

    def __init__(self, fonts: Fonts, spaces: Spaces) -> None:
        self.census = Census()
        self.quiet = False
        self._fonts, self._spaces = fonts, spaces
        self._looked_into: set[tuple[int, int]] = set()
        self._inked: dict[tuple[int, int], float] = {}

    def image(self, placed: pikepdf.Stream, matrix: Matrix) -> None:
        one_bit = bool(placed.get("/ImageMask", False)) or int(placed.get("/BitsPerComponent", 8)) == 1
        self._image(int(placed.Width), int(placed.Height), matrix, one_bit=one_bit, placed=placed)
        self.census.blends |= "/SMask" in placed
        self._damage(placed, bounds(matrix))
        space = placed.get("/ColorSpace")
        if isinstance(space, pikepdf.Array):
            self._spots(self._spaces.ink(space), bounds(matrix))

    def inline_image(self, inline: object, matrix: Matrix) -> None:
        if isinstance(inline, pikepdf.PdfInlineImage):
            one_bit = inline.image_mask or inline.bits_per_component == 1
            self._image(inline.width, inline.height, matrix, one_bit=one_bit)

    def text(self, font: pikepdf.Object, shown: Iterable[bytes], state: State) -> None:
        """Visible text in a font."""
        name = shown_name(font.get("/BaseFont", font.get("/Name", _UNNAMED))).removeprefix("/")
        is_embedded = self._fonts.embedded(font)
        self.census.fonts[name] = self.census.fonts.get(name, True) and is_embedded
        if is_embedded and self._fonts.unchecked(font):
            self.census.unchecked.add(name)
        if missing := self._fonts.missing(font, shown):
            self.census.missing[name] += missing
        if not self.quiet:
            size, (x, y) = state.text_size_pt(), state.text_origin()
            place = (x, y, x + size, y + size)
            self.census.texts.append(TextUse(size, state.fill, state.overprint, place))
            self.census.first_shown.setdefault(name, place)
            self._spots(state.fill, place)

    def path(self, path: PathUse) -> None:
        self._spots(path.ink, path.place)
        if self.quiet or len(self.census.paths) >= MOST_NOTED:
            return
        thin = path.width_pt is not None and path.width_pt < NOTED_LINE_PT
        if (
            (thin and (path.ink.white or path.ink.several or path.width_pt == 0))
            or path.ink.coverage > NOTED_COVERAGE
            or (path.overprints and path.ink.white)
        ):
            self.census.paths.append(path)

    def group(self, holder: pikepdf.Object) -> None:
        """Of a page, a form or a mask, where it is blended as one."""
        group = holder.get("/Group")
        if isinstance(group, pikepdf.Dictionary):
            self.census.rgb_groups += group.get("/CS") == "/DeviceRGB"

    def _damage(self, placed: pikepdf.Stream, place: Place) -> None:
        for image in (placed, placed.get("/SMask"), placed.get("/Mask")):
            if isinstance(image, pikepdf.Stream) and image.objgen not in self._looked_into:
                self._looked_into.add(image.objgen)
                if is_damaged(image):
                    self.census.damaged.append(None if self.quiet else place)

    def _image(
        self, width_px: int, height_px: int, matrix: Matrix, *, one_bit: bool, placed: pikepdf.Stream | None = None
    ) -> None:
        if self.quiet or min(width_px, height_px) <= SMALLEST_IMAGE_PX:
            return
        across, up = (side / 72 for side in sides(matrix))
        if across and up:
            ppi = min(width_px / across, height_px / up)
            ink = self._coverage(placed, across) if placed is not None else 0.0
            self.census.images.append(ImageUse(ppi, one_bit, width_px, height_px, bounds(matrix), ink))

    def _coverage(self, placed: pikepdf.Stream, across_in: float) -> float:
        """Of one image, at the size that it has the first time."""
        if placed.objgen not in self._inked and len(self._inked) < MOST_INKED:
            inks = inks_of(placed, self._spaces)
            self._inked[placed.objgen] = heaviest(inks, inks.width / across_in) if inks else 0.0
        return self._inked.get(placed.objgen, 0.0)

    def _spots(self, colour: Ink, place: Place | None) -> None:
        for name in colour.spots:
            places = self.census.spots.setdefault(name, [])
            if len(places) < MOST_NOTED:
                places.append(None if self.quiet else place)

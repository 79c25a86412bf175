"""Reads what a page really prints: which images at which resolution, which text in which fonts, and in which inks.

Forms are parsed once each and walked as often as they are placed, up to a cap: a dozen forms that place one another ten
times each would otherwise be a hundred thousand million images.
"""

from collections import Counter
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass, field
from typing import Any

import pikepdf

from pipeline.press.content_reader import MOST_STEPS, ContentReader, TooComplexError
from pipeline.press.glyphs import Glyphs, embedded
from pipeline.press.graphics import SAME, Ink, Matrix, State, bounds, ink, matrix_of, scale, sides, times
from pipeline.press.spots import colorant

MOST_PLACINGS = 20_000
MOST_DEPTH = 50
# A tenth of a square point: six million tiles on the largest card.
SMALLEST_TILE_PT2 = 0.1
# GWG leaves images of up to 16 pixels out: they are rules and patterns, not pictures.
SMALLEST_IMAGE_PX = 16

_OPERATORS = (
    "q Q cm Do BI ID EI BT Tf Tr Tm Td TD TL T* Tj TJ ' \" g G rg RG k K cs CS sc SC scn SCN gs w f F f* S s B B* b b*"
)
_SHOWN = {"Tj", "TJ", "'", '"'}
_COLOURS = {"g": "gray", "rg": "rgb", "k": "cmyk"}
_FILLS = {"f", "F", "f*", "B", "B*", "b", "b*"}
_STROKES = {"S", "s", "B", "B*", "b", "b*"}

Place = tuple[float, float, float, float]
"""Left, bottom, right and top, in points on the bleed page."""

_Instruction = tuple[list[Any], str]


@dataclass(frozen=True)
class ImageUse:
    """One image as placed: `ppi` is the smaller of its two axes."""

    ppi: float
    one_bit: bool
    width_px: int
    height_px: int
    place: Place


@dataclass(frozen=True)
class TextUse:
    """Text as shown in one go; `place` is its beginning."""

    size_pt: float
    ink: Ink
    overprints: bool
    place: Place


@dataclass
class Census:
    """What was found. `fonts` are those that show text, by name; True where the font program is embedded.

    `missing` counts the codes without a glyph, by font. `coverage` is the most ink that a shape or text is filled with.
    """

    images: list[ImageUse] = field(default_factory=list)
    fonts: dict[str, bool] = field(default_factory=dict)
    missing: Counter[str] = field(default_factory=Counter)
    texts: list[TextUse] = field(default_factory=list)
    thinnest_pt: float | None = None
    coverage: float = 0.0
    spots: set[str] = field(default_factory=set)


def take_census(page: pikepdf.Page, matrix: Matrix) -> Census:
    """Walk the page and all it places. `matrix` takes the page's units to points on the bleed page.

    Raises `TooComplexError`, and what malformed files raise.
    """
    walk = _Walk()
    walk.stream(page.obj, page.resources, State(matrix))
    return walk.census


class _Walk:
    def __init__(self) -> None:
        self.census = Census()
        self._parsed: dict[tuple[int, int], list[_Instruction]] = {}
        self._under_way: set[tuple[int, int]] = set()
        self._beside: set[tuple[int, int]] = set()
        self._quiet = False
        self._glyphs: dict[tuple[int, int], Glyphs] = {}
        self._placings = 0
        self._steps = 0
        self._reader = ContentReader(_OPERATORS)

    def stream(self, holder: pikepdf.Object, resources: pikepdf.Object, state: State) -> None:
        """A page, a form or a pattern: `holder` has the content, `state` is what it begins with."""
        key = holder.objgen
        # A form that places itself would never end; readers stop there as well.
        if key in self._under_way:
            return
        if len(self._under_way) >= MOST_DEPTH:
            raise TooComplexError(f"more than {MOST_DEPTH} forms inside one another")
        self._under_way.add(key)
        instructions = self._instructions(holder, key)
        self._steps += len(instructions)
        if self._steps > MOST_STEPS:
            raise TooComplexError(f"more than {MOST_STEPS:,} drawing steps")
        saved = list[State]()
        for operands, name in instructions:
            if name == "q":
                saved.append(copy(state))
            elif name == "Q":
                state = saved.pop() if saved else state
            else:
                self._operator(name, operands, state, resources)
        self._under_way.discard(key)

    def _operator(self, name: str, operands: list[Any], state: State, resources: pikepdf.Object) -> None:
        if name == "cm":
            state.matrix = times(matrix_of(operands), state.matrix)
        elif name == "Do":
            self._place(_resource(resources, "/XObject", operands), state, resources)
        elif name == "INLINE IMAGE":
            self._inline_image(operands[0], state.matrix)
        elif name in _SHOWN:
            if name in "'\"":
                state.move(0, -state.leading)
            self._text(operands, state)
        elif name in _FILLS or name in _STROKES:
            self._path(name, state)
        elif name[0] in "TB":
            self._text_state(name, operands, state, resources)
        else:
            self._graphics_state(name, operands, state, resources)

    def _text_state(self, name: str, operands: list[Any], state: State, resources: pikepdf.Object) -> None:
        if name == "BT":
            state.line = SAME
        elif name == "Tf":
            state.font, state.size = _font(_resource(resources, "/Font", operands[:1])), float(operands[1])
        elif name == "Tr":
            state.invisible = int(operands[0]) in (3, 7)
        elif name == "Tm":
            state.line = matrix_of(operands)
        elif name in ("Td", "TD"):
            state.move(float(operands[0]), float(operands[1]))
            state.leading = -float(operands[1]) if name == "TD" else state.leading
        elif name == "TL":
            state.leading = float(operands[0])
        elif name == "T*":
            state.move(0, -state.leading)

    def _graphics_state(self, name: str, operands: list[Any], state: State, resources: pikepdf.Object) -> None:
        if name == "w":
            state.line_width = float(operands[0])
        elif name == "gs":
            self._extended(_resource(resources, "/ExtGState", operands), state, resources)
        elif name.lower() in _COLOURS:
            self._set(name, ink(_COLOURS[name.lower()], [float(value) for value in operands]), state)
        elif name.lower() == "cs":
            self._set(name, Ink(self._space(operands, resources), ()), state)
        else:
            given = [float(value) for value in operands if not isinstance(value, pikepdf.Object)]
            old = state.fill if name.islower() else state.stroke
            self._set(name, Ink(old.space, tuple(given)), state)
            if operands and isinstance(operands[-1], pikepdf.Name):
                self._once(_resource(resources, "/Pattern", operands[-1:]), resources)

    def _set(self, name: str, colour: Ink, state: State) -> None:
        if name.islower():
            state.fill = colour
        else:
            state.stroke = colour

    def _space(self, operands: list[Any], resources: pikepdf.Object) -> str:
        """The family of a named colour space; spot colours are noted by their names."""
        space = _resource(resources, "/ColorSpace", operands)
        if not isinstance(space, pikepdf.Array):
            return ink(str(operands[0]), []).space
        family = str(space[0])
        if family == "/ICCBased":
            return {1: "gray", 3: "rgb", 4: "cmyk"}.get(int(space[1].N), "other")
        if family in ("/Separation", "/DeviceN"):
            names = [space[1]] if family == "/Separation" else space[1].as_list()
            if not self._quiet:
                self.census.spots |= {colorant(name)[1:] for name in names} - _PROCESS
            return "spot"
        return "other"

    def _instructions(self, holder: pikepdf.Object, key: tuple[int, int]) -> list[_Instruction]:
        if key not in self._parsed:
            self._parsed[key] = [(list(step.operands), str(step.operator)) for step in self._reader.read(holder)]
        return self._parsed[key]

    def _place(self, placed: pikepdf.Object | None, state: State, resources: pikepdf.Object) -> None:
        self._placings += 1
        if self._placings > MOST_PLACINGS:
            raise TooComplexError(f"more than {MOST_PLACINGS} images and forms placed")
        if not isinstance(placed, pikepdf.Stream):
            return
        kind = str(placed.get("/Subtype", ""))
        if kind == "/Form":
            inner = copy(state)
            inner.matrix = times(matrix_of(placed.get("/Matrix", SAME)), state.matrix)
            self.stream(placed, placed.get("/Resources", resources), inner)
        elif kind == "/Image":
            one_bit = bool(placed.get("/ImageMask", False)) or int(placed.get("/BitsPerComponent", 8)) == 1
            self._image(int(placed.Width), int(placed.Height), state.matrix, one_bit=one_bit)

    def _inline_image(self, inline: object, matrix: Matrix) -> None:
        if isinstance(inline, pikepdf.PdfInlineImage):
            one_bit = inline.image_mask or inline.bits_per_component == 1
            self._image(inline.width, inline.height, matrix, one_bit=one_bit)

    def _image(self, width_px: int, height_px: int, matrix: Matrix, *, one_bit: bool) -> None:
        if self._quiet or min(width_px, height_px) <= SMALLEST_IMAGE_PX:
            return
        across, up = (side / 72 for side in sides(matrix))
        if across and up:
            ppi = min(width_px / across, height_px / up)
            self.census.images.append(ImageUse(ppi, one_bit, width_px, height_px, bounds(matrix)))

    def _text(self, operands: list[Any], state: State) -> None:
        shown = [text for operand in operands for text in _strings(operand)]
        if state.font is None or state.invisible or not any(shown):
            return
        name = str(state.font.get("/BaseFont", state.font.get("/Name", "/unnamed"))).removeprefix("/")
        self.census.fonts[name] = self.census.fonts.get(name, True) and embedded(state.font)
        if state.font.get("/Subtype") == "/Type3":
            self._drawn_glyphs(state.font)
        elif missing := sum(map(self._glyphs_of(state.font).missing, shown)):
            self.census.missing[name] += missing
        if not self._quiet:
            size, (x, y) = state.text_size_pt(), state.text_origin()
            place = (x, y, x + size, y + size)
            self.census.texts.append(TextUse(size, state.fill, state.overprint, place))
            self._cover(state.fill)

    def _glyphs_of(self, font: pikepdf.Object) -> Glyphs:
        key = font.objgen
        if key == (0, 0):
            return Glyphs(font)
        if key not in self._glyphs:
            self._glyphs[key] = Glyphs(font)
        return self._glyphs[key]

    def _drawn_glyphs(self, font: pikepdf.Object) -> None:
        for glyph in font.get("/CharProcs", pikepdf.Dictionary()).values():
            self._once(glyph, font.get("/Resources", pikepdf.Dictionary()))

    def _path(self, name: str, state: State) -> None:
        if self._quiet:
            return
        if name in _FILLS:
            self._cover(state.fill)
        if name in _STROKES:
            width = state.line_width * scale(state.matrix)
            thinnest = self.census.thinnest_pt
            self.census.thinnest_pt = width if thinnest is None else min(thinnest, width)

    def _cover(self, colour: Ink) -> None:
        self.census.coverage = max(self.census.coverage, colour.coverage)

    def _extended(self, graphics: pikepdf.Object | None, state: State, resources: pikepdf.Object) -> None:
        """Soft masks print, too, at sizes that only a renderer could tell."""
        if not isinstance(graphics, pikepdf.Dictionary):
            return
        mask = graphics.get("/SMask")
        if isinstance(mask, pikepdf.Dictionary):
            self._once(mask.get("/G"), resources)
        if "/Font" in graphics:
            state.font, state.size = _font(graphics.Font[0]), float(graphics.Font[1])
        if "/LW" in graphics:
            state.line_width = float(graphics.LW)
        if "/OP" in graphics or "/op" in graphics:
            state.overprint = bool(graphics.get("/op", graphics.get("/OP", False)))

    def _once(self, holder: pikepdf.Object | None, resources: pikepdf.Object) -> None:
        """What prints at sizes unknown here: patterns, masks, drawn glyphs. Only their fonts are looked at."""
        if isinstance(holder, pikepdf.Stream) and holder.objgen not in self._beside:
            self._beside.add(holder.objgen)
            _check_tiles(holder)
            loud, self._quiet = self._quiet, True
            self.stream(holder, holder.get("/Resources", resources), State(SAME))
            self._quiet = loud


def _check_tiles(holder: pikepdf.Object) -> None:
    """A viewer may give up on a pattern of a million tiles; a press's RIP paints them."""
    if "/XStep" not in holder or "/YStep" not in holder:
        return
    tile = abs(float(holder.XStep) * float(holder.YStep)) * scale(matrix_of(holder.get("/Matrix", SAME))) ** 2
    if tile < SMALLEST_TILE_PT2:
        raise TooComplexError("a pattern of countless tiles")


_PROCESS = {"Cyan", "Magenta", "Yellow", "Black", "None"}


def _resource(resources: pikepdf.Object, kind: str, operands: list[Any]) -> pikepdf.Object | None:
    named = resources.get(kind)
    if not operands or not isinstance(named, pikepdf.Dictionary):
        return None
    found = named.get(str(operands[0]))
    return found if isinstance(found, pikepdf.Object) else None


def _font(found: object) -> pikepdf.Object | None:
    return found if isinstance(found, pikepdf.Dictionary) else None


def _strings(operand: object) -> Iterator[bytes]:
    if isinstance(operand, pikepdf.Array):
        for item in operand.as_list():
            yield from _strings(item)
    elif isinstance(operand, pikepdf.String):
        yield bytes(operand)

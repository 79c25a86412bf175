"""Reads what a page really prints: which images at which resolution, and which fonts show text.

Forms are parsed once each and walked as often as they are placed, up to a cap: a dozen forms that place one another ten
times each would otherwise be a hundred thousand million images.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import hypot
from typing import Any

import pikepdf

MOST_PLACINGS = 20_000
# Each takes some microseconds to parse and walk; maps with a hundred thousand paths have as many.
MOST_STEPS = 500_000
MOST_DEPTH = 50
MOST_CONTENT_BYTES = 32 * 1024 * 1024
# GWG leaves images of up to 16 pixels out: they are rules and patterns, not pictures.
SMALLEST_IMAGE_PX = 16

_OPERATORS = "q Q cm Do BI ID EI Tf Tr Tj TJ ' \" scn SCN gs"
# Roughly the same in raw content, to be counted before anything is parsed.
_STEP = re.compile(rb"(?<!\S)(?:q|Q|cm|Do|BI|T[frjJ]|scn|SCN|gs)(?!\S)")
_SHOWN = {"Tj", "TJ", "'", '"'}

Matrix = tuple[float, float, float, float, float, float]
_Instruction = tuple[list[Any], str]
_SAME: Matrix = (1, 0, 0, 1, 0, 0)


class TooComplexError(Exception):
    """More content, placings or nesting than any artwork needs."""


@dataclass(frozen=True)
class ImageUse:
    """One image as placed: `ppi` is the smaller of its two axes."""

    ppi: float
    one_bit: bool
    width_px: int
    height_px: int


@dataclass
class Census:
    """What was found. `fonts` are those that show text, by name; True where the font program is embedded."""

    images: list[ImageUse] = field(default_factory=list)
    fonts: dict[str, bool] = field(default_factory=dict)


@dataclass
class _State:
    matrix: Matrix
    font: pikepdf.Object | None = None
    invisible: bool = False


def take_census(page: pikepdf.Page, unit: float) -> Census:
    """Walk the page and all it places. `unit` is the page's UserUnit. Raises `TooComplexError`, `pikepdf.PdfError`."""
    walk = _Walk()
    walk.stream(page.obj, page.resources, (unit, 0, 0, unit, 0, 0))
    return walk.census


class _Walk:
    def __init__(self) -> None:
        self.census = Census()
        self._parsed: dict[tuple[int, int], list[_Instruction]] = {}
        self._under_way: set[tuple[int, int]] = set()
        self._beside: set[tuple[int, int]] = set()
        self._placings = 0
        self._steps = 0
        self._bytes = 0

    def stream(self, holder: pikepdf.Object, resources: pikepdf.Object, matrix: Matrix) -> None:
        """A page, a form or a pattern: `holder` has the content, `matrix` takes its units to points."""
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
        state, saved = _State(matrix), list[_State]()
        for operands, name in instructions:
            if name == "q":
                saved.append(_State(state.matrix, state.font, state.invisible))
            elif name == "Q":
                state = saved.pop() if saved else state
            else:
                self._operator(name, operands, state, resources)
        self._under_way.discard(key)

    def _operator(self, name: str, operands: list[pikepdf.Object], state: _State, resources: pikepdf.Object) -> None:
        if name == "cm":
            state.matrix = _times(_matrix(operands), state.matrix)
        elif name == "Do":
            self._place(_resource(resources, "/XObject", operands), state.matrix, resources)
        elif name == "INLINE IMAGE":
            self._inline_image(operands[0], state.matrix)
        elif name == "Tf":
            state.font = _font(_resource(resources, "/Font", operands[:1]))
        elif name == "Tr":
            state.invisible = int(operands[0]) in (3, 7)
        elif name in _SHOWN:
            self._text(operands, state)
        else:
            self._besides(name, operands, state, resources)

    def _instructions(self, holder: pikepdf.Object, key: tuple[int, int]) -> list[_Instruction]:
        if key not in self._parsed:
            self._measure(holder)
            self._parsed[key] = [
                (list(step.operands), str(step.operator)) for step in pikepdf.parse_content_stream(holder, _OPERATORS)
            ]
        return self._parsed[key]

    def _measure(self, holder: pikepdf.Object) -> None:
        for part in _parts(holder):
            data = part.read_bytes()
            self._bytes += len(data)
            if self._bytes > MOST_CONTENT_BYTES:
                raise TooComplexError(f"more than {MOST_CONTENT_BYTES >> 20} MB of drawing")
            if sum(1 for _ in _STEP.finditer(data)) > MOST_STEPS:
                raise TooComplexError(f"more than {MOST_STEPS:,} drawing steps")

    def _place(self, placed: pikepdf.Object | None, matrix: Matrix, resources: pikepdf.Object) -> None:
        self._placings += 1
        if self._placings > MOST_PLACINGS:
            raise TooComplexError(f"more than {MOST_PLACINGS} images and forms placed")
        if not isinstance(placed, pikepdf.Stream):
            return
        kind = str(placed.get("/Subtype", ""))
        if kind == "/Form":
            inner = _times(_matrix(placed.get("/Matrix", _SAME)), matrix)
            self.stream(placed, placed.get("/Resources", resources), inner)
        elif kind == "/Image":
            one_bit = bool(placed.get("/ImageMask", False)) or int(placed.get("/BitsPerComponent", 8)) == 1
            self._image(int(placed.Width), int(placed.Height), matrix, one_bit=one_bit)

    def _inline_image(self, inline: object, matrix: Matrix) -> None:
        if isinstance(inline, pikepdf.PdfInlineImage):
            one_bit = inline.image_mask or inline.bits_per_component == 1
            self._image(inline.width, inline.height, matrix, one_bit=one_bit)

    def _image(self, width_px: int, height_px: int, matrix: Matrix, *, one_bit: bool) -> None:
        if min(width_px, height_px) <= SMALLEST_IMAGE_PX:
            return
        across, up = hypot(matrix[0], matrix[1]) / 72, hypot(matrix[2], matrix[3]) / 72
        if across and up:
            ppi = min(width_px / across, height_px / up)
            self.census.images.append(ImageUse(ppi, one_bit, width_px, height_px))

    def _text(self, operands: list[pikepdf.Object], state: _State) -> None:
        shows = any(_has_text(operand) for operand in operands)
        if state.font is None or state.invisible or not shows:
            return
        name = str(state.font.get("/BaseFont", state.font.get("/Name", "/unnamed"))).removeprefix("/")
        self.census.fonts[name] = self.census.fonts.get(name, True) and _embedded(state.font)
        if state.font.get("/Subtype") == "/Type3":
            self._glyphs(state.font)

    def _glyphs(self, font: pikepdf.Object) -> None:
        for glyph in font.get("/CharProcs", pikepdf.Dictionary()).values():
            self._once(glyph, font.get("/Resources", pikepdf.Dictionary()))

    def _besides(self, name: str, operands: list[pikepdf.Object], state: _State, resources: pikepdf.Object) -> None:
        """Patterns and soft masks: their text and images print too, at sizes that only a renderer could tell."""
        if name == "gs":
            graphics = _resource(resources, "/ExtGState", operands)
            if not isinstance(graphics, pikepdf.Dictionary):
                return
            mask = graphics.get("/SMask")
            if isinstance(mask, pikepdf.Dictionary):
                self._once(mask.get("/G"), resources)
            if "/Font" in graphics:
                state.font = _font(graphics.Font[0])
        elif operands and isinstance(operands[-1], pikepdf.Name):
            self._once(_resource(resources, "/Pattern", operands[-1:]), resources)

    def _once(self, holder: pikepdf.Object | None, resources: pikepdf.Object) -> None:
        if isinstance(holder, pikepdf.Stream) and holder.objgen not in self._beside:
            self._beside.add(holder.objgen)
            images = list(self.census.images)
            self.stream(holder, holder.get("/Resources", resources), _SAME)
            self.census.images = images


def _parts(holder: pikepdf.Object) -> Iterator[pikepdf.Stream]:
    if isinstance(holder, pikepdf.Stream):
        yield holder
        return
    contents = holder.get("/Contents")
    if isinstance(contents, pikepdf.Stream):
        yield contents
    elif isinstance(contents, pikepdf.Array):
        yield from (part for part in contents.as_list() if isinstance(part, pikepdf.Stream))


def _resource(resources: pikepdf.Object, kind: str, operands: list[pikepdf.Object]) -> pikepdf.Object | None:
    named = resources.get(kind)
    if not operands or not isinstance(named, pikepdf.Dictionary):
        return None
    found = named.get(str(operands[0]))
    return found if isinstance(found, pikepdf.Object) else None


def _font(found: object) -> pikepdf.Object | None:
    return found if isinstance(found, pikepdf.Dictionary) else None


def _has_text(operand: object) -> bool:
    if isinstance(operand, pikepdf.Array):
        return any(_has_text(item) for item in operand.as_list())
    return isinstance(operand, pikepdf.String) and len(bytes(operand)) > 0


def _embedded(font: pikepdf.Object) -> bool:
    if font.get("/Subtype") == "/Type3":
        return True
    if font.get("/Subtype") == "/Type0":
        return all(_embedded(inner) for inner in font.get("/DescendantFonts", pikepdf.Array()).as_list())
    descriptor = font.get("/FontDescriptor")
    return descriptor is not None and any(key in descriptor for key in ("/FontFile", "/FontFile2", "/FontFile3"))


def _matrix(values: object) -> Matrix:
    a, b, c, d, e, f = (float(value) for value in values)  # type: ignore[attr-defined]
    return a, b, c, d, e, f


def _times(first: Matrix, then: Matrix) -> Matrix:
    a, b, c, d, e, f = first
    return (
        a * then[0] + b * then[2], a * then[1] + b * then[3],
        c * then[0] + d * then[2], c * then[1] + d * then[3],
        e * then[0] + f * then[2] + then[4], e * then[1] + f * then[3] + then[5],
    )  # fmt: skip

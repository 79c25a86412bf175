"""Reads what a page really prints: which images at which resolution, which text in which fonts, and in which inks.

Forms are parsed once each and walked as often as they are placed, up to a cap: a dozen forms that place one another ten
times each would otherwise be a hundred thousand million images.
"""

from collections.abc import Iterator
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import pikepdf

from pipeline.press.content_reader import MOST_STEPS, ContentReader, TooComplexError
from pipeline.press.preflight.census import Census, PathUse
from pipeline.press.preflight.glyphs import Fonts
from pipeline.press.preflight.graphics import SAME, Matrix, Place, State, around, matrix_of, scale, times, within
from pipeline.press.preflight.inks import Ink, ink
from pipeline.press.preflight.noting import Notes
from pipeline.press.preflight.shadings import Shadings

MOST_PLACINGS = 20_000
MOST_DEPTH = 50
# A tenth of a square point: six million tiles on the largest card.
SMALLEST_TILE_PT2 = 0.1
_OPERATORS = (
    "q Q cm Do BI ID EI BT Tf Tr Tm Td TD TL T* Tj TJ ' \" g G rg RG k K cs CS sc SC scn SCN gs w sh PS "
    "f F f* S s B B* b b*"
)
# What paths are made of is several times as much as all else, and only looked at where something has to be placed, in
# drawings that are not large: that is a second of a busy machine at most.
MOST_PLACED_STEPS = 50_000
_PATHS = " m l c v y re n W W*"
_SHOWN = {"Tj", "TJ", "'", '"'}
_COLOURS = {"g": "gray", "rg": "rgb", "k": "cmyk"}
_FILLS = {"f", "F", "f*", "B", "B*", "b", "b*"}
_STROKES = {"S", "s", "B", "B*", "b", "b*"}
_CLIPS = {"W", "W*"}
_POINTS = {"m", "l", "c", "v", "y", "re"}

_Instruction = tuple[list[Any], str]


@dataclass(frozen=True)
class Shared:
    """What the pages of one file draw with, each looked at once."""

    fonts: Fonts = field(default_factory=Fonts)
    shadings: Shadings = field(default_factory=Shadings)


def take_census(page: pikepdf.Page, matrix: Matrix, shared: Shared) -> Census:
    """Walk the page and all it places. `matrix` takes the page's units to points on the bleed page.

    Raises `TooComplexError`, and what malformed files raise.
    """
    walk = _walked(page, matrix, _Walk(shared, _OPERATORS))
    census = walk.notes.census
    if (census.paths or census.spots) and walk.steps <= MOST_PLACED_STEPS:
        with suppress(TooComplexError):
            return _walked(page, matrix, _Walk(shared, _OPERATORS + _PATHS)).notes.census
    return census


def _walked(page: pikepdf.Page, matrix: Matrix, walk: "_Walk") -> "_Walk":
    walk.notes.group(page.obj)
    walk.stream(page.obj, page.resources, State(matrix))
    return walk


class _Walk:
    def __init__(self, shared: Shared, operators: str) -> None:
        self.notes = Notes(shared.fonts, shared.shadings.spaces)
        self._shadings = shared.shadings
        self._parsed: dict[tuple[int, int], list[_Instruction]] = {}
        self._under_way: set[tuple[int, int]] = set()
        self._beside: set[tuple[int, int]] = set()
        self._placings = 0
        self._base = SAME
        self.steps = 0
        self._reader = ContentReader(operators)
        self._path: Place | None = None

    def stream(self, holder: pikepdf.Object, resources: pikepdf.Object, state: State) -> None:
        """A page, a form or a pattern: `holder` has the content, `state` is what it begins with."""
        key = holder.objgen
        # A form that places itself would never end; readers stop there as well.
        if key in self._under_way:
            return
        if len(self._under_way) >= MOST_DEPTH:
            raise TooComplexError(f"more than {MOST_DEPTH} forms inside one another")
        self._under_way.add(key)
        outer, self._base = self._base, state.matrix
        instructions = self._instructions(holder, key)
        self.steps += len(instructions)
        if self.steps > MOST_STEPS:
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
        self._base = outer

    def _operator(self, name: str, operands: list[Any], state: State, resources: pikepdf.Object) -> None:
        if name == "cm":
            state.matrix = times(matrix_of(operands), state.matrix)
        elif name == "Do":
            self._place(_resource(resources, "/XObject", operands), state, resources)
        elif name == "INLINE IMAGE":
            self.notes.inline_image(operands[0], state.matrix)
        elif name in _SHOWN:
            if name in "'\"":
                state.move(0, -state.leading)
            self._text(operands, state)
        elif name in _FILLS or name in _STROKES:
            self._painted(name, state)
        elif name in _POINTS:
            self._draw(name, operands, state.matrix)
        elif name == "n":
            self._path = None
        elif name in _CLIPS:
            state.clip = within(state.clip, self._path)
        elif name == "PS":
            # Only a PostScript printer runs it; PDF/X-4 forbids it, and no viewer shows what it would do.
            raise TooComplexError("PostScript code")
        elif name == "sh":
            self._shaded(_resource(resources, "/Shading", operands), state)
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
            self._set(name, self._space(operands, resources), state)
        else:
            given = tuple(float(value) for value in operands if not isinstance(value, pikepdf.Object))
            old = state.fill if name.islower() else state.stroke
            colour = replace(old, values=given)
            if operands and isinstance(operands[-1], pikepdf.Name):
                pattern = _resource(resources, "/Pattern", operands[-1:])
                self._tile(pattern, resources)
                if isinstance(pattern, pikepdf.Dictionary):
                    colour = self._shadings.ink(pattern.get("/Shading"), pattern) or colour
            self._set(name, colour, state)

    def _set(self, name: str, colour: Ink, state: State) -> None:
        if name.islower():
            state.fill = colour
        else:
            state.stroke = colour

    def _space(self, operands: list[Any], resources: pikepdf.Object) -> Ink:
        space = _resource(resources, "/ColorSpace", operands)
        return self._shadings.spaces.ink(space if isinstance(space, pikepdf.Array) else operands[0])

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
            self.notes.group(placed)
            inner = copy(state)
            inner.matrix = times(matrix_of(placed.get("/Matrix", SAME)), state.matrix)
            self.stream(placed, placed.get("/Resources", resources), inner)
        elif kind == "/Image":
            self.notes.image(placed, state.matrix)

    def _text(self, operands: list[Any], state: State) -> None:
        shown = [text for operand in operands for text in _strings(operand)]
        if state.font is None or state.invisible or not any(shown):
            return
        if state.font.get("/Subtype") == "/Type3":
            self._drawn_glyphs(state.font)
        self.notes.text(state.font, shown, state)

    def _drawn_glyphs(self, font: pikepdf.Object) -> None:
        for glyph in font.get("/CharProcs", pikepdf.Dictionary()).values():
            self._once(glyph, font.get("/Resources", pikepdf.Dictionary()))

    def _draw(self, name: str, operands: list[Any], matrix: Matrix) -> None:
        points = [float(value) for value in operands]
        if name == "re":
            x, y, width, height = points
            points = [x, y, x + width, y, x, y + height, x + width, y + height]
        self._path = around(self._path, matrix, points)

    def _painted(self, name: str, state: State) -> None:
        place, self._path = self._path, None
        if name in _FILLS:
            self.notes.path(PathUse(state.fill, None, state.overprint, place))
        if name in _STROKES:
            width = state.line_width * scale(state.matrix)
            self.notes.path(PathUse(state.stroke, width, state.stroke_overprint, place))

    def _shaded(self, shading: pikepdf.Object | None, state: State) -> None:
        """Fills all that is not clipped away."""
        colour = self._shadings.ink(shading)
        if colour is not None:
            self.notes.path(PathUse(colour, None, False, state.clip))

    def _extended(self, graphics: pikepdf.Object | None, state: State, resources: pikepdf.Object) -> None:
        """Soft masks print, too, at sizes that only a renderer could tell."""
        if not isinstance(graphics, pikepdf.Dictionary):
            return
        mask = graphics.get("/SMask")
        if isinstance(mask, pikepdf.Dictionary):
            self._once(mask.get("/G"), resources)
            self.notes.group(mask.get("/G", pikepdf.Dictionary()))
        self.notes.census.blends |= isinstance(mask, pikepdf.Dictionary) or _is_seen_through(graphics)
        if "/Font" in graphics:
            state.font, state.size = _font(graphics.Font[0]), float(graphics.Font[1])
        if "/LW" in graphics:
            state.line_width = float(graphics.LW)
        if "/OP" in graphics or "/op" in graphics:
            state.overprint = bool(graphics.get("/op", graphics.get("/OP", False)))
            state.stroke_overprint = bool(graphics.get("/OP", state.stroke_overprint))

    def _tile(self, pattern: pikepdf.Object | None, resources: pikepdf.Object) -> None:
        """A pattern is as large as its matrix says, in the units of the page or form that it stands in, wherever it is used."""
        if isinstance(pattern, pikepdf.Stream):
            _check_tiles(pattern)
            self._once(pattern, resources, times(matrix_of(pattern.get("/Matrix", SAME)), self._base))

    def _once(self, holder: pikepdf.Object | None, resources: pikepdf.Object, matrix: Matrix | None = None) -> None:
        """Patterns, masks, drawn glyphs. Of what prints at a size unknown here only fonts and spot colours are looked at."""
        if isinstance(holder, pikepdf.Stream) and holder.objgen not in self._beside:
            self._beside.add(holder.objgen)
            before, self.notes.quiet = self.notes.quiet, self.notes.quiet or matrix is None
            self.stream(holder, holder.get("/Resources", resources), State(matrix or SAME))
            self.notes.quiet = before


def _check_tiles(holder: pikepdf.Object) -> None:
    """A viewer may give up on a pattern of a million tiles; a press's RIP paints them."""
    if "/XStep" not in holder or "/YStep" not in holder:
        return
    tile = abs(float(holder.XStep) * float(holder.YStep)) * scale(matrix_of(holder.get("/Matrix", SAME))) ** 2
    if tile < SMALLEST_TILE_PT2:
        raise TooComplexError("a pattern of countless tiles")


def _is_seen_through(graphics: pikepdf.Dictionary) -> bool:
    opaque = all(float(graphics.get(key, 1)) >= 1 for key in ("/ca", "/CA"))
    return not opaque or graphics.get("/BM", "/Normal") not in ("/Normal", "/Compatible")


def _resource(resources: pikepdf.Object, kind: str, operands: list[Any]) -> pikepdf.Object | None:
    named = resources.get(kind)
    if not operands or not isinstance(operands[0], pikepdf.Name) or not isinstance(named, pikepdf.Dictionary):
        return None
    found = named.get(operands[0])
    return found if isinstance(found, pikepdf.Object) else None


def _font(found: object) -> pikepdf.Object | None:
    return found if isinstance(found, pikepdf.Dictionary) else None


def _strings(operand: object) -> Iterator[bytes]:
    if isinstance(operand, pikepdf.Array):
        for item in operand.as_list():
            yield from _strings(item)
    elif isinstance(operand, pikepdf.String):
        yield bytes(operand)

"""Which fonts show which text on a page, in all that it places: forms, patterns, soft masks and drawn glyphs."""

from collections.abc import Iterable, Iterator
from typing import Any

import pikepdf

from pipeline.press.content_reader import ContentReader
from pipeline.press.fonts.artwork_font import PROGRAM_KEYS

_OPERATORS = "q Q Do Tf gs sc SC scn SCN Tj TJ ' \""
_SHOWN = {"Tj", "TJ", "'", '"'}
# Deeper than preflight lets forms be nested.
_MOST_DEPTH = 60

Key = tuple[int, int]


class ShownText:
    """`fonts` are those that show something, each with its texts. Makes fonts that stand inline objects of the file."""

    def __init__(self, pdf: pikepdf.Pdf) -> None:
        self.fonts: dict[Key, tuple[pikepdf.Object, set[bytes]]] = {}
        self._pdf = pdf
        self._reader = ContentReader(_OPERATORS)
        self._parsed: dict[Key, list[tuple[list[Any], str]]] = {}
        self._walked: set[tuple[Key, Key | None]] = set()
        self._depth = 0

    def page(self, form: pikepdf.Object) -> None:
        """All that is drawn of one page. Raises `TooComplexError`."""
        self._reader = ContentReader(_OPERATORS)
        self._walk(form, pikepdf.Dictionary())

    def _walk(self, holder: object, resources: pikepdf.Object, font: pikepdf.Object | None = None) -> None:
        """A form, a pattern or a drawn glyph; `resources` and `font` are those of what places it."""
        if not isinstance(holder, pikepdf.Stream) or self._depth >= _MOST_DEPTH:
            return
        visit = (holder.objgen, font.objgen if font else None)
        if visit in self._walked:
            return
        self._walked.add(visit)
        self._depth += 1
        self._steps(holder, holder.get("/Resources", resources), font)
        self._depth -= 1

    def _steps(self, holder: pikepdf.Stream, resources: pikepdf.Object, font: pikepdf.Object | None) -> None:
        saved = list[pikepdf.Object | None]()
        for operands, name in self._instructions(holder):
            if name == "q":
                saved.append(font)
            elif name == "Q":
                font = saved.pop() if saved else font
            elif name == "Tf":
                font = self._set(self._font(resources, operands[:1]), resources)
            elif name == "gs":
                font = self._extended(_named(resources, "/ExtGState", operands), resources) or font
            elif name == "Do":
                self._place(_named(resources, "/XObject", operands), resources, font)
            elif name not in _SHOWN:
                self._walk(_named(resources, "/Pattern", operands[-1:]), resources)
            elif font is not None:
                self.fonts.setdefault(font.objgen, (font, set()))[1].update(_strings(operands))

    def _place(self, placed: object, resources: pikepdf.Object, font: pikepdf.Object | None) -> None:
        """Images show no text."""
        if isinstance(placed, pikepdf.Stream) and placed.get("/Subtype") == "/Form":
            self._walk(placed, resources, font)

    def _instructions(self, holder: pikepdf.Stream) -> list[tuple[list[Any], str]]:
        key = holder.objgen
        if key not in self._parsed:
            self._parsed[key] = [(list(one.operands), str(one.operator)) for one in self._reader.read(holder)]
        return self._parsed[key]

    def _font(self, resources: pikepdf.Object, operands: list[Any]) -> object:
        font = _named(resources, "/Font", operands)
        if isinstance(font, pikepdf.Dictionary) and not font.is_indirect:
            font = resources.Font[operands[0]] = self._pdf.make_indirect(font)
        return font

    def _set(self, font: object, resources: pikepdf.Object) -> pikepdf.Object | None:
        if not isinstance(font, pikepdf.Dictionary):
            return None
        for glyph in font.get("/CharProcs", pikepdf.Dictionary()).values():
            self._walk(glyph, font.get("/Resources", resources))
        return font

    def _extended(self, state: object, resources: pikepdf.Object) -> pikepdf.Object | None:
        if not isinstance(state, pikepdf.Dictionary):
            return None
        mask = state.get("/SMask")
        if isinstance(mask, pikepdf.Dictionary):
            self._walk(mask.get("/G"), resources)
        return self._set(state.Font[0], resources) if "/Font" in state else None


def shown_fonts(pdf: pikepdf.Pdf, forms: Iterable[pikepdf.Object]) -> list[tuple[pikepdf.Object, set[bytes]]]:
    """Those that the `forms` show something in, each with its texts. Raises `TooComplexError`."""
    if not any(isinstance(obj, pikepdf.Dictionary) and _is_font(obj) for obj in pdf.objects):
        return []
    shown = ShownText(pdf)
    for form in forms:
        shown.page(form)
    return list(shown.fonts.values())


def _is_font(obj: pikepdf.Dictionary) -> bool:
    """One that is drawn, or what describes the program of another."""
    return "/CharProcs" in obj or any(key in obj for key in PROGRAM_KEYS)


def _named(resources: pikepdf.Object, kind: str, operands: list[Any]) -> object:
    named = resources.get(kind)
    if not operands or not isinstance(operands[0], pikepdf.Name) or not isinstance(named, pikepdf.Dictionary):
        return None
    return named.get(operands[0])


def _strings(operands: Iterable[Any]) -> Iterator[bytes]:
    for operand in operands:
        if isinstance(operand, pikepdf.Array):
            yield from _strings(operand.as_list())
        elif isinstance(operand, pikepdf.String):
            yield bytes(operand)

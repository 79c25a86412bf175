"""Takes a page's layers away: what is off goes, what is on stays without its switch.

A sheet gangs the pages of many files, each with switches of its own; on the sheet nothing may come back that its sender
does not see, so no switch reaches it. PDF/X-4 then has no layers to be right about.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pikepdf

from pipeline.press.content_reader import ContentReader, Instruction
from pipeline.press.creative.layer_states import LayerStates, is_layer

_PAINTS = frozenset({"S", "s", "f", "F", "f*", "B", "B*", "b", "b*"})
_PLACES = frozenset({"Do", "sh", "INLINE IMAGE"})
_SHOWS = frozenset({"Tj", "TJ", "'", '"'})
# What says anew where the next text stands.
_MOVES = frozenset({"BT", "ET", "Td", "TD", "Tm", "T*"})
_FIRST_CLIPPING_MODE = 4

_Drawn = tuple[pikepdf.Object, pikepdf.Object]


@dataclass(frozen=True)
class Flattened:
    """Names of layers whose content was taken out, and of those that some readers show and others do not."""

    left_out: tuple[str, ...]
    unclear: tuple[str, ...]


def flatten_layers(pdf: pikepdf.Pdf, page: pikepdf.Page) -> Flattened:
    """In memory, in all that the page places. Raises `TooComplexError`, and what malformed files raise."""
    states, reader = LayerStates(pdf), ContentReader()
    for holder, resources in _holders(page, states):
        memberships = resources.get("/Properties", pikepdf.Dictionary())
        if any(map(is_layer, memberships.values())):
            content = pikepdf.unparse_content_stream(_Filter(states, memberships).kept(reader.read(holder)))
            if isinstance(holder, pikepdf.Stream):
                holder.write(content)
            else:
                holder.Contents = pdf.make_stream(content)
    return Flattened(tuple(sorted(states.left_out)), tuple(sorted(states.unclear)))


def forget_layers(pdf: pikepdf.Pdf) -> None:
    """Of content that was flattened: the names by which it was a member of layers."""
    for obj in pdf.objects:
        resources = obj.get("/Resources") if isinstance(obj, pikepdf.Stream | pikepdf.Dictionary) else None
        named = resources.get("/Properties") if isinstance(resources, pikepdf.Dictionary) else None
        if isinstance(named, pikepdf.Dictionary):
            for name in [name for name, value in named.items() if is_layer(value)]:
                del named[name]


def _holders(page: pikepdf.Page, states: LayerStates) -> Iterator[_Drawn]:
    """All that has content, each once, with the resources it is drawn with; what is off as a whole is emptied on the way."""
    waiting: list[_Drawn] = [(page.obj, page.resources)]
    seen: set[tuple[int, int]] = set()
    while waiting:
        holder, resources = waiting.pop()
        if holder.objgen in seen or not isinstance(resources, pikepdf.Dictionary):
            continue
        seen.add(holder.objgen)
        yield holder, resources
        for placed in _streams(resources.get("/XObject")):
            if "/OC" in placed and isinstance(placed.OC, pikepdf.Dictionary):
                _resolve(placed, states)
            if placed.get("/Subtype") == "/Form":
                waiting.append((placed, placed.get("/Resources", resources)))
        waiting += [(inner, inner.get("/Resources", resources)) for inner in _streams(resources.get("/Pattern"))]
        for font in _values(resources.get("/Font")):
            waiting += [(glyph, font.get("/Resources", resources)) for glyph in _streams(font.get("/CharProcs"))]
        for state in _values(resources.get("/ExtGState")):
            waiting += [(mask, mask.get("/Resources", resources)) for mask in _streams(state.get("/SMask"))]


def _resolve(placed: pikepdf.Stream, states: LayerStates) -> None:
    """A form or image that is a member of a layer as a whole."""
    if states.prints(placed.OC):
        del placed.OC
        return
    for key in list(placed.keys()):
        if key != "/Length":
            del placed[key]
    placed.write(b"")
    placed.Type, placed.Subtype = pikepdf.Name.XObject, pikepdf.Name.Form
    placed.BBox = pikepdf.Array([0, 0, 0, 0])


def _values(named: object) -> list[pikepdf.Object]:
    values = named.values() if isinstance(named, pikepdf.Dictionary) else ()
    return [value for value in values if isinstance(value, pikepdf.Dictionary | pikepdf.Stream)]


def _streams(named: object) -> list[pikepdf.Stream]:
    return [value for value in _values(named) if isinstance(value, pikepdf.Stream)]


class _Filter:
    """Goes through the content of one holder."""

    def __init__(self, states: LayerStates, memberships: pikepdf.Object) -> None:
        self._states = states
        self._memberships = memberships
        self._kept: list[Instruction] = []
        # Of each open mark: whether it was one of a layer's, and whether it hides.
        self._marks: list[tuple[bool, bool]] = []
        # Where hidden text was left out that text in sight may follow on the same line, and that text.
        self._gaps: list[tuple[int, Instruction]] = []
        self._mode, self._saved = 0, list[int]()

    def kept(self, steps: Iterable[Instruction]) -> list[Instruction]:
        for step in steps:
            self._step(str(step.operator), step)
        return self._kept

    def _step(self, name: str, step: Instruction) -> None:
        if name in ("BDC", "BMC", "EMC"):
            self._mark(name, step)
        elif any(hides for _, hides in self._marks):
            self._hidden(name, step)
        else:
            if name in _SHOWS and name in ("Tj", "TJ"):
                self._fill_gaps()
            self._follow(name, step)
            self._kept.append(step)

    def _mark(self, name: str, step: Instruction) -> None:
        if name == "EMC":
            is_ours, _ = self._marks.pop() if self._marks else (False, False)
        else:
            is_ours = name == "BDC" and step.operands[0] == "/OC"
            self._marks.append((is_ours, is_ours and self._hides(step.operands[1])))
        if not is_ours:
            self._kept.append(step)

    def _hides(self, named: object) -> bool:
        membership = self._memberships.get(named) if isinstance(named, pikepdf.Name) else None
        return isinstance(membership, pikepdf.Dictionary) and not self._states.prints(membership)

    def _hidden(self, name: str, step: Instruction) -> None:
        """Nothing is painted, but what follows stands, and is clipped, as if it had been."""
        if name in _PAINTS:
            self._add("n")
        elif name in _SHOWS:
            self._hide_text(name, list(step.operands))
        elif name not in _PLACES:
            self._follow(name, step)
            self._kept.append(step)

    def _hide_text(self, name: str, operands: list[pikepdf.Object]) -> None:
        if name == '"':
            self._add("Tw", operands[0])
            self._add("Tc", operands[1])
        if name in "'\"":
            self._gaps.clear()
            self._add("T*")
        text = _made("TJ" if name == "TJ" else "Tj", operands[-1])
        if self._mode >= _FIRST_CLIPPING_MODE:
            self._kept += self._unpainted(text, 7)
        else:
            self._gaps.append((len(self._kept), text))

    def _fill_gaps(self) -> None:
        """Text in sight begins where the hidden text before it ends: put that back, unpainted."""
        for at, text in reversed(self._gaps):
            self._kept[at:at] = self._unpainted(text, 3)
        self._gaps.clear()

    def _unpainted(self, text: Instruction, mode: int) -> list[Instruction]:
        return [_made("Tr", mode), text, _made("Tr", self._mode)]

    def _follow(self, name: str, step: Instruction) -> None:
        if name in _MOVES or name in ("'", '"'):
            self._gaps.clear()
        elif name == "Tr":
            self._mode = int(step.operands[0])
        elif name == "q":
            self._saved.append(self._mode)
        elif name == "Q" and self._saved:
            self._mode = self._saved.pop()

    def _add(self, name: str, *operands: pikepdf.Object) -> None:
        self._kept.append(_made(name, *operands))


def _made(name: str, *operands: pikepdf.Object | int) -> pikepdf.ContentStreamInstruction:
    return pikepdf.ContentStreamInstruction(list(operands), pikepdf.Operator(name))

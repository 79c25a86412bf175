"""Gives each form, pattern, mask and drawn font of artwork resources of its own.

Old files leave them out and mean those of the page. On a sheet the page is another, and what the artwork's own page says of
its colours would not hold in them.
"""

from collections.abc import Iterable, Iterator

import pikepdf

_Drawn = pikepdf.Stream | pikepdf.Dictionary


def settle_resources(pdf: pikepdf.Pdf, holders: Iterable[pikepdf.Object]) -> None:
    """In memory, in all that `holders` place: what has none takes those of what places it first."""
    waiting, seen = list(holders), set[tuple[int, int]]()
    while waiting:
        holder = waiting.pop()
        resources = holder.get("/Resources")
        if not isinstance(resources, pikepdf.Dictionary):
            holder.Resources = resources = pikepdf.Dictionary()
        if not resources.is_indirect:
            holder.Resources = resources = pdf.make_indirect(resources)
        # By them and not by the holders, of which many have the same, and some stand in the very resources that they have.
        if resources.objgen in seen:
            continue
        seen.add(resources.objgen)
        for drawn in _drawn(pdf, resources):
            if isinstance(drawn.get("/Resources"), pikepdf.Dictionary):
                waiting.append(drawn)
            else:
                drawn.Resources = resources


def _drawn(pdf: pikepdf.Pdf, resources: pikepdf.Object) -> Iterator[_Drawn]:
    """All in it that has content, but pictures."""
    yield from (one for one in _values(resources, "/XObject") if one.get("/Subtype") == "/Form")
    yield from (one for one in _values(resources, "/Pattern") if isinstance(one, pikepdf.Stream))
    yield from _drawn_fonts(pdf, resources)
    for state in _values(resources, "/ExtGState"):
        mask = state.get("/SMask")
        group = mask.get("/G") if isinstance(mask, pikepdf.Dictionary) else None
        if isinstance(group, pikepdf.Stream):
            yield group


def _drawn_fonts(pdf: pikepdf.Pdf, resources: pikepdf.Object) -> Iterator[_Drawn]:
    """Each an object of the file from here on: whoever looks for resources there would miss what stands inline."""
    named = resources.get("/Font")
    if not isinstance(named, pikepdf.Dictionary):
        return
    for name, font in list(named.items()):
        if isinstance(font, pikepdf.Dictionary) and font.get("/Subtype") == "/Type3":
            if not font.is_indirect:
                named[name] = font = pdf.make_indirect(font)
            yield font


def _values(resources: pikepdf.Object, kind: str) -> list[_Drawn]:
    named = resources.get(kind)
    values = named.values() if isinstance(named, pikepdf.Dictionary) else ()
    return [value for value in values if isinstance(value, pikepdf.Dictionary | pikepdf.Stream)]

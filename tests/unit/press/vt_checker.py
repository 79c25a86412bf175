"""Checks a finished file against PDF/VT-1 (ISO 16612-2) beyond its PDF/X-4: which rule is broken, in words."""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pikepdf

VT = "{http://www.npes.org/pdfvt/ns/id/}"
MODIFIED = "{http://ns.adobe.com/xap/1.0/}ModifyDate"
MOST_IN_ARRAY = 8191
SCOPES = {"/SingleUse", "/Record", "/File", "/Stream", "/Global", "/Unknown"}


def vt_violations(file: Path) -> list[str]:
    with pikepdf.open(file) as pdf:
        return [*_metadata(pdf), *_tree(pdf), *_hints(pdf)]


def records(file: Path) -> list[tuple[str, list[int]]]:
    """Each record's id and its pages, counted from 0."""
    with pikepdf.open(file) as pdf:
        numbers = {page.obj.objgen: at for at, page in enumerate(pdf.pages)}
        return [
            (str(leaf.DPM.RecordID), list(range(numbers[leaf.Start.objgen], numbers[_end(leaf).objgen] + 1)))
            for leaf in _leaves(pdf.Root.DPartRoot.DPartRootNode)
        ]


def _metadata(pdf: pikepdf.Pdf) -> Iterator[str]:
    packet = ElementTree.fromstring(pdf.Root.Metadata.read_bytes())
    version, moment, modified = (
        packet.find(f".//{name}") for name in (f"{VT}GTS_PDFVTVersion", f"{VT}GTS_PDFVTModDate", MODIFIED)
    )
    if version is None or version.text != "PDF/VT-1":
        yield "version"
    if moment is None or modified is None or moment.text != modified.text:
        yield "modification date"


def _tree(pdf: pikepdf.Pdf) -> Iterator[str]:
    root = pdf.Root.get("/DPartRoot")
    if not isinstance(root, pikepdf.Dictionary) or not root.is_indirect or "/DPartRootNode" not in root:
        yield "no document parts"
        return
    top = root.DPartRootNode
    if top.get("/Parent") is None or top.Parent.objgen != root.objgen:
        yield "parent of the root node"
    names = root.get("/NodeNameList")
    named = names is not None and all(isinstance(name, pikepdf.Name) for name in names)
    if not named or len(names) != _depth(top) or not 0 <= int(root.get("/RecordLevel", -1)) < len(names):
        yield "node names or record level"
    yield from _nodes(top)
    yield from _pages(pdf, top)


def _depth(node: pikepdf.Object) -> int:
    groups = [group for group in node.get("/DParts", ()) if isinstance(group, pikepdf.Array)]
    return 1 + _depth(groups[0][0]) if groups else 1


def _nodes(node: pikepdf.Object) -> Iterator[str]:
    if ("/DParts" in node) == ("/Start" in node):
        yield "a part with both or neither of parts and pages"
    if "/DPM" in node and not _is_plain(node.DPM):
        yield "metadata of a type that is not allowed"
    for group in node.get("/DParts", ()):
        if not isinstance(group, pikepdf.Array) or len(group) > MOST_IN_ARRAY:
            yield "parts are not an array of arrays"
            continue
        for part in group:
            if not part.is_indirect or part.get("/Parent") is None or part.Parent.objgen != node.objgen:
                yield "parent of a part"
            yield from _nodes(part)


def _is_plain(value: object) -> bool:
    if isinstance(value, pikepdf.Dictionary):
        return all(_is_plain(item) for item in value.values())
    if isinstance(value, pikepdf.Array):
        return all(_is_plain(item) for item in value)
    return value is not None and not isinstance(value, pikepdf.Name | pikepdf.Stream)


def _leaves(node: pikepdf.Object) -> Iterator[pikepdf.Object]:
    if "/DParts" not in node:
        yield node
        return
    for group in node.DParts:
        for part in group if isinstance(group, pikepdf.Array) else ():
            yield from _leaves(part)


def _end(leaf: pikepdf.Object) -> pikepdf.Object:
    return leaf.get("/End", leaf.Start)


def _pages(pdf: pikepdf.Pdf, top: pikepdf.Object) -> Iterator[str]:
    """Leaves follow one another, and each page points to its own."""
    pages = [page.obj for page in pdf.pages]
    numbers = {page.objgen: at for at, page in enumerate(pages)}
    following = 0
    for leaf in _leaves(top):
        if "/Start" not in leaf:
            continue
        first, last = numbers[leaf.Start.objgen], numbers[_end(leaf).objgen]
        if first != following or last < first:
            yield "parts out of page order"
        if any(page.get("/DPart") is None or page.DPart.objgen != leaf.objgen for page in pages[first : last + 1]):
            yield "a page that does not point to its part"
        following = last + 1
    if following != len(pages):
        yield "pages without a part"


def _hints(pdf: pikepdf.Pdf) -> Iterator[str]:
    """Of forms and images: what they say of where else they come, and of needing nothing from around them."""
    for obj in (obj for obj in pdf.objects if isinstance(obj, pikepdf.Stream)):
        scope, encapsulated = obj.get("/GTS_Scope"), obj.get("/GTS_Encapsulated", False)
        texts = [obj[key] for key in ("/GTS_Env", "/GTS_XID") if key in obj]
        if any(not isinstance(text, pikepdf.String) for text in texts) or not isinstance(encapsulated, bool):
            yield "a hint with a value that it may not have"
        if scope is not None and str(scope) not in SCOPES:
            yield "a hint with a value that it may not have"
        if scope in ("/Stream", "/Global") and "/GTS_Env" not in obj:
            yield "a scope without its environment"
        if encapsulated is True and not _stands_alone(obj):
            yield "a form or image that is not encapsulated, and says so"


def _stands_alone(obj: pikepdf.Stream) -> bool:
    if obj.get("/Subtype") == "/Image":
        return "/Intent" in obj or bool(obj.get("/ImageMask", False))
    return bool(obj.get("/Group", pikepdf.Dictionary()).get("/I", False))

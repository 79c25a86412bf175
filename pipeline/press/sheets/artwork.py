"""Carries one normalized creative into a file being written, object by object, as a form that any page can place."""

import re
from functools import lru_cache, partial
from pathlib import Path

import pikepdf

from pipeline.press.geometry import Rect
from pipeline.press.sheets.shared_streams import SharedStreams
from pipeline.press.writer import PdfWriter

_REFERENCE = re.compile(rb"\b(\d+) (\d+) R\b")
# How far a picture may refer to others and still be looked for among those that are there: its mask, and that one's colours.
_DEEPEST = 4
# What stands for itself in a name (ISO 32000-1, 7.3.5).
_REGULAR = frozenset(range(0x21, 0x7F)) - frozenset(b"#%()/<>[]{}")
# What this file sets itself on the form, or the writer on every stream.
_OURS = frozenset({"/Length", "/Type", "/Subtype", "/BBox", "/Matrix", "/Resources"})


def embed_artwork(writer: PdfWriter, source: Path, box: Rect, shared: SharedStreams) -> tuple[int, ...]:
    """The pages of `source` as forms of size `box`; gives their object numbers. What pages share is copied once.

    The forms' BBox is set here, to the bleed: qpdf's own conversion clips a page to its TrimBox and loses it.
    """
    with pikepdf.open(source) as pdf:
        carrier = _Carrier(writer, pdf, shared, source)
        return tuple(carrier.form(page, box) for page in pdf.pages)


class _Carrier:
    """Copies what a page reaches, each object once."""

    def __init__(self, writer: PdfWriter, pdf: pikepdf.Pdf, shared: SharedStreams, file: Path) -> None:
        self._writer = writer
        self._pdf = pdf
        self._shared = shared
        self._file = file
        self._open: list[tuple[int, int]] = []
        self._numbers: dict[tuple[int, int], int] = {}
        self._waiting: list[tuple[tuple[int, int], int]] = []

    def form(self, page: pikepdf.Page, box: Rect) -> int:
        contents = page.obj.Contents
        resources = self._body(page.obj.get("/Resources", pikepdf.Dictionary()))
        entries = f"/Type/XObject/Subtype/Form/BBox{box.array()}/Resources ".encode() + resources
        if "/Group" in page.obj:
            entries += b"/Group " + self._body(page.obj.Group)
        entries += self._entries(contents, without=_OURS)
        number = self._writer.stream(entries, contents.read_raw_bytes(), compress=False)
        while self._waiting:
            self._copy(*self._waiting.pop())
        return number

    def _copy(self, source: tuple[int, int], number: int) -> None:
        obj = self._pdf.get_object(*source)
        if isinstance(obj, pikepdf.Stream):
            entries = self._entries(obj, without=frozenset({"/Length"}))
            self._writer.stream(entries, obj.read_raw_bytes(), number=number, compress=False)
        else:
            # A number may be an object of its own; the library gives its value.
            self._writer.add(self._direct(obj) if isinstance(obj, pikepdf.Object) else self._body(obj), number)

    def _entries(self, obj: pikepdf.Object, *, without: frozenset[str]) -> bytes:
        return b"".join(_name(key) + b" " + self._body(value) for key, value in obj.items() if key not in without)

    def _body(self, value: object) -> bytes:
        """A value as it stands in another: what is an object of its own, by reference to ours."""
        if isinstance(value, pikepdf.Object):
            return self._reference(*value.objgen) if value.is_indirect else self._direct(value)
        if type(value) is int:
            return b"%d" % value
        return pikepdf.Array([value]).unparse()[1:-1].strip()

    def _direct(self, value: pikepdf.Object) -> bytes:
        """A value itself, its references turned into ours."""
        text = value.unparse(resolved=True)
        if b" R" not in text:
            return text
        if b"(" not in text:
            return _REFERENCE.sub(self._renumbered, text)
        # A string might hold what looks like a reference: take such a value apart.
        if isinstance(value, pikepdf.Dictionary):
            return b"<<" + self._entries(value, without=frozenset()) + b">>"
        if isinstance(value, pikepdf.Array):
            return b"[" + b" ".join(self._body(item) for item in value.as_list()) + b"]"
        return text

    def _renumbered(self, match: re.Match[bytes]) -> bytes:
        return self._reference(int(match[1]), int(match[2]))

    def _reference(self, number: int, generation: int) -> bytes:
        source = (number, generation)
        if source not in self._numbers:
            obj = self._pdf.get_object(number, generation)
            # A mask in a mask in a mask, or one that is its own, is copied as everything else.
            if isinstance(obj, pikepdf.Stream) and _is_data(obj) and len(self._open) < _DEEPEST:
                self._open.append(source)
                self._numbers[source] = self._once(obj, source)
                self._open.pop()
            else:
                self._numbers[source] = self._writer.reserve()
                self._waiting.append((source, self._numbers[source]))
        return b"%d 0 R" % self._numbers[source]

    def _once(self, obj: pikepdf.Stream, source: tuple[int, int]) -> int:
        """The number of a stream that other creatives may hold as well."""
        entries, data = self._entries(obj, without=frozenset({"/Length"})), obj.read_raw_bytes()
        return self._shared.number(
            entries,
            data,
            write=lambda: self._writer.stream(entries, data, compress=False),
            again=partial(_raw_bytes, self._file, source),
        )


def _is_data(stream: pikepdf.Stream) -> bool:
    """A picture, font or profile: no drawing, whose parts are many."""
    return not any(key in stream for key in ("/Resources", "/BBox"))


def _raw_bytes(file: Path, source: tuple[int, int]) -> bytes:
    with pikepdf.open(file) as pdf:
        return pdf.get_object(*source).read_raw_bytes()


@lru_cache(maxsize=1024)
def _name(key: str) -> bytes:
    # Some programs write names in their own machine's letters, of which the library makes no name again.
    codes = key[1:].encode("utf-8", "surrogateescape")
    return b"/" + b"".join(b"%c" % code if code in _REGULAR else b"#%02x" % code for code in codes)

"""One definition for each spot colour, however many creatives share a sheet (ISO 15930-7, 6.2: same name, same tint transform).

Two senders may mean different inks by one name, and a press may mix a third by it. No press here has spot inks on: what is
printed is a spot's alternate, in process inks. So a spot's name is joined with a digest of its definition: the same mix has
the same name on every sheet, another mix has another, and no ink library of a press's RIP knows it.
"""

from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pikepdf

from pipeline.press.names import shown_name

_PRIMARIES = {
    "/Cyan": (1, 0, 0, 0),
    "/Magenta": (0, 1, 0, 0),
    "/Yellow": (0, 0, 1, 0),
    "/Black": (0, 0, 0, 1),
    "/All": (1, 1, 1, 1),
    "/None": (0, 0, 0, 0),
}
"""What a press knows by itself, whatever a file says of it, in its process inks."""
# A PDF name has at most 127 bytes.
_MOST_NAME_BYTES = 100
_MOST_DEPTH = 64
_PACKING = frozenset({"/Length", "/Filter", "/DecodeParms"})


def settle_spots(pdf: pikepdf.Pdf) -> None:
    """In memory, in all colour spaces of the file."""
    digests = _Digests()
    for obj in pdf.objects:
        for space in _spaces(obj):
            if space[0] == "/Separation":
                _settle_separation(space, digests)
            else:
                _settle_inks(space, digests)


def _spaces(obj: object) -> Iterator[pikepdf.Array]:
    """Every Separation and DeviceN space in an object, not in those that it refers to."""
    if isinstance(obj, pikepdf.Array):
        if len(obj) >= 4 and obj[0] in ("/Separation", "/DeviceN"):
            yield obj
        parts: Any = obj.as_list()
    else:
        parts = obj.values() if isinstance(obj, pikepdf.Dictionary | pikepdf.Stream) else ()
    for part in parts:
        if isinstance(part, pikepdf.Object) and not part.is_indirect:
            yield from _spaces(part)


def _settle_separation(space: pikepdf.Array, digests: "_Digests") -> None:
    name = shown_name(space[1])
    if name in _PRIMARIES:
        space[2] = pikepdf.Name.DeviceCMYK
        space[3] = pikepdf.Dictionary(
            FunctionType=2, N=1, Domain=pikepdf.Array([0, 1]), C0=pikepdf.Array([0, 0, 0, 0]),
            C1=pikepdf.Array(_PRIMARIES[name]),
        )  # fmt: skip
    else:
        space[1] = _named(name, digests.of(space))


def _settle_inks(space: pikepdf.Array, digests: "_Digests") -> None:
    """Of a DeviceN: its spots are named as those it defines one by one, or by the mix as a whole."""
    attributes = space[4] if len(space) > 4 and isinstance(space[4], pikepdf.Dictionary) else pikepdf.Dictionary()
    single = attributes.get("/Colorants", pikepdf.Dictionary())
    inks = [shown_name(name) for name in space[1].as_list()]
    names = {
        name: _named(name, digests.of(single.get(name, space))) for name in {*inks, *single.keys()} - _PRIMARIES.keys()
    }
    space[1] = pikepdf.Array([names.get(name, pikepdf.Name(name)) for name in inks])
    if "/Colorants" in attributes:
        attributes.Colorants = pikepdf.Dictionary({str(names.get(name, name)): value for name, value in single.items()})
    # Hints for inks by their names.
    if "/MixingHints" in attributes:
        del attributes.MixingHints


def _named(name: str, digest: str) -> pikepdf.Name:
    short = name.encode()[:_MOST_NAME_BYTES].decode(errors="ignore")
    return pikepdf.Name(f"{short} {digest}")


class _Digests:
    """Of the alternate and the tint transform of spaces."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, int], bytes] = {}

    def of(self, space: pikepdf.Object) -> str:
        return sha256(self._value(space[2], 0) + self._value(space[3], 0)).hexdigest()[:8]

    def _value(self, value: object, depth: int) -> bytes:
        """What a value holds, references followed: the same for the same definition in any file."""
        if depth > _MOST_DEPTH:
            raise ValueError("a colour space without end")
        if not isinstance(value, pikepdf.Object):
            return repr(value).encode() + b" "
        key = value.objgen if value.is_indirect else (0, 0)
        if key not in self._known or key == (0, 0):
            self._known[key] = self._content(value, depth)
        return self._known[key]

    def _content(self, value: pikepdf.Object, depth: int) -> bytes:
        if isinstance(value, pikepdf.Array):
            return b"[" + b"".join(self._value(item, depth + 1) for item in value.as_list()) + b"]"
        if isinstance(value, pikepdf.Dictionary | pikepdf.Stream):
            entries = b"".join(
                key.encode() + b" " + self._value(item, depth + 1)
                for key, item in sorted(value.items())
                if key not in _PACKING
            )
            data = sha256(value.read_bytes()).digest() if isinstance(value, pikepdf.Stream) else b""
            return b"<<" + entries + b">>" + data
        return value.unparse() + b" "

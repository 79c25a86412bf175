"""Which names of glyphs the codes of simple fonts stand for (ISO 32000-1, 9.6.6)."""

import pikepdf
from fontTools.agl import UV2AGL
from fontTools.encodings.StandardEncoding import StandardEncoding

_CODES = range(256)


def _named(codec: str) -> dict[int, str]:
    letters = bytes(_CODES).decode(codec, "replace")
    return {code: UV2AGL[ord(letter)] for code, letter in enumerate(letters) if ord(letter) in UV2AGL}


STANDARD = {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}
_KNOWN = {
    "/WinAnsiEncoding": _named("cp1252"),
    "/MacRomanEncoding": _named("mac_roman"),
    "/StandardEncoding": STANDARD,
}
MAC_CODES = {name: code for code, name in _KNOWN["/MacRomanEncoding"].items()}


def code_names(encoding: object) -> dict[int, str]:
    """Of the codes that an encoding names; those of the program's own encoding are not among them."""
    if isinstance(encoding, pikepdf.Name):
        return _KNOWN.get(str(encoding), {})
    if not isinstance(encoding, pikepdf.Dictionary):
        return {}
    base = encoding.get("/BaseEncoding")
    names = dict(code_names(base if isinstance(base, pikepdf.Name) else None))
    code = 0
    for entry in encoding.get("/Differences", ()):
        if isinstance(entry, pikepdf.Name):
            names[code] = str(entry)[1:]
            code += 1
        else:
            code = int(entry)
    return names

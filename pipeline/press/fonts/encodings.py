"""Which names of glyphs the codes of simple fonts stand for (ISO 32000-1, 9.6.6)."""

import pikepdf
from fontTools.agl import UV2AGL
from fontTools.cffLib import cffStandardStrings
from fontTools.encodings.StandardEncoding import StandardEncoding

_CODES = range(256)


def _named(codec: str) -> dict[int, str]:
    letters = bytes(_CODES).decode(codec, "replace")
    return {code: UV2AGL[ord(letter)] for code, letter in enumerate(letters) if ord(letter) in UV2AGL}


STANDARD = {code: name for code, name in enumerate(StandardEncoding) if name != ".notdef"}
# Runs of the encoding of Adobe's expert sets (Technical Note 5176, appendix B): the first code, the number of its glyph's name
# among the standard strings (appendix A), and how many follow one another.
_EXPERT_RUNS = (
    (32, 1, 1), (33, 229, 2), (36, 231, 8), (44, 13, 3), (47, 99, 1), (48, 239, 10), (58, 27, 2), (60, 249, 4), (65, 253, 5),
    (73, 258, 1), (76, 259, 4), (82, 263, 3), (86, 266, 1), (87, 109, 2), (89, 267, 3), (93, 270, 34), (161, 304, 3),
    (166, 307, 5), (172, 312, 1), (175, 313, 1), (178, 314, 2), (182, 316, 3), (188, 158, 1), (189, 155, 1), (190, 163, 1),
    (191, 319, 7), (200, 326, 1), (201, 150, 1), (202, 164, 1), (203, 169, 1), (204, 327, 52),
)  # fmt: skip
EXPERT = {code + at: cffStandardStrings[name + at] for code, name, count in _EXPERT_RUNS for at in range(count)}
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

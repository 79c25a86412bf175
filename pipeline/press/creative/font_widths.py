"""Makes the advances in embedded font programs those that the font's dictionary declares: PDF/X-4 asks that they agree.

Readers place glyphs by the dictionary and draw their outlines, so that a program's own advances change nothing that is seen. Some
writers leave them as they were in a font of other metrics. Only TrueType and bare CFF programs are looked into.
"""

from collections.abc import Iterator

import pikepdf

from pipeline.press.creative.font_programs import ENCODINGS, Cff, Program, TrueType, Widths

_SYMBOLIC = 4
_INNER = ("/CIDFontType0", "/CIDFontType2")
_DEFAULT = 1000.0


def settle_widths(pdf: pikepdf.Pdf) -> None:
    """In memory. A program that cannot be read is left as it is; preflight tells of what it prints."""
    for obj in pdf.objects:
        if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Font" and obj.get("/Subtype") not in _INNER:
            inner = obj.get("/DescendantFonts", [obj])[0]
            if isinstance(inner, pikepdf.Dictionary) and "/FontDescriptor" in inner:
                _settle(pdf, obj, inner)


def _settle(pdf: pikepdf.Pdf, font: pikepdf.Dictionary, inner: pikepdf.Dictionary) -> None:
    for key in ("/FontFile2", "/FontFile3"):
        stream = inner.FontDescriptor.get(key)
        if isinstance(stream, pikepdf.Stream) and stream.get("/Subtype") != "/OpenType":
            changed = _with_widths(stream, font, inner)
            if changed is not None:
                _replace(pdf, inner, key, changed)


def _with_widths(stream: pikepdf.Stream, font: pikepdf.Dictionary, inner: pikepdf.Dictionary) -> bytes | None:
    symbolic = bool(int(inner.FontDescriptor.get("/Flags", 0)) & _SYMBOLIC)
    try:
        data = stream.read_bytes()
        program = Cff(data) if "/Subtype" in stream else TrueType(data, symbolic=symbolic)
        return program.with_widths(_declared(program, font, inner))
    except Exception:  # noqa: BLE001  # what a malformed font makes the library stumble over may be anything
        return None


def _replace(pdf: pikepdf.Pdf, font: pikepdf.Dictionary, key: str, program: bytes) -> None:
    """For this font alone: another that has the same program may declare other widths."""
    old = font.FontDescriptor[key]
    stream = pdf.make_stream(program)
    for name, value in old.items():
        if name not in ("/Length", "/Filter", "/DecodeParms"):
            stream[name] = value
    if "/Length1" in stream:
        stream.Length1 = len(program)
    font.FontDescriptor = pdf.make_indirect(pikepdf.Dictionary({**font.FontDescriptor, key: stream}))


def _declared(program: Program, font: pikepdf.Dictionary, inner: pikepdf.Dictionary) -> Widths:
    found: dict[str, list[float]] = {}
    composite = font.get("/Subtype") == "/Type0"
    for glyph, width in _by_number(program, inner) if composite else _by_code(program, font):
        found.setdefault(glyph, []).append(width)
    return found


def _by_number(program: Program, font: pikepdf.Dictionary) -> Iterator[tuple[str, float]]:
    """Also of glyphs that only the default width is declared of, as far as they can be set."""
    given = font.get("/CIDToGIDMap")
    table = given.read_bytes() if isinstance(given, pikepdf.Stream) else None
    widths, default = _cid_widths(font), float(font.get("/DW", _DEFAULT))
    for cid in range(program.count if table is None else len(table) // 2):
        glyph = program.by_number(cid if table is None else int.from_bytes(table[2 * cid : 2 * cid + 2]))
        if glyph is not None and (cid in widths or program.shows(glyph)):
            yield glyph, widths.get(cid, default)


def _cid_widths(font: pikepdf.Dictionary) -> dict[int, float]:
    """`W` has runs of either kind: the first code and a list, or the first and the last code and one width."""
    widths, items = dict[int, float](), iter(font.get("/W", ()))
    for first in items:
        second = next(items)
        if isinstance(second, pikepdf.Array):
            widths |= {int(first) + at: float(width) for at, width in enumerate(second)}
        else:
            widths |= dict.fromkeys(range(int(first), min(int(second), 0xFFFF) + 1), float(next(items)))
    return widths


def _by_code(program: Program, font: pikepdf.Dictionary) -> Iterator[tuple[str, float]]:
    """Codes of no width are those that writers leave out of a run."""
    names = _names(font.get("/Encoding"))
    for code, width in enumerate(font.Widths, int(font.FirstChar)):
        glyph = program.by_code(code, names.get(code)) if width else None
        if glyph is not None:
            yield glyph, float(width)


def _names(encoding: object) -> dict[int, str]:
    """Of the codes that an encoding names; those of the program's own encoding are not among them."""
    if isinstance(encoding, pikepdf.Name):
        return ENCODINGS.get(str(encoding), {})
    if not isinstance(encoding, pikepdf.Dictionary):
        return {}
    names = dict(_names(encoding.get("/BaseEncoding")))
    code = 0
    for entry in encoding.get("/Differences", ()):
        if isinstance(entry, pikepdf.Name):
            names[code] = str(entry)[1:]
            code += 1
        else:
            code = int(entry)
    return names

"""Every way in which a finished file can break the PDF/X-4 checklist, each done to a file that keeps it.

Named after what is wrong; by each stands the rule of `x4_checker.RULES` that it breaks. What no PDF library would write is
in `BYTES`, as text of the file and what it is replaced with.
"""

from collections.abc import Callable, Mapping
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from pipeline.press.colours.srgb import icc_space, srgb_profile
from tests.unit.press.fonts import CFF, SQUARES, TRUE_TYPE, Font, true_type, type_1

Mutation = Callable[[pikepdf.Pdf], None]


def set_keys(*path: str, **values: Any) -> Mutation:
    """Set keys on the object that the path of keys from the catalog leads to; what is a function makes the value."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        found = pdf.Root
        for key in path:
            found = found[int(key)] if key.isdigit() else found[f"/{key}"]
        for key, value in values.items():
            found[f"/{key}"] = _made(pdf, value)

    return mutate


def drop(*path: str) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        found = pdf.Root
        for key in path[:-1]:
            found = found[int(key)] if key.isdigit() else found[f"/{key}"]
        del found[f"/{path[-1]}"]

    return mutate


def xmp(old: bytes, new: bytes) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        packet = pdf.Root.Metadata.read_bytes()
        assert old in packet
        pdf.Root.Metadata.write(packet.replace(old, new))

    return mutate


def first_page(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    return pdf.pages[0].obj


def _page(**values: Any) -> Mutation:
    """Set keys of the first page; None takes one away."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        for key, value in values.items():
            if value is None:
                del first_page(pdf)[f"/{key}"]
            else:
                first_page(pdf)[f"/{key}"] = _made(pdf, value)

    return mutate


def _info(**values: Any) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        for key, value in values.items():
            if value is None:
                del pdf.trailer.Info[f"/{key}"]
            else:
                pdf.trailer.Info[f"/{key}"] = value

    return mutate


def _both(*mutations: Mutation) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        for one in mutations:
            one(pdf)

    return mutate


def _content(drawing: bytes) -> Mutation:
    return lambda pdf: pdf.pages[0].contents_add(drawing)


def _resource(kind: str, **named: Any) -> Mutation:
    """The first page has these resources, and no others of that kind."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        made = {f"/{name}": _made(pdf, value) for name, value in named.items()}
        first_page(pdf).Resources[f"/{kind}"] = Dictionary(made)

    return mutate


def _made(pdf: pikepdf.Pdf, value: Any) -> Any:
    return value(pdf) if callable(value) else value


def _stream(data: bytes = b"", **keys: Any) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    return lambda pdf: pdf.make_stream(data, **{key: _made(pdf, value) for key, value in keys.items()})


def _form(data: bytes = b"", **keys: Any) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    return _stream(data, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]), **keys)


def _image(**keys: Any) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    return _stream(b"abc", Subtype=Name.Image, Width=1, Height=1, BitsPerComponent=8, **keys)


def _fonts(pdf: pikepdf.Pdf, kind: str) -> list[pikepdf.Object]:
    return [
        obj
        for obj in pdf.objects
        if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Font" and obj.get("/Subtype") == kind
    ]


def _font(kind: str, change: Callable[[pikepdf.Object], None]) -> Mutation:
    """Change every font of that kind."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        found = _fonts(pdf, kind)
        assert found, kind
        for font in found:
            change(font)

    return mutate


def _unembed(font: pikepdf.Object) -> None:
    del font.FontDescriptor["/FontFile2"]


def _widen(font: pikepdf.Object) -> None:
    font.Widths[ord("A") - int(font.FirstChar)] = 999


def _widen_cid(font: pikepdf.Object) -> None:
    font.W = Array([0, 65535, 999])


def _lose_map(font: pikepdf.Object) -> None:
    del font["/CIDToGIDMap"]


def _lose_glyphs(font: pikepdf.Object) -> None:
    """A font program in which every code leads to the glyph for what is missing."""
    program = bytearray(font.FontDescriptor.FontFile2.read_bytes())
    at = program.index(b"cmap") + 8
    start = int.from_bytes(program[at : at + 4])
    for number in range(int.from_bytes(program[start + 2 : start + 4])):
        entry = start + 4 + 8 * number
        offset = start + int.from_bytes(program[entry + 4 : entry + 8])
        form = int.from_bytes(program[offset : offset + 2])
        if form == 0:
            program[offset + 6 : offset + 262] = bytes(256)
        if form == 6:
            count = int.from_bytes(program[offset + 8 : offset + 10])
            program[offset + 10 : offset + 10 + 2 * count] = bytes(2 * count)
    font.FontDescriptor.FontFile2.write(bytes(program))


def _lose_cid_glyphs(font: pikepdf.Object) -> None:
    program = bytearray(font.FontDescriptor.FontFile2.read_bytes())
    at = program.index(b"maxp") + 8
    start = int.from_bytes(program[at : at + 4])
    program[start + 4 : start + 6] = (2).to_bytes(2)
    font.FontDescriptor.FontFile2.write(bytes(program))


def _lose_procedure(font: pikepdf.Object) -> None:
    for name in ("/F", "/A", "/D", "/T"):
        if name in font.CharProcs:
            del font.CharProcs[name]


def _widen_drawn(font: pikepdf.Object) -> None:
    font.Widths = Array([9] * len(font.Widths))


def _shown(font: Font, text: bytes | None = None, *, widths: Mapping[str, int] | None = None) -> Mutation:
    """A font built for tests, of whose widths none agrees but those given; what it shows, or other `text`."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        made, shown = font(pdf)
        if widths and made.Subtype == "/Type0":
            made.DescendantFonts[0].W = Array([1, Array([*widths.values()])])
        elif widths:
            for letter, width in widths.items():
                made.Widths[ord(letter) - int(made.FirstChar)] = width
        first_page(pdf).Resources.Font = Dictionary(Built=made)
        pdf.pages[0].contents_add(b"BT /Built 9 Tf " + (text or shown) + b" ET")

    return mutate


_BUILT = {font.__name__.replace("_", " "): font for font in (*TRUE_TYPE, *CFF, type_1)}
_LACKED = {"by number": b"<ffff> Tj", "by default": b"<ffff> Tj", "through a map": b"<0063> Tj", "cid type 0c": b"<0009> Tj",
           "open type by number": b"<0009> Tj"}  # fmt: skip


def _spot(ink: float) -> Array:
    tint = Dictionary(FunctionType=2, Domain=Array([0, 1]), N=1, C0=Array([0, 0, 0, 0]), C1=Array([ink, 0, 0, 0]))
    return Array([Name.Separation, Name("/Warm"), Name.DeviceCMYK, tint])


def _two_inks(single: Array) -> Array:
    attributes = Dictionary(Colorants=Dictionary(Warm=single))
    return Array([Name.DeviceN, Array([Name("/Warm"), Name.Black]), Name.DeviceCMYK, Dictionary(), attributes])


def _profile(change: Callable[[bytearray], bytes]) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        stream = pdf.Root.OutputIntents[0].DestOutputProfile
        stream.write(change(bytearray(stream.read_bytes())))

    return mutate


def _display(profile: bytearray) -> bytes:
    profile[12:16] = b"mntr"
    return bytes(profile)


def _rgb_printer(profile: bytearray) -> bytes:
    del profile
    other = bytearray(srgb_profile())
    other[12:16] = b"prtr"
    return bytes(other)


def _second_intent(pdf: pikepdf.Pdf) -> None:
    other = Dictionary(dict(pdf.Root.OutputIntents[0].items()))
    other.DestOutputProfile = pdf.make_stream(pdf.Root.OutputIntents[0].DestOutputProfile.read_bytes(), N=4)
    pdf.Root.OutputIntents.append(other)


def _note(kind: str, rect: list[int], **more: Any) -> Mutation:
    return lambda pdf: first_page(pdf).__setattr__(
        "Annots", Array([Dictionary(Type=Name.Annot, Subtype=Name(kind), Rect=Array(rect), **more)])
    )


def _field(pdf: pikepdf.Pdf) -> None:
    entries = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("name"), Rect=Array(_INSIDE))
    field = pdf.make_indirect(entries)
    first_page(pdf).Annots = Array([field])
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


def _layer(pdf: pikepdf.Pdf) -> pikepdf.Object:
    return pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("stray")))


def _mask(pdf: pikepdf.Pdf) -> Dictionary:
    group = _form(b"1 0 0 rg 0 0 9 9 re f", Group=Dictionary(S=Name.Transparency, CS=Name.DeviceGray))(pdf)
    return Dictionary(SMask=Dictionary(S=Name.Luminosity, G=group))


def _drawn_red(font: pikepdf.Object) -> None:
    for procedure in font.CharProcs.values():
        procedure.write(procedure.read_bytes() + b" 1 0 0 rg 0 0 1 1 re f")


_STANDARD = Dictionary(Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica)
_RED = b"1 0 0 rg 0 0 5 5 re f"
_CURVE = Dictionary(FunctionType=2, Domain=Array([0, 1]), N=1)
_LAYERED = Dictionary(OCGs=Array([]), D=Dictionary())
_INSIDE, _OUTSIDE = [100, 100, 120, 120], [-50, -50, -40, -40]

MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "no metadata": (3, drop("Metadata")),
    "another version": (3, xmp(b">PDF/X-4<", b">PDF/X-4p<")),
    "version in another namespace": (3, xmp(b"http://www.npes.org/pdfx/ns/id/", b"http://www.npes.org/pdfx/ns/other/")),
    "conformance": (
        3,
        xmp(b"<pdf:Trapped>", b"<pdfxid:GTS_PDFXConformance>x</pdfxid:GTS_PDFXConformance><pdf:Trapped>"),
    ),
    "no title": (4, xmp(b">bt_01harbor_r00<", b"><")),
    "title in no default language": (4, xmp(b'xml:lang="x-default"', b'xml:lang="fr"')),
    "no creation date": (4, xmp(b"xmp:CreateDate>", b"xmp:OtherDate>")),
    "no modification date": (4, xmp(b"xmp:ModifyDate>", b"xmp:OtherDate>")),
    "no metadata date": (4, xmp(b"xmp:MetadataDate>", b"xmp:OtherDate>")),
    "no document": (4, xmp(b"xmpMM:DocumentID>", b"xmpMM:Other>")),
    "no instance": (4, xmp(b"xmpMM:InstanceID>", b"xmpMM:Other>")),
    "no version id": (4, xmp(b"xmpMM:VersionID>", b"xmpMM:Other>")),
    "no rendition": (4, xmp(b"xmpMM:RenditionClass>", b"xmpMM:Other>")),
    "trapped unknown": (5, _both(_info(Trapped=Name.Unknown), xmp(b">False<", b">Unknown<"))),
    "trapped unknown to the information": (5, _info(Trapped=Name.Unknown)),
    "trapped not told to the information": (5, _info(Trapped=None)),
    "trapped not told": (5, xmp(b"pdf:Trapped>", b"pdf:Other>")),
    "trapped differs": (5, xmp(b">False<", b">True<")),
    "titles differ": (5, _info(Title=String("another"))),
    "dates of creation differ": (5, _info(CreationDate=String("D:20260302153100Z"))),
    "dates of modification differ": (5, _info(ModDate=String("D:20260302153100Z"))),
    "no intent": (6, drop("OutputIntents")),
    "an intent of another kind": (6, set_keys("OutputIntents", "0", S=Name("/GTS_PDFA1"))),
    "two intents of two profiles": (6, _second_intent),
    "no condition": (6, drop("OutputIntents", "0", "OutputConditionIdentifier")),
    "an empty condition": (6, set_keys("OutputIntents", "0", OutputConditionIdentifier=String(""))),
    "no profile": (6, drop("OutputIntents", "0", "DestOutputProfile")),
    "a profile of a display": (6, _profile(_display)),
    "no profile at all": (6, _profile(lambda _: b"no profile" * 20)),
    "wrong channels": (6, set_keys("OutputIntents", "0", "DestOutputProfile", N=3)),
    "art and trim": (7, _page(ArtBox=Array([30, 30, 90, 90]))),
    "neither art nor trim": (7, _page(TrimBox=None)),
    "bleed inside trim": (7, _page(BleedBox=Array([100, 100, 200, 200]))),
    "trim outside bleed": (7, _page(TrimBox=Array([-5, 9, 441, 297]))),
    "bleed outside media": (7, _page(BleedBox=Array([-1, 0, 450, 306]))),
    "bleed outside crop": (7, _page(CropBox=Array([5, 5, 445, 301]))),
    "crop outside media": (7, _page(CropBox=Array([-5, -5, 455, 311]))),
    "no area": (7, _page(TrimBox=Array([30, 30, 30, 90]))),
    "font not embedded": (8, _font("/TrueType", _unembed)),
    "a standard font": (8, _both(_resource("Font", H=_STANDARD), _content(b"BT /H 9 Tf (x) Tj ET"))),
    "font of glyph numbers not embedded": (8, _font("/CIDFontType2", _unembed)),
    "no map of glyph numbers": (8, _font("/CIDFontType2", _lose_map)),
    "glyph missing": (8, _font("/TrueType", _lose_glyphs)),
    "glyph number beyond the program": (8, _font("/CIDFontType2", _lose_cid_glyphs)),
    "drawn glyph missing": (8, _font("/Type3", _lose_procedure)),
    "width": (8, _font("/TrueType", _widen)),
    "width of glyph numbers": (8, _font("/CIDFontType2", _widen_cid)),
    "width of a drawn glyph": (8, _font("/Type3", _widen_drawn)),
    **{f"widths of {kind}": (8, _shown(font)) for kind, font in _BUILT.items()},
    **{
        f"glyph missing of {kind}": (8, _shown(font, _LACKED.get(kind, rb"(\201) Tj"), widths=SQUARES))
        for kind, font in _BUILT.items()
        if kind not in ("true type", "symbolic")  # see "glyph missing": that typeface has them all
    },
    "a space that prints as a box": (8, _shown(true_type, rb"(\037) Tj")),
    "plain RGB": (9, _content(_RED)),
    "plain RGB in a line": (9, _content(b"1 0 0 RG 0 0 m 5 5 l S")),
    "plain RGB by name": (9, _content(b"/DeviceRGB cs 1 0 0 sc 0 0 5 5 re f")),
    "RGB in an inline image": (9, _content(b"BI /W 1 /H 1 /BPC 8 /CS /RGB ID abc EI")),
    "RGB image": (9, _resource("XObject", New=_image(ColorSpace=Name.DeviceRGB))),
    "RGB in a form": (9, _resource("XObject", New=_form(_RED, Resources=Dictionary()))),
    "RGB shading": (9, _resource("Shading", New=Dictionary(ShadingType=2, ColorSpace=Name.DeviceRGB))),
    "RGB pattern": (
        9,
        _resource("Pattern", New=_stream(_RED, PatternType=1, PaintType=1, Resources=Dictionary())),
    ),
    "RGB shading pattern": (
        9,
        _resource("Pattern", New=Dictionary(PatternType=2, Shading=Dictionary(ColorSpace=Name.DeviceRGB))),
    ),
    "RGB in a soft mask": (9, _resource("ExtGState", New=_mask)),
    "RGB glyphs": (9, _font("/Type3", _drawn_red)),
    "RGB under an index": (9, _resource("ColorSpace", New=Array([Name.Indexed, Name.DeviceRGB, 0, String("abc")]))),
    "RGB under a spot": (
        9,
        _resource("ColorSpace", New=Array([Name.Separation, Name("/S"), Name.DeviceRGB, Dictionary()])),
    ),
    "RGB group": (
        9,
        _resource("XObject", New=_form(Group=Dictionary(S=Name.Transparency, CS=Name.DeviceRGB))),
    ),
    "RGB group of the page": (9, _page(Group=Dictionary(S=Name.Transparency, CS=Name.DeviceRGB))),
    "CMYK for an RGB press": (
        9,
        _both(_profile(_rgb_printer), set_keys("OutputIntents", "0", "DestOutputProfile", N=3)),
    ),
    "two definitions of a spot": (10, _resource("ColorSpace", One=_spot(0.5), Other=_spot(0.7))),
    "a spot defined otherwise among several": (
        10,
        _resource("ColorSpace", One=_spot(0.5), Other=_two_inks(_spot(0.7))),
    ),
    "blend mode": (11, _resource("ExtGState", New=Dictionary(BM=Name("/Sparkle")))),
    "blend mode to fall back on": (
        11,
        _resource("ExtGState", New=Dictionary(BM=Array([Name("/Sparkle"), Name.Screen]))),
    ),
    "automatic states": (11, set_keys(OCProperties=Dictionary(OCGs=Array([]), D=Dictionary(AS=Array([]))))),
    "automatic states elsewhere": (
        11,
        set_keys(OCProperties=Dictionary(OCGs=Array([]), D=Dictionary(), Configs=Array([Dictionary(AS=Array([]))]))),
    ),
    "no default configuration": (11, set_keys(OCProperties=Dictionary(OCGs=Array([])))),
    "stray layer": (11, _resource("Properties", L=_layer)),
    "layer that is not listed": (11, _both(set_keys(OCProperties=_LAYERED), _resource("Properties", L=_layer))),
    "open action": (12, set_keys(OpenAction=Dictionary(S=Name.GoTo))),
    "actions of the file": (12, set_keys(AA=Dictionary())),
    "actions of a page": (12, _page(AA=Dictionary())),
    "scripts": (12, set_keys(Names=Dictionary(JavaScript=Dictionary()))),
    "script in an object": (12, set_keys(Other=Dictionary(S=Name.JavaScript, JS=String("1")))),
    "launch": (12, set_keys(Other=Dictionary(S=Name.Launch))),
    "comment": (12, _note("/Text", _INSIDE)),
    "field": (12, _field),
    **{
        f"{kind.lower()} beside the page": (12, _note(f"/{kind}", _OUTSIDE))
        for kind in ("Movie", "Sound", "Screen", "3D", "RichMedia", "FileAttachment")
    },
    "OPI": (13, _resource("XObject", New=_image(OPI=Dictionary()))),
    "PostScript": (13, _resource("XObject", New=_stream(Subtype=Name.PS))),
    "PostScript as a form": (13, _resource("XObject", New=_form(Subtype2=Name.PS))),
    "PostScript operator": (13, _content(b"(showpage) PS")),
    "reference form": (13, _resource("XObject", New=_form(Ref=Dictionary()))),
    "alternates": (13, _resource("XObject", New=_image(Alternates=Array([])))),
    "transfer function": (14, _resource("ExtGState", New=Dictionary(TR=_CURVE))),
    "other transfer function": (14, _resource("ExtGState", New=Dictionary(TR2=_CURVE))),
    "halftone phase": (14, _resource("ExtGState", New=Dictionary(HTP=Array([0, 0])))),
    "halftone": (14, _resource("ExtGState", New=Dictionary(HT=Dictionary(HalftoneType=6)))),
    **{
        f"preference {area}": (15, set_keys(ViewerPreferences=Dictionary({f"/{area}": Name.TrimBox})))
        for area in ("ViewArea", "ViewClip", "PrintArea", "PrintClip")
    },
    "attachment": (16, set_keys(Names=Dictionary(EmbeddedFiles=Dictionary()))),
    "associated files": (16, set_keys(AF=Array([]))),
    "XFA": (16, set_keys(AcroForm=Dictionary(XFA=String("x")))),
}

# What keeps the rules, though it looks like what breaks them.
HARMLESS: dict[str, Mutation] = {
    **{f"widths of {font.__name__} that agree": _shown(font, widths=SQUARES) for font in CFF},
    "comment beside the bleed": _note("/Text", _OUTSIDE),
    "printer's mark": _note("/PrinterMark", _INSIDE),
    "several intents of one profile": lambda pdf: pdf.Root.OutputIntents.append(
        Dictionary(dict(pdf.Root.OutputIntents[0].items()))
    ),
    "RGB that a default explains": _both(
        _resource("ColorSpace", DefaultRGB=lambda pdf: icc_space(pdf, srgb_profile(), 3)), _content(_RED)
    ),
    "invisible text of a standard font": _both(
        _resource("Font", H=_STANDARD), _content(b"q BT 3 Tr /H 9 Tf (x) Tj ET Q")
    ),
    "art instead of trim": _page(TrimBox=None, ArtBox=Array([9, 9, 441, 297])),
    "no transfer function": _resource("ExtGState", New=Dictionary(TR=Name.Identity, TR2=Name.Default)),
    "transfer function of a soft mask": _resource(
        "ExtGState", New=lambda pdf: Dictionary(SMask=Dictionary(S=Name.Luminosity, G=_form()(pdf), TR=_CURVE))
    ),
    "halftone of one kind": _resource("ExtGState", New=Dictionary(HT=Dictionary(HalftoneType=1))),
    "layers": set_keys(OCProperties=_LAYERED),
    "the same spot twice": _resource("ColorSpace", One=_spot(0.5), Other=_two_inks(_spot(0.5))),
    "preference": set_keys(ViewerPreferences=Dictionary(ViewArea=Name.BleedBox)),
}

# The rule, the text in the file, and text of the same length.
BYTES: dict[str, tuple[int, bytes, bytes]] = {
    "later version of PDF": (1, b"%PDF-1.6", b"%PDF-1.7"),
    "no file id": (1, b"/ID[<", b"/ix[<"),
    "no MediaBox": (7, b"/MediaBox [", b"/MediaBax ["),
    "compressed metadata": (3, b"/Type/Metadata/Subtype/XML", b"/Type/Metadata/Filter[]   "),
    "data in another file": (13, b"/Subtype/Form/BBox", b"/Subtype/Form/F(e) "),
    "LZW": (16, b"/Filter/FlateDecode/Length", b"/Filter/LZWDecode  /Length"),
}

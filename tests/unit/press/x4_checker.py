"""Checks a finished file against PDF/X-4 (ISO 15930-7), rule by rule, knowing nothing of the writer.

Rules are numbered as `RULES` lists them. `violations` gives the numbers of those that a file breaks, with what was found.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pikepdf

from tests.unit.press.x4_content import content_faults

RULES = {
    1: "header %PDF-1.6 at most, two file ids of 16 bytes",
    2: "no encryption",
    3: "unfiltered XMP that says PDF/X-4 and nothing of a conformance level",
    4: "XMP dates, title, document, instance, version and rendition class",
    5: "trapped is said, and information dictionary and XMP agree",
    6: "one GTS_PDFX intent with an embedded printer profile of the right channels",
    7: "boxes on every page: trim in bleed in media, none without area",
    8: "fonts embedded, their glyphs present, their widths as declared",
    9: "device colours, groups' too, only as the intent or a default space covers them",
    10: "one definition for each spot colour",
    11: "standard blend modes; layers with a default configuration and no automatic states",
    12: "no actions, scripts or multimedia; annotations outside the bleed",
    13: "no OPI, PostScript, reference forms, alternates or external streams",
    14: "no transfer functions, no halftone phase, halftones of type 1 or 5",
    15: "viewer preferences name MediaBox or BleedBox alone",
    16: "no embedded files, forms of XFA or LZW",
}
NPES = "http://www.npes.org/pdfx/ns/id/"
BLENDS = {
    "/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge", "/ColorBurn", "/HardLight",
    "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color", "/Luminosity",
}  # fmt: skip
_SPACES = {
    "pdfxid": NPES,
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "pdf": "http://ns.adobe.com/pdf/1.3/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
}
_LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
_MOVING = {"/Movie", "/Sound", "/Screen", "/3D", "/RichMedia", "/FileAttachment"}
Fault = tuple[int, str]


def violations(file: Path) -> list[Fault]:
    """What is wrong with the file, by rule."""
    with pikepdf.open(file) as pdf:
        found = [*file_faults(file, pdf), *metadata_faults(pdf), *_intent(pdf), *page_faults(pdf)]
        found += _interactive(pdf)
        found += object_faults(pdf)
        found += content_faults(pdf)
    return found


def broken_rules(file: Path) -> set[int]:
    return {rule for rule, _ in violations(file)}


def page_faults(pdf: pikepdf.Pdf) -> list[Fault]:
    """Of boxes. The library gives a MediaBox to pages that have none, and says so."""
    missing = any("MediaBox is undefined" in str(said) for said in pdf.get_warnings())
    return [*([(7, "no MediaBox")] if missing else []), *(fault for page in pdf.pages for fault in _boxes(page.obj))]


def object_faults(pdf: pikepdf.Pdf) -> list[Fault]:
    """Rules that any dictionary or stream may break by itself."""
    return [fault for obj in every_object(pdf) for fault in _object(obj)]


def every_object(pdf: pikepdf.Pdf) -> Iterator[pikepdf.Object]:
    """All dictionaries and streams of the file, those inside others too."""
    for obj in pdf.objects:
        yield from _inside(obj)


def _inside(obj: object) -> Iterator[pikepdf.Object]:
    if isinstance(obj, pikepdf.Dictionary | pikepdf.Stream):
        yield obj
        for value in obj.values():
            if isinstance(value, pikepdf.Object) and not value.is_indirect:
                yield from _inside(value)
    elif isinstance(obj, pikepdf.Array):
        for value in obj:
            if isinstance(value, pikepdf.Object) and not value.is_indirect:
                yield from _inside(value)


def file_faults(file: Path, pdf: pikepdf.Pdf) -> Iterator[Fault]:
    header = re.match(rb"%PDF-(\d)\.(\d)", file.read_bytes()[:16])
    if not header or (int(header[1]), int(header[2])) > (1, 6):
        yield 1, "header"
    ids = pdf.trailer.get("/ID", ())
    if len(ids) != 2 or any(len(bytes(part)) != 16 for part in ids):
        yield 1, "file id"
    if "/Encrypt" in pdf.trailer or pdf.is_encrypted:
        yield 2, "encrypted"


def metadata_faults(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    stream = pdf.Root.get("/Metadata")
    if not isinstance(stream, pikepdf.Stream) or "/Filter" in stream:
        yield 3, "no XMP, or it is compressed"
        return
    said = {name: _text(stream.read_bytes(), name) for name in _WANTED}
    if said["pdfxid:GTS_PDFXVersion"] != "PDF/X-4" or said["pdfxid:GTS_PDFXConformance"] is not None:
        yield 3, "version"
    yield from ((4, name) for name in _WANTED[2:-1] if not said[name])
    info = pdf.trailer.get("/Info", pikepdf.Dictionary())
    if said["pdf:Trapped"] not in {"True", "False"} or str(info.get("/Trapped", "")) != f"/{said['pdf:Trapped']}":
        yield 5, "trapped"
    if str(info.get("/Title", said["dc:title"])) != said["dc:title"]:
        yield 5, "titles differ"
    for key, name in (("/CreationDate", "xmp:CreateDate"), ("/ModDate", "xmp:ModifyDate")):
        if key in info and _digits(str(info[key])) != _digits(said[name] or ""):
            yield 5, f"{key} differs"


_WANTED = (
    "pdfxid:GTS_PDFXVersion", "pdfxid:GTS_PDFXConformance", "xmp:CreateDate", "xmp:ModifyDate", "xmp:MetadataDate", "dc:title",
    "xmpMM:DocumentID", "xmpMM:InstanceID", "xmpMM:VersionID", "xmpMM:RenditionClass", "pdf:Trapped",
)  # fmt: skip


def _text(packet: bytes, name: str) -> str | None:
    found = ElementTree.fromstring(packet).find(f".//{name}", _SPACES)
    if found is None or found.find("rdf:Alt", _SPACES) is None:
        return None if found is None else found.text
    return next(
        (one.text for one in found.findall("rdf:Alt/rdf:li", _SPACES) if one.get(_LANGUAGE) == "x-default"), None
    )


def _digits(date: str) -> str:
    return re.sub(r"\D", "", date)[:14]


def _intent(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    intents = [intent for intent in pdf.Root.get("/OutputIntents", ()) if intent.get("/S") == "/GTS_PDFX"]
    if not intents or len({intent.get("/DestOutputProfile", intent).objgen for intent in intents}) != 1:
        yield 6, "not one intent"
        return
    profile = intents[0].get("/DestOutputProfile")
    if not str(intents[0].get("/OutputConditionIdentifier", "")):
        yield 6, "no condition identifier"
    if not isinstance(profile, pikepdf.Stream):
        yield 6, "no profile"
        return
    data = profile.read_bytes()
    channels = {b"CMYK": 4, b"RGB ": 3, b"GRAY": 1}.get(data[16:20])
    if data[12:16] != b"prtr" or data[36:40] != b"acsp" or int(profile.get("/N", 0)) != channels:
        yield 6, "not a printer profile, or of other channels than it says"


def _boxes(page: pikepdf.Object) -> Iterator[Fault]:
    boxes = {
        key: _box(page[key]) for key in ("/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox") if key in page
    }
    if ("/TrimBox" in boxes) == ("/ArtBox" in boxes) or "/MediaBox" not in boxes:
        yield 7, "no MediaBox, or not one of trim and art"
        return
    order = [boxes[key] for key in ("/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox") if key in boxes]
    if any(right <= left or top <= foot for left, foot, right, top in order):
        yield 7, "a box without area"
    for outer, inner in pairwise(order):
        if inner[0] < outer[0] or inner[1] < outer[1] or inner[2] > outer[2] or inner[3] > outer[3]:
            yield 7, "a box outside the one around it"


def _box(values: pikepdf.Object) -> list[float]:
    return [float(value) for value in values]  # type: ignore[attr-defined]


def _interactive(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    root, names = pdf.Root, pdf.Root.get("/Names", pikepdf.Dictionary())
    if "/OpenAction" in root or "/AA" in root or "/JavaScript" in names or any("/AA" in page.obj for page in pdf.pages):
        yield 12, "an action"
    if "/EmbeddedFiles" in names or "/AF" in root or "/XFA" in root.get("/AcroForm", pikepdf.Dictionary()):
        yield 16, "files or forms"
    for page in pdf.pages:
        bleed = _box(page.obj.get("/BleedBox", page.obj.get("/TrimBox", page.obj.MediaBox)))
        for note in page.obj.get("/Annots", ()):
            left, foot, right, top = _box(note.Rect)
            outside = right <= bleed[0] or left >= bleed[2] or top <= bleed[1] or foot >= bleed[3]
            kind = str(note.get("/Subtype"))
            if kind in _MOVING or (kind not in ("/PrinterMark", "/TrapNet") and not outside):
                yield 12, f"annotation {note.get('/Subtype')}"
    shown = root.get("/ViewerPreferences", pikepdf.Dictionary())
    for key in ("/ViewArea", "/ViewClip", "/PrintArea", "/PrintClip"):
        if key in shown and shown[key] not in ("/MediaBox", "/BleedBox"):
            yield 15, key
    yield from _layers(pdf)


def _layers(pdf: pikepdf.Pdf) -> Iterator[Fault]:
    used = {obj.objgen for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/OCG"}
    listed = pdf.Root.get("/OCProperties")
    if listed is None:
        yield from ((11, "a layer that no configuration knows") for _ in used)
        return
    if "/D" not in listed or used - {layer.objgen for layer in listed.get("/OCGs", ())}:
        yield 11, "no default configuration, or a layer is not listed"
    for configuration in (listed.get("/D", pikepdf.Dictionary()), *listed.get("/Configs", ())):
        if "/AS" in configuration:
            yield 11, "automatic states"


def _object(obj: pikepdf.Object) -> Iterator[Fault]:
    kind = str(obj.get("/Subtype", ""))
    if str(obj.get("/S", "")) in {
        "/JavaScript",
        "/Launch",
        "/Movie",
        "/Sound",
        "/Rendition",
        "/SubmitForm",
        "/ImportData",
    }:
        yield 12, str(obj.S)
    if kind == "/PS" or str(obj.get("/Subtype2", "")) == "/PS":
        yield 13, "PostScript"
    if isinstance(obj, pikepdf.Stream):
        yield from ((13, key) for key in ("/OPI", "/Alternates", "/F", "/FFilter") if key in obj)
        if kind == "/Form" and "/Ref" in obj:
            yield 13, "reference form"
        filters = obj.get("/Filter", pikepdf.Array())
        if "/LZWDecode" in ([str(filters)] if isinstance(filters, pikepdf.Name) else [str(name) for name in filters]):
            yield 16, "LZW"
    yield from _graphics_state(obj)


def _graphics_state(obj: pikepdf.Object) -> Iterator[Fault]:
    # A soft mask may have a function of its own by that name.
    if isinstance(obj, pikepdf.Stream) or obj.get("/S") in ("/Alpha", "/Luminosity"):
        return
    for key in ("/TR", "/TR2"):
        if key in obj and obj.get(key) not in ("/Identity", "/Default"):
            yield 14, key
    if "/HTP" in obj or ("/HalftoneType" in obj and obj.HalftoneType not in (1, 5)):
        yield 14, "halftone"
    blend = obj.get("/BM")
    if blend is not None:
        names = [str(blend)] if isinstance(blend, pikepdf.Name) else [str(name) for name in blend]
        yield from ((11, f"blend mode {name}") for name in names if name not in BLENDS)

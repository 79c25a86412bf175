"""Sheets, one-up files and proofs keep every rule of PDF/X-4 and PDF/VT-1, and the checkers notice when one is broken."""

from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from pipeline.models.profile import Imposition
from pipeline.press.creative import normalize
from pipeline.press.impose import impose
from pipeline.press.srgb import srgb_profile
from pipeline.products import POSTCARD_4X6
from tests.unit.press.conftest import CREATIVES
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.vt_checker import records, vt_violations
from tests.unit.press.x4_checker import RULES, broken_rules, metadata_faults, object_faults, violations

STYLES = {
    "sheetwise": {"marks": {"barcode": True}},
    "head to foot": {"backs": "head_to_foot", "back_turn": "short_edge"},
    "work and turn": {"work_style": "work_and_turn"},
    "work and tumble": {"work_style": "work_and_tumble"},
    "shared gutters": {"gutter_in": 0.3, "shared_gutter_in": 0.125},
    "one-up": {"mode": "one_up"},
    "one-up without records": {"mode": "one_up", "document_parts": False},
}


@pytest.fixture(scope="module")
def art(normalized: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A drawing, a CMYK or RGB photograph each, and one with a group of plain RGB and screening."""
    odd = tmp_path_factory.mktemp("odd")
    normalize(_odd_artwork(odd / "given.pdf"), POSTCARD_4X6, odd / "odd.pdf")
    return {
        **normalized,
        "front": normalized["harbor-front"],
        "back": normalized["harbor-back"],
        "odd": odd / "odd.pdf",
    }


@pytest.fixture(scope="module")
def one_up(art: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    imposition = Imposition(mode="one_up")
    pieces = make_pieces(5, imposition, fronts=("front", "odd", "cedar-checkup", "cedar-welcome"))
    return impose(make_job(art, pieces, imposition=imposition), tmp_path_factory.mktemp("one_up")).files[0]


@pytest.fixture(scope="module")
def sheets(art: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    imposition = Imposition.model_validate(STYLES["sheetwise"])
    return impose(
        make_job(art, make_pieces(9, imposition), imposition=imposition), tmp_path_factory.mktemp("sheets")
    ).files[0]


@pytest.mark.parametrize("style", STYLES)
def test_sheets_and_proof_keep_every_rule(art: dict[str, Path], tmp_path: Path, style: str) -> None:
    imposition = Imposition.model_validate(STYLES[style])
    pieces = make_pieces(11, imposition, fronts=("front", "odd", "cedar-checkup", "cedar-welcome"))
    made = impose(make_job(art, pieces, imposition=imposition), tmp_path)
    for file in (one for one in made.files if one.suffix == ".pdf" and not one.stem.endswith("ticket")):
        assert violations(file) == [], file.name


def test_the_same_batch_gives_the_same_bytes_and_another_gives_other_ids(art: dict[str, Path], tmp_path: Path) -> None:
    imposition = Imposition(mode="one_up")
    pieces = make_pieces(3, imposition, fronts=("odd",))
    files = [
        impose(make_job(art, given, imposition=imposition), tmp_path / name).files[0]
        for name, given in (("one", pieces), ("two", pieces), ("other", pieces[:2]))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()
    ids = []
    for file in files:
        with pikepdf.open(file) as pdf:
            ids.append(bytes(pdf.trailer.ID[0]))
    assert ids[0] == ids[1] != ids[2]


def test_one_up_pages_belong_to_their_records(one_up: Path) -> None:
    assert vt_violations(one_up) == []
    assert records(one_up) == [(f"ml_{number:05}", [2 * number - 2, 2 * number - 1]) for number in range(1, 6)]


def test_sheets_that_many_records_share_claim_no_document_parts(sheets: Path) -> None:
    with pikepdf.open(sheets) as pdf:
        assert "/DPartRoot" not in pdf.Root
        assert b"pdfvtid:GTS" not in pdf.Root.Metadata.read_bytes()


def test_a_printer_that_wants_plain_pdf_gets_it(art: dict[str, Path], tmp_path: Path) -> None:
    imposition = Imposition(mode="one_up", output_intent="none")
    file = impose(make_job(art, make_pieces(2, imposition), imposition=imposition), tmp_path).files[0]
    with pikepdf.open(file) as pdf:
        assert not {"/OutputIntents", "/Metadata", "/DPartRoot"} & set(pdf.Root.keys())


Mutation = Callable[[pikepdf.Pdf], None]


def _page(pdf: pikepdf.Pdf) -> pikepdf.Dictionary:
    return pdf.pages[0].obj


def _set(*path: str, **values: object) -> Mutation:
    """Set keys on the object that the path of keys from the catalog leads to."""

    def mutate(pdf: pikepdf.Pdf) -> None:
        found = pdf.Root
        for key in path:
            found = found[int(key)] if key.isdigit() else found[f"/{key}"]
        for key, value in values.items():
            found[f"/{key}"] = value

    return mutate


def _xmp(old: bytes, new: bytes) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        packet = pdf.Root.Metadata.read_bytes()
        assert old in packet
        pdf.Root.Metadata.write(packet.replace(old, new))

    return mutate


def _content(drawing: bytes) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].contents_add(drawing)

    return mutate


def _resource(kind: str, **named: object) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        resources = _page(pdf).Resources
        resources[f"/{kind}"] = Dictionary({f"/{name}": _made(pdf, value) for name, value in named.items()})

    return mutate


def _made(pdf: pikepdf.Pdf, value: object) -> object:
    return value(pdf) if callable(value) else value


def _stream(**keys: object) -> Callable[[pikepdf.Pdf], pikepdf.Object]:
    return lambda pdf: pdf.make_stream(b"", **keys)


def _font(change: Callable[[pikepdf.Pdf, pikepdf.Object], None]) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        change(pdf, pdf.pages[1].obj.Resources.Font["/A"])

    return mutate


def _unembed(_: pikepdf.Pdf, font: pikepdf.Object) -> None:
    del font.FontDescriptor.FontFile2


def _widen(_: pikepdf.Pdf, font: pikepdf.Object) -> None:
    font.Widths[ord("A")] = 999


def _spot(pdf: pikepdf.Pdf) -> None:
    for at, ink in enumerate((0.5, 0.7)):
        tint = Dictionary(FunctionType=2, Domain=[0, 1], N=1, C0=[0, 0, 0, 0], C1=[ink, 0, 0, 0])
        spot = Array([Name.Separation, Name("/Warm"), Name.DeviceCMYK, tint])
        pdf.pages[at].obj.Resources.ColorSpace = Dictionary(Warm=spot)


def _drop(*path: str) -> Mutation:
    def mutate(pdf: pikepdf.Pdf) -> None:
        found = pdf.Root
        for key in path[:-1]:
            found = found[f"/{key}"]
        del found[f"/{path[-1]}"]

    return mutate


def _untrap(pdf: pikepdf.Pdf) -> None:
    pdf.trailer.Info.Trapped = Name.Unknown


def _swap_profile(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OutputIntents[0].DestOutputProfile.write(srgb_profile())


def _annotate(pdf: pikepdf.Pdf) -> None:
    _page(pdf).Annots = Array([Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=[100, 100, 120, 120])])


def _add_box(pdf: pikepdf.Pdf) -> None:
    _page(pdf).ArtBox = _page(pdf).TrimBox


def _shrink_bleed(pdf: pikepdf.Pdf) -> None:
    _page(pdf).BleedBox = Array([100, 100, 200, 200])


def _flatten_trim(pdf: pikepdf.Pdf) -> None:
    _page(pdf).TrimBox = Array([30, 30, 30, 90])


def _red_group(pdf: pikepdf.Pdf) -> None:
    form = pdf.make_stream(b"", Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 9, 9])
    form.Group = Dictionary(S=Name.Transparency, CS=Name.DeviceRGB)
    _page(pdf).Resources.XObject.New = form


def _orphan_layer(pdf: pikepdf.Pdf) -> None:
    layer = pdf.make_indirect(Dictionary(Type=Name.OCG, Name=String("stray")))
    _page(pdf).Resources.Properties = Dictionary(L=layer)


MUTATIONS: dict[str, tuple[int, Mutation]] = {
    "no metadata": (3, _drop("Metadata")),
    "another version": (3, _xmp(b">PDF/X-4<", b">PDF/X-4p<")),
    "conformance": (
        3,
        _xmp(b"<pdf:Trapped>", b"<pdfxid:GTS_PDFXConformance>x</pdfxid:GTS_PDFXConformance><pdf:Trapped>"),
    ),
    "no title": (4, _xmp(b">bt_01harbor_r00<", b"><")),
    "no date": (4, _xmp(b"xmp:MetadataDate>", b"xmp:OtherDate>")),
    "no instance": (4, _xmp(b"xmpMM:InstanceID>", b"xmpMM:Other>")),
    "no rendition": (4, _xmp(b"xmpMM:RenditionClass>", b"xmpMM:Other>")),
    "no version id": (4, _xmp(b"xmpMM:VersionID>", b"xmpMM:Other>")),
    "no document": (4, _xmp(b"xmpMM:DocumentID>", b"xmpMM:Other>")),
    "trapped unknown": (5, _untrap),
    "trapped differs": (5, _xmp(b">False<", b">True<")),
    "dates differ": (5, _xmp(b"2026-03-02T15:30:00Z</xmp:CreateDate>", b"2026-03-02T15:31:00Z</xmp:CreateDate>")),
    "no intent": (6, _drop("OutputIntents")),
    "no condition": (6, _set("OutputIntents", "0", OutputConditionIdentifier=String(""))),
    "a display's profile": (6, _swap_profile),
    "wrong channels": (6, _set("OutputIntents", "0", "DestOutputProfile", N=3)),
    "art and trim": (7, _add_box),
    "bleed in trim": (7, _shrink_bleed),
    "no area": (7, _flatten_trim),
    "font not embedded": (8, _font(_unembed)),
    "width": (8, _font(_widen)),
    "plain RGB": (9, _content(b"1 0 0 rg 0 0 5 5 re f")),
    "plain RGB by name": (9, _content(b"/DeviceRGB cs 1 0 0 sc 0 0 5 5 re f")),
    "RGB image": (
        9,
        _resource("XObject", New=_stream(Subtype=Name.Image, Width=1, Height=1, ColorSpace=Name.DeviceRGB)),
    ),
    "RGB shading": (9, _resource("Shading", New=Dictionary(ShadingType=2, ColorSpace=Name.DeviceRGB))),
    "RGB under an index": (9, _resource("ColorSpace", New=Array([Name.Indexed, Name.DeviceRGB, 0, String("abc")]))),
    "RGB under a spot": (
        9,
        _resource("ColorSpace", New=Array([Name.Separation, Name("/S"), Name.DeviceRGB, Dictionary()])),
    ),
    "RGB group": (9, _red_group),
    "two definitions of a spot": (10, _spot),
    "blend mode": (11, _resource("ExtGState", New=Dictionary(BM=Name("/Sparkle")))),
    "automatic states": (11, _set(OCProperties=Dictionary(OCGs=Array([]), D=Dictionary(AS=Array([]))))),
    "automatic states elsewhere": (
        11,
        _set(OCProperties=Dictionary(OCGs=Array([]), D=Dictionary(), Configs=Array([Dictionary(AS=Array([]))]))),
    ),
    "no default": (11, _set(OCProperties=Dictionary(OCGs=Array([])))),
    "stray layer": (11, _orphan_layer),
    "open action": (12, _set(OpenAction=Dictionary(S=Name.JavaScript, JS=String("1")))),
    "scripts": (12, _set(Names=Dictionary(JavaScript=Dictionary()))),
    "annotation": (12, _annotate),
    "PostScript": (13, _resource("XObject", New=_stream(Subtype=Name.PS))),
    "OPI": (13, _resource("XObject", New=_stream(Subtype=Name.Image, Width=1, Height=1, OPI=Dictionary()))),
    "reference form": (13, _resource("XObject", New=_stream(Subtype=Name.Form, BBox=[0, 0, 1, 1], Ref=Dictionary()))),
    "alternates": (13, _resource("XObject", New=_stream(Subtype=Name.Image, Width=1, Height=1, Alternates=Array([])))),
    "transfer function": (
        14,
        _resource("ExtGState", New=Dictionary(TR=Dictionary(FunctionType=2, Domain=[0, 1], N=1))),
    ),
    "other transfer function": (
        14,
        _resource("ExtGState", New=Dictionary(TR2=Dictionary(FunctionType=2, Domain=[0, 1], N=1))),
    ),
    "halftone phase": (14, _resource("ExtGState", New=Dictionary(HTP=Array([0, 0])))),
    "halftone": (14, _resource("ExtGState", New=Dictionary(HT=Dictionary(HalftoneType=6)))),
    "preferences": (15, _set(ViewerPreferences=Dictionary(PrintArea=Name.TrimBox))),
    "attachment": (16, _set(Names=Dictionary(EmbeddedFiles=Dictionary()))),
    "XFA": (16, _set(AcroForm=Dictionary(XFA=String("x")))),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_checker_notices(one_up: Path, tmp_path: Path, name: str) -> None:
    rule, mutate = MUTATIONS[name]
    assert rule in broken_rules(_mutated(one_up, tmp_path / "mutated.pdf", mutate)), RULES[rule]


def test_a_file_saved_again_unchanged_breaks_nothing(one_up: Path, tmp_path: Path) -> None:
    again = _mutated(one_up, tmp_path / "again.pdf", lambda _: None)
    assert violations(again) == []
    assert vt_violations(again) == []


def test_the_checker_notices_what_only_bytes_can_show(one_up: Path, tmp_path: Path) -> None:
    data = one_up.read_bytes()
    (tmp_path / "later.pdf").write_bytes(data.replace(b"%PDF-1.6", b"%PDF-1.7", 1))
    assert 1 in broken_rules(tmp_path / "later.pdf")
    with pikepdf.open(one_up) as pdf:
        pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(owner="o", user=""))
    assert 2 in broken_rules(tmp_path / "locked.pdf")
    for name, old, new, rule in (
        ("external", b"/Subtype/Form/BBox", b"/Subtype/Form/F(e) ", 13),
        ("filtered", b"/Type/Metadata/Subtype/XML", b"/Type/Metadata/Filter[]   ", 3),
        ("lzw", b"/Filter/FlateDecode/Length", b"/Filter/LZWDecode  /Length", 16),
    ):
        assert old in data
        at = data.index(old)
        (tmp_path / f"{name}.pdf").write_bytes(data[:at] + new + data[at + len(old) :])
        with pikepdf.open(tmp_path / f"{name}.pdf") as pdf:
            assert rule in {fault[0] for fault in (*metadata_faults(pdf), *object_faults(pdf))}


def test_every_rule_has_a_mutation() -> None:
    assert {rule for rule, _ in MUTATIONS.values()} | {1, 2} == set(RULES)


def _no_start(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.DPartRoot.DPartRootNode.DParts[0][1].Start


def _flat(pdf: pikepdf.Pdf) -> None:
    pdf.Root.DPartRoot.DPartRootNode.DParts = pdf.Root.DPartRoot.DPartRootNode.DParts[0]


def _reorder(pdf: pikepdf.Pdf) -> None:
    leaves = pdf.Root.DPartRoot.DPartRootNode.DParts[0]
    pdf.Root.DPartRoot.DPartRootNode.DParts[0] = Array([leaves[1], leaves[0], *list(leaves)[2:]])


def _lose(pdf: pikepdf.Pdf) -> None:
    leaves = pdf.Root.DPartRoot.DPartRootNode.DParts[0]
    pdf.Root.DPartRoot.DPartRootNode.DParts[0] = Array(list(leaves)[:-1])


def _wrong_parent(pdf: pikepdf.Pdf) -> None:
    pdf.Root.DPartRoot.DPartRootNode.DParts[0][0].Parent = pdf.Root.DPartRoot


def _named_metadata(pdf: pikepdf.Pdf) -> None:
    pdf.Root.DPartRoot.DPartRootNode.DParts[0][0].DPM.RecordID = Name("/x")


def _unpoint(pdf: pikepdf.Pdf) -> None:
    del pdf.pages[3].obj.DPart


def _scope(pdf: pikepdf.Pdf) -> None:
    _page(pdf).Resources.XObject.Z.GTS_Scope = Name.Global


VT_MUTATIONS: dict[str, tuple[str, Mutation]] = {
    "version": ("version", _xmp(b">PDF/VT-1<", b">PDF/VT-2<")),
    "date": ("modification date", _xmp(b"15:30:00Z</pdfvtid", b"15:31:00Z</pdfvtid")),
    "no parts": ("no document parts", _drop("DPartRoot")),
    "level": ("node names or record level", _set("DPartRoot", RecordLevel=2)),
    "names": ("node names or record level", _drop("DPartRoot", "NodeNameList")),
    "root's parent": ("parent of the root node", _set("DPartRoot", "DPartRootNode", Parent=Dictionary())),
    "no pages": ("a part with both or neither of parts and pages", _no_start),
    "flat": ("parts are not an array of arrays", _flat),
    "order": ("parts out of page order", _reorder),
    "page without a part": ("pages without a part", _lose),
    "parent": ("parent of a part", _wrong_parent),
    "name in metadata": ("metadata of a type that is not allowed", _named_metadata),
    "pointer": ("a page that does not point to its part", _unpoint),
    "scope": ("a scope without its environment", _scope),
}


@pytest.mark.parametrize("name", VT_MUTATIONS)
def test_the_checker_of_document_parts_notices(one_up: Path, tmp_path: Path, name: str) -> None:
    what, mutate = VT_MUTATIONS[name]
    assert what in vt_violations(_mutated(one_up, tmp_path / "mutated.pdf", mutate))


def _mutated(source: Path, out: Path, mutate: Mutation) -> Path:
    with pikepdf.open(source) as pdf:
        mutate(pdf)
        pdf.save(out, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return out


def _odd_artwork(file: Path) -> Path:
    """A card in plain RGB with a transparency group of plain RGB and a transfer function."""
    with pikepdf.open(CREATIVES / "harbor-front.pdf") as pdf:
        page = pdf.pages[0].obj
        page.Group = Dictionary(S=Name.Transparency, CS=Name.DeviceRGB, I=True)
        curve = Dictionary(FunctionType=2, Domain=[0, 1], N=1)
        state = Dictionary(Type=Name.ExtGState, ca=0.5, BM=Name.Multiply, TR=curve, HTP=[0, 0])
        resources = page.get("/Resources", Dictionary())
        resources.ExtGState = Dictionary({**dict(resources.get("/ExtGState", Dictionary()).items()), "/Odd": state})
        page.Resources = resources
        pdf.pages[0].contents_add(b"q /Odd gs 0 0.6 0.2 rg 60 60 200 120 re f Q")
        pdf.save(file)
    return file

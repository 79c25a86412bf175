"""Sheets, one-up files and proofs keep every rule of PDF/X-4 and PDF/VT-1, and the checkers notice when one is broken."""

from pathlib import Path

import pikepdf
import pytest
import reportlab
from pikepdf import Array, Dictionary, Name, String

from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.sheets.impose import impose
from pipeline.products import POSTCARD_4X6
from tests.unit.press.conftest import CREATIVES
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.vt_checker import records, vt_violations
from tests.unit.press.vt_mutations import VT_MUTATIONS
from tests.unit.press.x4_checker import (
    RULES,
    broken_rules,
    file_faults,
    metadata_faults,
    object_faults,
    page_faults,
    violations,
)
from tests.unit.press.x4_mutations import BYTES, HARMLESS, MUTATIONS, Mutation

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


@pytest.mark.parametrize("name", MUTATIONS)
def test_the_checker_notices(one_up: Path, tmp_path: Path, name: str) -> None:
    rule, mutate = MUTATIONS[name]
    assert rule in broken_rules(_mutated(one_up, tmp_path / "mutated.pdf", mutate)), RULES[rule]


def test_a_file_saved_again_unchanged_breaks_nothing(one_up: Path, tmp_path: Path) -> None:
    again = _mutated(one_up, tmp_path / "again.pdf", lambda _: None)
    assert violations(again) == []
    assert vt_violations(again) == []


@pytest.mark.parametrize("name", HARMLESS)
def test_the_checker_lets_pass_what_is_allowed(one_up: Path, tmp_path: Path, name: str) -> None:
    assert violations(_mutated(one_up, tmp_path / "mutated.pdf", HARMLESS[name])) == []


@pytest.mark.parametrize("name", BYTES)
def test_the_checker_notices_what_only_bytes_can_show(one_up: Path, tmp_path: Path, name: str) -> None:
    rule, old, new = BYTES[name]
    data = one_up.read_bytes()
    if old not in data:
        # It stands in an object stream.
        data = _mutated(one_up, tmp_path / "plain.pdf", lambda _: None, plain=True).read_bytes()
    at = data.index(old)
    file = tmp_path / "mutated.pdf"
    file.write_bytes(data[:at] + new + data[at + len(old) :])
    with pikepdf.open(file) as pdf:
        found = [*page_faults(pdf), *file_faults(file, pdf), *metadata_faults(pdf), *object_faults(pdf)]
    assert rule in {fault[0] for fault in found}


def test_the_checker_notices_encryption(one_up: Path, tmp_path: Path) -> None:
    with pikepdf.open(one_up) as pdf:
        pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(owner="o", user=""))
    assert 2 in broken_rules(tmp_path / "locked.pdf")


def test_every_rule_has_a_mutation() -> None:
    assert {rule for rule, *_ in (*MUTATIONS.values(), *BYTES.values())} | {2} == set(RULES)


@pytest.mark.parametrize("name", VT_MUTATIONS)
def test_the_checker_of_document_parts_notices(one_up: Path, tmp_path: Path, name: str) -> None:
    what, mutate = VT_MUTATIONS[name]
    assert what in vt_violations(_mutated(one_up, tmp_path / "mutated.pdf", mutate))


def _mutated(source: Path, out: Path, mutate: Mutation, *, plain: bool = False) -> Path:
    """`plain` files have no object streams."""
    mode = pikepdf.ObjectStreamMode.disable if plain else pikepdf.ObjectStreamMode.preserve
    with pikepdf.open(source) as pdf:
        mutate(pdf)
        level = pikepdf.StreamDecodeLevel.none
        pdf.save(out, compress_streams=False, stream_decode_level=level, object_stream_mode=mode)
    return out


def _odd_artwork(file: Path) -> Path:
    """A card with a transparency group of plain RGB, a blend mode of nobody's, screening, and type by glyph numbers."""
    with pikepdf.open(CREATIVES / "harbor-front.pdf") as pdf:
        page = pdf.pages[0].obj
        page.Group = Dictionary(S=Name.Transparency, CS=Name.DeviceRGB, I=True)
        curve = Dictionary(FunctionType=2, Domain=[0, 1], N=1)
        state = Dictionary(Type=Name.ExtGState, ca=0.5, BM=Name.Multiply, TR=curve, HTP=[0, 0])
        blend = Dictionary(Type=Name.ExtGState, BM=Array([Name("/Sparkle"), Name.Darken]))
        resources = page.Resources
        resources.ExtGState = Dictionary(Odd=state, Blend=blend)
        resources.Font = Dictionary({**dict(resources.get("/Font", Dictionary()).items()), "/By": _by_number(pdf)})
        page.Resources = resources
        pdf.pages[0].contents_add(
            b"q /Odd gs 0 0.6 0.2 rg 60 60 200 120 re f Q q /Blend gs 0 g BT /By 12 Tf 60 60 Td <002400250026> Tj ET Q"
        )
        pdf.save(file)
    return file


def _by_number(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """A typeface whose codes are the numbers of its glyphs."""
    program = (Path(reportlab.__file__).parent / "fonts" / "Vera.ttf").read_bytes()
    descriptor = Dictionary(
        Type=Name.FontDescriptor, FontName=Name.Vera, Flags=4, FontBBox=[-183, -236, 1287, 928], ItalicAngle=0,
        Ascent=928, Descent=-236, CapHeight=729, StemV=80, FontFile2=pdf.make_stream(program),
    )  # fmt: skip
    inner = Dictionary(
        Type=Name.Font, Subtype=Name.CIDFontType2, BaseFont=Name.Vera, CIDToGIDMap=Name.Identity, DW=600,
        CIDSystemInfo=Dictionary(Registry=String("Adobe"), Ordering=String("Identity"), Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor), W=Array([0x24, Array([684, 686, 698])]),
    )  # fmt: skip
    fonts = Array([pdf.make_indirect(inner)])
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font, Subtype=Name.Type0, BaseFont=Name.Vera, Encoding=Name("/Identity-H"), DescendantFonts=fonts
        )
    )

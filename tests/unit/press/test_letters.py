"""Letters as sets of sheets: each page where it belongs, each sheet with its mark, the address on the first alone."""

import csv
import itertools
import subprocess
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from pipeline.address.imb import encode
from pipeline.errors import Permanent
from pipeline.models.profile import Imposition
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import Rect, bleed_rect, on_piece, pt
from pipeline.press.job import Imposed
from pipeline.press.mailing import Mailing
from pipeline.press.proofs.mail_proof import mail_proof
from pipeline.press.proofs.proof import GAP_PX, PAGES_PPI, proof
from pipeline.press.sheets.bars import EXTENT_PT, LENGTH_PT, TRACKER_PT
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import lay_out, plan_places
from pipeline.press.sheets.sheet_mark import mark_text
from pipeline.products import LETTER, Box
from tests.unit.press.bars_seen import read_bars
from tests.unit.press.jobs import make_job
from tests.unit.press.letters import CUT_SHEET, document, make_sets, read_mark
from tests.unit.press.seeing import cut_out, difference, render, text_within
from tests.unit.press.vt_checker import records, vt_violations
from tests.unit.press.x4_checker import violations

Made = dict[str, Path]

STEM = "bt_01harbor_r00"
SPACE = "{http://www.CIP4.org/JDFSchema_2_0}"
STYLES: dict[str, dict[str, Any]] = {
    "one-up": {"mode": "one_up"},
    "cut sheets": CUT_SHEET,
    "13x19": {},
    "12x18 across": {
        "sheet": {"width_in": 12, "height_in": 18, "imageable_width_in": 11.72, "imageable_height_in": 17.69},
        "order": "across",
    },
    "in lifts over the short edge": {"stack_depth": 7, "back_turn": "short_edge", "back_offset_x_in": 0.03},
    "work and tumble": {"work_style": "work_and_tumble"},
}
PPI = 200


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Normalized documents of five pages, of three, and of one."""
    folder = tmp_path_factory.mktemp("letters")
    files = {}
    for name, pages, shade in (("five", 5, 0.25), ("six", 6, 0.6), ("three", 3, 0.9), ("one", 1, 0.1)):
        files[name] = folder / f"{name}.pdf"
        normalize(document(folder / "given.pdf", pages, shade=shade), LETTER, files[name])
    return files


def _impose(made: Made, out: Path, imposition: Imposition, *, count: int, sheets: int, **sets: Any) -> Imposed:
    pieces = make_sets(count, imposition, sheets=sheets, **sets)
    job = make_job(made, pieces, imposition=imposition, product=LETTER.name, sheets_per_piece=sheets)
    return impose(job, out)


def _pages(file: Path) -> int:
    with pikepdf.open(file) as pdf:
        return len(pdf.pages)


def test_a_document_is_normalized_page_by_page_into_one_file(made: Made, tmp_path: Path) -> None:
    given = document(tmp_path / "given.pdf", 5)
    with pikepdf.open(made["five"]) as pdf:
        assert len(pdf.pages) == 5
        for page in pdf.pages:
            assert [float(edge) for edge in page.TrimBox.as_list()] == [0, 0, 612, 792]
    for page in range(5):
        assert difference(render(made["five"], page), render(given, page)) < 0.001
        alone = tmp_path / f"{page}.pdf"
        normalize(given, LETTER, alone, page=page)
        assert _pages(alone) == 1
        assert difference(render(alone), render(given, page)) < 0.001


SHORT = {("13x19", False), ("one-up", True), ("work and tumble", False)}
"""The others take as long again each, and are run with the long tests."""


@pytest.mark.parametrize(
    ("style", "simplex"),
    [
        pytest.param(style, simplex, marks=() if (style, simplex) in SHORT else pytest.mark.long)
        for style in STYLES
        for simplex in (False, True)
    ],
)
def test_every_sheet_of_every_set_has_its_pages_and_its_mark(
    made: Made, tmp_path: Path, style: str, simplex: bool
) -> None:
    imposition = Imposition.model_validate(STYLES[style])
    layout, sheets, count = lay_out(LETTER, imposition), 3, 5
    keys = ("three",) if simplex else ("five", "six")
    drop = _impose(made, tmp_path, imposition, count=count, sheets=sheets, keys=keys, simplex=simplex)
    tumbled = imposition.work_style != "sheetwise"
    sides = 1 if simplex and not tumbled else 2
    assert _pages(drop.files[0]) == sides * drop.sheets
    assert drop.sheets == sheets * max(-(-count // layout.n_up), 1)
    for piece in make_sets(count, imposition, sheets=sheets, keys=keys, simplex=simplex):
        for nth in range(sheets):
            for face in ("front", "back"):
                _check_side(drop, piece, nth, face, layout, sides, made)


def _check_side(drop: Imposed, piece: Any, nth: int, face: Any, layout: Any, sides: int, made: Made) -> None:
    on_front = layout.front.slots[piece.slot].face == face
    if sides == 1 and not on_front:
        return
    side = layout.front if on_front else layout.back
    page = sides * (piece.sheet + nth) + (0 if on_front else 1)
    shown = render(drop.files[0], page, ppi=PPI)
    seen = cut_out(shown, side.slots[piece.slot], layout.sheet.height_pt, ppi=PPI)
    text = text_within(drop.files[0], page, side.slots[piece.slot].rect)
    assert ("ADA LOVELACE" in text) is (nth == 0 and face == "front")
    pages = _pages(made[piece.front])
    wanted = nth if piece.back is None else 2 * nth + (face == "back")
    if face == "front":
        assert read_mark(seen, ppi=PPI) == f"{piece.piece_id} {nth + 1}/3 {STEM}"
    if wanted < pages and not (piece.back is None and face == "back"):
        creative = render(made[piece.front], wanted, ppi=PPI)
        # Marks and addresses stand where the document has nothing.
        assert difference(_body(creative), _body(seen)) < 0.002
        other = render(made[piece.front], (wanted + 1) % pages, ppi=PPI)
        assert difference(_body(other), _body(seen)) > 0.01
    else:
        assert text.strip() == ""


def _body(page: Image.Image) -> Image.Image:
    """Below the address and above the mark."""
    return page.crop((0, round(page.height * 0.3), page.width, round(page.height * 0.92)))


@pytest.mark.parametrize("sheets", [1, 2, 6])
def test_the_sheets_of_a_set_lie_on_one_another_and_stacks_in_mailing_order(sheets: int) -> None:
    imposition = Imposition(stack_depth=13)
    places = plan_places(50, LETTER, imposition, sheets=sheets)
    lifts: dict[int, dict[tuple[int, int], tuple[int, int]]] = {}
    sets_in_lift = 13 // sheets
    for piece, (sheet, slot, position) in enumerate(places):
        for nth in range(sheets):
            lift, within = divmod(sheet + nth, sets_in_lift * sheets)
            assert within == position + nth, "no lift parts a set"
            assert (slot, within) not in lifts.setdefault(lift, {})
            lifts[lift][slot, within] = (piece, nth)
    joined = [lift[key] for _, lift in sorted(lifts.items()) for key in sorted(lift)]
    assert joined == [(piece, nth) for piece in range(50) for nth in range(sheets)]


def test_across_puts_the_next_set_into_the_next_slot_of_the_same_sheets() -> None:
    assert plan_places(5, LETTER, Imposition(order="across"), sheets=3) == [
        (0, 0, 0), (0, 1, 0), (3, 0, 3), (3, 1, 3), (6, 0, 6),
    ]  # fmt: skip


@pytest.mark.parametrize(("right", "up"), list(itertools.product((False, True), repeat=2)))
def test_the_barcode_shows_in_the_window_wherever_the_sheet_has_slid(
    made: Made, tmp_path: Path, right: bool, up: bool
) -> None:
    imposition = Imposition.model_validate(CUT_SHEET)
    drop = _impose(made, tmp_path, imposition, count=1, sheets=1, keys=("one",))
    [piece] = make_sets(1, imposition, sheets=1, keys=("one",))
    envelope = LETTER.envelope
    assert envelope is not None
    x = envelope.sheet.x_in + (envelope.slide_x_in if right else 0)
    y = envelope.sheet.y_in - (envelope.slide_y_in if up else 0)

    def through(window: Box) -> Rect:
        return on_piece(Box(window.x_in - x, window.y_in - y, window.width_in, window.height_in), LETTER)

    window = through(envelope.address_window)
    seen = render(drop.files[0], ppi=400, within=window)
    text = " ".join(text_within(drop.files[0], 0, window).split())
    assert "ADA LOVELACE 1 185 BERRY ST STE 6100 SAN FRANCISCO CA 94107-1234" in text
    assert "HARBOR" not in text
    assert not any(line.strip() == "1" for line in text_within(drop.files[0], 0, window).splitlines()), "its number"
    # The bars are the upper part of what shows; a camera needs 1/8 in at their ends, and 0.028 in above and below.
    inked = seen.convert("L").point(lambda level: 255 if level < 128 else 0)
    box = inked.getbbox()
    assert box is not None
    tall = (2 * EXTENT_PT - TRACKER_PT) / 72 * 400
    assert box[1] / 400 >= 0.028
    bars = seen.crop((0, 0, seen.width, round(box[1] + tall + 3)))
    assert read_bars(bars) == encode(piece.imb[:20], piece.imb[20:])
    across = bars.convert("L").point(lambda level: 255 if level < 128 else 0).getbbox()
    assert across is not None
    assert min(across[0], seen.width - across[2]) / 400 >= 0.125
    assert (across[2] - across[0]) / 400 == pytest.approx(LENGTH_PT / 72, abs=0.01)
    shown = " ".join(text_within(drop.files[0], 0, through(envelope.return_window)).split())
    assert shown == "HARBOR BOOKS 3 QUAY ST BOISE ID 83702"


def test_four_lines_fit_the_window_and_a_fifth_is_refused(made: Made, tmp_path: Path) -> None:
    imposition = Imposition.model_validate(CUT_SHEET)
    [piece] = make_sets(1, imposition, sheets=1, keys=("one",))
    lines = ("ADA LOVELACE", "ANALYTICAL ENGINES", "185 BERRY ST STE 6100", "SAN FRANCISCO CA 94107-1234", "USA")
    for count in (4, 5):
        job = make_job(
            made, [piece._replace(address=lines[:count])], imposition=imposition, product="letter", sheets_per_piece=1
        )
        if count == 5:
            with pytest.raises(Permanent, match="5 lines; 4 is the most"):
                impose(job, tmp_path / "five")
        else:
            file = impose(job, tmp_path / "four").files[0]
            assert "SAN FRANCISCO CA 94107-1234" in text_within(file, 0, on_piece(LETTER.address, LETTER))


def test_marks_are_drawn_as_shapes_in_black_alone_on_white(made: Made, tmp_path: Path) -> None:
    assert LETTER.sheet_mark is not None
    drop = _impose(made, tmp_path, Imposition(mode="one_up"), count=1, sheets=1, keys=("one",))
    with pikepdf.open(drop.files[0]) as pdf:
        shared, own = pdf.pages[0].obj.Contents
        inks = {
            tuple(float(ink) for ink in step.operands) for step in pikepdf.parse_content_stream(own, "k K rg RG g G")
        }
        assert inks == {(0, 0, 0, 1)}
        assert sum(str(step.operator) == "re" for step in pikepdf.parse_content_stream(own)) > 100
        assert not any(str(step.operator) == "INLINE IMAGE" for step in pikepdf.parse_content_stream(own))
        white = [str(step.operands[0]) for step in pikepdf.parse_content_stream(shared) if str(step.operator) == "Do"]
        assert any(name.startswith("/W") for name in white)
    box = on_piece(LETTER.sheet_mark, LETTER)
    seen = render(drop.files[0], ppi=600, within=box).convert("L")
    inked = seen.point(lambda level: 255 if level < 128 else 0).getbbox()
    assert inked is not None
    free = min(inked[0], inked[1], seen.width - inked[2], seen.height - inked[3])
    module = (inked[2] - inked[0]) / 32
    assert free >= 3.8 * module, "four modules free around the code, to a pixel"
    assert module / 600 >= 0.012


@pytest.mark.parametrize("style", STYLES)
def test_sheets_and_proof_keep_every_rule_of_the_press(made: Made, tmp_path: Path, style: str) -> None:
    imposition = Imposition.model_validate(STYLES[style])
    drop = _impose(made, tmp_path, imposition, count=3, sheets=3, keys=("five", "six"))
    for file in (one for one in drop.files if one.suffix == ".pdf"):
        checked = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, ""), file.name
        assert file.stem.endswith("ticket") or violations(file) == [], file.name


def test_a_record_of_a_one_up_file_is_a_set(made: Made, tmp_path: Path) -> None:
    drop = _impose(made, tmp_path, Imposition(mode="one_up"), count=3, sheets=3, keys=("five", "six"))
    assert vt_violations(drop.files[0]) == []
    assert records(drop.files[0]) == [(f"ml_{n:05}", list(range(6 * n - 6, 6 * n))) for n in (1, 2, 3)]
    alone = _impose(
        made, tmp_path / "alone", Imposition(mode="one_up"), count=2, sheets=3, keys=("three",), simplex=True
    )
    assert records(alone.files[0]) == [("ml_00001", [0, 1, 2]), ("ml_00002", [3, 4, 5])]


def test_a_press_that_is_fed_with_letter_paper_gets_pages_of_its_size(made: Made, tmp_path: Path) -> None:
    for name, style in (("one", STYLES["one-up"]), ("cut", CUT_SHEET)):
        imposition = Imposition.model_validate(style)
        drop = _impose(made, tmp_path / name, imposition, count=2, sheets=1, keys=("one",))
        with pikepdf.open(drop.files[0]) as pdf:
            for page in pdf.pages:
                assert [float(edge) for edge in page.MediaBox.as_list()] == [0, 0, 612, 792]
                assert page.MediaBox.as_list() == page.TrimBox.as_list()
    assert "/BleedBox" in page.obj


@pytest.mark.parametrize(("most", "sizes"), [(7, [6, 6, 3]), (2, [3, 3, 3, 3, 3])])
def test_no_file_parts_a_set(made: Made, tmp_path: Path, most: int, sizes: list[int]) -> None:
    imposition = Imposition.model_validate({**CUT_SHEET, "max_sheets_per_file": most})
    drop = _impose(made, tmp_path, imposition, count=5, sheets=3, keys=("five",))
    files = [file for file in drop.files if file.stem[-4:-2] == "-0" and file.suffix == ".pdf"]
    assert [_pages(file) for file in files] == [2 * size for size in sizes]
    runs = ElementTree.parse(tmp_path / f"{STEM}.xjdf").getroot().iter(f"{SPACE}RunList")
    assert [run.get("NPage") for run in runs] == [str(2 * size) for size in sizes]


def test_the_manifest_says_from_which_sheet_on_and_how_many(made: Made, tmp_path: Path) -> None:
    drop = _impose(made, tmp_path, Imposition(), count=3, sheets=3, keys=("five",))
    rows = list(csv.DictReader(drop.files[1].read_text().splitlines()))
    assert [(row["sheet"], row["slot"], row["stack_position"], row["side"], row["sheets"]) for row in rows] == [
        ("1", "1", "1", "front", "3"), ("4", "1", "4", "front", "3"), ("1", "2", "1", "front", "3"),
    ]  # fmt: skip


def test_tickets_say_sets_envelope_fold_and_weight(made: Made, tmp_path: Path) -> None:
    _impose(made, tmp_path, Imposition(), count=3, sheets=3, keys=("five",))
    ticket = " ".join(text_within(tmp_path / f"{STEM}-ticket.pdf", 0, Rect(0, 0, 612, 792)).split())
    for said in (
        "3 pieces on 6 sheets in 1 file", "3 sheets a piece", "envelope no10 double window",
        f"“{mark_text('PIECE', 0, 3, STEM)}”", "Fold each set 3.75 in from the top and 7.75 in from the top",
        f"as mailed {LETTER.thickness_of(3):g} in thick, {LETTER.weight_of(3):g} oz", "Two sides", "no bleed",
    ):  # fmt: skip
        assert said in ticket, said
    assert "Coating on" not in ticket
    xjdf = ElementTree.parse(tmp_path / f"{STEM}.xjdf").getroot()
    ids = {one.get("IDUsage"): one.get("IDValue") for one in xjdf.iter(f"{SPACE}GeneralID")}
    assert (ids["SheetsPerPiece"], ids["Envelope"]) == ("3", "no10_double_window")
    folds = [dict(fold.items()) for fold in xjdf.iter(f"{SPACE}Fold")]
    assert folds == [{"From": "Front", "To": "Down", "Travel": "234"}, {"From": "Front", "To": "Down", "Travel": "288"}]
    [mark] = [one for one in xjdf.iter(f"{SPACE}IdentificationField") if one.get("EncodingDetails") == "DATAMATRIX"]
    assert mark.get("Purpose") == "Separation"
    [printing] = xjdf.iter(f"{SPACE}DigitalPrintingParams")
    assert printing.get("Sides") == "TwoSided"
    assert {position.get("StackDepth") for position in xjdf.iter(f"{SPACE}Position")} == {"6"}


def test_what_is_printed_on_one_side_alone_is_told_and_has_no_backs(made: Made, tmp_path: Path) -> None:
    _impose(made, tmp_path, Imposition(), count=3, sheets=3, keys=("three",), simplex=True)
    xjdf = ElementTree.parse(tmp_path / f"{STEM}.xjdf").getroot()
    [printing] = xjdf.iter(f"{SPACE}DigitalPrintingParams")
    layouts = [one for one in xjdf.iter(f"{SPACE}Layout") if one.get("WorkStyle")]
    assert (printing.get("Sides"), layouts[0].get("WorkStyle")) == ("OneSidedFront", "Simplex")
    assert [run.get("NPage") for run in xjdf.iter(f"{SPACE}RunList")] == ["6"]
    assert "One side: every page is a front" in text_within(tmp_path / f"{STEM}-ticket.pdf", 0, Rect(0, 0, 612, 792))


def test_simplex_and_duplex_sets_of_as_many_sheets_share_a_batch(made: Made, tmp_path: Path) -> None:
    imposition = Imposition(mode="one_up")
    duplex, simplex = (
        make_sets(1, imposition, sheets=3, keys=("five",))[0],
        make_sets(2, imposition, sheets=3, keys=("three",), simplex=True)[1],
    )
    job = make_job(made, [duplex, simplex], imposition=imposition, product="letter", sheets_per_piece=3)
    file = impose(job, tmp_path).files[0]
    pages = [text_within(file, page, bleed_rect(LETTER)) for page in range(_pages(file))]
    named = [next((line for line in page.splitlines() if line.startswith("Page")), "") for page in pages]
    assert named == ["Page 1", "Page 2", "Page 3", "Page 4", "Page 5", "", "Page 1", "", "Page 2", "", "Page 3", ""]


def test_the_proof_of_the_drop_shows_whole_sets(made: Made, tmp_path: Path) -> None:
    drop = _impose(made, tmp_path, Imposition(), count=3, sheets=3, keys=("five",))
    with pypdfium2.PdfDocument(drop.files[-1]) as pdf:
        texts = [page.get_textpage().get_text_range() for page in pdf]
    assert len(texts) == 3 * 3 * 2
    assert ["Page 5" in text for text in texts[:6]] == [False, False, False, False, True, False]
    assert "last piece ml_00003 sheet 3 slot 2 front" in texts[10]
    assert [at for at, text in enumerate(texts) if "ADA LOVELACE" in text] == [0, 6, 12]


@pytest.mark.parametrize(("sides", "pages"), [("duplex", 6), ("simplex", 5)])
def test_the_proof_of_a_piece_has_all_its_pages(made: Made, tmp_path: Path, sides: str, pages: int) -> None:
    mailing = Mailing(address=("ADA LOVELACE", "BOISE ID 83702"), imb="0031012345600000000194107", sides=sides)
    out = tmp_path / "proof.pdf"
    mail_proof({"front": made["five"], "back": None}, LETTER, mailing, out)
    assert _pages(out) == pages
    assert "ADA LOVELACE" in text_within(out, 0, on_piece(LETTER.address, LETTER))
    assert "Page 5" in text_within(out, 4, bleed_rect(LETTER))
    # No inserter takes a proof's mark for a sheet's.
    assert read_mark(render(out, 0, ppi=PPI), ppi=PPI).endswith(" proof")
    assert on_piece(LETTER.address, LETTER).height_pt == pytest.approx(pt(0.8))


def test_the_proof_of_a_creative_shows_all_its_pages(made: Made, tmp_path: Path) -> None:
    proof(LETTER, tmp_path / "five.png", art=made["five"])
    proof(LETTER, tmp_path / "one.png", art=made["one"])
    with Image.open(tmp_path / "five.png") as five, Image.open(tmp_path / "one.png") as one:
        width, height = round(8.5 * PAGES_PPI), round(11 * PAGES_PPI)
        assert abs(five.width - 4 * width) <= 4 * GAP_PX
        assert abs(five.height - 2 * height) <= 2 * GAP_PX
        assert one.width == pytest.approx(8.5 * 150, abs=1)
        # The last cells stay empty.
        assert five.crop((2 * width + 40, height + 40, five.width - 5, five.height - 5)).getcolors(1) is not None

"""The sheets as a file: boxes, sharing, text, order, and that they come out the same each time."""

import csv
import re
import subprocess
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, Marks, Postage, Sheet
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import inches, pt
from pipeline.press.job import Imposed
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import lay_out
from pipeline.products import POSTCARD_4X6
from tests.unit.press.jobs import PERMIT, make_job, make_pieces
from tests.unit.press.seeing import text_within

Artwork = dict[str, Path]


def _impose(
    artwork: Artwork, out: Path, *, count: int = 20, imposition: Imposition | None = None, **more: Any
) -> Imposed:
    imposition = imposition or Imposition()
    return impose(make_job(artwork, make_pieces(count, imposition), imposition=imposition, **more), out)


def _pdfs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.pdf"))


def test_a_drop_has_sheets_manifest_ticket_and_proof(artwork: Artwork, tmp_path: Path) -> None:
    made = _impose(artwork, tmp_path)
    stem = "bt_01harbor_r00"
    assert [file.name for file in made.files] == [
        f"{stem}.pdf",
        f"{stem}.csv",
        f"{stem}-ticket.pdf",
        f"{stem}.xjdf",
        f"{stem}-proof.pdf",
    ]
    assert (made.sheets, made.pieces) == (3, 20)
    assert sorted(tmp_path.iterdir()) == sorted(made.files)


def test_qpdf_finds_nothing_wrong_with_any_file(artwork: Artwork, tmp_path: Path) -> None:
    _impose(artwork, tmp_path)
    for file in _pdfs(tmp_path):
        checked = subprocess.run(["qpdf", "--check", file], capture_output=True, text=True)
        assert (checked.returncode, checked.stderr) == (0, ""), file.name


def test_the_same_job_gives_the_same_bytes(artwork: Artwork, tmp_path: Path) -> None:
    one, two = (_impose(artwork, tmp_path / name) for name in ("one", "two"))
    assert [file.read_bytes() for file in one.files] == [file.read_bytes() for file in two.files]


def test_eight_up_on_both_sides_of_a_13_by_19_sheet(artwork: Artwork, tmp_path: Path) -> None:
    layout = lay_out(POSTCARD_4X6, Imposition())
    assert (layout.n_up, layout.columns, layout.rows) == (8, 2, 4)
    file = _impose(artwork, tmp_path, count=24).files[0]
    with pikepdf.open(file) as pdf:
        assert len(pdf.pages) == 2 * 3
        for page in pdf.pages:
            assert _box(page.mediabox) == (0, 0, 936, 1368)
            assert "/CropBox" not in page.obj
            assert "/Rotate" not in page.obj
        # Two columns of 6.25 in and four rows of 4.25 in, centred; the trim an eighth inside the bleed.
        assert _box(pdf.pages[0].bleedbox) == pytest.approx((18, 72, 918, 1296))
        assert _box(pdf.pages[0].trimbox) == pytest.approx((27, 81, 909, 1287))


def test_shared_artwork_is_stored_once_a_file_and_all_fonts_are_embedded(artwork: Artwork, tmp_path: Path) -> None:
    imposition = Imposition(max_sheets_per_file=2)
    made = _impose(artwork, tmp_path, count=40, imposition=imposition)
    sheets = [file for file in made.files if re.search(r"-00\d\.pdf$", file.name)]
    assert [file.name[-8:] for file in sheets] == ["-001.pdf", "-002.pdf", "-003.pdf"]
    for file in sheets:
        with pikepdf.open(file) as pdf:
            art = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Stream) and "/Art" in _xobjects(obj)]
            # The form of the front and that of the back; each places its artwork, which is in the file once.
            assert len(art) == 2
            assert len({obj.Resources.XObject.Art.objgen for obj in art}) == 2
    for file in _pdfs(tmp_path):
        assert _unembedded(file) == []


def test_a_file_grows_by_less_than_200_bytes_a_piece(artwork: Artwork, tmp_path: Path) -> None:
    sizes = [_impose(artwork, tmp_path / str(count), count=count).files[0].stat().st_size for count in (80, 880)]
    assert (sizes[1] - sizes[0]) / 800 < 200


def test_split_files_hold_all_sheets_in_order(artwork: Artwork, tmp_path: Path) -> None:
    made = _impose(artwork, tmp_path, count=40, imposition=Imposition(max_sheets_per_file=2))
    pages = []
    for file in made.files[:3]:
        with pikepdf.open(file) as pdf:
            count = len(pdf.pages)
        whole = lay_out(POSTCARD_4X6, Imposition()).sheet
        pages += [re.findall(r"sheet (\d) of 5\s+(front|back)", text_within(file, at, whole)) for at in range(count)]
    assert pages == [[(str(sheet), side)] for sheet in range(1, 6) for side in ("front", "back")]


@pytest.mark.parametrize("style", ["sheetwise", "work_and_turn", "work_and_tumble"])
def test_the_manifest_is_one_to_one_with_the_sheets(artwork: Artwork, tmp_path: Path, style: Any) -> None:
    imposition = Imposition(work_style=style)
    made = _impose(artwork, tmp_path, count=21, imposition=imposition)
    rows = list(csv.DictReader(made.files[1].read_text().splitlines()))
    layout = lay_out(POSTCARD_4X6, imposition)
    found = {}
    for page in range(2 * made.sheets):
        side = ("front", "back")[page % 2]
        for slot, placed in enumerate((layout.front, layout.back)[page % 2].slots):
            text = text_within(made.files[0], page, placed.rect)
            if "LOVELACE" in text:
                found[page // 2 + 1, side, slot + 1] = re.findall(r"ADA LOVELACE (\d+)", text)
    assert found == {(int(row["sheet"]), row["side"], int(row["slot"])): [row["sequence"]] for row in rows}
    assert {row["side"] for row in rows} == ({"back"} if style == "sheetwise" else {"front", "back"})
    assert [row["sequence"] for row in rows] == [str(number) for number in range(1, 22)]
    assert [row["piece_id"] for row in rows] == [f"ml_{number:05}" for number in range(1, 22)]
    assert [int(row["stack_position"]) for row in rows] == [int(row["sheet"]) for row in rows]


def test_one_up_has_a_page_of_the_bleed_size_for_each_side(artwork: Artwork, tmp_path: Path) -> None:
    made = _impose(artwork, tmp_path, count=3, imposition=Imposition(mode="one_up"))
    with pikepdf.open(made.files[0]) as pdf:
        assert len(pdf.pages) == 6
        for page in pdf.pages:
            assert _box(page.mediabox) == (0, 0, 450, 306)
            assert _box(page.trimbox) == (9, 9, 441, 297)
    assert "sheet 1 of" not in text_within(made.files[0], 0, lay_out(POSTCARD_4X6, Imposition(mode="one_up")).sheet)


def test_the_indicia_is_the_printers_and_changes_with_it(artwork: Artwork, tmp_path: Path) -> None:
    other = Postage(mailer_id="123456", permit_number="77", permit_city="Reno", permit_state="NV", presort_by="printer")
    cases = {
        "boise": (PERMIT, "first_class", ["FIRST-CLASS MAIL", "US POSTAGE", "PAID", "BOISE, ID", "PERMIT NO. 1042"]),
        "reno": (other, "marketing", ["PRSRT STD", "US POSTAGE", "PAID", "RENO, NV", "PERMIT NO. 77"]),
        "sorted": (other, "first_class", ["PRSRT", "FIRST-CLASS MAIL", "US POSTAGE", "PAID", "RENO, NV"]),
    }
    for name, (postage, mail_class, lines) in cases.items():
        made = _impose(artwork, tmp_path / name, count=1, postage=postage, mail_class=mail_class)
        text = text_within(made.files[0], 1, lay_out(POSTCARD_4X6, Imposition()).back.slots[0].rect)
        assert [line for line in text.splitlines() if line in lines] == lines


def test_metered_mail_has_no_indicia(artwork: Artwork, tmp_path: Path) -> None:
    made = _impose(artwork, tmp_path, count=1, postage=Postage(method="meter", mailer_id="123456"))
    text = text_within(made.files[0], 1, lay_out(POSTCARD_4X6, Imposition()).back.slots[0].rect)
    assert "POSTAGE" not in text
    assert "LOVELACE" in text


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"permit_number": ""}, "permit_missing"),
        ({"permit_city": "Llanfairpwllgwyngyllgogery"}, "indicia_too_long"),
        ({"permit_city": "北京"}, "indicia_unprintable"),
    ],
)
def test_an_indicia_that_cannot_be_printed_stops_the_drop(
    artwork: Artwork, tmp_path: Path, changed: dict[str, str], code: str
) -> None:
    with pytest.raises(Permanent) as caught:
        _impose(artwork, tmp_path, postage=PERMIT.model_copy(update=changed))
    assert caught.value.code == code
    assert list(tmp_path.iterdir()) == []


def test_a_bureau_that_sprays_its_own_barcode_gets_none(artwork: Artwork, tmp_path: Path) -> None:
    letters = re.compile(r"[FADT]{65}")
    slot = lay_out(POSTCARD_4X6, Imposition()).back.slots[0].rect
    ours = _impose(artwork, tmp_path / "us", count=1)
    theirs = _impose(artwork, tmp_path / "bureau", count=1, postage=PERMIT.model_copy(update={"imb_by": "bureau"}))
    assert letters.search(text_within(ours.files[0], 1, slot).replace(" ", ""))
    assert not letters.search(text_within(theirs.files[0], 1, slot).replace(" ", ""))


def test_a_layout_that_does_not_fit_says_so_in_numbers(artwork: Artwork, tmp_path: Path) -> None:
    small = Imposition(sheet=Sheet(width_in=6, height_in=4, imageable_width_in=5.9, imageable_height_in=3.9))
    with pytest.raises(Permanent, match=r"6\.\d+ x 4\.\d+ in; the 6 x 4 in sheet images 5\.900 x 3\.900 in") as caught:
        impose(make_job(artwork, make_pieces(1, Imposition()), imposition=small), tmp_path)
    assert caught.value.code == "layout_does_not_fit"


def test_an_address_that_cannot_be_printed_names_the_piece_and_not_the_person(artwork: Artwork, tmp_path: Path) -> None:
    pieces = list(make_pieces(3, Imposition()))
    pieces[1] = pieces[1]._replace(address=("山田 太郎", "1 MAIN ST", "BOISE ID 83702"))
    with pytest.raises(Permanent, match="ml_00002") as caught:
        impose(make_job(artwork, pieces), tmp_path)
    assert caught.value.code == "address_unprintable"
    assert "山" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [{"sheet": 0, "slot": 1}, {"slot": 8}, {"sheet": -1}])
def test_a_place_that_is_taken_or_off_the_sheet_is_a_bug(
    artwork: Artwork, tmp_path: Path, place: dict[str, int]
) -> None:
    pieces = list(make_pieces(8, Imposition()))
    pieces[0] = pieces[0]._replace(**place)
    with pytest.raises(ValueError, match=r"ml_00001|ml_00002"):
        impose(make_job(artwork, pieces), tmp_path)


def test_a_job_without_pieces_is_a_bug(artwork: Artwork, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no pieces"):
        impose(make_job(artwork, []), tmp_path)


def test_distinct_artwork_is_each_stored_once(tmp_path: Path) -> None:
    artwork = {}
    for number in range(9):
        image, file = tmp_path / f"{number}.png", tmp_path / f"{number}.pdf"
        Image.new("RGB", (1875, 1275), (number * 25, 90, 160)).save(image)
        normalize(image, POSTCARD_4X6, file)
        artwork[f"art{number}"] = file
    pieces = make_pieces(18, Imposition(), fronts=list(artwork), back=None)
    made = impose(make_job(artwork, pieces), tmp_path / "out")
    with pikepdf.open(made.files[0]) as pdf:
        images = [obj for obj in pdf.objects if isinstance(obj, pikepdf.Stream) and obj.get("/Subtype") == "/Image"]
        assert len(images) == 9


def test_no_mark_touches_the_bleed_and_all_are_imageable(artwork: Artwork, tmp_path: Path) -> None:
    layout = lay_out(POSTCARD_4X6, Imposition())
    file = _impose(artwork, tmp_path, count=8).files[0]
    with pikepdf.open(file) as pdf:
        lines = [_lines(pdf.pages[at]) for at in (0, 1)]
    for side, drawn in zip((layout.front, layout.back), lines, strict=True):
        # Both edges of two columns and of four rows, at both ends.
        assert len(drawn) == 2 * (2 * 2 + 2 * 4)
        for x0, y0, x1, y1 in drawn:
            beside = max(x0, x1) <= side.grid.x_pt or min(x0, x1) >= side.grid.right_pt
            above = max(y0, y1) <= side.grid.y_pt or min(y0, y1) >= side.grid.top_pt
            assert beside or above
            assert side.imageable.x_pt <= min(x0, x1) <= max(x0, x1) <= side.imageable.right_pt
            assert side.imageable.y_pt <= min(y0, y1) <= max(y0, y1) <= side.imageable.top_pt
            assert max(abs(x1 - x0), abs(y1 - y0)) >= pt(0.0625)


def test_marks_can_be_left_out(artwork: Artwork, tmp_path: Path) -> None:
    bare = Imposition(marks=Marks(crop=False, slug=False))
    file = _impose(artwork, tmp_path, count=8, imposition=bare).files[0]
    with pikepdf.open(file) as pdf:
        assert _lines(pdf.pages[0]) == []
    assert "bt_01harbor" not in text_within(file, 0, lay_out(POSTCARD_4X6, bare).sheet)


def test_the_ticket_tells_the_operator_what_to_do(artwork: Artwork, tmp_path: Path) -> None:
    made = _impose(artwork, tmp_path, count=20, imposition=Imposition(back_turn="short_edge"))
    with pikepdf.open(made.files[2]) as pdf:
        assert len(pdf.pages) == 1
    page = lay_out(POSTCARD_4X6, Imposition()).sheet
    text = " ".join(text_within(made.files[2], 0, page).split())
    for said in (
        "bt_01harbor_r00", "Snake River Print", "20 pieces on 3 sheets in 1 file", "trim 6 x 4 in, bleed 0.125 in",
        "Turn on the short edge", "8-up (2 x 4)", "MAIL BY Tue 03 Mar 2026 15:00 America/Boise", "press desk, 208-555-0100",
        "PERMIT NO. 1042", "cover 120lb", "1: ml_00001, sheet 1 slot 1", "20: ml_00020, sheet 2 slot 7", "same barcode",
    ):  # fmt: skip
        assert said in text


def test_a_ticket_for_nobody_names_no_printer_and_no_contact(artwork: Artwork, tmp_path: Path) -> None:
    sheet, found = lay_out(POSTCARD_4X6, Imposition()).sheet, {}
    for name in ("Snake River Print", ""):
        made = _impose(artwork, tmp_path / f"of {name}", printer=name, contact=name)
        words = text_within(made.files[2], 0, sheet).split()
        found[name] = ("CONTACT" in words, "for" in words[: words.index("PRODUCT")])
    assert found == {"Snake River Print": (True, True), "": (False, False)}


def test_the_ticket_says_the_coating_and_what_the_statement_needs(artwork: Artwork, tmp_path: Path) -> None:
    page = lay_out(POSTCARD_4X6, Imposition()).sheet
    said = []
    for coating in ("none", "uv", "gloss_varnish"):
        postage = PERMIT.model_copy(update={"crid": "9876543" if coating == "uv" else ""})
        made = _impose(artwork, tmp_path / coating, imposition=Imposition(coating=coating), postage=postage)
        said.append(" ".join(text_within(made.files[2], 0, page).split()))
    assert ["No coating." in text for text in said] == [True, False, False]
    assert "UV on the front only: none on the back" in said[1]
    assert "Gloss varnish on the front only" in said[2]
    statement = f"For the postage statement: mailer id {PERMIT.mailer_id}, CRID 9876543."
    assert [statement in text for text in said] == [False, True, False]


@pytest.mark.parametrize("cap", [400_000, 600_000, 10_000_000])
def test_files_stay_below_the_printers_cap_of_bytes(artwork: Artwork, tmp_path: Path, cap: int) -> None:
    whole = _impose(artwork, tmp_path / "whole", count=4_000).files[0].stat().st_size
    assert 600_000 < whole < 10_000_000
    capped = Imposition(max_bytes_per_file=cap)
    made = _impose(artwork, tmp_path / "capped", count=4_000, imposition=capped)
    sheets = [file for file in made.files if re.search(r"r00(-\d{3})?\.pdf$", file.name)]
    assert all(file.stat().st_size <= cap for file in sheets)
    assert (len(sheets) == 1) is (whole <= cap)
    pages = 0
    for file in sheets:
        with pikepdf.open(file) as pdf:
            pages += len(pdf.pages)
    assert (pages, made.sheets) == (1_000, 500)
    again = _impose(artwork, tmp_path / "again", count=4_000, imposition=capped)
    assert [file.read_bytes() for file in again.files] == [file.read_bytes() for file in made.files]


def test_a_sheet_that_is_larger_than_the_cap_is_refused_with_the_numbers(artwork: Artwork, tmp_path: Path) -> None:
    few = Imposition(max_bytes_per_file=100_000).model_copy(update={"max_bytes_per_file": 1_000})
    with pytest.raises(Permanent, match=r"a file of 1 sheets has [0-9,]+ bytes, and the printer takes 1,000") as caught:
        _impose(artwork, tmp_path, imposition=few)
    assert caught.value.code == "file_too_large"
    assert list(tmp_path.iterdir()) == []


def test_the_proof_shows_first_last_and_longest(artwork: Artwork, tmp_path: Path) -> None:
    pieces = list(make_pieces(12, Imposition()))
    pieces[4] = pieces[4]._replace(address=("ADA LOVELACE 5", "100 CALLE DE LOS SIETE MARES", "SAN JUAN PR 00907-1234"))
    made = impose(make_job(artwork, pieces), tmp_path)
    with pikepdf.open(made.files[4]) as pdf:
        assert len(pdf.pages) == 6
        width, height = (float(side) for side in pdf.pages[0].mediabox[2:])
    assert (inches(width), inches(height)) == (7.25, 5.25)
    page = lay_out(POSTCARD_4X6, Imposition()).sheet
    texts = [text_within(made.files[4], at, page) for at in range(6)]
    assert [re.findall(r"(first piece|last piece|longest address)\s+(ml_\d+)", text) for text in texts[::2]] == [
        [("first piece", "ml_00001")], [("last piece", "ml_00012")], [("longest address", "ml_00005")],
    ]  # fmt: skip
    assert ["ADA LOVELACE " in text for text in texts] == [False, True] * 3


def _box(values: pikepdf.Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)


def _xobjects(obj: pikepdf.Object) -> pikepdf.Object:
    resources = obj.get("/Resources", pikepdf.Dictionary())
    return resources.get("/XObject", pikepdf.Dictionary())


def _unembedded(file: Path) -> list[str]:
    with pikepdf.open(file) as pdf:
        descriptors = [
            obj for obj in pdf.objects if isinstance(obj, pikepdf.Dictionary) and obj.get("/Type") == "/Font"
        ]
        assert descriptors
        return [
            str(font.get("/BaseFont"))
            for font in descriptors
            if font.Subtype not in ("/Type3", "/Type0")
            and not any(
                key in font.get("/FontDescriptor", pikepdf.Dictionary()) for key in ("/FontFile2", "/FontFile3")
            )
        ]


def _lines(page: pikepdf.Page) -> list[tuple[float, float, float, float]]:
    """All straight lines of a page itself, which has no others than crop marks."""
    steps = pikepdf.parse_content_stream(page, "m l")
    points = [tuple(float(value) for value in step.operands) for step in steps]
    return [(*start, *end) for start, end in zip(points[::2], points[1::2], strict=True)]

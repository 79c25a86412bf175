"""The sheets as a camera sees them: artwork in every slot, backs behind their fronts, barcodes that read."""

import csv
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageOps

from pipeline.models.profile import Imposition, Marks
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import Rect, on_piece, pt
from pipeline.press.sheets.address_side import AddressSide
from pipeline.press.sheets.bars import FULL_PT, LENGTH_PT
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import Layout, Slot, lay_out
from pipeline.products import POSTCARD_4X6
from tests.unit.address.imb_reader import UnreadableError, decode
from tests.unit.press.bars_seen import read_bars
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import PPI, cut_out, difference, render

BARS_PPI = 600
SLOTS = range(8)
NARROW = Imposition.model_validate(
    {"sheet": {"width_in": 19, "height_in": 13, "imageable_width_in": 18.69, "imageable_height_in": 12.72}}
)
TURNS = {
    "portrait, long edge": Imposition(),
    "portrait, short edge": Imposition(back_turn="short_edge"),
    "landscape, long edge": NARROW,
    "landscape, short edge": NARROW.model_copy(update={"back_turn": "short_edge"}),
}


@pytest.fixture(scope="module")
def layout() -> Layout:
    return lay_out(POSTCARD_4X6, Imposition())


@pytest.fixture(scope="module")
def sheets(normalized: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two sheets of sixteen pieces with one front and one back."""
    art = {"front": normalized["harbor-front"], "back": normalized["harbor-back"]}
    folder = tmp_path_factory.mktemp("sheets")
    impose(make_job(art, make_pieces(16, Imposition())), folder)
    return folder / "bt_01harbor_r00.pdf"


@pytest.fixture(scope="module")
def front(sheets: Path) -> Image.Image:
    return render(sheets, 0)


@pytest.fixture(scope="module")
def back(sheets: Path) -> Image.Image:
    return render(sheets, 1)


@pytest.mark.parametrize("slot", SLOTS)
def test_every_front_is_its_creative_bleed_and_all(
    front: Image.Image, layout: Layout, normalized: dict[str, Path], slot: int
) -> None:
    placed = cut_out(front, layout.front.slots[slot], layout.sheet.height_pt)
    assert difference(placed, render(normalized["harbor-front"])) < 0.01


@pytest.mark.parametrize("slot", SLOTS)
def test_every_back_is_its_creative_but_for_the_white_zone(
    back: Image.Image, layout: Layout, normalized: dict[str, Path], slot: int
) -> None:
    placed = cut_out(back, layout.back.slots[slot], layout.sheet.height_pt)
    creative = render(normalized["harbor-back"])
    assert difference(placed, creative) > 0.01
    assert difference(_without_zone(placed), _without_zone(creative)) < 0.01


def test_the_comparison_tells_upside_down_and_mirrored_from_right(
    front: Image.Image, layout: Layout, normalized: dict[str, Path]
) -> None:
    placed = cut_out(front, layout.front.slots[0], layout.sheet.height_pt)
    creative = render(normalized["harbor-front"])
    assert difference(placed, creative.rotate(180)) > 0.2
    assert difference(placed, ImageOps.mirror(creative)) > 0.2


def test_the_white_zone_is_white_but_for_what_is_printed_in_it(back: Image.Image, layout: Layout) -> None:
    for slot in layout.back.slots:
        zone = cut_out(back, slot, layout.sheet.height_pt).crop(
            _in_pixels(on_piece(POSTCARD_4X6.ink_free, POSTCARD_4X6))
        )
        inner = zone.crop((1, 1, zone.width - 1, zone.height - 1)).convert("L").histogram()
        assert 0.8 < inner[255] / sum(inner) < 0.97


@pytest.mark.parametrize("turn", TURNS)
def test_the_back_of_a_piece_lies_behind_its_front(tmp_path: Path, turn: str) -> None:
    """Each front has a colour of its own and each back too; seen through the sheet, the pairs must lie on one another."""
    imposition = TURNS[turn]
    layout = lay_out(POSTCARD_4X6, imposition)
    art = _coloured(tmp_path)
    pieces = [
        piece._replace(front=f"front{at}", back=f"back{at}") for at, piece in enumerate(make_pieces(8, imposition))
    ]
    impose(make_job(art, pieces, imposition=imposition), tmp_path)
    front, back = (render(tmp_path / "bt_01harbor_r00.pdf", page, ppi=36) for page in (0, 1))
    portrait = imposition.sheet.height_in > imposition.sheet.width_in
    through = ImageOps.mirror(back) if (imposition.back_turn == "long_edge") == portrait else ImageOps.flip(back)
    for piece in pieces:
        slot = layout.front.slots[piece.slot]
        assert _number_at(front, slot, layout, band=0) == piece.slot
        assert _number_at(through, slot, layout, band=1) == piece.slot
        # The head of both sides is marked, and lies on the same edge of the paper.
        assert _head_is_marked(front, slot, layout, turn=slot.turn)
        assert _head_is_marked(through, slot, layout, turn=slot.turn)


def test_the_back_follows_the_presses_own_offset(artwork: dict[str, Path], tmp_path: Path) -> None:
    # Without targets, since those at the sheet's edge make way for the offset.
    plain = Imposition(marks=Marks(registration=False))
    moved = plain.model_copy(update={"back_offset_x_in": 0.02, "back_offset_y_in": -0.03})
    pieces = make_pieces(8, moved)
    for name, imposition in (("plain", plain), ("moved", moved)):
        impose(make_job(artwork, pieces, imposition=imposition), tmp_path / name)
    pages = [render(tmp_path / name / "bt_01harbor_r00.pdf", 1) for name in ("plain", "moved")]
    boxes = [page.convert("L").point(lambda level: 255 if level < 250 else 0).getbbox() for page in pages]
    assert boxes[0] is not None
    assert boxes[1] is not None
    # Two and three pixels at 100 ppi; an image's rows count downwards.
    assert (boxes[1][0] - boxes[0][0], boxes[1][1] - boxes[0][1]) == (2, 3)
    assert (
        difference(
            render(tmp_path / "moved" / "bt_01harbor_r00.pdf", 0), render(tmp_path / "plain" / "bt_01harbor_r00.pdf", 0)
        )
        == 0
    )


@pytest.mark.parametrize("turn", ["portrait, long edge", "landscape, short edge"])
def test_every_barcode_reads_as_the_manifest_says(artwork: dict[str, Path], tmp_path: Path, turn: str) -> None:
    imposition = TURNS[turn]
    layout = lay_out(POSTCARD_4X6, imposition)
    made = impose(make_job(artwork, make_pieces(11, imposition), imposition=imposition), tmp_path)
    for row in csv.DictReader(made.files[1].read_text().splitlines()):
        slot = layout.back.slots[int(row["slot"]) - 1]
        letters = read_bars(_bars_image(made.files[0], 2 * int(row["sheet"]) - 1, slot))
        assert "".join(decode(letters)) == row["imb"]


def test_a_single_bar_that_prints_wrong_is_noticed(sheets: Path, layout: Layout) -> None:
    image = _bars_image(sheets, 1, layout.back.slots[0])
    letters = read_bars(image)
    decode(letters)
    at = letters.index("F", 20)
    left = round((at * (LENGTH_PT / 64.43) + MARGIN_PT - 0.5) * BARS_PPI / 72)
    ImageDraw.Draw(image).rectangle((left, 0, left + 18, image.height * 0.45), fill="white")
    spoiled = read_bars(image)
    assert [one for one, other in zip(letters, spoiled, strict=True) if one != other] == ["F"]
    with pytest.raises(UnreadableError):
        decode(spoiled)


def test_the_bars_lie_inside_the_tolerances_of_the_specification(sheets: Path, layout: Layout) -> None:
    image = _bars_image(sheets, 1, layout.back.slots[0], ppi=1200)
    box = image.convert("L").point(lambda level: 255 if level < 128 else 0).getbbox()
    assert box is not None
    width_in, height_in = (box[2] - box[0]) / 1200, (box[3] - box[1]) / 1200
    assert 2.667 <= width_in <= 3.225
    assert 0.125 <= height_in <= 0.165


def test_the_barcode_keeps_the_post_offices_margins() -> None:
    """The clear zone of QSG 201a, and the OCR read area of DMM 202.2.1 on a 4 x 6 in card, all from the trim."""
    x_pt, y_pt = AddressSide(POSTCARD_4X6, ()).bars_place()
    bleed, trim = pt(POSTCARD_4X6.bleed_in), pt(POSTCARD_4X6.trim_width_in)
    assert x_pt - bleed >= pt(0.5)
    assert trim - (x_pt - bleed + LENGTH_PT) >= pt(0.5)
    assert y_pt - bleed >= pt(0.625)
    assert y_pt + FULL_PT - bleed <= pt(2.75)


MARGIN_PT = 1.5


def _bars_image(file: Path, page: int, slot: Slot, *, ppi: float = BARS_PPI) -> Image.Image:
    """The barcode of one piece and its clear zone, cut from the rendered sheet and turned upright."""
    x_pt, y_pt = AddressSide(POSTCARD_4X6, ()).bars_place()
    corners = [
        slot.matrix(x, y)[4:]
        for x, y in (
            (x_pt - MARGIN_PT, y_pt - MARGIN_PT),
            (x_pt + LENGTH_PT + MARGIN_PT, y_pt + FULL_PT + MARGIN_PT),
        )
    ]
    left, right = sorted(corner[0] for corner in corners)
    low, high = sorted(corner[1] for corner in corners)
    image = render(file, page, ppi=ppi, within=Rect(left, low, right - left, high - low))
    return image.rotate(-slot.turn, expand=True)


def _in_pixels(rect: Rect) -> tuple[int, int, int, int]:
    scale, height = PPI / 72, pt(POSTCARD_4X6.bleed_height_in)
    left, right = round(rect.x_pt * scale), round(rect.right_pt * scale)
    return left, round((height - rect.top_pt) * scale), right, round((height - rect.y_pt) * scale)


def _without_zone(piece: Image.Image) -> Image.Image:
    masked = piece.copy()
    left, top, right, foot = _in_pixels(on_piece(POSTCARD_4X6.ink_free, POSTCARD_4X6))
    ImageDraw.Draw(masked).rectangle((left - 2, top - 2, right + 2, foot + 2), fill="white")
    return masked


def _coloured(folder: Path) -> dict[str, Path]:
    """Sixteen plain cards: the number in the level of red, the side in blue, a black bar along the head."""
    art = {}
    for side, blue in (("front", 0), ("back", 255)):
        for number in SLOTS:
            image = Image.new("RGB", (1875, 1275), (number * 32 + 16, 128, blue))
            ImageDraw.Draw(image).rectangle((0, 0, 1875, 200), fill="black")
            source, art[f"{side}{number}"] = folder / "art.png", folder / f"{side}{number}.pdf"
            image.save(source)
            normalize(source, POSTCARD_4X6, art[f"{side}{number}"])
    return art


def _number_at(sheet: Image.Image, slot: Slot, layout: Layout, *, band: int) -> int:
    """The number of the card whose colour shows in the slot, a little below its middle and left of the white zone."""
    piece = cut_out(sheet, slot, layout.sheet.height_pt, ppi=36)
    spot = piece.getpixel((piece.width // 2, piece.height // 3 if band == 0 else 2 * piece.height // 8))
    assert isinstance(spot, tuple)
    assert abs(spot[2] - 255 * band) < 40
    return round((spot[0] - 16) / 32)


def _head_is_marked(sheet: Image.Image, slot: Slot, layout: Layout, *, turn: int) -> bool:
    piece = cut_out(sheet, slot, layout.sheet.height_pt, ppi=36)
    head, foot = (piece.convert("L").getpixel((piece.width // 4, y)) for y in (8, piece.height - 8))
    assert isinstance(head, int)
    assert isinstance(foot, int)
    return head < 40 < foot

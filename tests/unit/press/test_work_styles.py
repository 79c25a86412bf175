"""Work styles, stacks, gutters and marks: what lies where on the sheet, as seen and in numbers."""

from itertools import combinations
from itertools import product as pairs
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from PIL import Image, ImageDraw, ImageOps

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, Marks, Sheet
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import pt, trim_rect
from pipeline.press.sheets import code39
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.layout import Layout, Slot, lay_out, plan_places, trims, turns_upright
from pipeline.products import POSTCARD_4X6, POSTCARD_6X9, PRODUCTS, SELF_MAILER_6X18, Product
from tests.unit.press.jobs import make_job, make_pieces
from tests.unit.press.seeing import cut_out, difference, render

STYLES: dict[str, dict[str, Any]] = {
    "work and turn": {"work_style": "work_and_turn"},
    "work and tumble": {"work_style": "work_and_tumble"},
    "head to foot": {"backs": "head_to_foot"},
    "head to foot over the short edge": {"backs": "head_to_foot", "back_turn": "short_edge"},
    "gripper at the left": {"sheet": {"gripper_in": 0.13, "gripper_edge": "left"}, "work_style": "work_and_tumble"},
}
SHEETS = {"13x19": (13.0, 19.0), "12x18": (12.0, 18.0), "19x13": (19.0, 13.0)}


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Eight fronts and eight backs of colours of their own, a black bar along each head."""
    folder = tmp_path_factory.mktemp("cards")
    art = {}
    for (side, blue), number in pairs((("front", 0), ("back", 255)), range(8)):
        image = Image.new("RGB", (1875, 1275), (number * 32 + 16, 128, blue))
        ImageDraw.Draw(image).rectangle((0, 0, 1875, 200), fill="black")
        image.save(folder / "art.png")
        art[f"{side}{number}"] = folder / f"{side}{number}.pdf"
        normalize(folder / "art.png", POSTCARD_4X6, art[f"{side}{number}"])
    return art


@pytest.mark.parametrize("style", STYLES)
def test_every_piece_has_its_own_front_and_back_on_one_place_of_the_paper(
    cards: dict[str, Path], tmp_path: Path, style: str
) -> None:
    imposition = Imposition.model_validate(STYLES[style])
    layout = lay_out(POSTCARD_4X6, imposition)
    pieces = [
        piece._replace(front=f"front{at}", back=f"back{at}") for at, piece in enumerate(make_pieces(8, imposition))
    ]
    made = impose(make_job(cards, pieces, imposition=imposition), tmp_path)
    sheet, behind = (render(made.files[0], page, ppi=36) for page in (0, 1))
    through = ImageOps.mirror(behind) if turns_upright(imposition) else ImageOps.flip(behind)
    foot = imposition.backs == "head_to_foot"
    for piece, place in zip(pieces, (layout.front.slots[piece.slot] for piece in pieces), strict=True):
        seen = {_card(image, place, layout) for image in (sheet, through)}
        assert seen == {("front", int(piece.front[5:])), ("back", int(piece.back[4:]) if piece.back else -1)}
        # The heads of both sides lie on one edge of the paper, or on opposite ones.
        assert (_head(sheet, place, layout) == _head(through, place, layout)) is not foot


def test_work_and_turn_prints_fronts_in_one_half_and_backs_in_the_other() -> None:
    turned = lay_out(POSTCARD_4X6, Imposition(work_style="work_and_turn"))
    tumbled = lay_out(POSTCARD_4X6, Imposition(work_style="work_and_tumble"))
    for side in (turned.front, turned.back):
        halves = {slot.rect.x_pt < 400: slot.face for slot in side.slots}
        assert halves == {True: "front", False: "back"}
        assert len({(slot.face, slot.rect.x_pt < 400) for slot in side.slots}) == 2
    for side in (tumbled.front, tumbled.back):
        assert {(slot.face, slot.rect.y_pt > 600) for slot in side.slots} == {("front", True), ("back", False)}


@pytest.mark.parametrize(("name", "size"), list(pairs(PRODUCTS, SHEETS)))
def test_everything_lies_in_the_imageable_area_and_nothing_on_anything_else(name: str, size: str) -> None:
    width, height = SHEETS[size]
    sheet = {
        "width_in": width,
        "height_in": height,
        "imageable_width_in": width - 0.28,
        "imageable_height_in": height - 0.31,
    }
    imposition = Imposition.model_validate({"sheet": sheet, "back_offset_x_in": 0.01, "back_offset_y_in": -0.02})
    product = PRODUCTS[name]
    if (name, size) == (SELF_MAILER_6X18.name, "12x18"):
        with pytest.raises(Permanent, match=r"18\.375 x 6\.315 in; the 12 x 18 in sheet images 11\.720 x 17\.690 in"):
            lay_out(product, imposition)
        return
    layout = lay_out(product, imposition)
    for side in (layout.front, layout.back):
        kinds = [mark.kind for mark in side.marks]
        assert kinds.count("target") >= 2
        assert {"slug", "color_bar"} <= set(kinds)
        boxes = [*(mark.box for mark in side.marks), *(slot.shown for slot in side.slots)]
        for at, box in enumerate(boxes):
            assert side.imageable.holds(box.grown(-1e-3))
            assert not any(_overlap(box, other) for other in boxes[at + 1 :])
        for trim, slot in zip(trims(side, product), side.slots, strict=True):
            assert slot.shown.holds(trim.grown(-1e-6))


def test_neighbours_share_a_gutter_as_bleed_and_keep_it_whole_at_the_edges(
    artwork: dict[str, Path], tmp_path: Path
) -> None:
    imposition = Imposition(gutter_in=0.5, shared_gutter_in=0.125)
    layout = lay_out(POSTCARD_4X6, imposition)
    first = layout.front.slots[0]
    trim = trims(layout.front, POSTCARD_4X6)[0]
    bleeds = (
        trim.x_pt - first.shown.x_pt, first.shown.right_pt - trim.right_pt, first.shown.top_pt - trim.top_pt,
        trim.y_pt - first.shown.y_pt,
    )  # fmt: skip
    assert bleeds == pytest.approx((pt(0.125), pt(0.0625), pt(0.125), pt(0.0625)))
    made = impose(make_job(artwork, make_pieces(layout.n_up, imposition), imposition=imposition), tmp_path)
    # Two pixels to the point, so that no edge of a trim falls between pixels.
    creative = render(artwork["front"], ppi=144, within=trim_rect(POSTCARD_4X6))
    for placed, slot in zip(trims(layout.front, POSTCARD_4X6), layout.front.slots, strict=True):
        seen = render(made.files[0], ppi=144, within=placed).rotate(-slot.turn, expand=True)
        assert difference(seen, creative) < 0.01
        assert difference(seen, creative.rotate(180)) > 0.2


def test_stacks_of_a_lift_joined_in_slot_order_are_in_mailing_order() -> None:
    imposition = Imposition(stack_depth=5)
    places = plan_places(97, POSTCARD_4X6, imposition)
    assert len({place[:2] for place in places}) == 97
    assert max(sheet for sheet, _, _ in places) + 1 == 13
    lifts: dict[int, dict[tuple[int, int], int]] = {}
    for piece, (sheet, slot, position) in enumerate(places):
        assert position == sheet % 5
        lifts.setdefault(sheet // 5, {})[slot, position] = piece
    joined = [lift[key] for _, lift in sorted(lifts.items()) for key in sorted(lift)]
    assert joined == list(range(97))


def test_across_puts_the_next_piece_into_the_next_slot() -> None:
    assert plan_places(10, POSTCARD_4X6, Imposition(order="across")) == [
        *((0, slot, 0) for slot in range(8)), (1, 0, 1), (1, 1, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [
        ({"columns": 3, "rows": 4}, r"3 x 4 of postcard_4x6 with bleed and marks needs 18\.750 x 16\.938 in"),
        ({"sheet": {"imageable_height_in": 4.4, "imageable_width_in": 6.4}}, r"registration marks need 0\.083 in at"),
        ({"marks": {"registration": False, "barcode": True}, "columns": 2, "rows": 4, "sheet": {"imageable_height_in": 17.2}},
         r"the barcode needs 1\.694 x 0\.292 in"),
        ({"work_style": "work_and_turn", "columns": 1}, r"Work-and-turn wants an even number"),
        ({"back_offset_x_in": 0.2}, r"offset of 0\.2, 0 in moves bleed or marks off"),
        ({"sheet": {"gripper_in": 2.0}, "columns": 2, "rows": 4}, r"images 12\.720 x 16\.845 in"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_the_numbers(asked: dict[str, Any], numbers: str) -> None:
    with pytest.raises(Permanent, match=numbers) as caught:
        lay_out(POSTCARD_4X6, Imposition.model_validate(asked))
    assert caught.value.code == "layout_does_not_fit"


def test_fewer_pieces_make_room_for_marks_unless_the_grid_is_asked_for() -> None:
    wanted: dict[str, Any] = {"marks": {"barcode": True}}
    assert lay_out(POSTCARD_6X9, Imposition()).n_up == 4
    assert lay_out(POSTCARD_6X9, Imposition.model_validate(wanted)).n_up == 2
    with pytest.raises(Permanent, match="barcode needs"):
        lay_out(POSTCARD_6X9, Imposition.model_validate(wanted | {"columns": 2, "rows": 2}))


@pytest.mark.parametrize(("marks", "said"), [({}, "000002"), ({"finisher_program": "07"}, "07")])
def test_the_finishers_barcode_reads(
    artwork: dict[str, Path], tmp_path: Path, marks: dict[str, str], said: str
) -> None:
    imposition = Imposition.model_validate({"marks": {"barcode": True} | marks})
    made = impose(make_job(artwork, make_pieces(9, imposition), imposition=imposition), tmp_path)
    mark = lay_out(POSTCARD_4X6, imposition).front.box("barcode")
    assert mark is not None
    image = render(made.files[0], 2, ppi=600, within=mark.box).convert("L")
    assert _code39(image) == f"*{said}*"
    box = image.point(lambda level: 255 if level < 128 else 0).getbbox()
    assert box is not None
    # Six millimetres free at the ends, bars of four, as finishers ask for.
    assert min(box[0], image.width - box[2]) / 600 * 25.4 >= 5.9
    assert (box[3] - box[1]) / 600 * 25.4 >= 4


def test_targets_print_in_all_inks_and_the_address_in_black_alone(artwork: dict[str, Path], tmp_path: Path) -> None:
    made = impose(make_job(artwork, make_pieces(8, Imposition())), tmp_path)
    with pikepdf.open(made.files[0]) as pdf:
        form = pdf.pages[0].obj.Resources.XObject.M
        assert str(form.Resources.ColorSpace.All[1]) == "/All"
        own = pdf.pages[1].obj.Contents[1]
        inks = {
            tuple(float(ink) for ink in step.operands) for step in pikepdf.parse_content_stream(own, "k K rg RG g G")
        }
        assert inks == {(0, 0, 0, 1)}


def test_a_target_behind_the_front_stands_behind_its_own() -> None:
    layout = lay_out(POSTCARD_4X6, Imposition())
    front, back = ([mark.box for mark in side.marks if mark.kind == "target"] for side in (layout.front, layout.back))
    for one, other in zip(front, back, strict=True):
        assert (other.x_pt, other.y_pt) == pytest.approx((layout.sheet.width_pt - one.right_pt, one.y_pt))


def _card(sheet: Image.Image, slot: Slot, layout: Layout) -> tuple[str, int]:
    """Which card shows: by its colour between the black bar and the white zone, whose side depends on how it is seen."""
    piece = cut_out(sheet, slot, layout.sheet.height_pt, ppi=36)
    upright = piece if _head(sheet, slot, layout) else piece.rotate(180)
    spot = upright.getpixel((piece.width // 2, round(piece.height * 0.27)))
    assert isinstance(spot, tuple)
    return "back" if spot[2] > 128 else "front", round((spot[0] - 16) / 32)


def _head(sheet: Image.Image, slot: Slot, layout: Layout) -> bool:
    """Whether the head, with its black bar, is at the upper edge of the cut-out."""
    piece = cut_out(sheet, slot, layout.sheet.height_pt, ppi=36).convert("L")
    head, foot = (piece.getpixel((piece.width // 4, y)) for y in (8, piece.height - 8))
    assert isinstance(head, int)
    assert isinstance(foot, int)
    assert abs(head - foot) > 60
    return head < foot


def _overlap(one: Any, other: Any) -> bool:
    apart = one.right_pt <= other.x_pt + 1e-6 or other.right_pt <= one.x_pt + 1e-6
    return not (apart or one.top_pt <= other.y_pt + 1e-6 or other.top_pt <= one.y_pt + 1e-6)


def _code39(image: Image.Image) -> str:
    """Reads one row through the middle, by the widths of its bars and spaces."""
    row = [image.getpixel((x, image.height // 2)) for x in range(image.width)]
    dark = [isinstance(level, int) and level < 128 for level in row]
    first, last = dark.index(True), len(dark) - dark[::-1].index(True)
    runs: list[int] = []
    for at in range(first, last):
        if at == first or dark[at] != dark[at - 1]:
            runs.append(0)
        runs[-1] += 1
    wide = (min(runs) + max(runs)) / 2
    letters = {elements: letter for letter, elements in code39._ELEMENTS.items()}
    return "".join(
        letters["".join("1" if run > wide else "0" for run in runs[start : start + 9])]
        for start in range(0, len(runs), 10)
    )


@pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda one: str(one.name))
@pytest.mark.parametrize("size", [(13, 19), (12, 18), (19, 13)], ids=str)
@pytest.mark.parametrize("gripper_in", [0.0, 0.4])
def test_marks_keep_clear_of_one_another(product: Product, size: tuple[int, int], gripper_in: float) -> None:
    """The barcode's room holds its quiet zones, so that no mark may reach into another's."""
    sheet = Sheet(
        width_in=size[0], height_in=size[1], imageable_width_in=size[0] - 0.28, imageable_height_in=size[1] - 0.31,
        gripper_in=gripper_in,
    )  # fmt: skip
    try:
        layout = lay_out(product, Imposition(sheet=sheet, marks=Marks(barcode=True)))
    except Permanent:  # refused with the numbers, which is another test's
        return
    for side in (layout.front, layout.back):
        for one, other in combinations([mark.box for mark in side.marks], 2):
            across = min(one.right_pt, other.right_pt) - max(one.x_pt, other.x_pt)
            up = min(one.top_pt, other.top_pt) - max(one.y_pt, other.y_pt)
            assert min(across, up) <= 1e-6

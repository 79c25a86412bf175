"""The press form as a press prints it: what stands where, and a run measured in the picture and put right by its numbers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from PIL import Image, ImageChops

from pipeline.address.imb import encode, tracking_code
from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, Sheet
from pipeline.press.geometry import Rect, pt
from pipeline.press.proofs.measures import CROSS_IN, EDGES, PLACES, Edge, Measures, Place, Reading
from pipeline.press.proofs.press_form import PressForm, write_press_form
from pipeline.press.proofs.registration import register
from tests.unit.press.bars_seen import read_bars
from tests.unit.press.seeing import render, text_within
from tests.unit.press.x4_checker import violations

PPI = 200
MOMENT = datetime(2026, 3, 3, 15, 0, tzinfo=UTC)
SHEETS = {
    "13x19": Sheet(),
    "12x18": Sheet(width_in=18, height_in=12),
    "letter": Sheet(width_in=8.5, height_in=11),
    "least": Sheet(width_in=8, height_in=8),
}


def form(folder: Path, imposition: Imposition, *, proves: bool = False) -> Path:
    file = folder / f"form-{proves}.pdf"
    write_press_form(PressForm("northside", "form.csv", imposition, MOMENT, proves), file)
    return file


@pytest.fixture(scope="module")
def letter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return form(tmp_path_factory.mktemp("letter"), Imposition(sheet=SHEETS["letter"]))


@pytest.mark.parametrize("name", SHEETS)
@pytest.mark.parametrize("proves", [False, True])
def test_it_keeps_every_rule_of_x4(tmp_path: Path, name: str, proves: bool) -> None:
    imposition = Imposition(sheet=SHEETS[name], back_offset_x_in=0.02)
    assert violations(form(tmp_path, imposition, proves=proves)) == []


def test_the_same_form_has_the_same_bytes_and_a_small_sheet_has_none(tmp_path: Path) -> None:
    plain = Imposition(output_intent="none")
    assert form(tmp_path, plain).read_bytes() == form(tmp_path, plain).read_bytes()
    with pytest.raises(Permanent, match="at least 8 x 8 in, not 6 x 9 in"):
        form(tmp_path, Imposition(sheet=Sheet(width_in=6, height_in=9)))


def test_it_says_what_to_do_and_how_to_turn(tmp_path: Path, letter: Path) -> None:
    whole = Rect(0, 0, pt(8.5), pt(11))
    said = text_within(letter, 0, whole)
    for words in (
        "FRONT",
        "northside, sheet 8.5 x 11 in",
        "over the long edge",
        "form.csv",
        "upper left",
        "1.5 in, 38.1 mm",
    ):
        assert words in said, words
    assert "BACK" in text_within(letter, 1, whole)
    proof = form(
        tmp_path, Imposition(back_turn="short_edge", back_offset_x_in=-0.02, back_offset_y_in=0.01), proves=True
    )
    said = " ".join(text_within(proof, 1, Rect(0, 0, pt(13), pt(19))).split())
    assert "drawn 0.020 in to the left and 0.010 in up" in said
    assert "short edge" in text_within(
        form(tmp_path, Imposition(back_turn="short_edge")), 0, Rect(0, 0, pt(13), pt(19))
    )


@pytest.mark.parametrize("name", SHEETS)
def test_each_cross_has_its_name_and_room_of_its_own(tmp_path: Path, name: str) -> None:
    file = form(tmp_path, Imposition(sheet=SHEETS[name]))
    for page in (0, 1):
        picture = render(file, page, ppi=PPI).convert("L")
        for place in PLACES:
            words = text_within(file, page, _rect(_around(place, picture, pt(0.48)), picture))
            assert sorted(words.split()) == sorted([*place.split("_"), "x", "y"]), (page, place, words)
            assert centre(picture, place) == pytest.approx(_nominal(place, picture), abs=1.0)


def test_the_greys_get_darker_and_the_bars_can_be_read(letter: Path) -> None:
    column = render(letter, 0, ppi=600, within=Rect(pt(2.2), pt(2.2), pt(4.1), pt(6.6))).convert("L")
    expected = encode(tracking_code("310", "123456", 789), "83702123401")
    boxes = _lines(column)
    found = [box for box in boxes if box[2] - box[0] > 1500 and 60 < box[3] - box[1] < 90]
    assert [read_bars(column.crop(box)) for box in found[-4:]] == [expected] * 4
    patches = next(box for box in boxes if box[3] - box[1] > 150)
    levels = [column.getpixel((round((n + 0.5) * 0.28 * 600), (patches[1] + patches[3]) // 2)) for n in range(12)]
    assert levels == sorted(levels, reverse=True)
    assert len(set(levels)) == 12


@pytest.mark.parametrize("turn", ["long_edge", "short_edge"])
@pytest.mark.parametrize("name", ["13x19", "12x18", "letter"])
def test_a_run_that_is_measured_comes_out_straight(tmp_path: Path, name: str, turn: str) -> None:
    """Front and back are shifted as a press does, crosses and ladders are read in the pictures, and the form is printed again."""
    imposition = Imposition.model_validate({"sheet": SHEETS[name], "back_turn": turn, "back_offset_x_in": 0.03})
    file = form(tmp_path, imposition)
    shifts = ((7, -4), (-5, 6))  # pixels to the right and up
    whites: tuple[dict[Edge, float], ...] = (
        {"left": 0.15, "right": 0.17, "head": 0.21, "foot": 0.43},
        dict.fromkeys(EDGES, 0.13),
    )
    front, back = (
        measured(press(render(file, page, ppi=PPI), shift, white))
        for page, shift, white in zip((0, 1), shifts, whites, strict=True)
    )
    found = register(Measures(front, back), imposition)
    assert found.left_over_in < 1.5 / PPI
    assert found.sheet is not None
    assert found.sheet.gripper_edge == "foot"
    assert found.sheet.gripper_in == pytest.approx(0.44, abs=0.011)
    proof = form(tmp_path, found.applied_to(imposition), proves=True)
    seen = press(render(proof, 1, ppi=PPI), shifts[1], {})
    through = seen.transpose(
        Image.Transpose.FLIP_LEFT_RIGHT
        if (name == "12x18") == (turn == "short_edge")
        else Image.Transpose.FLIP_TOP_BOTTOM
    )
    there = press(render(proof, 0, ppi=PPI), shifts[0], {})
    for place in PLACES:
        one, other = centre(there, place), centre(through, place)
        assert (one[0], one[1]) == (pytest.approx(other[0], abs=1.5), pytest.approx(other[1], abs=1.5)), place


def press(page: Image.Image, shift: tuple[int, int], white: dict[Edge, float]) -> Image.Image:
    """What a press makes of a page: it cannot print the white edges, and lays what it prints elsewhere on the paper."""
    edges = {edge: round(white.get(edge, 0.0) * PPI) for edge in EDGES}
    plain = Image.new("L", page.size, 255)
    box = (edges["left"], edges["head"], page.width - edges["right"], page.height - edges["foot"])
    plain.paste(page.convert("L").crop(box), box[:2])
    return plain if shift == (0, 0) else ImageChops.offset(plain, shift[0], -shift[1])


def measured(printed: Image.Image) -> Reading:
    crosses: dict[Place, tuple[float, float]] = {}
    for place in PLACES:
        x, y = centre(printed, place)
        crosses[place] = (
            (x if "left" in place else printed.width - x) / PPI,
            (printed.height - y if "lower" in place else y) / PPI,
        )
    return Reading(crosses, {edge: ladder(printed, edge) for edge in EDGES})


def centre(printed: Image.Image, place: Place) -> tuple[float, float]:
    """Where the two arms cross: the column and the row with most ink."""
    box = _around(place, printed, pt(0.24))  # within the arms
    ink = printed.crop(box).point(lambda level: 255 - level)
    columns = list(ink.resize((ink.width, 1), Image.Resampling.BOX).tobytes())
    rows = list(ink.resize((1, ink.height), Image.Resampling.BOX).tobytes())
    return box[0] + _peak(columns), box[1] + _peak(rows)


def ladder(printed: Image.Image, edge: Edge) -> float:
    """Inches of the whole rung nearest the edge: rungs are 0.13 in apart along the edge, 0.02 in from one to the next inwards."""
    turned = printed.rotate({"foot": 0, "right": 90, "head": 180, "left": 270}[edge] * -1, expand=True)
    # A press that shifts its picture shifts the ladder too: the rung is found by its number, which stands above it.
    for step in range(26):
        x = turned.width / 2 + (-2.0 + 0.13 * step + 0.05) * PPI
        y = turned.height - 0.02 * step * PPI
        if any(_is_rung(turned, x + dx, y + dy) for dx in range(-9, 10) for dy in range(-9, 10)):
            return 0.02 * step
    raise AssertionError("no rung is whole")


def _is_rung(picture: Image.Image, x: float, y: float) -> bool:
    """A line 0.1 in long, and white at both of its sides."""
    half, at = round(0.044 * PPI), (round(x), round(y))
    if not (half < at[0] < picture.width - half and 3 < at[1] < picture.height - 3):
        return False
    line = [picture.getpixel((at[0] + dx, at[1])) for dx in range(-half, half + 1)]
    return max(line) < 140  # type: ignore[type-var]


def _nominal(place: Place, picture: Image.Image) -> tuple[float, float]:
    x = CROSS_IN * PPI if "left" in place else picture.width - CROSS_IN * PPI
    return x, CROSS_IN * PPI if "upper" in place else picture.height - CROSS_IN * PPI


def _around(place: Place, picture: Image.Image, reach_pt: float) -> tuple[int, int, int, int]:
    x, y = _nominal(place, picture)
    reach = reach_pt * PPI / 72
    return round(x - reach), round(y - reach), round(x + reach), round(y + reach)


def _rect(box: tuple[int, int, int, int], picture: Image.Image) -> Rect:
    scale = 72 / PPI
    return Rect(box[0] * scale, (picture.height - box[3]) * scale, (box[2] - box[0]) * scale, (box[3] - box[1]) * scale)


def _peak(values: list[int]) -> float:
    top = max(values)
    near = [(at, value) for at, value in enumerate(values) if value > top / 2]
    return sum((at + 0.5) * value for at, value in near) / sum(value for _, value in near)


def _ink(level: int) -> int:
    return 255 if level < 200 else 0


def _lines(picture: Image.Image) -> list[tuple[int, int, int, int]]:
    """What stands between rows without ink, from the top: the box of its ink."""
    inked = picture.point(_ink)
    rows = [inked.crop((0, y, inked.width, y + 1)).getbbox() is not None for y in range(inked.height)]
    starts = [y for y in range(len(rows)) if rows[y] and not (y and rows[y - 1])]
    ends = [next((y for y in range(start, len(rows)) if not rows[y]), len(rows)) for start in starts]
    found = []
    for start, end in zip(starts, ends, strict=True):
        left, _, right, _ = inked.crop((0, start, inked.width, end)).getbbox() or (0, 0, 0, 0)
        found.append((left, start, right, end))
    return found

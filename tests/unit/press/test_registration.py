"""The maths of the press form: a press that moves, turns and stretches what it prints is measured, and comes out straight again."""

import json
import random
from dataclasses import dataclass
from math import cos, hypot, radians, sin
from typing import Any

import pytest

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, Sheet
from pipeline.press.geometry import Rect, pt
from pipeline.press.proofs.measures import (
    CROSS_IN,
    EDGES,
    PLACES,
    SIDES,
    Edge,
    Measures,
    Reading,
    averaged,
    blank_table,
    cross_marks,
    ladder_marks,
    read_measures,
)
from pipeline.press.proofs.registration import TOLERANCE_IN, imaging, register
from pipeline.press.sheets.layout import lay_out
from pipeline.products import POSTCARD_4X6

PLAIN = Imposition()
TUMBLED = Imposition(back_turn="short_edge")
LANDSCAPE = Imposition(sheet=Sheet(width_in=19, height_in=13, imageable_width_in=18.69, imageable_height_in=12.72))


@dataclass(frozen=True)
class Side:
    """What a press does to one side of the sheet, as one looks at that side: moved, turned about the middle, and cut larger."""

    x: float = 0.0
    y: float = 0.0
    turn_deg: float = 0.0
    blank: dict[Edge, float] | None = None


def printed(side: Side, imposition: Imposition, *, paper: tuple[float, float] = (0.0, 0.0)) -> Reading:
    """A cross is drawn at its place of the nominal sheet, printed where the press puts it, and measured on real paper."""
    width, height = imposition.sheet.width_in, imposition.sheet.height_in
    real_w, real_h = width + paper[0], height + paper[1]
    crosses = {}
    for place in PLACES:
        x = (CROSS_IN if "left" in place else width - CROSS_IN) - width / 2
        y = (CROSS_IN if "lower" in place else height - CROSS_IN) - height / 2
        turn = radians(side.turn_deg)
        x, y = x * cos(turn) - y * sin(turn) + side.x, x * sin(turn) + y * cos(turn) + side.y
        from_left, from_foot = x + real_w / 2, y + real_h / 2
        crosses[place] = (
            from_left if "left" in place else real_w - from_left,
            from_foot if "lower" in place else real_h - from_foot,
        )
    return Reading(crosses, side.blank)


def measured(front: Side, back: Side, imposition: Imposition, **paper: Any) -> Measures:
    return Measures(printed(front, imposition, **paper), printed(back, imposition, **paper))


@pytest.mark.parametrize("imposition", [PLAIN, TUMBLED, LANDSCAPE, Imposition(work_style="work_and_tumble")])
@pytest.mark.parametrize("seed", range(6))
def test_the_offset_brings_both_sides_together(imposition: Imposition, seed: int) -> None:
    chance = random.Random(seed)
    front, back = (Side(chance.uniform(-0.2, 0.2), chance.uniform(-0.2, 0.2)) for _ in range(2))
    paper = (chance.uniform(-0.05, 0.05), chance.uniform(-0.05, 0.05))
    found = register(measured(front, back, imposition, paper=paper), imposition)
    assert (found.left_over_in, found.turned_deg) == (pytest.approx(0, abs=1e-9), pytest.approx(0, abs=1e-9))
    assert found.front_in == (pytest.approx(front.x), pytest.approx(front.y))
    corrected = Side(back.x + found.offset_x_in, back.y + found.offset_y_in)
    again = register(measured(front, corrected, imposition, paper=paper), imposition)
    assert (again.offset_x_in, again.offset_y_in) == (pytest.approx(0, abs=6e-4), pytest.approx(0, abs=6e-4))
    assert found.is_tight


def test_the_offset_is_to_the_right_and_up_as_one_looks_at_the_back() -> None:
    """By hand: the front lies 0.04 in to the right and 0.02 up, the back where it should. Behind a place 0.04 further right is one
    0.04 further left."""
    found = register(measured(Side(0.04, 0.02), Side(), PLAIN), PLAIN)
    assert (found.offset_x_in, found.offset_y_in) == (-0.04, 0.02)
    found = register(measured(Side(0.04, 0.02), Side(), TUMBLED), TUMBLED)
    assert (found.offset_x_in, found.offset_y_in) == (0.04, -0.02)
    found = register(measured(Side(), Side(0.04, 0.02), PLAIN), PLAIN)
    assert (found.offset_x_in, found.offset_y_in) == (-0.04, -0.02)


def test_the_offset_is_the_one_that_imposition_applies() -> None:
    """A slot of the back, drawn with the offset and moved by the press, lies behind its slot of the front, moved by the press."""
    front, back = Side(0.02, -0.03), Side(0.01, 0.04)
    for imposition in (PLAIN, TUMBLED):
        sheets = lay_out(POSTCARD_4X6, register(measured(front, back, imposition), imposition).applied_to(imposition))
        width, height = sheets.sheet.width_pt, sheets.sheet.height_pt
        for one, other in zip(sheets.front.slots, sheets.back.slots, strict=True):
            there, seen = one.rect.moved(pt(front.x), pt(front.y)), other.rect.moved(pt(back.x), pt(back.y))
            through = Rect(width - seen.right_pt, seen.y_pt, seen.width_pt, seen.height_pt)
            if imposition is TUMBLED:
                through = Rect(seen.x_pt, height - seen.top_pt, seen.width_pt, seen.height_pt)
            assert (through.x_pt, through.y_pt) == (
                pytest.approx(there.x_pt, abs=0.1),
                pytest.approx(there.y_pt, abs=0.1),
            )


def test_a_turn_is_told_and_left_over() -> None:
    found = register(measured(Side(), Side(turn_deg=0.3), PLAIN), PLAIN)
    reach = hypot(PLAIN.sheet.width_in / 2 - CROSS_IN, PLAIN.sheet.height_in / 2 - CROSS_IN)
    assert found.turned_deg == pytest.approx(0.3, abs=1e-3)
    assert found.left_over_in == pytest.approx(reach * radians(0.3), rel=1e-3)
    assert not found.is_tight
    # Seen from the back, a front that is turned one way is a back that is turned the same way: they would lie together.
    both = register(measured(Side(turn_deg=-0.3), Side(turn_deg=0.3), PLAIN), PLAIN)
    assert (both.turned_deg, both.left_over_in) == (pytest.approx(0, abs=1e-6), pytest.approx(0, abs=1e-6))


def test_a_tolerance_is_a_quarter_of_the_bleed() -> None:
    assert pytest.approx(POSTCARD_4X6.bleed_in / 4) == TOLERANCE_IN


def white(left: float, right: float, head: float, foot: float) -> dict[Edge, float]:
    return {"left": left, "right": right, "head": head, "foot": foot}


def images(sheet: Sheet, imposition: Imposition) -> dict[str, float]:
    """What imposition leaves white at each edge of the front."""
    area = lay_out(POSTCARD_4X6, imposition.model_copy(update={"sheet": sheet})).front.imageable
    right, head = sheet.width_in - area.right_pt / 72, sheet.height_in - area.top_pt / 72
    return {"left": area.x_pt / 72, "right": right, "head": head, "foot": area.y_pt / 72}


@pytest.mark.parametrize(
    "blank",
    [white(0.14, 0.14, 0.16, 0.16), white(0.14, 0.16, 0.16, 0.4), white(0.3, 0.1, 0.16, 0.18), white(0, 0, 0, 0)],
)
@pytest.mark.parametrize("imposition", [PLAIN, TUMBLED])
def test_nothing_is_promised_where_the_press_prints_nothing(blank: dict[Edge, float], imposition: Imposition) -> None:
    kept = images(imaging(imposition.sheet, blank), imposition)
    for edge in EDGES:
        assert kept[edge] >= blank[edge] - 1e-9, edge
        assert kept[edge] <= max(blank[edge], blank[_ACROSS[edge]]) + 0.011, edge


_ACROSS: dict[Edge, Edge] = {"left": "right", "right": "left", "head": "foot", "foot": "head"}


def test_the_edge_with_more_white_than_the_one_across_is_the_gripper() -> None:
    sheet = imaging(PLAIN.sheet, white(0.14, 0.14, 0.16, 0.42))
    assert (sheet.gripper_edge, sheet.gripper_in) == ("foot", 0.42)
    assert (sheet.imageable_width_in, sheet.imageable_height_in) == (12.72, 18.68)
    even = imaging(PLAIN.sheet.model_copy(update={"gripper_in": 0.4}), white(0.14, 0.14, 0.16, 0.16))
    assert (even.gripper_in, str(even.gripper_in)) == (0.0, "0.0")


def test_white_edges_of_both_sides_count_each_at_its_own_edge_of_the_paper() -> None:
    front, back = Side(blank=white(0.1, 0.1, 0.1, 0.4)), Side(blank=white(0.3, 0.1, 0.1, 0.1))
    over_upright = register(measured(front, back, PLAIN), PLAIN).sheet
    assert over_upright == imaging(PLAIN.sheet, white(0.1, 0.3, 0.1, 0.4))
    over_level = register(measured(front, back, TUMBLED), TUMBLED).sheet
    assert over_level == imaging(PLAIN.sheet, white(0.3, 0.1, 0.1, 0.4))
    assert register(measured(Side(), Side(), PLAIN), PLAIN).applied_to(PLAIN).sheet is PLAIN.sheet


# Reading


def table(measures: Measures, *, scale: float = 1.0) -> dict[str, dict[str, float]]:
    body: dict[str, dict[str, float]] = {}
    for side in SIDES:
        reading: Reading = getattr(measures, side)
        pairs = [value * scale for place in PLACES for value in reading.crosses[place]]
        body[side] = dict(zip(cross_marks(), pairs, strict=True))
        if reading.blank:
            body[side] |= dict(zip(ladder_marks(), (reading.blank[edge] * 100 for edge in EDGES), strict=True))
    return body


def as_csv(body: dict[str, dict[str, float]]) -> str:
    return "\ufeffSide,Mark,Value\r\n" + "".join(
        f"{s}, {m},{v!r}\r\n" for s, marks in body.items() for m, v in marks.items()
    )


SOME = measured(
    Side(0.04, 0.02, 0.1, white(0.14, 0.14, 0.16, 0.42)), Side(-0.03, 0.0, 0.0, white(0.14, 0.14, 0.16, 0.4)), PLAIN
)


def same(one: Measures, other: Measures) -> bool:
    return all(
        getattr(one, side).crosses[place] == pytest.approx(getattr(other, side).crosses[place])
        and getattr(one, side).blank == pytest.approx(getattr(other, side).blank)
        for side in SIDES
        for place in PLACES
    )


def test_csv_and_json_say_the_same_in_inches_and_millimetres() -> None:
    inches, metric = table(SOME), table(SOME, scale=25.4)
    assert same(read_measures(as_csv(inches)), SOME)
    for side in SIDES:
        metric[side] |= {mark: inches[side][mark] for mark in ladder_marks()}
    assert same(read_measures(as_csv(metric), unit="mm"), SOME)
    assert same(read_measures(json.dumps({"unit": "mm", **metric})), SOME)


def test_the_empty_table_is_missing_every_cross_and_no_ladder() -> None:
    with pytest.raises(Permanent) as raised:
        read_measures(blank_table())
    assert len(raised.value.faults) == 16
    assert not any("ladder" in fault.pointer for fault in raised.value.faults)


@pytest.mark.parametrize(
    ("change", "pointer", "said"),
    [
        ({"front": {"upper_left_x": 38.1}}, "/front/upper_left_x", "38.1 in is too far from 1.5 in"),
        ({"front": {"upper_left_x": float("nan")}}, "/front/upper_left_x", "too far"),
        ({"front": {"upper_left_x": "1,5"}}, "/front/upper_left_x", "'1,5' is not a number"),
        ({"back": {"lower_right_y": None}}, "/back/lower_right_y", "is missing"),
        ({"back": {"middle_x": 1.5}}, "/back/middle_x", "no such mark"),
        ({"back": {"ladder_foot": None}}, "/back/ladder_foot", "is missing"),
        ({"back": {"ladder_foot": 240}}, "/back/ladder_foot", "no number of a ladder"),
        ({"back": dict.fromkeys(ladder_marks())}, "/back/ladder_left", "one side alone"),
        ({"unit": "cm"}, "/unit", "no unit cm"),
        ({"middle": 3}, "/middle", "no such mark"),
    ],
)
def test_what_is_wrong_is_told_by_its_mark(change: dict[str, Any], pointer: str, said: str) -> None:
    body: dict[str, Any] = table(SOME)
    for name, part in change.items():
        body[name] = {**body[name], **part} if isinstance(part, dict) else part
    with pytest.raises(Permanent) as raised:
        read_measures(json.dumps(body))
    fault = raised.value.faults[0]
    assert (fault.pointer, said in fault.detail, bool(fault.remedy)) == (pointer, True, True), fault


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "first line"),
        ("side,value\n", "first line"),
        ("{", "not JSON"),
        ("side,mark,value\nfront,upper_left_x\n", "line 2"),
        ("side,mark,value\nfront,upper_left_x,1.5\nfront,upper_left_x,1.5\n", "twice"),
    ],
)
def test_a_file_of_another_form_is_refused(text: str, said: str) -> None:
    with pytest.raises(Permanent, match=said):
        read_measures(text)


def test_several_sheets_are_averaged_and_the_widest_white_counts() -> None:
    one = measured(Side(0.02, 0.0, blank=white(0.1, 0.1, 0.1, 0.1)), Side(blank=white(0.1, 0.1, 0.1, 0.1)), PLAIN)
    other = measured(Side(0.06, 0.0, blank=white(0.1, 0.1, 0.1, 0.2)), Side(blank=white(0.1, 0.1, 0.1, 0.1)), PLAIN)
    mean = averaged([one, other])
    assert register(mean, PLAIN).offset_x_in == pytest.approx(-0.04)
    assert mean.front.blank == white(0.1, 0.1, 0.1, 0.2)
    assert averaged([measured(Side(), Side(), PLAIN)]).front.blank is None

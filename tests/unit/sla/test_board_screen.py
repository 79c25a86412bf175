"""The board on a terminal of 100 columns: what is wrong is told in words, and what has no room is counted."""

from datetime import timedelta

import pytest

from ops.cli.board import _age, _number, _span, fitting, lines
from pipeline.lifecycle import Cause
from pipeline.sla.board import Floor, Miss
from pipeline.sla.work import Meant, Step
from pipeline.worker.board import Board, Doubled, Doubted, Held, PrinterLine, Stuck
from tests.unit.sla.test_board import FIVE, HALF_PAST_EIGHT, KEY, NOW, shop, work


def board(*, fresh: bool = True) -> Board:
    works = [
        work("bt_1", sheets=6_000, steps={Step.ACCEPTED: 8_000, Step.PRINTED: 38_000, Step.LOADED: 2_000}),
        work("bt_2", printer_id="south", sheets=4_000),
        work("bt_3", printer_id="a-printer-with-a-long-name", steps={Step.PRINTED: 8_000}),
    ]
    shops = [shop(made=7_900), shop("south", heard=52), shop("a-printer-with-a-long-name")]
    meant = [Meant("north", KEY, HALF_PAST_EIGHT, 1_240_000, HALF_PAST_EIGHT)]
    misses = {"bt_2": {"acme": 12_000, "bob": 400, "cyd": 3, "dan": 2, "eve": 1}}
    return Board(
        at=NOW,
        planned_at=NOW - timedelta(seconds=2),
        fresh=fresh,
        waiting=1_240_000,
        trucks=tuple(Floor(shops, works, meant, NOW, fresh=fresh).rows(misses)),
        stuck=(Stuck(KEY, 1_200, FIVE, Cause("no_truck", "no truck leaves before it is due"), (Miss("ada", 1_200),)),),
        held=(Held("asked", "acme", 12_000, NOW - timedelta(days=2), True, "ml_7"),),
        doubted=(Doubted("bt_4", "bt_4_r00", "west", 8_000, NOW - timedelta(minutes=50)),),
        doubled=(Doubled("bt_5", "bt_5_r00", "west", 4_200, NOW - timedelta(days=2)),),
        printers=tuple(PrinterLine(one.name, "open", one.heard_at) for one in shops),
    )


def shown(**more: bool) -> list[str]:
    return ["".join(text for text, _ in line) for line in lines(board(**more))]


def test_every_line_has_room_on_a_terminal_of_100_columns() -> None:
    assert max(map(len, shown())) <= 100
    assert len(shown()) <= 40


def test_a_truck_is_one_line_with_what_is_wrong_below_it() -> None:
    text = shown()
    at = next(n for n, line in enumerate(text) if " south " in line)
    assert text[at].split() == [
        "LATE", "south", "17:00", "60m", "15:50", "-", "-", "-", "-", "32k", "-", "-", "-", "64k", "-", "16:40", "12k", "52m",
    ]  # fmt: skip
    assert text[at + 1].strip() == (
        "misses its cut by 10 min; nothing heard for 52 min; will miss: acme 12k, bob 400, cyd 3, dan …"
    )


def test_what_has_no_truck_stands_at_the_end() -> None:
    text = "\n".join(shown())
    assert "postcard_4x6 first_class (ada 1.2k): no truck leaves before it is due" in text
    assert "asked, by acme, the oldest for 2d; their count stands" in text
    assert "at west for 50m: mailstream batches settle bt_4" in text
    assert "may be mailed twice\n  4.2k given up at west 2d ago and made again: mailstream batches show bt_5" in text


def test_what_is_wrong_has_its_ids_and_the_command_to_use() -> None:
    text = [line.strip() for line in shown()]
    assert "bt_2: mailstream batches show, reroute, split, recall" in text
    assert not any(line.startswith("bt_3:") for line in text)  # all is well there
    assert "mailstream sla excuse --cause no_truck --product postcard_4x6 --reason …" in text
    assert "mailstream holds release ml_7 --reason … (holds list has all)" in text


def test_a_board_whose_plan_is_old_says_so_first_and_nothing_on_it_is_green() -> None:
    stale = lines(board(fresh=False))
    assert "the tick stands still" in "".join(text for text, _ in next(iter(stale)))
    assert not any(style == "green" for line in stale for _, style in line)
    assert any(style == "green" for line in lines(board()) for _, style in line)


def test_what_has_no_room_is_counted() -> None:
    all_ = list(lines(board()))
    cut = fitting(all_, 10)
    assert len(cut) == 10
    assert cut[-1][0][0].startswith(f"… {len(all_) - 9} lines more")
    assert fitting(all_, 40) is all_


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "-"), (0, "0"), (999, "999"), (999.6, "1.0k"), (9_949, "9.9k"), (9_960, "10k"), (124_400, "124k"),
     (999_499, "999k"), (999_500, "1.0M"), (float("inf"), "∞")],
)  # fmt: skip
def test_numbers_have_four_characters(value: float | None, text: str) -> None:
    assert _number(value) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
    [(0, "0m"), (58, "58m"), (99, "99m"), (190, "3h10"), (1_500, "25h"), (-12, "-12m"), (-130, "-2h")],
)
def test_a_countdown_is_short(minutes: int, text: str) -> None:
    assert _span(60.0 * minutes) == text


def test_an_age_is_in_its_largest_unit() -> None:
    assert [_age(seconds) for seconds in (-1, 2, 240, 7_300, 180_000)] == ["0s", "2s", "4m", "2h", "2d"]

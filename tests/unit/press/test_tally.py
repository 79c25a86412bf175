"""How the sheets of a batch are parted into files."""

from collections import deque

import pytest

from pipeline.models.profile import Imposition
from pipeline.press.sheets.layout import lay_out
from pipeline.press.sheets.tally import Tally
from pipeline.products import POSTCARD_4X6
from tests.unit.press.jobs import make_job, make_pieces


def sizes(sheets: int, **asked: int) -> list[int]:
    imposition = Imposition.model_validate(asked)
    layout = lay_out(POSTCARD_4X6, imposition)
    tally = Tally(make_job({}, make_pieces(sheets * layout.n_up, imposition), imposition=imposition), layout)
    deque(tally.passing(), maxlen=0)
    size = tally.sheets_in_file
    found = [min(size, tally.sheets - start) for start in range(0, tally.sheets, size)]
    assert len(found) == tally.file_count
    assert sum(found) == sheets
    return found


@pytest.mark.parametrize(
    ("sheets", "most", "parted"),
    [
        (5, 5, [5]),
        (5, 6, [5]),
        (5, 4, [3, 2]),
        (5, 2, [2, 2, 1]),
        (6, 5, [3, 3]),
        (25, 20, [13, 12]),
        (3, 1, [1, 1, 1]),
    ],
)
def test_files_are_much_the_same_size(sheets: int, most: int, parted: list[int]) -> None:
    assert sizes(sheets, max_sheets_per_file=most) == parted


@pytest.mark.parametrize(
    ("sheets", "most", "depth", "parted"),
    [(10, 8, 3, [6, 4]), (10, 7, 4, [5, 5]), (9, 8, 9, [5, 4]), (10, 5, 5, [5, 5]), (12, 8, 2, [6, 6])],
)
def test_a_file_holds_whole_lifts_unless_that_takes_more_files(
    sheets: int, most: int, depth: int, parted: list[int]
) -> None:
    found = sizes(sheets, max_sheets_per_file=most, stack_depth=depth)
    assert found == parted
    assert len(found) == -(-sheets // most)

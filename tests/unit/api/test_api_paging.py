"""Cursors and the shape of a page."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.paging import List
from api.problems import Problem
from pipeline.repository.accounts import Sender
from pipeline.repository.pages import Page

MINE = List("/v1/mail", Sender("ac_1", "test"), {"status": "ready"}, "pepper")


@dataclass(frozen=True)
class Row:
    id: str


def read(listed: List, cursor: str) -> str:
    with pytest.raises(Problem) as caught:
        listed.read(cursor)
    return caught.value.code


@given(st.sampled_from(["older", "newer"]), st.text(max_size=40))
def test_a_cursor_is_read_back(direction: str, mark: str) -> None:
    assert MINE.read(MINE.cursor(direction, mark)) == (direction, mark)


@pytest.mark.parametrize(
    "other",
    [
        List("/v1/creatives", MINE.sender, MINE.filters, "pepper"),
        List(MINE.url, Sender("ac_2", "test"), MINE.filters, "pepper"),
        List(MINE.url, Sender("ac_1", "live"), MINE.filters, "pepper"),
        List(MINE.url, MINE.sender, {"status": "held"}, "pepper"),
        List(MINE.url, MINE.sender, {}, "pepper"),
    ],
)
def test_a_cursor_keeps_to_its_list(other: List) -> None:
    assert read(other, MINE.cursor("older", "ml_1")) == "cursor_mismatch"


@given(st.text(max_size=200))
def test_no_text_is_a_cursor(text: str) -> None:
    assert read(MINE, text) == "invalid_cursor"


def test_a_cursor_of_another_installation_is_refused() -> None:
    elsewhere = List(MINE.url, MINE.sender, MINE.filters, "salt")
    assert read(elsewhere, MINE.cursor("older", "ml_1")) == "invalid_cursor"


@pytest.mark.parametrize(
    ("page", "ids", "shown", "older", "newer"),
    [
        (Page(2), "", "", False, False),
        (Page(2), "cb", "cb", False, False),
        (Page(2), "cba", "cb", True, False),
        (Page(2, older_than="d"), "cb", "cb", False, True),
        (Page(2, older_than="d"), "cba", "cb", True, True),
        (Page(2, newer_than="a"), "cb", "cb", True, False),
        (Page(2, newer_than="a"), "dcb", "cb", True, True),
    ],
)
def test_a_page_knows_what_lies_on_either_side(page: Page, ids: str, shown: str, older: bool, newer: bool) -> None:
    rows = [Row(one) for one in ids]
    body = MINE.body(page, rows, [{"id": row.id} for row in rows])
    assert "".join(one["id"] for one in body["data"]) == shown
    assert body["has_more"] is older
    assert (body["next_cursor"] is not None, body["previous_cursor"] is not None) == (older, newer)
    if older:
        assert MINE.read(body["next_cursor"]) == ("older", shown[-1])
    if newer:
        assert MINE.read(body["previous_cursor"]) == ("newer", shown[0])

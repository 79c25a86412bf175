"""Merge fields: filled and escaped, strict about what is missing, and without any logic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.press.html.merge import MergeError, fields, merge


def test_fields_are_filled_wherever_they_stand() -> None:
    text = "<p title='{{ name }}'>Hello {{name}}, {{city_2}}</p>"
    assert fields(text) == {"name", "city_2"}
    assert merge(text, {"name": "Ada", "city_2": "Boise", "more": "x"}) == "<p title='Ada'>Hello Ada, Boise</p>"


def test_values_cannot_become_markup_or_fields() -> None:
    merged = merge("<a title='{{a}}' rel=\"{{a}}\">{{a}}</a>", {"a": "'\"><script>{{b}}&", "b": "no"})
    assert merged.count("&lt;script&gt;{{b}}&amp;") == 3
    assert merged.count("'") == merged.count('"') == 2


@given(st.text())
def test_no_value_breaks_out_of_text_or_a_quoted_attribute(value: str) -> None:
    merged = merge("{{a}}", {"a": value})
    assert not set(merged) & set("<>\"'")


def test_all_that_is_missing_is_told_at_once() -> None:
    with pytest.raises(MergeError, match="no value for city, name") as raised:
        merge("{{name}} {{city}} {{zip}}", {"zip": ""})
    assert raised.value.fields == ("city", "name")


@pytest.mark.parametrize(
    "wrong", ["{{", "}}", "{{#if a}}x{{/if}}", "{{a.b}}", "{{{a}}}", "{{ a b }}", "{{}}", "{{a}", "{{1a}}", "{{a|b}}"]
)
def test_what_is_no_field_is_refused(wrong: str) -> None:
    with pytest.raises(MergeError, match="no field"):
        merge(wrong, {"a": "x", "b": "y"})


def test_single_braces_are_css() -> None:
    assert merge("p { margin: 0 } {{a}}", {"a": "1"}) == "p { margin: 0 } 1"

"""What holds for any address whatever: nothing raises, writing twice changes nothing, and only the post's own letters come out."""

import re
from dataclasses import replace

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pipeline.address.faults import CODES
from pipeline.address.standardize import door_faults, standardize
from pipeline.address.states import STATES
from pipeline.address.suffixes import SUFFIXES
from pipeline.address.units import UNITS
from pipeline.ports import Address, Standardized

# Words that mean something to the standardizer, in any order, are what breaks it if anything does.
_TELLING = """
N S E W NE NORTH SOUTH EAST WEST SOUTHWEST THE OF OLD NEW COUNTY STATE US INTERSTATE HIGHWAY FARM TO MARKET
PO P O BOX POB RR RURAL ROUTE HC HCR STAR PSC CMR OMC UNIT GENERAL DELIVERY DRAWER # NO NUMBER LOT ATTN C/O CARE
URB URBANIZACION 1 12 123 4B B 1/2 12-34 5TH 21ST 1ST 00 007 A-1 N6W2 39.2 I-10 MAIN MAPLE CALLE BROADWAY ONE &
"""
_SHORT = 5
_WORDS = st.sampled_from(
    sorted({*UNITS, *STATES, *_TELLING.split(), *(word for word in SUFFIXES if len(word) < _SHORT)})
)
_SENTENCES = st.lists(_WORDS, max_size=7).map(" ".join)
_SEPARATED = st.lists(st.one_of(_WORDS, st.sampled_from(list(",.-/'#()½—é"))), max_size=9).map("".join)
_LINES = st.one_of(_SENTENCES, _SENTENCES, _SEPARATED, st.text(max_size=24))
_ADDRESSES = st.builds(
    Address,
    name=st.one_of(_SEPARATED, st.text(max_size=12)),
    line1=_LINES,
    city=_LINES,
    state=st.one_of(st.sampled_from(sorted(STATES)), st.text(max_size=4)),
    zip=st.one_of(st.from_regex(r"\d{5}(-\d{4})?", fullmatch=True), st.text(max_size=10)),
    line2=st.one_of(st.just(""), _LINES),
    company=st.text(max_size=12),
)
_MANY = settings(max_examples=200)


def again(answer: Standardized) -> Standardized:
    """The standardizer's answer to its own answer."""
    given_zip = answer.zip5 + (f"-{answer.zip4}" if answer.zip4 else "")
    return standardize(
        Address(answer.name, answer.line1, answer.city, answer.state, given_zip, answer.line2, answer.company)
    )


@settings(max_examples=500)
@given(_ADDRESSES)
def test_writing_twice_changes_nothing(address: Address) -> None:
    once = standardize(address)
    assert again(once) == replace(once, corrections=())


@_MANY
@given(_ADDRESSES)
def test_only_capitals_come_out_and_faults_say_the_rest(address: Address) -> None:
    answer = standardize(address)
    for field in ("name", "company", "line1", "line2", "city"):
        text = getattr(answer, field)
        if f"/{field}" not in {fault.pointer for fault in answer.faults if fault.code == "invalid_characters"}:
            assert re.fullmatch(r"(?:[A-Z0-9#&./-]+(?: [A-Z0-9#&./-]+)*)?", text), (field, text)
    if answer.deliverable:
        assert re.fullmatch(r"\d{5}(?:\d{4})?", answer.zip5 + answer.zip4)
        assert STATES[answer.state] == answer.state
        assert answer.line1
        assert answer.city


@_MANY
@given(_ADDRESSES)
def test_what_the_door_refuses_is_never_deliverable(address: Address) -> None:
    refused = {(fault.code, fault.pointer) for fault in door_faults(address)}
    all_faults = {(fault.code, fault.pointer) for fault in standardize(address).faults}
    on_lines = {fault for fault in refused if fault[1] in ("/line1", "/line2")}
    assert refused - on_lines <= all_faults
    # A line may have moved, and its fault with it.
    assert bool(on_lines) == bool(
        {fault for fault in all_faults if fault[0] == "invalid_characters"} - (refused - on_lines)
    )
    assert {code for code, _ in all_faults} <= CODES


@_MANY
@given(_ADDRESSES)
def test_no_digit_of_a_line_is_lost(address: Address) -> None:
    """Digits are what mail is delivered by; each comes out as often as it went in."""
    digits = re.compile(r"[0-9]")
    both = address.line1 + address.line2
    # Zeros in front of a route's number are dropped on purpose, and letters of other scripts have their own digits.
    assume(both.isascii() and not re.search(r"\b0", both))
    before = sorted(digits.findall(both))
    answer = standardize(address)
    assert sorted(digits.findall(answer.line1 + answer.line2)) == before

"""Pairs written by hand, given and wanted; what is refused at the door; what is said of corrections."""

import re

import pytest

from api.problems import CODES as API_CODES
from pipeline.address.faults import CODES, address_fault
from pipeline.address.standardize import door_faults, standardize
from pipeline.address.states import MILITARY, NAMES
from pipeline.address.suffixes import SUFFIXES
from pipeline.address.units import UNITS
from pipeline.address.zip3 import states_of_zip
from pipeline.ports import Address
from pipeline.stages.standardize import SPELLING
from tests.unit.address.fixtures import Row, given, label, rows, wanted, written

GOOD = ("streets", "units", "boxes", "highways", "places", "letters")
DOOR = {"unknown_state", "invalid_zip", "zip_not_in_state", "invalid_characters"}


@pytest.mark.parametrize("row", rows(*GOOD), ids=label)
def test_good_mail_is_written_as_the_post_wants_it(row: Row) -> None:
    answer = standardize(given(row))
    assert written(answer) == wanted(row)
    assert answer.faults == ()
    assert door_faults(given(row)) == ()


@pytest.mark.parametrize("row", rows(*GOOD), ids=label)
def test_what_is_written_so_already_needs_no_correction(row: Row) -> None:
    answer = standardize(Address(**wanted(row)))
    assert written(answer) == wanted(row)
    assert answer.corrections == ()


@pytest.mark.parametrize("row", rows("undeliverable"), ids=label)
def test_what_would_come_back_is_told_why(row: Row) -> None:
    answer = standardize(given(row))
    faults = [f"{fault.code} {fault.pointer}" for fault in answer.faults]
    assert faults == row["faults"].split("; ")
    assert written(answer) == wanted(row)
    at_the_door = [f"{fault.code} {fault.pointer}" for fault in door_faults(given(row))]
    assert at_the_door == [fault for fault in faults if fault.partition(" ")[0] in DOOR]


def test_there_are_pairs_enough() -> None:
    assert len(rows(*GOOD)) >= 120


CORRECTED: list[tuple[dict[str, str], tuple[str, ...]]] = [
    ({}, ()),
    ({"line1": "185 BERRY ST."}, ()),
    ({"line1": "185 Berry Street"}, ("street_abbreviated",)),
    ({"line1": "185 Berry St Apartment 4"}, ("unit_abbreviated",)),
    ({"line1": "Apt 4 185 Berry St"}, ("unit_moved",)),
    ({"line1": "Post Office Box 4"}, ("box_rewritten",)),
    ({"line1": "185 Cnty Rd 4"}, ("road_spelled_out",)),
    ({"line2": "c/o Ada"}, ("lines_reordered",)),
    ({"line2": "Attention Ada"}, ("note_abbreviated", "lines_reordered")),
    ({"city": "Mt Idaho"}, ("city_spelled_out",)),
    ({"state": "Idaho"}, ("state_abbreviated",)),
    ({"zip": "837021234"}, ("zip_rewritten",)),
    ({"name": "Zoë"}, ("accents_folded",)),
    ({"city": "APO", "state": "NY", "zip": "09468"}, ("state_from_zip",)),
]


@pytest.mark.parametrize(("changes", "corrections"), CORRECTED)
def test_corrections_are_named(changes: dict[str, str], corrections: tuple[str, ...]) -> None:
    plain = {"name": "Ada", "line1": "185 Berry St", "city": "Boise", "state": "ID", "zip": "83702"}
    assert standardize(Address(**{**plain, **changes})).corrections == corrections


def test_each_correction_is_known_for_one_of_spelling_or_for_one_that_holds_a_strict_piece() -> None:
    named = {one for _, corrections in CORRECTED for one in corrections}
    assert named - SPELLING == {"unit_moved", "lines_reordered", "state_from_zip"}
    assert named > SPELLING


def test_every_fault_can_be_looked_up_and_carries_a_remedy() -> None:
    assert API_CODES.keys() >= CODES
    for code in CODES:
        fault = address_fault(code, "/zip")
        assert fault.detail
        assert fault.remedy


def test_tables_write_their_own_words_as_they_are() -> None:
    for table in (SUFFIXES, UNITS):
        assert all(table[short] == short for short in table.values())


def test_every_state_has_a_zip_and_every_zip_a_state() -> None:
    found = {state for prefix in range(5, 1000) for state in states_of_zip(f"{prefix:03d}01")}
    assert found | set(states_of_zip("96799")) == set(NAMES)
    assert found > MILITARY
    assert states_of_zip("00401") == ()


@pytest.mark.parametrize("zip5", ["1234", "123456", "1234-5678", "12345-67890", "a2345", "12345-678a"])
def test_zips_that_are_none(zip5: str) -> None:
    address = Address("Ada", "1 Main St", "Boise", "ID", zip5)
    assert [fault.code for fault in door_faults(address)] == ["invalid_zip"]


def test_faults_carry_nothing_of_the_address() -> None:
    address = Address("Secretname", "Secretstreet", "Secretcity", "Secretstate", "Secretzip")
    said = " ".join(f"{fault.detail} {fault.remedy} {fault.code}" for fault in standardize(address).faults)
    assert not re.search("secret", said, re.IGNORECASE)

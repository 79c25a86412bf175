"""What every address standardizer does, whoever stands behind it. Another adapter joins by a line in `ADAPTERS`."""

from collections.abc import Callable

import pytest

from adapters.addresses.offline import OfflineStandardizer
from pipeline.ports import Address, AddressStandardizer, Standardized

ADAPTERS: dict[str, Callable[[], AddressStandardizer]] = {"offline": OfflineStandardizer}
GOOD = Address(
    "Ada Lovelace", "185 Berry Street Suite 6100", "San Francisco", "California", "94107", company="Engine Co."
)
ELSEWHERE = Address("Ada Lovelace", "185 Berry St", "Boise", "ID", "94107")


@pytest.fixture(params=ADAPTERS)
def standardizer(request: pytest.FixtureRequest) -> AddressStandardizer:
    return ADAPTERS[request.param]()


def as_given(answer: Standardized) -> Address:
    both = answer.zip5 + (f"-{answer.zip4}" if answer.zip4 else "")
    return Address(answer.name, answer.line1, answer.city, answer.state, both, answer.line2, answer.company)


def test_it_has_a_name(standardizer: AddressStandardizer) -> None:
    assert standardizer.name


def test_an_address_comes_back_as_the_post_writes_it(standardizer: AddressStandardizer) -> None:
    [answer] = standardizer.standardize([GOOD])
    assert answer.deliverable
    assert (answer.line1, answer.line2) == ("185 BERRY ST STE 6100", "")
    assert (answer.city, answer.state, answer.zip5) == ("SAN FRANCISCO", "CA", "94107")


def test_the_person_is_the_senders_to_name(standardizer: AddressStandardizer) -> None:
    [answer] = standardizer.standardize([GOOD])
    assert (answer.name, answer.company) == ("ADA LOVELACE", "ENGINE CO")


def test_answers_come_in_order_one_for_each(standardizer: AddressStandardizer) -> None:
    # More than the largest request of any service that is asked, repeated ones among them.
    asked = [Address(f"Person {n}", f"{n % 7 + 1} Main St", "Boise", "ID", "83702") for n in range(60)]
    assert [answer.name for answer in standardizer.standardize(asked)] == [f"PERSON {n}" for n in range(60)]


def test_nothing_asked_nothing_answered(standardizer: AddressStandardizer) -> None:
    assert standardizer.standardize([]) == []


def test_one_bad_address_spoils_no_other(standardizer: AddressStandardizer) -> None:
    answers = standardizer.standardize([GOOD, ELSEWHERE, GOOD])
    assert [answer.deliverable for answer in answers] == [True, False, True]
    assert answers[0] == answers[2]


def test_an_undeliverable_address_says_why_and_what_to_do(standardizer: AddressStandardizer) -> None:
    [answer] = standardizer.standardize([ELSEWHERE])
    fields = {"", "/name", "/company", "/line1", "/line2", "/city", "/state", "/zip"}
    assert answer.faults
    for fault in answer.faults:
        assert fault.code
        assert fault.pointer in fields
        assert fault.detail
        assert fault.remedy
        assert "BERRY" not in (fault.detail + fault.remedy).upper()


def test_routing_is_digits_that_the_barcode_takes(standardizer: AddressStandardizer) -> None:
    given = Address("Ada", "185 Berry St", "San Francisco", "CA", "94107-1741")
    [answer] = standardizer.standardize([given])
    assert answer.zip5 == "94107"
    assert len(answer.zip4) in (0, 4)
    assert len(answer.delivery_point) in ((0, 2) if answer.zip4 else (0,))
    assert (answer.zip5 + answer.zip4 + answer.delivery_point).isdigit()


def test_standardizing_its_own_answer_changes_nothing(standardizer: AddressStandardizer) -> None:
    asked = [GOOD, Address("Ada", "Apt 4", "Boise", "ID", "83702", "100 North Main Street")]
    once = standardizer.standardize(asked)
    again = standardizer.standardize([as_given(answer) for answer in once])
    assert list(map(as_given, again)) == list(map(as_given, once))

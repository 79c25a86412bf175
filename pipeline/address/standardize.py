"""An address as Publication 28 has it written, or the reasons why mail to it would come back, from tables alone.

What cannot be known without the post's own database (whether the street has this number) is taken as given.
"""

from collections.abc import Sequence

from pipeline.address.faults import address_fault
from pipeline.address.lines import lay_out
from pipeline.address.places import read_state, read_zip, settle_state, write_city
from pipeline.address.plain import words
from pipeline.address.states import MILITARY
from pipeline.errors import Fault
from pipeline.ports import Address, Standardized

# Where houses may have names, or the block and the number stand behind the street.
_OTHER_WAYS = MILITARY | {"PR", "VI", "GU", "AS", "MP", "FM", "MH", "PW"}
_FIELDS = ("name", "company", "line1", "line2", "city")


def door_faults(address: Address) -> tuple[Fault, ...]:
    """What no policy lets pass: state or ZIP that are none or do not agree, and letters that no press line can print."""
    state = read_state(address.state)
    zip5, _, possible = read_zip(address.zip)
    faults = _place_faults(state, zip5, settle_state(state, possible, address.city.strip()))
    texts = (address.name, address.company, address.line1, address.line2, address.city)
    if "".join(texts).isascii():
        return faults
    return _letter_faults(tuple(" ".join(words(text)) for text in texts)) + faults


def standardize(address: Address) -> Standardized:
    """Standardizing what was standardized changes nothing. Lines come back as far as they are understood, faults or not."""
    given_state = read_state(address.state)
    zip5, zip4, possible = read_zip(address.zip)
    city = write_city(address.city, given_state)
    state = settle_state(given_state, possible, city)
    lines = lay_out(address.line1, address.line2)
    name, company = " ".join(words(address.name)), " ".join(words(address.company))
    faults = _place_faults(given_state, zip5, state)
    texts = (name, company, lines.line1, lines.line2, city)
    if not "".join(texts).isascii():
        faults = _letter_faults(texts) + faults
    if not city:
        faults = (*faults, address_fault("missing_city", "/city"))
    if lines.missing and not (lines.missing == "missing_house_number" and (state or given_state) in _OTHER_WAYS):
        faults = (*faults, address_fault(lines.missing, "/line1"))
    written = state or given_state or " ".join(words(address.state))
    return Standardized(
        name, company, lines.line1, lines.line2, city, written, zip5, zip4, "",
        _corrections(address, lines.corrections, texts, written, zip5 + ("-" + zip4 if zip4 else "")),
        faults,
    )  # fmt: skip


def _place_faults(state: str, zip5: str, settled: str) -> tuple[Fault, ...]:
    if settled:
        return ()
    if state and zip5:
        return (address_fault("zip_not_in_state", "/zip"),)
    unknown = () if state else (address_fault("unknown_state", "/state"),)
    return unknown if zip5 else (*unknown, address_fault("invalid_zip", "/zip"))


def _letter_faults(texts: tuple[str, ...]) -> tuple[Fault, ...]:
    return tuple(
        address_fault("invalid_characters", f"/{field}")
        for field, text in zip(_FIELDS, texts, strict=True)
        if not text.isascii()
    )


def _corrections(
    address: Address, lines: Sequence[str], texts: tuple[str, ...], state: str, zip_code: str
) -> tuple[str, ...]:
    """What a sender might want to know of, each once. Capitals and punctuation are not worth saying."""
    found = list(lines)
    if len(texts[-1]) != len(address.city) and texts[-1].split() != words(address.city):
        found.append("city_spelled_out")
    if state != address.state and state != address.state.upper():
        found.append("state_abbreviated" if read_state(address.state) == state else "state_from_zip")
    if zip_code and zip_code != address.zip:
        found.append("zip_rewritten")
    given = (address.name, address.company, address.line1, address.line2, address.city)
    if not "".join(given).isascii() and any(
        after.isascii() and not before.isascii() for before, after in zip(given, texts, strict=True)
    ):
        found.append("accents_folded")
    return tuple(dict.fromkeys(found)) if found else ()

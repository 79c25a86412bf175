"""Why mail to an address would come back, in words for the sender. Codes are those of the API's registry; no text of an address."""

from pipeline.errors import Fault

_FAULTS = {
    "invalid_characters": (
        "The text has letters that cannot be written in Latin ones.",
        "Write it in Latin letters; accents are welcome.",
    ),
    "unknown_state": (
        "There is no such state.",
        "Give a state, territory or military code of two letters, such as ID, PR or AE, or the state's name.",
    ),
    "invalid_zip": ("This is not a ZIP.", "Give five digits, or nine as 83702-1234; a leading zero counts."),
    "zip_not_in_state": ("The ZIP is not in this state.", "Correct the ZIP or the state."),
    "missing_city": ("No city is given.", "Give the city."),
    "missing_street": (
        "There is neither a street, a box nor general delivery.",
        "Give house number and street, or a PO box.",
    ),
    "missing_house_number": ("The street has no house number.", "Add the house number in front of the street."),
    "missing_box_number": ("The box has no number.", "Add the number of the box."),
}

CODES = frozenset(_FAULTS)


def address_fault(code: str, pointer: str) -> Fault:
    """`pointer` is relative to the address: `/zip`."""
    detail, remedy = _FAULTS[code]
    return Fault(code, pointer, detail, remedy)

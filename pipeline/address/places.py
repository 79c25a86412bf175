"""The last line: city, state and ZIP, and whether they belong together."""

import re
from functools import lru_cache

from pipeline.address.directions import DIRECTIONS
from pipeline.address.plain import words
from pipeline.address.states import MILITARY, STATES
from pipeline.address.zip3 import states_of_zip

_ZIP = re.compile(r"([0-9]{5})(?:[- ]?([0-9]{4}))?").fullmatch
_MILITARY_CITIES = frozenset({"APO", "FPO", "DPO"})
_SPELLED_OUT = {"ST": "SAINT", "STE": "SAINTE", "FT": "FORT", "MT": "MOUNT"}
_DIRECTION_NAMES = {short: word for word, short in DIRECTIONS.items() if len(word) > 2}
_ALIASES = {"NYC": "NEW YORK", "NEW YORK CITY": "NEW YORK"}

# A list of addresses names the same places again and again.
_REMEMBERED = 4_096


@lru_cache(_REMEMBERED)
def read_state(text: str) -> str:
    """The code of a state given as code or name; empty where there is none such."""
    return STATES.get(text) or STATES.get(" ".join(words(text)), "")


@lru_cache(_REMEMBERED)
def read_zip(text: str) -> tuple[str, str, tuple[str, ...]]:
    """ZIP, ZIP+4 and the states that the ZIP can be in; all empty where this is no ZIP that the post could have.

    ZIP+4 is empty where none was given.
    """
    read = _ZIP(text) or _ZIP(" ".join(words(text)))
    states = states_of_zip(read[1]) if read else ()
    if read is None or not states:
        return "", "", ()
    return read[1], read[2] if read[2] and read[2] != "0000" else "", states


def settle_state(state: str, possible: tuple[str, ...], city: str) -> str:
    """The state that mail for a ZIP bears, given where that ZIP can be; an empty text where it is not in `state`.

    Military ZIPs know their "state" better than people do, who write the country they left or another part of the fleet.
    """
    if not state or not possible or state in possible:
        return state if possible else ""
    military = possible[0] in MILITARY and (state in MILITARY or city.upper() in _MILITARY_CITIES)
    return possible[0] if military else ""


@lru_cache(_REMEMBERED)
def write_city(text: str, state: str) -> str:
    """A city's name spelled out, as the post prefers it: SAINT PAUL, FORT WORTH, NORTH LAS VEGAS. ST THOMAS, VI stays."""
    city = words(text)
    if len(city) > 1 and city[-1] == state:
        city = city[:-1]
    if len(city) > 1 and state != "VI":
        at = 1 if city[0] in DIRECTIONS and len(city) > 2 else 0
        if city[at] in _SPELLED_OUT:
            city[at] = _SPELLED_OUT[city[at]]
        if city[0] in _DIRECTION_NAMES:
            city[0] = _DIRECTION_NAMES[city[0]]
    name = " ".join(city)
    return _ALIASES.get(name, name)

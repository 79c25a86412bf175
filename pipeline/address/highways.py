"""Numbered roads (Publication 28, appendix F): COUNTY ROAD, STATE ROUTE, US HIGHWAY are spelled out in front of their number."""

import re

from pipeline.address.directions import DIRECTIONS
from pipeline.address.states import NAMES

_HIGHWAY = ("HIGHWAY", "HWY", "HIWAY", "HWAY")
_ROUTE = ("ROUTE", "RTE", "RT")
_ROAD = ("ROAD", "RD")
_COUNTY = ("COUNTY", "CNTY", "CTY", "CO")
_STATE = ("STATE", "ST")
_US = ("US", "U S", "UNITED STATES")
_TOWNSHIP = ("TOWNSHIP", "TWP")
# After these a road keeps its own words: OLD HIGHWAY 60, CALIFORNIA COUNTY ROAD 555.
_ADJECTIVES = frozenset({"OLD", "NEW"})
_STATE_NAMES: dict[str, list[list[str]]] = {}
for _name in NAMES.values():
    _STATE_NAMES.setdefault(_name.split()[0], []).append(_name.split())
# CO stands for COUNTY far more often than for Colorado, NE for northeast.
_STATE_CODES = {code: name.split() for code, name in NAMES.items() if code not in ("CO", "NE")}
_NUMBER = re.compile(r"(?=[A-Z-]{0,3}\d)[A-Z0-9-]+").fullmatch
_LETTERS = re.compile(r"[A-Z]{1,2}").fullmatch
_GLUED = re.compile(r"(I|IH|US|SR|CR|FM|HWY|RTE)-?(\d+[A-Z]?)").fullmatch


def _phrases() -> dict[tuple[str, ...], tuple[str, ...]]:
    table: dict[tuple[str, ...], tuple[str, ...]] = {}
    for owners in (_COUNTY, _STATE, _US, _TOWNSHIP):
        for kinds in (_HIGHWAY, _ROUTE, _ROAD):
            for owner in owners:
                table |= {(*owner.split(), kind): (owners[0], kinds[0]) for kind in kinds}
    alone = {kind: kinds[0] for kinds in (_HIGHWAY, _ROUTE, _ROAD) for kind in kinds}
    alone |= {"CR": "COUNTY ROAD", "SR": "STATE ROAD", "US": "US HIGHWAY", "TSR": "TOWNSHIP ROAD", "EXPY": "EXPRESSWAY"}
    alone |= dict.fromkeys(("I", "IH", "INTERSTATE", "INTERSTATE HWY", "INTERSTATE HIGHWAY"), "INTERSTATE")
    alone |= {f"{farm}{road}": "FM" for farm in ("FM", "FARM TO MARKET") for road in ("", " RD", " ROAD")}
    alone |= {f"{ranch}{road}": "RM" for ranch in ("RM", "RANCH TO MARKET") for road in ("", " RD", " ROAD")}
    alone |= {"RANCH RD": "RANCH ROAD", "RANCH ROAD": "RANCH ROAD", "U S": "US HIGHWAY", "LOOP": "LOOP"}
    return table | {tuple(words.split()): tuple(road.split()) for words, road in alone.items()}


_PHRASES = _phrases()
_LONGEST = max(map(len, _PHRASES))
_FIRST_WORDS = {words[0] for words in _PHRASES} | _ADJECTIVES | _STATE_CODES.keys() | _STATE_NAMES.keys()


def read_highway(words: list[str]) -> tuple[list[str], int]:
    """A numbered road at the beginning of `words`, spelled out, and how many words it took; nothing and 0 where there is none."""
    first = words[0]
    if first not in _FIRST_WORDS:
        glued = _GLUED(first)
        if not glued:
            return [], 0
        return [*_PHRASES[(glued[1],)], glued[2]], 1
    for length in range(min(_LONGEST, len(words) - 1), 0, -1):
        road = _PHRASES.get(tuple(words[:length]))
        if road and _is_number(road, words[length]):
            return [*road, words[length]], length + 1
    return _behind_an_adjective(words)


def _behind_an_adjective(words: list[str]) -> tuple[list[str], int]:
    for spelled, taken in _adjectives(words):
        if len(words) > taken + 1 and words[taken] not in DIRECTIONS:
            road, length = read_highway(words[taken:])
            if length > 1:
                return [*spelled, *road], taken + length
    return [], 0


def _adjectives(words: list[str]) -> list[tuple[list[str], int]]:
    found = [(name, len(name)) for name in _STATE_NAMES.get(words[0], ()) if words[: len(name)] == name]
    if words[0] in _ADJECTIVES:
        found.append(([words[0]], 1))
    if words[0] in _STATE_CODES:
        found.append((_STATE_CODES[words[0]], 1))
    return found


def _is_number(road: tuple[str, ...], word: str) -> bool:
    # Wisconsin's counties letter their roads.
    return _NUMBER(word) is not None or (road[0] == "COUNTY" and _LETTERS(word) is not None)

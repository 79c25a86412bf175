"""When a facility's local clock shows a time: the carrier tells scan times without a zone, in the facility's own.

The zone comes from the facility's state and, in states that span zones, from the first three digits of its ZIP Code. Processing
plants stand in few places, so that this is right for nearly all; a facility in a county that keeps another zone than its
three-digit area (as around Escanaba MI, or in western Kansas) is off by one hour. An unknown place is taken for the Pacific coast,
and the repeated hour of autumn for its second time: never earlier than it was, so that no guess says a promise was kept.
"""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

_EASTERN, _CENTRAL = "America/New_York", "America/Chicago"
_MOUNTAIN, _PACIFIC = "America/Denver", "America/Los_Angeles"

_STATES = {
    _EASTERN: "CT DC DE FL GA IN KY MA MD ME MI NC NH NJ NY OH PA RI SC VA VT WV",
    _CENTRAL: "AL AR IA IL KS LA MN MO MS ND NE OK SD TN TX WI",
    _MOUNTAIN: "CO ID MT NM UT WY",
    _PACIFIC: "CA NV OR WA",
    "America/Phoenix": "AZ",
    "America/Anchorage": "AK",
    "Pacific/Honolulu": "HI",
    "America/Puerto_Rico": "PR VI",
    "Pacific/Guam": "GU MP",
    "Pacific/Pago_Pago": "AS",
}
# Three-digit areas whose main post office keeps another zone than most of their state.
_AREAS = {
    _EASTERN: "373 374 376 377 378 379",  # Chattanooga, Johnson City, Knoxville TN
    _CENTRAL: "324 325 420 421 422 423 424 463 464 476 477 498 499",  # FL Panhandle, western KY and IN, Kingsford MI
    _MOUNTAIN: "577 586 693 798 799 885 979",  # Rapid City SD, Dickinson ND, Alliance NE, El Paso TX, Ontario OR
    _PACIFIC: "835 838",  # Lewiston and Coeur d'Alene ID
}
# Where only the ZIP Code is known: the zone in which most of its first digit's states lie.
_DIGITS = {_EASTERN: "01234", _CENTRAL: "567", _MOUNTAIN: "8", _PACIFIC: "9"}

_BY_STATE = {state: zone for zone, states in _STATES.items() for state in states.split()}
_BY_AREA = {area: zone for zone, areas in _AREAS.items() for area in areas.split()}
_BY_DIGIT = {digit: zone for zone, digits in _DIGITS.items() for digit in digits}


def zone_of(state: str, zip_code: str) -> ZoneInfo:
    """The zone of a facility, as well as state and ZIP Code tell. Either may be empty."""
    known = _BY_STATE.get(state.upper())
    name = _BY_AREA.get(zip_code[:3]) or known or _BY_DIGIT.get(zip_code[:1], _PACIFIC)
    return ZoneInfo(name)


def scan_time(text: str, state: str, zip_code: str) -> datetime:
    """Aware UTC of an ISO 8601 time; one with an offset keeps it. Raises `ValueError` for what is no time."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        at = at.replace(tzinfo=zone_of(state, zip_code), fold=1)
    return at.astimezone(UTC)

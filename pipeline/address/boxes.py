"""Mail that goes to no house: PO boxes, rural and contract routes, military boxes, general delivery (Publication 28, 22-28)."""

import re
from collections.abc import Callable

from pipeline.address.delivery_line import DeliveryLine, Kind
from pipeline.address.units import write_unit

_NUMBER_SIGN = r"(?: ?(?:#|NO|NUM|NUMBER))*"
_PO_BOX = re.compile(
    r"(?:POB|POBX|P ?O ?(?:BOX|BX|B|DRAWER|BIN|LOCK ?BOX|CALLER)|POST(?:AL)? (?:OFFICE )?(?:BOX|DRAWER)|APARTADO(?: POSTAL)?)"
    rf"(?: DRAWER)?{_NUMBER_SIGN}(?![A-Z]) ?(?P<number>\S+)?(?P<rest>.*)"
).fullmatch
_BARE_BOX = re.compile(
    rf"(?:BOX|LOCK ?BOX|FIRM CALLER|CALLER|DRAWER|BIN|PO){_NUMBER_SIGN} ?(?P<number>\d\S*)(?P<rest>)"
).fullmatch
_BOX_SIGN = r"(?:(?:P ?O ?)?(?:BOX|BX)" + _NUMBER_SIGN + "|#)"
_RURAL = re.compile(
    rf"(?:RURAL (?:ROUTE|RTE?|DELIVERY)|R ?R|R ?F ?D(?: (?:ROUTE|RTE?))?){_NUMBER_SIGN} ?(?P<route>\d+[A-Z]?)"
    rf"(?: {_BOX_SIGN} ?(?P<number>\S+)(?P<rest>.*))?"
).fullmatch
# Without a box these are streets.
_RURAL_BY_BOX = re.compile(
    rf"(?:ROUTE|RTE?|RD|RURAL){_NUMBER_SIGN} ?(?P<route>\d+[A-Z]?) {_BOX_SIGN} ?(?P<number>\S+)(?P<rest>.*)"
).fullmatch
_CONTRACT = re.compile(
    rf"(?:(?:HIGHWAY|HWY) CONTRACT(?: (?:ROUTE|RTE?))?|H ?C(?: ?R)?|STAR (?:ROUTE|RTE?)){_NUMBER_SIGN} ?(?P<route>\d+[A-Z]?)"
    rf"(?: {_BOX_SIGN} ?(?P<number>\S+)(?P<rest>.*))?"
).fullmatch
_MILITARY = re.compile(
    r"(?P<kind>PSC|CMR|UNIT|OMC) (?P<route>\d+[A-Z]?)(?: (?:BOX|BX|#)(?: #)? ?(?P<number>\S+)(?P<rest>.*))?"
).fullmatch
_GENERAL_DELIVERY = re.compile(r"GEN(?:ERAL)? (?:DELIVERY|DEL|DLVY)").fullmatch


def read_box(words: list[str]) -> DeliveryLine | None:
    """The line as the post writes it; None where it is about a house, or about nothing at all."""
    read = _READERS.get(words[0])
    box = read(" ".join(words)) if read else None
    if box and box.whole != words:
        box.corrections = ("box_rewritten",)
    return box


def _post_office_box(line: str) -> DeliveryLine | None:
    box = _PO_BOX(line) or _BARE_BOX(line)
    if box is None:
        return None
    if not _is_number(box["number"]):
        return DeliveryLine(Kind.PLACE, line.split(), missing="missing_box_number")
    return _line(["PO", "BOX", box["number"]], box["rest"])


def _rural_route(line: str) -> DeliveryLine | None:
    route = _RURAL(line) or _RURAL_BY_BOX(line)
    return _route("RR", route) if route else None


def _contract_route(line: str) -> DeliveryLine | None:
    route = _CONTRACT(line)
    return _route("HC", route) if route else None


def _military(line: str) -> DeliveryLine | None:
    box = _MILITARY(line)
    # A unit without a box may well be an apartment.
    return _route(box["kind"], box) if box and (box["number"] or box["kind"] != "UNIT") else None


def _ship(line: str) -> DeliveryLine | None:
    return DeliveryLine(Kind.PLACE, line.split()) if " " in line else None


def _general_delivery(line: str) -> DeliveryLine | None:
    return DeliveryLine(Kind.PLACE, ["GENERAL", "DELIVERY"]) if _GENERAL_DELIVERY(line) else None


def _route(name: str, read: re.Match[str]) -> DeliveryLine:
    route = read["route"].lstrip("0") or "0"
    if not read["number"]:
        return DeliveryLine(Kind.PLACE, [name, route], missing="missing_box_number")
    return _line([name, route, "BOX", read["number"]], read["rest"])


def _line(words: list[str], rest: str) -> DeliveryLine:
    return DeliveryLine(Kind.PLACE, words, write_unit(rest.split()))


def _is_number(word: str | None) -> bool:
    """Boxes are numbered, or lettered with a letter or two; a longer word is something else."""
    return word is not None and (len(word) <= 2 or any(char.isdigit() for char in word)) and word != "#"


_READERS: dict[str, Callable[[str], DeliveryLine | None]] = {
    **dict.fromkeys(("PO", "P", "POB", "POBOX", "POBX", "POST", "POSTAL", "APARTADO"), _post_office_box),
    **dict.fromkeys(("BOX", "LOCK", "LOCKBOX", "FIRM", "CALLER", "DRAWER", "BIN"), _post_office_box),
    **dict.fromkeys(("RURAL", "RR", "R", "RFD", "RF", "ROUTE", "RTE", "RT", "RD"), _rural_route),
    **dict.fromkeys(("HIGHWAY", "HWY", "HC", "HCR", "H", "STAR"), _contract_route),
    **dict.fromkeys(("PSC", "CMR", "UNIT", "OMC"), _military),
    **dict.fromkeys(("USS", "USNS", "USCGC"), _ship),
    **dict.fromkeys(("GENERAL", "GEN"), _general_delivery),
}  # fmt: skip

"""An acknowledgement file as a value, or the reasons why it cannot be read. Printers are not trusted to write it well."""

import csv
import io
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import Fault

CSV_COLUMNS = ("drop", "state", "at", "piece", "reason", "digest")
"""The first line of a CSV file; further columns are ignored. Without a `piece`, a line is of the whole drop."""
CSV_REQUIRED = ("drop", "state", "at")
AckState = Literal["accepted", "rejected", "printed", "spoiled", "destroyed", "inserted", "mailed"]


class AckBody(BaseModel):
    """`pieces` lists what the state is of; without it, it is of the whole drop."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    drop: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    state: AckState
    at: AwareDatetime
    pieces: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,64}$")], ...] | None = None
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""  # PostgreSQL keeps no NUL
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True)
class Unreadable:
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Reading:
    """What a file says, in its order, and what in it cannot be read."""

    acks: tuple[AckBody, ...]
    faults: tuple[Fault, ...] = ()


def read_acks(name: str, body: bytes) -> Reading:
    """The acknowledgements in a file, which is CSV where its name ends so, and JSON otherwise."""
    if name.endswith(".csv"):
        return _read_csv(name, body)
    ack = read_ack(name, body)
    return Reading((), ack.faults) if isinstance(ack, Unreadable) else Reading((ack,))


_MOST_DROPS = 1_000
"""Drops that a file is taken apart for; a file of more is no shop's."""


def apart(name: str, body: bytes) -> list[bytes]:
    """A file in parts that speak of one drop each, in the order in which each is first spoken of. Most files are one part."""
    if not name.endswith(".csv"):
        return [body]
    try:
        head, *lines = csv.reader(io.StringIO(body.decode("utf-8-sig"), newline=""))
        column = head.index("drop")
    except (ValueError, csv.Error):
        return [body]  # that is told where it is read
    by_drop: dict[str, list[list[str]]] = {}
    for line in lines:
        if line:
            by_drop.setdefault("".join(line[column : column + 1]).strip(), []).append(line)
    return [_csv([head, *some]) for some in by_drop.values()] if 1 < len(by_drop) <= _MOST_DROPS else [body]


def _csv(lines: list[list[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode()


def read_ack(name: str, body: bytes) -> AckBody | Unreadable:
    """The acknowledgement in a JSON file."""
    try:
        return AckBody.model_validate(json.loads(body))
    except ValidationError as error:
        return Unreadable(tuple(_field_faults(error, "")))
    except (ValueError, RecursionError):
        return Unreadable((Fault("ack_unreadable", "", f"{name} is not JSON", "write one JSON object a file"),))


def _read_csv(name: str, body: bytes) -> Reading:
    """Lines that say the same of several pieces become one acknowledgement; a line that cannot be read keeps back no other."""
    try:
        lines = list(csv.DictReader(io.StringIO(body.decode("utf-8-sig"), newline="")))
    except (ValueError, csv.Error):
        return Reading(
            (), (Fault("ack_unreadable", "", f"{name} is not CSV in UTF-8", "write it as the interface says"),)
        )
    columns = set(lines[0]) if lines else set()
    if missing := [column for column in CSV_REQUIRED if column not in columns]:
        detail = f"{name} has no line with the columns {', '.join(missing)}"
        return Reading((), (Fault("ack_unreadable", "", detail, f"begin with the line {','.join(CSV_COLUMNS)}"),))
    faults: list[Fault] = []
    alike: dict[AckBody, list[str]] = {}
    for number, line in enumerate(lines, start=2):
        try:
            one = AckBody.model_validate(_fields(line))
        except ValidationError as error:
            faults += _field_faults(error, f"/lines/{number}")
            continue
        alike.setdefault(one.model_copy(update={"pieces": None if one.pieces is None else ()}), []).extend(
            one.pieces or ()
        )
    acks = (
        one if one.pieces is None else one.model_copy(update={"pieces": tuple(listed)}) for one, listed in alike.items()
    )
    return Reading(tuple(acks), tuple(faults))


def _fields(line: Mapping[str, Any]) -> dict[str, Any]:
    """One line as the JSON form has it; what is empty is left out."""
    said = {column: line[column].strip() for column in CSV_COLUMNS if line.get(column) and line[column].strip()}
    piece = said.pop("piece", None)
    return {**said, "pieces": [piece]} if piece else dict(said)


def _field_faults(error: ValidationError, at: str) -> Iterator[Fault]:
    for one in error.errors(include_url=False, include_input=False):
        pointer = at + "/" + "/".join(map(str, one["loc"]))
        yield Fault("ack_field", pointer, one["msg"], "write the field as the interface describes it")

"""Acknowledgement files: what each says, drop by drop. CSV is read line by line, so that a bad line costs no other."""

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from pipeline.errors import Fault
from pipeline.models.ack_format import (
    AckBody,
    Reading,
    Unreadable,
    field_faults,
    is_whole,
    misnamed,
    misnamed_pieces,
    piece_beside,
    read_ack,
    stem_in,
    stem_of,
    words_in,
)

CSV_COLUMNS = ("drop", "state", "at", "piece", "reason", "digest")
"""The first line of a CSV file; further columns are ignored, but for other names of pieces. Without a `piece`, a line is of the
whole drop."""
CSV_REQUIRED = ("drop", "state", "at")
_MOST_DROPS = 1_000
"""Drops that a file is taken apart for; a file of more is no shop's."""
_BOM = b"\xef\xbb\xbf"


def read_acks(name: str, body: bytes) -> Reading:
    """The acknowledgements in a file, which is CSV where its name ends so, and JSON otherwise."""
    reading = _read_csv(name, body) if name.endswith(".csv") else _read_json(name, body)
    return reading if reading.drop else replace(reading, drop=stem_in(name.partition(".")[0]))


def apart(name: str, body: bytes) -> list[bytes]:
    """A file in parts that speak of one drop each, in the order in which each is first spoken of. Most files are one part."""
    if not name.endswith(".csv"):
        return [body]
    table = _Table.of(body)
    by_drop: dict[str, list[bytes]] = {}
    for line in table.lines:
        by_drop.setdefault(table.field(line, "drop"), []).append(line.raw)
    if "drop" not in table.columns or not 1 < len(by_drop) <= _MOST_DROPS:
        return [body]
    return [b"\r\n".join([table.head.raw, *some, b""]) for some in by_drop.values()]


def is_cut_off(name: str, body: bytes) -> bool:
    """Whether a file may still be in the writing: its last line has no end, or what stands there is no whole JSON."""
    return not body.endswith((b"\n", b"\r")) if name.endswith(".csv") else not is_whole(body)


def _read_json(name: str, body: bytes) -> Reading:
    ack = read_ack(name, body)
    if isinstance(ack, Unreadable):
        return Reading((), ack.faults, stem_of(body), words_in(body))
    return Reading((ack,), drop=ack.drop)


@dataclass(frozen=True)
class _Line:
    """One line as it came, `number` from 1, its fields without the spaces around them, and what is `wrong` with it as CSV.

    Of a line that is wrong, the fields are what stands between its commas.
    """

    number: int
    raw: bytes
    fields: Sequence[str]
    wrong: str = ""

    @classmethod
    def of(cls, number: int, raw: bytes) -> "_Line":
        """No field has a line's end in it, so that a quote that stays open ends with its line."""
        text = raw.decode("utf-8", "replace")
        try:
            raw.decode("utf-8")
            fields = next(csv.reader([text], strict=True), [])
        except UnicodeDecodeError:
            wrong = "the line is not UTF-8"
        except csv.Error as error:
            wrong = f"the line is not CSV: {error}"
        else:
            return cls(number, raw, [field.strip() for field in fields])
        return cls(number, raw, [field.strip().strip('"') for field in text.split(",")], wrong)


@dataclass(frozen=True)
class _Table:
    """A CSV file: its first line and those after it in which anything stands."""

    head: _Line
    lines: Sequence[_Line]

    @classmethod
    def of(cls, body: bytes) -> "_Table":
        raw = body.removeprefix(_BOM).splitlines()
        lines = [_Line.of(number, one) for number, one in enumerate(raw[1:], start=2)]
        return cls(_Line.of(1, raw[0] if raw else b""), [line for line in lines if any(line.fields)])

    @property
    def columns(self) -> Sequence[str]:
        return self.head.fields

    def field(self, line: _Line, column: str) -> str:
        place = self.columns.index(column) if column in self.columns else len(line.fields)
        return line.fields[place] if place < len(line.fields) else ""

    def said(self, line: _Line) -> dict[str, Any]:
        """One line as the JSON form has it; what is empty is left out."""
        said: dict[str, Any] = {column: text for column in CSV_COLUMNS if (text := self.field(line, column))}
        piece = said.pop("piece", None)
        return {**said, "pieces": [piece]} if piece else said


def _read_csv(name: str, body: bytes) -> Reading:
    """Lines that say the same of several pieces become one acknowledgement."""
    table = _Table.of(body)
    stem = next((stem for line in table.lines if (stem := stem_in(table.field(line, "drop")))), None)
    if faults := list(_heading_faults(name, table)):
        return Reading((), tuple(faults), stem, words_in(body))
    read: list[tuple[_Line, AckBody]] = []
    unclear: set[str] = set()
    for line in table.lines:
        try:
            wrong = list(_line_faults(table, line))
            if not wrong:
                ack = AckBody.model_validate(table.said(line))
                beside = piece_beside(ack, line.raw, f"/lines/{line.number}")
                if beside is None:
                    read.append((line, ack))
                else:
                    wrong = [beside]
        except ValidationError as error:
            wrong = list(field_faults(error, f"/lines/{line.number}"))
        if wrong:
            faults += wrong
            unclear |= words_in(line.raw)
    repeated = _repeated(read)
    faults += [_repeated_fault(number) for number in repeated]
    acks = _together(ack for line, ack in read if line.number not in repeated)
    return Reading(tuple(acks), tuple(faults), stem, frozenset(unclear))


def _heading_faults(name: str, table: _Table) -> Iterator[Fault]:
    """What is wrong with the first line spoils all others."""
    columns = table.columns
    missing = [column for column in CSV_REQUIRED if column not in columns]
    begin = f"begin with the line {','.join(CSV_COLUMNS)}"
    if table.head.wrong or missing or not table.lines:
        yield Fault(
            "ack_unreadable", "", f"{name} has no line with the columns {', '.join(missing or CSV_REQUIRED)}", begin
        )
    elif twice := [column for column in CSV_COLUMNS if columns.count(column) > 1]:
        yield Fault("ack_unreadable", "/lines/1", f"{name} has the column {twice[0]} twice", begin)
    elif (strange := misnamed_pieces(columns, "piece")) is not None:
        yield misnamed(strange, "/lines/1", "head the column piece")


def _line_faults(table: _Table, line: _Line) -> Iterator[Fault]:
    at = f"/lines/{line.number}"
    if line.wrong:
        yield Fault("ack_unreadable", at, line.wrong, "write UTF-8, and close each quote in the line that opens it")
    elif any(line.fields[len(table.columns) :]):
        yield Fault("ack_unreadable", at, "the line has more fields than the first", "put a text with commas in quotes")


def _repeated(read: Sequence[tuple[_Line, AckBody]]) -> dict[int, AckBody]:
    """By number, lines that say one thing of a whole drop more than once: each was to be of one piece, which is not named."""
    whole = [(line, ack) for line, ack in read if ack.pieces is None]
    times = Counter((ack.drop, ack.state) for _, ack in whole)
    return {line.number: ack for line, ack in whole if times[ack.drop, ack.state] > 1}


def _repeated_fault(number: int) -> Fault:
    detail = "several lines say this of the whole drop, as if each were of one piece"
    return Fault("ack_repeated", f"/lines/{number}", detail, "name the piece, or say it of the drop in one line")


def _together(read: Iterator[AckBody]) -> Iterator[AckBody]:
    alike: dict[AckBody, list[str]] = {}
    for ack in read:
        listed = alike.setdefault(ack.model_copy(update={"pieces": None if ack.pieces is None else ()}), [])
        listed.extend(ack.pieces or ())
    for ack, listed in alike.items():
        yield ack if ack.pieces is None else ack.model_copy(update={"pieces": tuple(listed)})

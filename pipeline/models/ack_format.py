"""An acknowledgement as a value, and a JSON file as one, or the reasons why it cannot be read. Printers are not trusted to write
it well."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from pipeline.errors import Fault

AckState = Literal["accepted", "rejected", "printed", "spoiled", "destroyed", "inserted", "mailed"]
_STEM = r"^[A-Za-z0-9_-]{1,40}$"
_WORD = re.compile(rb"[A-Za-z0-9_-]+")
_PIECE = re.compile(rb"(?<![a-z0-9])(ml|practice)_[0-9a-z]+", re.IGNORECASE)
"""An id of a piece, or of one of a drop for practice."""
_OUTCOMES = ("printed", "inserted", "mailed")
_MOST_SHOWN = 64
_NAMES_OF_PIECES = frozenset({"piece", "pieces", "pieceid", "pieceids"})


class AckBody(BaseModel):
    """`pieces` lists what the state is of; without it, it is of the whole drop."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    drop: Annotated[str, Field(pattern=_STEM)]
    state: AckState
    at: AwareDatetime
    pieces: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,64}$")], ...] | None = None
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""  # PostgreSQL keeps no NUL
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9A-Fa-f]{64}$", to_lower=True)] | None = None


@dataclass(frozen=True)
class Unreadable:
    faults: tuple[Fault, ...]


@dataclass(frozen=True)
class Reading:
    """What a file says, in its order, and what in it cannot be read.

    `drop` is the stem that it names, be what it says of it good or bad. `unclear` are the words in what cannot be read: a piece
    among them needs a word of its own.
    """

    acks: tuple[AckBody, ...]
    faults: tuple[Fault, ...] = ()
    drop: str | None = None
    unclear: frozenset[str] = frozenset()

    def words_of(self, refused: Iterable[AckBody]) -> set[str]:
        """The words in what cannot be read, with those of what is `refused`, and with the drop that the file names, if any are."""
        words = self.unclear.union(*((ack.drop, *(ack.pieces or ())) for ack in refused))
        return {*words, self.drop} if words and self.drop else set(words)


def read_ack(name: str, body: bytes) -> AckBody | Unreadable:
    """The acknowledgement in a JSON file."""
    try:
        said = json.loads(body, object_pairs_hook=_once_each)
        strange = misnamed_pieces(said, "pieces") if isinstance(said, dict) else None
        ack = AckBody.model_validate(said)
    except ValidationError as error:
        return Unreadable(tuple(field_faults(error, "")))
    except _TwiceError as error:
        detail = f"{name} has the field {error} twice"
        return Unreadable((Fault("ack_unreadable", "", detail, "give each field once, and all pieces in one list"),))
    except (ValueError, RecursionError):
        return Unreadable((Fault("ack_unreadable", "", f"{name} is not JSON", "write one JSON object a file"),))
    if strange is not None:
        return Unreadable((misnamed(strange, f"/{_shown(strange)}", 'list them as "pieces"'),))
    if (fault := piece_beside(ack, body, "")) is not None:
        return Unreadable((fault,))
    return ack


class _TwiceError(ValueError):
    """A field that stands in an object twice, of which JSON would believe the last alone."""


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    said: dict[str, Any] = {}
    for name, value in pairs:
        if name in said:
            raise _TwiceError(_shown(name))
        said[name] = value
    return said


def piece_beside(ack: AckBody, raw: bytes, at: str) -> Fault | None:
    """The fault of what says what became of a whole drop and names a piece beside that: it may be of this one, or of all others."""
    found = _PIECE.search(_narrow(raw)) if ack.pieces is None and ack.state in _OUTCOMES else None
    if found is None:
        return None
    detail = f"{ack.state} is said of the whole drop, and {_shown(found[0].decode())} is named beside it"
    return Fault("ack_field", at, detail, "name pieces where they belong, and say of each by itself what became of it")


def words_in(raw: bytes) -> frozenset[str]:
    """Whatever may be the id of a piece in a text that cannot be read."""
    return frozenset(word.decode() for word in _WORD.findall(_narrow(raw)))


def _narrow(raw: bytes) -> bytes:
    """JSON may come in UTF-16, in which every other byte of an id is a NUL."""
    return raw.replace(b"\0", b"")


def is_whole(body: bytes) -> bool:
    """Whether it is JSON from its beginning to its end."""
    try:
        json.loads(body)
    except (ValueError, RecursionError):
        return False
    return True


def stem_in(text: object) -> str | None:
    """A text that can be the name of a drop."""
    return text if isinstance(text, str) and re.fullmatch(_STEM, text) else None


def stem_of(body: bytes) -> str | None:
    """The drop that a JSON file names, whatever else is wrong in it."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return stem_in(said.get("drop")) if isinstance(said, dict) else None


def misnamed_pieces(names: Iterable[str], right: str) -> str | None:
    """A name that means single pieces and is not the `right` one: left out, what it is of would be said of the whole drop."""
    for name in names:
        if name != right and re.sub(r"[^a-z]", "", name.lower()) in _NAMES_OF_PIECES:
            return name
    return None


def misnamed(name: str, at: str, remedy: str) -> Fault:
    detail = (
        f"{_shown(name)} is not how single pieces are named here, and without it this would be said of the whole drop"
    )
    return Fault("ack_field", at, detail, remedy)


def _shown(name: str) -> str:
    """A printer's word in a fault: not at any length, and with nothing that PostgreSQL does not keep."""
    short = name[:_MOST_SHOWN]
    return short if short.isprintable() else ascii(short)


def field_faults(error: ValidationError, at: str) -> Iterator[Fault]:
    for one in error.errors(include_url=False, include_input=False):
        pointer = at + "/" + "/".join(map(str, one["loc"]))
        yield Fault("ack_field", pointer, one["msg"], "write the field as the interface describes it")

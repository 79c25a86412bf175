"""What passes between a press and its customers as files: drops in, acknowledgements and trays out."""

import csv
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any


class WrongDropError(Exception):
    """A drop that cannot be printed as it lies there; the message is the reason that the customer is told."""


@dataclass(frozen=True)
class Piece:
    """One piece of a drop's manifest."""

    id: str
    imb: str


def check_drop(inbox: Path, ready: bytes) -> list[Piece]:
    """The pieces of a drop, once every file is there as its ready file says. Raises `WrongDropError`."""
    try:
        order = json.loads(ready)
        files, pieces = order["files"], order["pieces"]
        for file in files:
            _check_file(inbox, file["name"], file["size"], file["sha256"])
    except (ValueError, KeyError, TypeError) as error:
        raise WrongDropError(f"the ready file cannot be read: {error!r}") from error
    manifests = [file["name"] for file in files if file["name"].endswith(".csv")]
    if len(manifests) != 1:
        raise WrongDropError(f"the drop has {len(manifests)} manifests, not one")
    listed = _read_manifest(inbox / manifests[0])
    if len(listed) != pieces:
        raise WrongDropError(f"{manifests[0]} lists {len(listed)} pieces, the ready file says {pieces}")
    return listed


def put_whole(folder: Path, name: str, body: bytes) -> None:
    """A file appears under its name whole or not at all, and lasts."""
    part = folder / f"{name}.part"
    with part.open("wb") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    part.rename(folder / name)


def write_ack(outbox: Path, ack: dict[str, Any], at: datetime, *, form: str = "json", twice: bool = False) -> str:
    """One acknowledgement, named by its drop and time; the name. Nothing is written where it lies in `out/` already.

    `form` is json or csv; `twice` writes the same once more under another name, as a careless shop does.
    """
    said = {**ack, "at": at.isoformat()}
    body = (_as_csv(said) if form == "csv" else json.dumps(said)).encode()
    names = [
        f"{ack['drop']}.{at:%Y%m%dT%H%M%S.%fZ}{again}.ack.{form}" for again in (("", "-again") if twice else ("",))
    ]
    for name in names:
        if not any((folder / name).exists() for folder in (outbox, outbox / "done", outbox / "error")):
            put_whole(outbox, name, body)
    return names[0]


def _as_csv(said: dict[str, Any]) -> str:
    """A line for each piece, or one for the whole drop."""
    text = io.StringIO(newline="")
    lines = csv.DictWriter(text, ("drop", "state", "at", "piece", "reason", "digest"))
    lines.writeheader()
    for piece in said.get("pieces", [""]):
        lines.writerow({**{name: value for name, value in said.items() if name != "pieces"}, "piece": piece})
    return text.getvalue()


def write_tray(trays: Path, drop: str, pieces: Sequence[Piece], printer: str, at: datetime) -> str:
    """The mailed pieces of a drop as JSON lines, for the carrier; the file's name."""
    name = f"{drop}.jsonl"
    lines = [
        json.dumps({"imb": piece.imb, "piece": piece.id, "at": at.isoformat(), "printer": printer}) for piece in pieces
    ]
    put_whole(trays, name, "".join(f"{line}\n" for line in lines).encode())
    return name


def _check_file(inbox: Path, name: str, size: int, sha256: str) -> None:
    if Path(name).name != name:
        raise WrongDropError(f"{name} is not a plain file name")
    try:
        with (inbox / name).open("rb") as file:
            there, digest = os.fstat(file.fileno()).st_size, file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WrongDropError(f"{name} cannot be read: {error.strerror}") from error
    if there != size:
        raise WrongDropError(f"{name} has {there} bytes, the ready file says {size}")
    if digest != sha256:
        raise WrongDropError(f"{name} has not the digest that the ready file says")


def _read_manifest(path: Path) -> list[Piece]:
    with path.open(newline="", encoding="ascii", errors="replace") as file:
        try:
            return [Piece(row["piece_id"], row["imb"]) for row in csv.DictReader(file)]
        except KeyError as error:
            raise WrongDropError(f"{path.name} has no column {error.args[0]}") from error

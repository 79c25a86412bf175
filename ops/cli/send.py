"""`mailstream send`: order one piece through the API, from options or from a JSON file."""

import json
import re
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from ops.cli.apps import new_app
from ops.cli.client import Client
from ops.cli.failure import CommandError, Exit
from ops.cli.html import is_html, read_html, values_given
from ops.cli.mail import print_piece
from ops.cli.output import Json, print_json
from ops.cli.pairs import pairs_given
from ops.cli.sides import Sides

app = new_app()

_CREATIVE = re.compile(r"cr_[0-9a-z]{26}")
_NEEDED = ("name", "line1", "city", "state", "zip")


@app.command()
def send(
    file: Annotated[str | None, typer.Option(help="A JSON file with the whole piece, or - for stdin.")] = None,
    product: Annotated[str | None, typer.Option(help="Such as postcard_4x6.")] = None,
    to_name: Annotated[str | None, typer.Option(help="The recipient's name.")] = None,
    company: Annotated[str | None, typer.Option()] = None,
    line1: Annotated[str | None, typer.Option(help="Street and number, or PO box.")] = None,
    line2: Annotated[str | None, typer.Option()] = None,
    city: Annotated[str | None, typer.Option()] = None,
    state: Annotated[str | None, typer.Option()] = None,
    zip_: Annotated[str | None, typer.Option("--zip", help="ZIP code or ZIP+4.")] = None,
    front: Annotated[
        str | None, typer.Option(help="An artwork file, which may be HTML, or the id of a creative.")
    ] = None,
    back: Annotated[str | None, typer.Option(help="The same for the address side; none for a letter.")] = None,
    sides: Annotated[Sides | None, typer.Option(help="How a letter is printed; without it, duplex.")] = None,
    merge: Annotated[list[str] | None, typer.Option(help="NAME=VALUE for a field of HTML; repeat it.")] = None,
    mail_class: Annotated[str | None, typer.Option("--class", help="first_class or marketing.")] = None,
    external_id: Annotated[str | None, typer.Option(help="An id of yours, which only one piece can have.")] = None,
    send_on: Annotated[str | None, typer.Option(help="A date before which it is not to be mailed.")] = None,
    metadata: Annotated[list[str] | None, typer.Option(help="KEY=VALUE, given back in events; repeat it.")] = None,
    idempotency_key: Annotated[str | None, typer.Option(help="The same key orders the piece once.")] = None,
    as_json: Json = False,
) -> None:
    """Order one piece, and print it. With --file, other options change what the file says."""
    address = {
        "name": to_name, "company": company, "line1": line1, "line2": line2, "city": city, "state": state, "zip": zip_,
    }  # fmt: skip
    given = {
        "product": product,
        "class": mail_class,
        "sides": sides.value if sides else None,
        "external_id": external_id,
        "send_on": send_on,
        "metadata": pairs_given(metadata or (), "--metadata", "KEY=VALUE") or None,
        "merge": values_given(merge or ()) or None,
    }
    piece = _from_file(file) if file is not None else {}
    piece |= {name: value for name, value in given.items() if value is not None}
    to = {name: value for name, value in address.items() if value is not None}
    if to or file is None:
        piece["to"] = {**piece.get("to", {}), **to}
    if file is None:
        _check_complete(piece, front)
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    with ExitStack() as stack, Client() as client:
        sent = client.post("/v1/mail", **_content(piece, {"front": front, "back": back}, stack), headers=headers)
    if as_json:
        print_json(sent)
    else:
        print_piece(sent)


def _from_file(path: str) -> dict[str, Any]:
    text = sys.stdin.read() if path == "-" else Path(path).read_text()
    try:
        piece = json.loads(text)
    except ValueError as error:
        raise CommandError(f"{path} is not JSON ({error}): write the piece as one JSON object") from error
    if not isinstance(piece, dict):
        raise CommandError(f"{path}: write the piece as one JSON object")
    return piece


def _check_complete(piece: dict[str, Any], front: str | None) -> None:
    options = {"product": piece.get("product"), "front": front}
    address = {"to-name" if name == "name" else name: piece["to"].get(name) for name in _NEEDED}
    if piece["to"].get("company"):
        address.pop("to-name")
    missing = [f"--{name}" for name, value in {**options, **address}.items() if not value]
    if missing:
        raise CommandError(f"give {', '.join(missing)}, or the whole piece by --file piece.json", Exit.USAGE)


def _content(piece: dict[str, Any], sides: dict[str, str | None], stack: ExitStack) -> dict[str, Any]:
    """The request's body: JSON where all artwork is known to the service, multipart where files go along."""
    files = {}
    for name, value in sides.items():
        if value is not None and _CREATIVE.fullmatch(value):
            piece[name] = {"creative": value}
        elif value is not None and is_html(Path(value)):
            piece[name] = {"html": read_html(Path(value))[0]}
        elif value is not None:
            piece.pop(name, None)
            path = Path(value)
            files[name] = (path.name, stack.enter_context(path.open("rb")), "application/octet-stream")
    return {"data": {"mail": json.dumps(piece)}, "files": files} if files else {"json": piece}

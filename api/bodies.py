"""Reading bodies with their limits: what is too large is refused by its Content-Length, or when the limit is passed."""

import tempfile
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fastapi import Request
from pydantic_core import from_json

from api.faults import fault
from api.problems import Problem, invalid
from api.uploads import MOST_FILE_BYTES, Uploaded, read_parts

MOST_JSON_BYTES = 8 * 1024 * 1024
_MULTIPART_ROOM = 64 * 1024
"""For boundaries and the headers of parts."""


@dataclass(frozen=True)
class Received:
    """A body: its JSON, and the files that came with it, which go when the request ends."""

    value: Any
    files: dict[str, Uploaded] = field(default_factory=dict)


async def read_json(request: Request) -> Any:
    """The JSON of a body that may be nothing else."""
    if _media_type(request) != "application/json":
        raise Problem("unsupported_media_type", "This route takes application/json.")
    return parse_json(await _read(request, MOST_JSON_BYTES))


@asynccontextmanager
async def received(request: Request, *, json_part: str, file_parts: Collection[str]) -> AsyncIterator[Received]:
    """The body, as JSON or as multipart with one JSON part and files."""
    media_type = _media_type(request)
    if media_type == "application/json":
        yield Received(parse_json(await _read(request, MOST_JSON_BYTES)))
    elif media_type == "multipart/form-data":
        most = MOST_JSON_BYTES + len(file_parts) * MOST_FILE_BYTES + _MULTIPART_ROOM
        _check_length(request, most)
        with tempfile.TemporaryDirectory(prefix="mailstream-upload-") as name:
            fields, files = await read_parts(request, Path(name), field_names={json_part}, file_names=file_parts)
            if json_part not in fields:
                raise invalid([fault("missing_field", f"/{json_part}", f"The part {json_part} is missing.")])
            yield Received(parse_json(fields[json_part]), files)
    else:
        raise Problem("unsupported_media_type")


@asynccontextmanager
async def read_creative(request: Request) -> AsyncIterator[tuple[Any, Uploaded | None]]:
    """The JSON of a creative, or the fields and the file of a multipart body."""
    if _media_type(request) != "multipart/form-data":
        if _media_type(request) != "application/json":
            raise Problem("unsupported_media_type")
        yield parse_json(await _read(request, MOST_JSON_BYTES)), None
        return
    _check_length(request, MOST_FILE_BYTES + _MULTIPART_ROOM)
    with tempfile.TemporaryDirectory(prefix="mailstream-upload-") as name:
        fields, files = await read_parts(request, Path(name), field_names={"product"}, file_names={"file"})
        if "file" not in files:
            raise invalid([fault("missing_file", "/file", "The part file is missing.")])
        yield {name: value.decode("utf-8", "replace") for name, value in fields.items()}, files["file"]


def parse_json(body: bytes) -> Any:
    try:
        return from_json(body, allow_inf_nan=False)
    except ValueError as error:
        # The parser's message gives the place and what it expected there, and nothing of the body.
        raise Problem("malformed_json", f"The body is not JSON: {error}.") from None


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _check_length(request: Request, most: int) -> None:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        raise too_large(int(length), most)


async def _read(request: Request, most: int) -> bytes:
    _check_length(request, most)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most:
            raise too_large(size, most)
        chunks.append(chunk)
    return b"".join(chunks)


def too_large(size: int, most: int) -> Problem:
    return Problem("body_too_large", f"The body has {size / 1e6:.1f} MB or more; {most / 1e6:.1f} MB is the most here.")

"""multipart/form-data, read as it comes: files go straight to disk, hashed on the way, and stop at their limit.

What a part is depends on its name alone; file names and content types that clients give are not believed.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import IO

from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from api.problems import Problem, invalid
from pipeline.errors import Fault

MOST_FILE_BYTES = 25 * 1024 * 1024
MOST_FIELD_BYTES = 8 * 1024 * 1024
_MOST_PARTS = 8


@dataclass(frozen=True)
class Uploaded:
    """A file that was sent, whole."""

    path: Path
    sha256: str
    size_bytes: int


async def read_parts(
    request: Request, folder: Path, *, field_names: Collection[str], file_names: Collection[str]
) -> tuple[dict[str, bytes], dict[str, Uploaded]]:
    """The named fields and files. Raises `Problem` for parts that are not expected, doubled or too large."""
    _, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary")
    if not boundary:
        raise Problem("malformed_multipart", "The Content-Type names no boundary.")
    reader = _Reader(folder, field_names, file_names)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": reader.on_part_begin,
                "on_header_field": reader.on_header_field,
                "on_header_value": reader.on_header_value,
                "on_header_end": reader.on_header_end,
                "on_headers_finished": reader.on_headers_finished,
                "on_part_data": reader.on_part_data,
                "on_part_end": reader.on_part_end,
                "on_end": reader.on_end,
            },
        )
        async for chunk in request.stream():
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise Problem("malformed_multipart") from None
    finally:
        reader.close()
    if not reader.whole:
        raise Problem("malformed_multipart", "The body ends before its last boundary.")
    return reader.fields, reader.files


class _Reader:
    """Receives what the parser finds. A new part starts a new `_part`."""

    def __init__(self, folder: Path, field_names: Collection[str], file_names: Collection[str]) -> None:
        self._folder = folder
        self._field_names = field_names
        self._file_names = file_names
        self.fields: dict[str, bytes] = {}
        self.files: dict[str, Uploaded] = {}
        self.whole = False
        self._parts = 0
        self._name = ""
        self._header: tuple[bytes, bytes] = (b"", b"")
        self._disposition = b""
        self._file: IO[bytes] | None = None
        self._text = bytearray()
        self._digest = sha256()
        self._size = 0

    def on_part_begin(self) -> None:
        self._parts += 1
        if self._parts > _MOST_PARTS:
            raise Problem("malformed_multipart", f"The body has more than {_MOST_PARTS} parts.")
        self._disposition, self._text, self._digest, self._size = b"", bytearray(), sha256(), 0

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0] + data[start:end], self._header[1])

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header = (self._header[0], self._header[1] + data[start:end])

    def on_header_end(self) -> None:
        if self._header[0].lower() == b"content-disposition":
            self._disposition = self._header[1]
        self._header = (b"", b"")

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode("utf-8", "replace")
        if self._name in self.fields or self._name in self.files:
            raise invalid([_unexpected(self._name, "comes twice")])
        if self._name in self._file_names:
            # The name is one of ours, not the client's word.
            self._file = (self._folder / self._name).open("wb")
        elif self._name not in self._field_names:
            raise invalid([_unexpected(self._name, "is not known here")])

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        most = MOST_FILE_BYTES if self._file else MOST_FIELD_BYTES
        if self._size > most:
            raise Problem(
                "body_too_large", f"The part {self._name} has more than {most / 1e6:.1f} MB, the most there is."
            )
        if self._file is None:
            self._text += data[start:end]
        else:
            piece = data[start:end]
            self._file.write(piece)
            self._digest.update(piece)

    def on_part_end(self) -> None:
        if self._file is None:
            self.fields[self._name] = bytes(self._text)
            return
        path = Path(self._file.name)
        self.close()
        self.files[self._name] = Uploaded(path, self._digest.hexdigest(), self._size)

    def on_end(self) -> None:
        self.whole = True

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def _unexpected(name: str, why: str) -> Fault:
    return Fault(
        "unexpected_part", f"/{name[:60]}", f"The part {name[:60]!r} {why}.", "Send each part once, as /docs says."
    )

"""Text that a command is given: a file, or stdin for `-`."""

import io
import sys
from pathlib import Path

from ops.cli.failure import CommandError


def named(path: str) -> str:
    """As an error speaks of it."""
    return "stdin" if path == "-" else path


def read_text(path: str) -> str:
    """UTF-8, with or without a byte order mark, lines ended by a line feed. Raises `CommandError` for other encodings."""
    raw = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    try:
        return io.TextIOWrapper(io.BytesIO(raw), encoding="utf-8-sig").read()
    except UnicodeDecodeError as error:
        raise CommandError(f"{named(path)} is not text in UTF-8: save it as UTF-8") from error

"""Private keys of printers' accounts: copied into the installation's folder of keys, which is all that a profile can name."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from adapters.printers.ssh import parse_key
from ops.cli.failure import CommandError, Exit
from pipeline.models.profile_sense import KEYS

_MOST_BYTES = 64 * 1024
"""More than any key has."""


@dataclass(frozen=True)
class OwnKey:
    """A private key that was read at its `source`, and is to lie at `target`."""

    source: Path
    target: Path
    text: bytes = field(repr=False)

    def place(self) -> bool:
        """For nobody else to read, and there whole or not at all; whether it was not there before.

        A key that lies there already stays. Raises `CommandError` where that is another one.
        """
        self.target.parent.mkdir(mode=0o700, exist_ok=True)
        with NamedTemporaryFile(dir=self.target.parent, prefix=".", suffix=".part") as part:  # 0600
            part.write(self.text)
            part.flush()
            os.fsync(part.fileno())
            try:
                os.link(part.name, self.target)
            except FileExistsError:
                if self.target.read_bytes() != self.text:
                    raise self._is_another() from None
                return False
        return True

    def _is_another(self) -> CommandError:
        return CommandError(
            f"{self.target} is another key than {self.source}: copy the new one into {self.target.parent} under a name of "
            f"its own, and give that as transport.key_file, such as {KEYS}/{self.target.name}-2",
            Exit.CONFLICT,
        )


def with_own_key(profile: Any, printer: str, home: Path) -> tuple[Any, OwnKey | None]:
    """A profile whose key lies elsewhere on this machine, with the name that the key gets here, and the key, read and whole.

    Other profiles, right or wrong, stay as they are, and nothing is to be copied. Raises `OSError`, and
    `Permanent("printer_key_unreadable")` for what is no key.
    """
    transport = profile.get("transport") if isinstance(profile, dict) else None
    given = transport.get("key_file") if isinstance(transport, dict) else None
    source = Path(given) if isinstance(given, str) else Path()
    if transport is None or not source.is_absolute():
        return profile, None
    is_own = source.parent == home / KEYS
    target = home / KEYS / (source.name if is_own else printer)
    named = {**profile, "transport": {**transport, "key_file": f"{KEYS}/{target.name}"}}
    return named, None if is_own else OwnKey(source, target, _read(source))


@contextmanager
def placing(key: OwnKey | None) -> Iterator[Callable[[], None]]:
    """Around a transaction, which places its key by what this gives. If it fails, a key that was not there before goes again."""
    placed = False

    def place() -> None:
        nonlocal placed
        placed = key is not None and key.place()

    try:
        yield place
    except BaseException:
        if key is not None and placed:
            key.target.unlink()
        raise


def _read(source: Path) -> bytes:
    with source.open("rb") as file:
        text = file.read(_MOST_BYTES + 1)
    parse_key(text[:_MOST_BYTES], str(source))
    return text

"""Private keys of printers' accounts: copied into the installation's folder of keys, which is all that a profile can name."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from ops.cli.failure import CommandError, Exit
from pipeline.models.profile_sense import KEYS


def with_own_key(profile: Any, printer: str, home: Path) -> tuple[Any, Path | None]:
    """A profile whose key lies elsewhere on this machine, with the name that the key gets here, and the file to be copied to it.

    Other profiles, right or wrong, stay as they are, and nothing is to be copied.
    """
    transport = profile.get("transport") if isinstance(profile, dict) else None
    given = transport.get("key_file") if isinstance(transport, dict) else None
    source = Path(given) if isinstance(given, str) else Path()
    if transport is None or not source.is_absolute():
        return profile, None
    is_own = source.parent == home / KEYS
    named = {**transport, "key_file": f"{KEYS}/{source.name if is_own else printer}"}
    return {**profile, "transport": named}, None if is_own else source


def copy_key(source: Path, target: Path) -> None:
    """For nobody else to read, and there whole or not at all. A key that lies there already stays.

    Raises `CommandError` where that is another one.
    """
    key = source.read_bytes()
    target.parent.mkdir(mode=0o700, exist_ok=True)
    with NamedTemporaryFile(dir=target.parent, prefix=".", suffix=".part") as part:  # 0600
        part.write(key)
        part.flush()
        os.fsync(part.fileno())
        try:
            os.link(part.name, target)
        except FileExistsError:
            if target.read_bytes() != key:
                raise CommandError(
                    f"{target} is another key than {source}: copy the new one into {target.parent} under a name of its "
                    f"own, and give that as transport.key_file, such as {KEYS}/{target.name}-2",
                    Exit.CONFLICT,
                ) from None

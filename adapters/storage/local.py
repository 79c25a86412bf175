"""Files in a folder of this machine, or of a file system that several machines mount."""

import contextlib
import filecmp
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from pipeline.errors import Permanent, Transient

_KEY = re.compile(r"(?:live|test)(?:/[A-Za-z0-9_][A-Za-z0-9_.-]*)+")


class LocalStorage:
    """Keys are paths below `root`. A file appears under its name whole or not at all."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, key: str, source: Path) -> None:
        """Whole and durable when this returns. Repeating it with the same bytes changes nothing."""
        target = self._path(key)
        with _translated(key):
            if target.is_file() and filecmp.cmp(target, source, shallow=False):
                return
            folder = target.parent
            _make_folders(folder)
            handle, part = tempfile.mkstemp(dir=folder, prefix=".part-")
            try:
                with os.fdopen(handle, "wb") as file, source.open("rb") as read:
                    shutil.copyfileobj(read, file, 1024 * 1024)
                    file.flush()
                    os.fsync(file.fileno())
                Path(part).replace(target)
            except BaseException:
                Path(part).unlink(missing_ok=True)
                raise
            _sync_folder(folder)

    def fetch(self, key: str) -> Path:
        """A local path to read from. Raises `Permanent("missing_file")`."""
        path = self._path(key)
        if not path.is_file():
            raise Permanent("missing_file", f"there is no file {key}")
        return path

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def delete(self, key: str) -> None:
        """Repeating it changes nothing."""
        with _translated(key):
            self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        # Names cannot begin with a dot, so that no key leaves the root or meets a part of another file.
        if not _KEY.fullmatch(key):
            raise ValueError(f"not a storage key: {key!r}")
        return self._root / key


@contextlib.contextmanager
def _translated(key: str) -> Iterator[None]:
    """A full or missing disk may be put right: the work is tried again."""
    try:
        yield
    except OSError as error:
        raise Transient("storage_unavailable", f"{key}: {error.strerror}") from error


def _make_folders(folder: Path) -> None:
    """`mkdir -p`, durable: each new name is synced in its parent."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for one in missing:
        _sync_folder(one.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""A printer's side of a drop in a local folder: the same names and the same renames as over SFTP."""

import contextlib
import filecmp
import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from pathlib import Path

from pipeline.errors import Permanent, Transient
from pipeline.ports import AckFile, Lies

MOST_ACK_BYTES = 4 * 1024 * 1024
ACK_SUFFIX = ".ack.json"
ACK_SUFFIXES = (ACK_SUFFIX, ".ack.csv")


class FolderPrinter:
    """`in/` and `out/` below `folder`. A drop's ready file carries `now` as its modification time: when it was handed over."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self._in = folder / "in"
        self._out = folder / "out"
        self._now = now
        for place in (self._in, self._out / "done", self._out / "error"):
            place.mkdir(parents=True, exist_ok=True)

    def put(self, stem: str, files: Sequence[Path]) -> None:  # noqa: ARG002  # the port's; files carry their names
        """Each file is there under its own name, whole, when this returns. Repeating it changes nothing."""
        with _translated():
            for file in files:
                self._put(file)

    def stage_ready(self, part: str, body: bytes) -> None:
        """Write the ready file under the name `part`, which no printer looks at."""
        with _translated():
            (self._in / part).write_bytes(body)

    def hand_over(self, stem: str, part: str) -> None:
        """Rename `part` to `STEM.ready`. Raises `Permanent("part_missing")` when `part` is gone."""
        with _translated():
            try:
                os.utime(self._in / part, (self._now.timestamp(),) * 2)
                (self._in / part).rename(self._in / f"{stem}.ready")
            except FileNotFoundError:
                raise Permanent("part_missing", f"{part} is not there to be renamed") from None

    def clear_parts(self, stem: str) -> None:
        """Remove what attempts that died have left of a drop's ready file, once the drop is handed over."""
        with _translated():
            for part in self._in.glob(f"{stem}.*.ready.part"):
                part.unlink(missing_ok=True)

    def look(self, stem: str, part: str) -> Lies:
        """What lies in `in/` of this drop; the furthest state wins."""
        for name, lies in (
            (f"{stem}.taken", Lies.TAKEN),
            (f"{stem}.ready", Lies.READY),
            (f"{stem}.recalled", Lies.RECALLED),
            (part, Lies.PART),
        ):
            if (self._in / name).exists():
                return lies
        return Lies.NOTHING

    def recall(self, stem: str, part: str) -> bool:
        """Rename the ready file away before the printer takes it; False when the printer was first."""
        for name in (f"{stem}.ready", part):
            with contextlib.suppress(FileNotFoundError):
                (self._in / name).rename(self._in / f"{stem}.recalled")
        return self.look(stem, part) is Lies.RECALLED

    def recall_part(self, stem: str, part: str) -> bool:
        """Rename a part away that was not handed over; True where that proves that it never was and never will be."""
        if self.look(stem, part) is not Lies.PART:
            return False
        try:
            (self._in / part).rename(self._in / f"{stem}.recalled")
        except FileNotFoundError:
            return False
        return True

    def acks(self, limit: int, *, but: Collection[str] = ()) -> list[AckFile]:
        """Up to `limit` acknowledgement files, oldest name first, `but` those of these names."""
        there = [path for path in self._out.iterdir() if path.name.endswith(ACK_SUFFIXES) and path.is_file()]
        names = sorted(path for path in there if path.name not in but)
        return [AckFile(path.name, path.read_bytes()[:MOST_ACK_BYTES]) for path in names[:limit]]

    def settle_ack(self, name: str, *, good: bool) -> None:
        """Move an acknowledgement that is recorded out of the way. Repeating it changes nothing."""
        with contextlib.suppress(FileNotFoundError):
            (self._out / name).rename(self._out / ("done" if good else "error") / name)

    def close(self) -> None:
        """There is nothing to close."""

    def _put(self, file: Path) -> None:
        target = self._in / file.name
        if target.exists():
            if not filecmp.cmp(file, target, shallow=False):
                raise Permanent("file_exists", f"another {file.name} lies in in/ already")
            return
        part = target.with_name(f"{file.name}.part")
        shutil.copyfile(file, part)
        part.rename(target)


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise Transient("folder_unavailable", f"{error.filename}: {error.strerror}") from error

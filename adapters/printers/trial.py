"""Whether an account is one that drops can go through: everything that the line does there is done once, with small files.

Of what it makes nothing stays: names begin with `mailstream-check`, and no printer takes them for a drop or an acknowledgement.
"""

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from adapters.printers import jobs, upload, wire
from adapters.printers.connection import Connection
from adapters.printers.engine import Job, ask
from adapters.printers.refusals import translate
from adapters.printers.sftp import ACK_SUFFIXES
from adapters.printers.wire import Code, RefusedError, shown
from pipeline.errors import PortError

if TYPE_CHECKING:  # with it comes pydantic, which the transport has no use for
    from pipeline.models.profile import Sftp

STEM = "mailstream-check"
_BODY = b"MailStream looked whether this folder can be written to. This is not a drop; you may remove the file.\n"
_SHOWN = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Finding:
    """One thing that was tried; `detail` says what was found, or what is wrong and whom to ask."""

    name: str
    ok: bool
    detail: str


class _WrongError(Exception):
    """The server did as it was told, and that is not what the line needs."""


_Step = tuple[str, Callable[[], str]]


def try_out(settings: "Sftp", key_file: Path, mark: str) -> Iterator[Finding]:
    """What was found, step by step. After one that fails, the others of its folder are left out.

    `mark` makes the names new: a name that was there already would prove little.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(contextlib.closing(Connection(settings, key_file)))
        except PortError as error:
            yield Finding("connect", False, f"{error} ({error.code})")
            return
        account = _Account(connection, settings, key_file, f"{STEM}-{mark}")
        stack.callback(account.tidy)
        for steps in (account.server_steps(), account.inbox_steps(), account.outbox_steps()):
            for name, step in steps:
                finding = _tried(name, step)
                yield finding
                if not finding.ok:
                    break


def _tried(name: str, step: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, step())
    except PortError as error:
        return Finding(name, False, f"{error} ({error.code})")
    except _WrongError as wrong:
        return Finding(name, False, str(wrong))


class _Account:
    """The account and the names that were made in it."""

    def __init__(self, connection: Connection, settings: "Sftp", key_file: Path, name: str) -> None:
        self._connection = connection
        self._settings = settings
        self._key_file = key_file
        self._inbox, self._outbox = settings.inbox.encode(), settings.outbox.encode()
        self._name = name.encode()
        self._made: set[bytes] = set()

    def server_steps(self) -> tuple[_Step, ...]:
        return ("connect", self._connected), ("server", self._offered), ("sessions", self._sessions)

    def inbox_steps(self) -> tuple[_Step, ...]:
        there, part, ready = (self._inbox + b"/" + self._name + suffix for suffix in (b".txt", b".part", b".renamed"))
        return (
            ("write", lambda: self._put(there)),
            ("read back", lambda: self._read(there)),
            ("rename", lambda: self._hand_over(part, ready)),
            ("rename onto", lambda: self._rename_onto(ready, there)),
            ("remove", lambda: self._remove(there, ready)),
        )

    def outbox_steps(self) -> tuple[_Step, ...]:
        part, there = (self._outbox + b"/" + self._name + suffix for suffix in (b".txt.part", b".txt"))
        return (
            ("outbox", self._list),
            ("outbox write", lambda: self._hand_over(part, there)),
            ("outbox done", lambda: self._move_away(there, b"done")),
            ("outbox error", lambda: self._move_away(there, b"error")),
            ("outbox remove", lambda: self._remove(there)),
        )

    def tidy(self) -> None:
        """Remove what a step that failed has left."""
        for path in self._made:
            with contextlib.suppress(PortError):
                self._run(jobs.remove(path), "tidying up")

    def _connected(self) -> str:
        pinned = len(self._settings.fingerprints)
        key = "the pinned one" if pinned == 1 else f"one of the {pinned} pinned ones"
        return f"the host key is {key}; {self._connection.terms}"

    def _offered(self) -> str:
        offer, extensions = self._connection.offer, self._connection.extensions
        known = {"fsync": wire.FSYNC, "limits": wire.LIMITS, "posix-rename": b"posix-rename@openssh.com"}
        has = [f"{name}: {'yes' if extension in extensions else 'no'}" for name, extension in known.items()]
        return f"{', '.join(has)}; in requests of {offer.write_bytes:,} bytes, {offer.open_files} files at once"

    def _sessions(self) -> str:
        """As many as all workers of one process may open at once."""
        wanted = self._settings.connections, self._settings.channels
        opened = [self._connection.widen()]
        with ExitStack() as stack:
            why = ""
            try:
                for _ in range(1, wanted[0]):
                    another = stack.enter_context(contextlib.closing(Connection(self._settings, self._key_file)))
                    opened.append(another.widen())
            except PortError as error:
                why = f" ({error.code})"
        if len(opened) == wanted[0] and min(opened) == wanted[1]:
            return f"{wanted[0]} connections of {wanted[1]} sessions each are open at once"
        raise _WrongError(
            f"the profile wants {wanted[0]} connections of {wanted[1]} sessions each, and the server opened "
            f"{' + '.join(map(str, opened))}{why}: lower transport.connections or transport.channels"
        )

    def _put(self, target: bytes) -> str:
        """As the files of a drop are."""
        put = upload.put_in_place if self._settings.quirks.no_part_names else upload.put
        self._made |= {target, target + b".part"}
        with tempfile.TemporaryDirectory(prefix="mailstream-check-") as folder:
            file = Path(folder, "file")
            file.write_bytes(_BODY)
            self._run(put(file, target, self._connection.offer), f"putting {shown(target)}")
        return f"{shown(target)} is written, whole"

    def _read(self, path: bytes) -> str:
        body = self._run(jobs.read_whole(path, 2 * len(_BODY), self._connection.offer), f"reading {shown(path)}")
        if body != _BODY:
            raise _WrongError(f"{shown(path)} has other bytes than were written: the server changes files")
        return "its bytes are the same"

    def _hand_over(self, part: bytes, name: bytes) -> str:
        """As the ready file is handed over, or as a printer writes an acknowledgement."""
        self._made |= {part, name}
        self._run(upload.write_whole(part, _BODY, self._connection.offer), f"writing {shown(part)}")
        self._run(ask(wire.rename(part, name)), f"renaming {shown(part)}")
        if self._run(jobs.exists(part), "looking") or not self._run(jobs.exists(name), "looking"):
            raise _WrongError(f"{shown(part)} was renamed to {shown(name)}, and is not found there")
        return f"{shown(part)} is written and renamed"

    def _rename_onto(self, path: bytes, taken: bytes) -> str:
        """What keeps two renames of one file from both being won."""
        rename = ask(wire.rename(path, taken))
        if not self._run(_refuses(rename), "renaming onto a name that is taken"):
            raise _WrongError(
                f"{shown(path)} could be renamed to {shown(taken)}, which was there: the server replaces files. Ask the printer "
                "to have it refuse that, or to say which drops it takes (takes_by_renaming: false)"
            )
        return "a name that is taken is not replaced"

    def _remove(self, *paths: bytes) -> str:
        for path in paths:
            self._run(jobs.remove(path), f"removing {shown(path)}")
            self._made.discard(path)
        return f"{' and '.join(map(shown, paths))} {'is' if len(paths) == 1 else 'are'} removed"

    def _list(self) -> str:
        entries = self._run(jobs.list_folder(self._outbox), "listing acknowledgements")
        files = sorted(entry.name for entry in entries if not entry.attributes.is_folder)
        unread = [name for name in files if not name.endswith((*ACK_SUFFIXES, b".part"))]
        if not unread:
            return f"acknowledgements can be listed; {len(files)} lie there"
        names = ", ".join(map(shown, unread[:_SHOWN])) + (" …" if len(unread) > _SHOWN else "")
        return f"can be listed; {len(unread)} files are no acknowledgements by their names, and are not read: {names}"

    def _move_away(self, path: bytes, kind: bytes) -> str:
        """To a folder below and back, as acknowledgements that are recorded go; the folder is made if it is missing."""
        folder, name = self._outbox + b"/" + kind, path.rpartition(b"/")[2]
        self._made.add(folder + b"/" + name)
        self._run(jobs.move_aside(path, folder, name), f"moving a file to {shown(folder)}")
        self._run(ask(wire.rename(folder + b"/" + name, path)), f"moving a file from {shown(folder)}")
        return f"files can be moved to {shown(folder)}"

    def _run(self, job: Job[T], doing: str) -> T:
        try:
            [done] = self._connection.run([job], doing)
        except RefusedError as refused:
            raise translate(refused) from refused
        return done


def _refuses(job: Job[None]) -> Job[bool]:
    try:
        yield from job
    except RefusedError as refused:
        return refused.code != Code.NO_SUCH_FILE
    return False

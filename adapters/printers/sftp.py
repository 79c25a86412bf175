"""A printer behind SFTP, as the port has it: drops in its inbox, acknowledgements in its outbox."""

import functools
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote_from_bytes, unquote_to_bytes

from adapters.printers import jobs, upload, wire
from adapters.printers.connection import Connection
from adapters.printers.engine import Job, Offer, ask
from adapters.printers.refusals import translate
from adapters.printers.wire import Code, Entry, RefusedError, shown
from pipeline.errors import InDoubt, Permanent, Transient
from pipeline.ports import AckFile, Lies

if TYPE_CHECKING:  # with it comes pydantic, which the transport has no use for
    from pipeline.models.profile import Sftp

READY_PART = b".ready.part"
REHEARSAL = "rehearsal_"
"""How the names of drops begin that are put at a printer for practice, and so those of what it says of them."""
ACK_SUFFIXES = (b".ack.json", b".ack.csv")
MOST_ACK_BYTES = 4 * 1024 * 1024
MOST_ACKS_BYTES = 4 * MOST_ACK_BYTES
"""What the acknowledgements that are read at once may hold together: they lie in memory side by side."""
_NAME_SAFE = "!#$&'()+,;=@[]^`{} "
"""With letters, digits and `_.-~`: what stays as it is in an acknowledgement's name; the rest is percent-encoded."""


class SftpPrinter:
    """One printer, connected when first needed and again after a connection that broke. For one thread at a time."""

    def __init__(self, settings: "Sftp", key_file: Path) -> None:
        self._settings = settings
        self._key_file = key_file
        self._connection: Connection | None = None

    @property
    def is_healthy(self) -> bool:
        """Whether it holds a connection that may be used again."""
        return self._connection is not None and self._connection.is_healthy

    def put(self, stem: str, files: Sequence[Path]) -> None:
        """Each file is there under its own name, whole, when this returns. Repeating it changes nothing.

        Raises `Permanent("file_exists")` where a name is taken by other bytes.
        """
        put = upload.put_in_place if self._settings.quirks.no_part_names else upload.put
        with self._speaking() as connection:
            work = [functools.partial(put, file, self._inbox(file.name)) for file in files]
            try:
                connection.spread(work, f"putting the files of {stem}")
            except OSError as error:
                raise Transient("file_unreadable", f"{error.filename} cannot be read: {error.strerror}") from error

    def stage_ready(self, part: str, body: bytes) -> None:
        """Write the ready file under the name `part`, which no printer looks at."""
        with self._speaking() as connection:
            connection.run([upload.write_whole(self._inbox(part), body, connection.offer)], f"writing {part}")

    def hand_over(self, stem: str, part: str) -> None:
        """Rename `part` to `STEM.ready`: from here on the printer may take the drop.

        Raises `InDoubt` when the rename was sent and its answer never came, `Permanent("part_missing")` when `part` is gone.
        """
        rename = wire.rename(self._inbox(part), self._inbox(f"{stem}.ready"))
        with self._speaking() as connection:
            try:
                connection.run([ask(rename)], f"handing over {stem}")
            except Transient as error:
                raise InDoubt("handover_unanswered", f"whether {stem} was handed over is not known: {error}") from error
            except RefusedError as refused:
                if refused.code == Code.NO_SUCH_FILE:
                    raise Permanent("part_missing", f"{part} is not there to be handed over") from refused
                raise

    def clear_parts(self, stem: str) -> None:
        """Remove what attempts that died have left of a drop's ready file, once the drop is handed over."""
        begins = stem.encode() + b"."
        self._clear(lambda name: name.startswith(begins) and name.endswith(READY_PART), f"clearing the parts of {stem}")

    def clear(self, stem: str) -> int:
        """Remove all that lies in the inbox of a drop for practice; how many files that were."""
        if not stem.startswith(REHEARSAL):
            raise ValueError(f"{stem} is no drop for practice")
        # A stem is followed by a dot or a dash, and no other stem of that form begins with it.
        begins = (f"{stem}.".encode(), f"{stem}-".encode())
        return self._clear(lambda name: name.startswith(begins), f"clearing {stem}")

    def _clear(self, ours: Callable[[bytes], bool], doing: str) -> int:
        inbox = self._settings.inbox.encode()
        with self._speaking() as connection:
            [entries] = connection.run([jobs.list_folder(inbox)], "looking for files")
            left = [one.name for one in entries if ours(one.name)]
            return sum(connection.run([jobs.remove(inbox + b"/" + name) for name in left], doing))

    def look(self, stem: str, part: str) -> Lies:
        """What lies in the inbox of this drop; the furthest state wins.

        Where a `.ready` and a `.recalled` lie side by side, a rename was cut off in the middle (OpenSSH makes it of a link and an
        unlink) and the printer may still take the drop: that is `READY`. Raises `Permanent("printer_folder_missing")`.
        """
        with self._speaking() as connection:
            [lies] = connection.run([self._find(stem, part)], f"looking at {stem}")
        return lies

    def recall(self, stem: str, part: str) -> bool:
        """Rename the ready file away before the printer takes it; False when the printer was first, or may have been.

        A part that was not handed over yet goes the same way, so that it never will be. Repeating it changes nothing.
        """
        with self._speaking() as connection:
            for name in (f"{stem}.ready", part):
                connection.run([_withdraw(self._inbox(name), self._inbox(f"{stem}.recalled"))], f"recalling {stem}")
        return self.look(stem, part) is Lies.RECALLED

    def recall_part(self, stem: str, part: str) -> bool:
        """Rename a part away that was not handed over; True where that proves that it never was and never will be.

        Where the answer was lost, the part is gone when this is tried again, and nothing is proved.
        """
        if self.look(stem, part) is not Lies.PART:
            return False
        withdrawing = _withdraw(self._inbox(part), self._inbox(f"{stem}.recalled"))
        with self._speaking() as connection:
            [ours] = connection.run([withdrawing], f"recalling the part of {stem}")
        # A rename that is made of a link and an unlink may have crossed the hand-over's: then the ready file lies there too.
        return ours and self.look(stem, part) is Lies.RECALLED

    def acks(self, limit: int, *, of: str = "", but: Collection[str] = ()) -> list[AckFile]:
        """Up to `limit` acknowledgement files from the outbox, oldest name first, `but` those of these names; fewer where they are
        large.

        With `of`, those whose names begin with it; without, all but those of rehearsals, which are for whoever rehearses.
        In their names, bytes that are not plain are percent-encoded. Of a file that is too large, or that cannot be read, the body
        says that; so it does of a link or a pipe.
        """
        outbox = self._settings.outbox.encode()
        with self._speaking() as connection:
            [entries] = connection.run([jobs.list_folder(outbox)], "listing acknowledgements")
            wanted = _first(entries, limit, of.encode(), but)
            found = connection.run(
                [_read_ack(outbox + b"/" + one.name, one, connection.offer) for one in wanted],
                "reading acknowledgements",
            )
        return [ack for ack in found if ack is not None]

    def settle_ack(self, name: str, *, good: bool) -> None:
        """Move an acknowledgement that is recorded to `out/done/`, or to `out/error/`. Repeating it changes nothing.

        A name that is taken there is given a number, so that neither file is lost.
        """
        outbox, plain = self._settings.outbox.encode(), unquote_to_bytes(name)
        folder = outbox + (b"/done" if good else b"/error")
        with self._speaking() as connection:
            connection.run([jobs.move_aside(outbox + b"/" + plain, folder, plain)], f"moving {name} away")

    def close(self) -> None:
        """End the connection. Repeating it changes nothing."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _find(self, stem: str, part: str) -> Job[Lies]:
        # Asked in the order in which a drop moves, so that one that moves meanwhile is found further on.
        has_part = yield from jobs.exists(self._inbox(part))
        is_ready = yield from jobs.exists(self._inbox(f"{stem}.ready"))
        is_recalled = yield from jobs.exists(self._inbox(f"{stem}.recalled"))
        is_taken = yield from jobs.exists(self._inbox(f"{stem}.taken"))
        for found, lies in (
            (is_taken, Lies.TAKEN),
            (is_ready, Lies.READY),
            (is_recalled, Lies.RECALLED),
            (has_part, Lies.PART),
        ):
            if found:
                return lies
        inbox = self._settings.inbox.encode()
        if not (yield from jobs.exists(inbox)):
            raise Permanent("printer_folder_missing", f"the folder {shown(inbox)} is not there; ask the printer for it")
        return Lies.NOTHING

    def _inbox(self, name: str) -> bytes:
        if "/" in name or name in ("", ".", ".."):
            raise ValueError(f"not a plain file name: {name!r}")
        return f"{self._settings.inbox}/{name}".encode()

    @contextmanager
    def _speaking(self) -> Iterator[Connection]:
        """The connection, made anew where the last one broke; refusals come out as the line's errors."""
        if self._connection is None or not self._connection.is_healthy:
            self.close()
            self._connection = Connection(self._settings, self._key_file)
        try:
            yield self._connection
        except RefusedError as refused:
            raise translate(refused) from refused


def _first(entries: Sequence[Entry], limit: int, of: bytes, but: Collection[str]) -> list[Entry]:
    """The acknowledgements to be read now, in the order of their names."""
    files = [
        one
        for one in entries
        if one.name.endswith(ACK_SUFFIXES)
        and not one.attributes.is_folder
        and (one.name.startswith(of) if of else not one.name.startswith(REHEARSAL.encode()))
        and _quoted(one.name) not in but
    ]
    first: list[Entry] = []
    room = MOST_ACKS_BYTES
    for one in sorted(files, key=lambda one: one.name)[:limit]:
        size = one.attributes.size
        room -= MOST_ACK_BYTES if size is None else min(size, MOST_ACK_BYTES)
        if first and room < 0:
            break
        first.append(one)
    return first


def _withdraw(path: bytes, recalled: bytes) -> Job[bool]:
    """Rename a file away; False if it is gone."""
    try:
        yield from ask(wire.rename(path, recalled))
    except RefusedError as refused:
        if refused.code == Code.NO_SUCH_FILE:
            return False
        if not (yield from jobs.exists(recalled)):
            raise
        # Left of a recall that was cut off in the middle. Removing is won by one side alone, just as renaming is.
        return (yield from jobs.remove(path))
    return True


def _read_ack(path: bytes, entry: Entry, offer: Offer) -> Job[AckFile | None]:
    """None when it is gone. What cannot be taken as an acknowledgement gets a body that says why, which is refused as such.

    That body names the file, so that no two of them have the same digest.
    """
    name = _quoted(entry.name)
    try:
        is_file = entry.attributes.is_file
        if is_file is None:  # listed without its kind
            is_file = (yield from ask(wire.lstat(path))).is_file
        if is_file is False:
            # Opening a pipe may never end, and a link may lead anywhere.
            return AckFile(name, f"{name} is no plain file".encode())
        body = yield from jobs.read_whole(path, MOST_ACK_BYTES + 1, offer)
    except RefusedError as refused:
        body = None if refused.code == Code.NO_SUCH_FILE else f"{name} {_why_unread(refused)}".encode()
    if body is not None and len(body) > MOST_ACK_BYTES:
        body = f"{name} is larger than {MOST_ACK_BYTES} bytes".encode()
    return None if body is None else AckFile(name, body)


def _why_unread(refused: RefusedError) -> str:
    if refused.code == Code.PERMISSION_DENIED:
        return "may not be read by us"
    return f"cannot be read: the server answers with status {refused.code}"


def _quoted(name: bytes) -> str:
    return quote_from_bytes(name, safe=_NAME_SAFE)

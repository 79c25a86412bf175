"""Putting a file at a printer: written as `.part`, measured, and renamed once it is whole; a long one goes on where it broke off.

Several workers may put the same file at once, and each may end at any point. So a part is never emptied: whoever has written
every byte of it, or has looked at those that were there, may rename it, whatever others write to it at that moment. Files of
one name hold the same bytes, whoever puts them: a drop's files are fixed before it is put.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from adapters.printers import jobs, wire
from adapters.printers.engine import BYTES_UNDER_WAY, LARGE_REQUEST_BYTES, Ahead, Ask, Job, Offer, Post, ask
from adapters.printers.wire import Attributes, RefusedError, shown
from pipeline.errors import Permanent, Transient

RESUMED_FROM = 32 * 1024 * 1024
"""A file shorter than this is sent again as a whole: looking at what is there takes as long."""
CHECKED_BYTES = BYTES_UNDER_WAY + LARGE_REQUEST_BYTES
"""So much may be under way at once; of a part that is no longer than this, nothing is certain."""
SYNCED_BYTES = 64 * 1024 * 1024
"""Whoever writes beyond a multiple of this was told before that what lies there is on the printer's disk, where the server can."""
_READS_AT_ONCE = 8


def put(file: Path, target: bytes, offer: Offer) -> Job[None]:
    """The file under its name, whole. A target that is there already must hold the same bytes.

    Raises `Permanent("file_exists")` where it does not, `Transient("printer_size_wrong")`.
    """
    with file.open("rb", buffering=0) as source:
        yield Ahead(_size(source))
        if (yield from jobs.size_of(target)) is None:
            yield from _upload(source, target, offer)
        else:
            yield from _confirm(source, target, offer)
            yield from _tidy(target)


def put_in_place(file: Path, target: bytes, offer: Offer) -> Job[None]:
    """As `put`, for servers on which files should not be renamed: what is there and shorter was cut off, and is written on.

    No printer looks at a drop's files before its ready file, so that half a file under its own name does no harm.
    Raises `Permanent("file_exists")` where a longer file is there, `Transient("printer_size_wrong")`.
    """
    with file.open("rb", buffering=0) as source:
        size = _size(source)
        yield Ahead(size)
        before = yield from jobs.size_of(target)
        if before is not None and (before > size or before < 0):
            raise Permanent("file_exists", f"{shown(target)} is there already, and longer than ours")
        if before != size or not (yield from _is_there(source, target, offer)):
            _check_size(target, (yield from _write(source, target, offer)), size)


def write_whole(path: bytes, body: bytes, offer: Offer) -> Job[None]:
    """A short file under its own name, replacing what was there."""
    handle: bytes = yield from ask(wire.create(path))
    pieces = (body[at : at + offer.write_bytes] for at in range(0, len(body), offer.write_bytes))
    there = yield from _fill(handle, path, pieces, offer)
    _check_size(path, there, len(body))


def _upload(source: BinaryIO, target: bytes, offer: Offer) -> Job[None]:
    part, size = _part(target), _size(source)
    there = yield from _write(source, part, offer)
    if there is not None and there > size:
        # What lay there under this name was longer, so it was no part of this file.
        yield from jobs.remove(part)
        source.seek(0)
        there = yield from _write(source, part, offer)
    _check_size(part, there, size)
    try:
        yield from ask(wire.rename(part, target))
    except RefusedError:
        # The plain rename fails where the target exists, and where the part is gone: another worker may have been first.
        if (yield from jobs.size_of(target)) is None:
            raise
        yield from _confirm(source, target, offer)
        yield from _tidy(target)


def _tidy(target: bytes) -> Job[None]:
    """Remove the part of a file that is there: one who came second may have been cut off with it. If it stays, it does no harm."""
    with suppress(RefusedError):
        yield from jobs.remove(_part(target))


def _part(target: bytes) -> bytes:
    return target + b".part"


def _write(source: BinaryIO, part: bytes, offer: Offer) -> Job[int | None]:
    """Write what is missing of the part; its size in the end."""
    handle: bytes = yield from ask(wire.open_for_writing(part))
    at = 0
    if _size(source) >= RESUMED_FROM:
        attributes: Attributes = yield from ask(wire.fstat(handle, path=part))
        at = yield from _sound_length(source, part, attributes.size or 0, offer)
    source.seek(at)
    return (yield from _fill(handle, part, _chunks(source, offer.write_bytes), offer, at=at))


def _fill(handle: bytes, path: bytes, chunks: Iterator[bytes], offer: Offer, *, at: int = 0) -> Job[int | None]:
    """Write, sync, measure and close an open file; its size in the end."""
    for chunk in chunks:
        if offer.fsync and at // SYNCED_BYTES != (at + len(chunk)) // SYNCED_BYTES:
            yield from ask(wire.fsync(handle, path=path))
        yield Post(wire.write(handle, at, chunk, path=path))
        at += len(chunk)
        del chunk  # many jobs wait for their last answers at once, and none is to hold its last bytes meanwhile
    last = [wire.fstat(handle, path=path), wire.close(handle, path=path)]
    if offer.fsync:
        last.insert(0, wire.fsync(handle, path=path))
    *_, attributes, _closed = yield Ask(tuple(last))
    size: int | None = attributes.size
    return size


def _sound_length(source: BinaryIO, part: bytes, there: int, offer: Offer) -> Job[int]:
    """How much of a part of `there` bytes need not be written again: all of it, or nothing.

    Read back are its beginning and all that is not known to have reached the printer's disk: a write that was answered may be
    lost with the power there, and leave a gap in a file of the right size.
    """
    if not CHECKED_BYTES < there <= _size(source):
        return 0
    try:
        handle: bytes = yield from ask(wire.open_for_reading(part))
    except RefusedError:  # an account that may write and not read
        return 0
    sound = yield from _same(source, handle, part, range(offer.read_bytes), offer)
    synced = max(0, there // SYNCED_BYTES * SYNCED_BYTES - LARGE_REQUEST_BYTES) if offer.fsync else 0
    sound = sound and (yield from _same(source, handle, part, range(synced, there), offer))
    yield from ask(wire.close(handle, path=part))
    return there if sound else 0


def _confirm(source: BinaryIO, target: bytes, offer: Offer) -> Job[None]:
    """Read the target back and compare."""
    if not (yield from _is_there(source, target, offer)):
        raise Permanent("file_exists", f"{shown(target)} is there already, with other bytes than ours")


def _is_there(source: BinaryIO, target: bytes, offer: Offer) -> Job[bool]:
    size = _size(source)
    same = (yield from jobs.size_of(target)) == size
    if same and size:
        handle: bytes = yield from ask(wire.open_for_reading(target))
        same = yield from _same(source, handle, target, range(size), offer)
        yield from ask(wire.close(handle, path=target))
    return same


def _same(source: BinaryIO, handle: bytes, path: bytes, span: range, offer: Offer) -> Job[bool]:
    """Whether a span of bytes is there as we have it."""
    at = span.start
    source.seek(at)
    while at < span.stop:
        starts = range(at, min(span.stop, at + _READS_AT_ONCE * offer.read_bytes), offer.read_bytes)
        sizes = [min(offer.read_bytes, span.stop - start) for start in starts]
        asked = zip(starts, sizes, strict=True)
        answers = yield Ask(tuple(wire.read(handle, start, size, path=path) for start, size in asked))
        there = _joined(answers, sizes)
        if not there or source.read(len(there)) != there:
            return False
        at += len(there)
    return True


def _joined(answers: Sequence[bytes | None], sizes: Sequence[int]) -> bytes:
    """What reads in a row brought, up to the first that came short: what follows it would leave a gap."""
    there = []
    for answer, size in zip(answers, sizes, strict=True):
        there.append(answer or b"")
        if len(there[-1]) < size:
            break
    return b"".join(there)


def _check_size(path: bytes, there: int | None, sent: int) -> None:
    if there != sent:
        raise Transient("printer_size_wrong", f"{shown(path)} has {there} bytes there, not {sent}")


def _size(source: BinaryIO) -> int:
    return os.fstat(source.fileno()).st_size


def _chunks(source: BinaryIO, size: int) -> Iterator[bytes]:
    while chunk := source.read(size):
        yield chunk

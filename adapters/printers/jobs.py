"""What is done at a printer, each as a job for the engine (see `adapters.printers.engine`): it reads as if it were alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from adapters.printers import wire
from adapters.printers.engine import Ask, Job, Offer, Post, ask
from adapters.printers.wire import Code, Entry, RefusedError, shown
from pipeline.errors import Permanent, Transient

_READS_AT_ONCE = 8


def upload(file: Path, target: bytes, offer: Offer) -> Job[None]:
    """The file under its name, whole: written as `.part`, measured, then renamed.

    A target that is there already must hold the same bytes. Raises `Permanent("file_exists")`.
    """
    part = target + b".part"
    with file.open("rb", buffering=0) as source:
        yield from _write(part, _chunks(source, offer.write_bytes), offer)
    try:
        yield from ask(wire.rename(part, target))
    except RefusedError:
        # The plain rename fails where the target exists: another worker may have been first.
        if (yield from size_of(target)) is None:
            raise
        yield from confirm(file, target, offer)
        yield from remove(part)


def write_whole(path: bytes, body: bytes, offer: Offer) -> Job[None]:
    """A short file under its own name, replacing what was there."""
    pieces = (body[at : at + offer.write_bytes] for at in range(0, len(body), offer.write_bytes))
    yield from _write(path, pieces, offer)


def confirm(file: Path, target: bytes, offer: Offer) -> Job[None]:
    """Read the target back and compare. Raises `Permanent("file_exists")` when it holds other bytes than the file."""
    with file.open("rb", buffering=0) as source:
        size = file.stat().st_size
        same = (yield from size_of(target)) == size and (yield from _is_same(source, target, size, offer))
    if not same:
        raise Permanent("file_exists", f"{shown(target)} is there already, with other bytes than ours")


def size_of(path: bytes) -> Job[int | None]:
    """None when there is nothing of that name."""
    try:
        attributes: wire.Attributes = yield from ask(wire.lstat(path))
    except RefusedError as refused:
        if refused.code == Code.NO_SUCH_FILE:
            return None
        raise
    # A folder of that name is something else than our file, whatever its size.
    return -1 if attributes.is_folder or attributes.size is None else attributes.size


def exists(path: bytes) -> Job[bool]:
    return (yield from size_of(path)) is not None


def remove(path: bytes) -> Job[bool]:
    """False when there was nothing of that name."""
    try:
        yield from ask(wire.remove(path))
    except RefusedError as refused:
        if refused.code == Code.NO_SUCH_FILE:
            return False
        raise
    return True


def list_folder(path: bytes) -> Job[list[Entry]]:
    """All names in a folder but `.` and `..`, in no order."""
    handle: bytes = yield from ask(wire.open_folder(path))
    found: list[Entry] = []
    while (some := (yield from ask(wire.read_folder(handle, path=path)))) is not None:
        found += some
    yield from ask(wire.close(handle, path=path))
    return [entry for entry in found if entry.name not in (b".", b"..")]


def read_whole(path: bytes, limit: int, offer: Offer) -> Job[bytes | None]:
    """Up to `limit` bytes of a file; None when it is gone."""
    try:
        handle: bytes = yield from ask(wire.open_for_reading(path))
    except RefusedError as refused:
        if refused.code == Code.NO_SUCH_FILE:
            return None
        raise
    body = b""
    while len(body) < limit:
        size = min(offer.read_bytes, limit - len(body))
        chunk: bytes | None = yield from ask(wire.read(handle, len(body), size, path=path))
        if not chunk:
            break
        body += chunk
    yield from ask(wire.close(handle, path=path))
    return body


def move_aside(path: bytes, folder: bytes, name: bytes) -> Job[None]:
    """Move a file into a folder, which is made if it is missing, under a name that is free there. Nothing if it is gone."""
    number = 1
    while True:
        target = folder + b"/" + name + (b".%d" % number if number > 1 else b"")
        try:
            yield from ask(wire.rename(path, target))
        except RefusedError as refused:
            if not (yield from exists(path)):
                return
            if (yield from exists(target)):
                number += 1
            elif (yield from exists(folder)):
                raise refused from None
            else:
                yield from ask(wire.make_folder(folder))
        else:
            return


def _write(path: bytes, chunks: Iterator[bytes], offer: Offer) -> Job[None]:
    """Make, fill, sync, measure and close a file. Raises `Transient` when it has not the size that we wrote."""
    handle: bytes = yield from ask(wire.create(path))
    sent = 0
    for chunk in chunks:
        yield Post(wire.write(handle, sent, chunk, path=path))
        sent += len(chunk)
    last = [wire.fstat(handle, path=path), wire.close(handle, path=path)]
    if offer.fsync:
        last.insert(0, wire.fsync(handle, path=path))
    *_, attributes, _closed = yield Ask(tuple(last))
    if attributes.size != sent:
        raise Transient("printer_size_wrong", f"{shown(path)} has {attributes.size} bytes there, not {sent}")


def _chunks(source: BinaryIO, size: int) -> Iterator[bytes]:
    while chunk := source.read(size):
        yield chunk


def _is_same(source: BinaryIO, target: bytes, size: int, offer: Offer) -> Job[bool]:
    handle: bytes = yield from ask(wire.open_for_reading(target))
    at, same = 0, True
    while same and at < size:
        offsets = range(at, min(size, at + _READS_AT_ONCE * offer.read_bytes), offer.read_bytes)
        reads = tuple(wire.read(handle, offset, offer.read_bytes, path=target) for offset in offsets)
        there = _joined((yield Ask(reads)), offer.read_bytes)
        same = bool(there) and source.read(len(there)) == there
        at += len(there)
    yield from ask(wire.close(handle, path=target))
    return same and at == size


def _joined(answers: Sequence[bytes | None], size: int) -> bytes:
    """What reads in a row brought, up to the first that came short: what follows it would leave a gap."""
    there = []
    for answer in answers:
        there.append(answer or b"")
        if len(there[-1]) < size:
            break
    return b"".join(there)

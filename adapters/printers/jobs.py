"""What is done at a printer, each as a job for the engine (see `adapters.printers.engine`): it reads as if it were alone."""

from adapters.printers import wire
from adapters.printers.engine import Job, Offer, ask
from adapters.printers.wire import Code, Entry, RefusedError


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
    try:
        while len(body) < limit:
            size = min(offer.read_bytes, limit - len(body))
            chunk: bytes | None = yield from ask(wire.read(handle, len(body), size, path=path))
            if not chunk:
                break
            body += chunk
    except RefusedError:
        yield from ask(wire.close(handle, path=path))
        raise
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

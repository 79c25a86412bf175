"""SFTP version 3 as bytes: the requests we make and the answers to them (draft-ietf-secsh-filexfer-02).

Paths and names are bytes throughout: a printer's folder may hold names that are not UTF-8.
"""

import stat
import struct
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

VERSION = 3
LARGEST_ANSWER = 1024 * 1024
FSYNC = b"fsync@openssh.com"
LIMITS = b"limits@openssh.com"


class Kind(IntEnum):
    """Packet types."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    LSTAT = 7
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    MKDIR = 14
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105
    EXTENDED = 200
    EXTENDED_REPLY = 201


class Code(IntEnum):
    """Status codes: those of version 3, and those of later drafts that say more than FAILURE."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4
    BAD_MESSAGE = 5
    OP_UNSUPPORTED = 8
    FILE_ALREADY_EXISTS = 11
    WRITE_PROTECT = 12
    NO_SPACE = 14
    QUOTA_EXCEEDED = 15


_ANSWERS = {
    Kind.OPEN: Kind.HANDLE,
    Kind.OPENDIR: Kind.HANDLE,
    Kind.READ: Kind.DATA,
    Kind.READDIR: Kind.NAME,
    Kind.LSTAT: Kind.ATTRS,
    Kind.FSTAT: Kind.ATTRS,
}
_READ_FLAG, _WRITE_FLAGS, _EMPTY_FLAGS = 0x01, 0x02 | 0x08, 0x02 | 0x08 | 0x10  # WRITE, CREAT, TRUNC
_SIZE, _OWNERS, _PERMISSIONS, _TIMES, _EXTENDED = 0x01, 0x02, 0x04, 0x08, 0x80000000


class ProtocolError(Exception):
    """The other side does not keep to the protocol."""


class RefusedError(Exception):
    """A request was answered with a status other than OK. `step` says what was asked, of what."""

    def __init__(self, code: int, step: str, kind: Kind) -> None:
        super().__init__(f"{step}: status {code}")
        self.code = code
        self.step = step
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Request:
    """One request: `body` follows its id, `data` follows the body. `answer_bytes` is how much its answer may carry."""

    kind: Kind
    body: bytes
    step: str
    data: bytes = b""
    answer_bytes: int = 0
    answer: Kind = Kind.STATUS

    @property
    def weight(self) -> int:
        """Bytes that it keeps under way until it is answered."""
        return len(self.body) + len(self.data) + self.answer_bytes

    def without_data(self) -> "Request":
        """What its answer is read with."""
        return replace(self, data=b"") if self.data else self


@dataclass(frozen=True, slots=True)
class Attributes:
    """What LSTAT, FSTAT and READDIR tell. `size` and `is_file`, a plain file and no link or pipe, are None where the server does
    not say."""

    size: int | None
    is_folder: bool
    is_file: bool | None


@dataclass(frozen=True, slots=True)
class Limits:
    """The most bytes a READ and a WRITE may carry, and the most files open at once; 0 where the server does not say."""

    read_bytes: int
    write_bytes: int
    open_files: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder."""

    name: bytes
    attributes: Attributes


def create(path: bytes) -> Request:
    """Open for writing, made or emptied. Answered with a handle."""
    return _request(Kind.OPEN, _string(path) + struct.pack(">II", _EMPTY_FLAGS, 0), f"making {shown(path)}")


def open_for_writing(path: bytes) -> Request:
    """Made if need be, and never emptied. Answered with a handle."""
    return _request(Kind.OPEN, _string(path) + struct.pack(">II", _WRITE_FLAGS, 0), f"making {shown(path)}")


def open_for_reading(path: bytes) -> Request:
    """Answered with a handle."""
    return _request(Kind.OPEN, _string(path) + struct.pack(">II", _READ_FLAG, 0), f"opening {shown(path)}")


def write(handle: bytes, offset: int, data: bytes, *, path: bytes) -> Request:
    head = _string(handle) + struct.pack(">QI", offset, len(data))
    return Request(Kind.WRITE, head, f"writing {shown(path)}", data)


def read(handle: bytes, offset: int, size: int, *, path: bytes) -> Request:
    """Answered with bytes, fewer than asked for only for a reason of the server's; None at the end of the file."""
    body = _string(handle) + struct.pack(">QI", offset, size)
    return Request(Kind.READ, body, f"reading {shown(path)}", answer_bytes=size, answer=Kind.DATA)


def fsync(handle: bytes, *, path: bytes) -> Request:
    return _request(Kind.EXTENDED, _string(FSYNC) + _string(handle), f"syncing {shown(path)}")


def fstat(handle: bytes, *, path: bytes) -> Request:
    """Answered with `Attributes`."""
    return _request(Kind.FSTAT, _string(handle), f"measuring {shown(path)}")


def lstat(path: bytes) -> Request:
    """Answered with `Attributes`."""
    return _request(Kind.LSTAT, _string(path), f"looking at {shown(path)}")


def close(handle: bytes, *, path: bytes) -> Request:
    return _request(Kind.CLOSE, _string(handle), f"closing {shown(path)}")


def rename(old: bytes, new: bytes) -> Request:
    """The plain rename, which fails where `new` exists."""
    return _request(Kind.RENAME, _string(old) + _string(new), f"renaming {shown(old)} to {shown(new)}")


def remove(path: bytes) -> Request:
    return _request(Kind.REMOVE, _string(path), f"removing {shown(path)}")


def make_folder(path: bytes) -> Request:
    return _request(Kind.MKDIR, _string(path) + struct.pack(">I", 0), f"making the folder {shown(path)}")


def open_folder(path: bytes) -> Request:
    """Answered with a handle."""
    return _request(Kind.OPENDIR, _string(path), f"opening the folder {shown(path)}")


def read_folder(handle: bytes, *, path: bytes) -> Request:
    """Answered with some `Entry`s, None when there are no more."""
    return _request(Kind.READDIR, _string(handle), f"listing {shown(path)}")


def ask_limits() -> Request:
    """Answered with the body that `read_limits` reads."""
    return Request(Kind.EXTENDED, _string(LIMITS), "asking for limits", answer=Kind.EXTENDED_REPLY)


def read_limits(body: bytes) -> Limits:
    if len(body) < 32:
        raise ProtocolError("the limits are cut short")
    _, most_read, most_write, most_open = struct.unpack(">QQQQ", body[:32])
    return Limits(most_read, most_write, most_open)


def head(request: Request, number: int) -> bytes:
    """The frame of a request up to its `data`."""
    length = 5 + len(request.body) + len(request.data)
    return struct.pack(">IBI", length, request.kind, number) + request.body


def init() -> bytes:
    """The frame that opens the talk."""
    return struct.pack(">IBI", 5, Kind.INIT, VERSION)


def read_version(packet: bytes) -> frozenset[bytes]:
    """The names of the extensions that the server offers, from its first packet."""
    if packet[0] != Kind.VERSION:
        raise ProtocolError(f"the first packet is of type {packet[0]}")
    reader = _Reader(packet, 1)
    version = reader.number()
    if version != VERSION:
        raise ProtocolError(f"it speaks SFTP version {version}, not {VERSION}")
    names = set()
    while reader.more:
        names.add(reader.string())
        reader.string()
    return frozenset(names)


def number_of(packet: bytes) -> int:
    """The id of the request that a packet answers."""
    if len(packet) < 5:
        raise ProtocolError("an answer is cut short")
    return int.from_bytes(packet[1:5], "big")


def read_answer(request: Request, packet: bytes) -> Any:
    """What a request is answered with (see the requests). Raises `RefusedError`, `ProtocolError`."""
    reader = _Reader(packet, 5)
    kind = packet[0]
    if kind == Kind.STATUS:
        return _read_status(request, reader.number())
    if kind != request.answer:
        raise ProtocolError(f"{request.step} was answered with a packet of type {kind}")
    if kind in (Kind.HANDLE, Kind.DATA):
        return reader.string()
    if kind == Kind.ATTRS:
        return reader.attributes()
    if kind == Kind.NAME:
        return [reader.entry() for _ in range(reader.number())]
    return packet[5:]


def shown(path: bytes) -> str:
    """A path for people, whatever its bytes."""
    return path.decode("ascii", "backslashreplace")


def _read_status(request: Request, code: int) -> None:
    if code == Code.EOF and request.kind in (Kind.READ, Kind.READDIR):
        return
    if code != Code.OK:
        raise RefusedError(code, request.step, request.kind)
    if request.answer != Kind.STATUS:
        raise ProtocolError(f"{request.step} was answered with OK alone")


def _request(kind: Kind, body: bytes, step: str) -> Request:
    return Request(kind, body, step, answer=_ANSWERS.get(kind, Kind.STATUS))


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


class _Reader:
    """Takes the fields of a packet one after the other."""

    def __init__(self, packet: bytes, at: int) -> None:
        self._packet = packet
        self._at = at

    @property
    def more(self) -> bool:
        return self._at < len(self._packet)

    def number(self) -> int:
        return int.from_bytes(self._take(4), "big")

    def string(self) -> bytes:
        return self._take(self.number())

    def attributes(self) -> Attributes:
        flags = self.number()
        size = int.from_bytes(self._take(8), "big") if flags & _SIZE else None
        self._take(8 if flags & _OWNERS else 0)
        mode = self.number() if flags & _PERMISSIONS else 0
        self._take(8 if flags & _TIMES else 0)
        for _ in range(2 * self.number() if flags & _EXTENDED else 0):
            self.string()
        return Attributes(size, stat.S_ISDIR(mode), stat.S_ISREG(mode) if stat.S_IFMT(mode) else None)

    def entry(self) -> Entry:
        name = self.string()
        self.string()  # the same as `ls -l` shows it
        return Entry(name, self.attributes())

    def _take(self, size: int) -> bytes:
        taken = self._packet[self._at : self._at + size]
        if len(taken) != size:
            raise ProtocolError("an answer is cut short")
        self._at += size
        return taken

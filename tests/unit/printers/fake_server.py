"""An SFTP server in memory, behind the engine's own idea of a channel. It can be told to answer wrongly."""

import struct
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from adapters.printers.engine import LostError
from adapters.printers.wire import FSYNC, LIMITS, Kind

Verdict = Callable[[Kind, int], int | None]
"""The status code for the nth request of a kind (from 1), None to serve it."""


def never(_kind: Kind, _nth: int) -> int | None:
    return None


class FakeServer:
    """`files` by path; a handle is of the file, whatever it is called later.

    Requests are only answered when the client comes to receive, so that what is under way can be seen.
    """

    def __init__(
        self,
        *,
        refuse: Verdict = never,
        extensions: frozenset[bytes] = frozenset({FSYNC, LIMITS}),
        limits: tuple[int, int] = (1 << 20, 1 << 20),
        most_read: int = 1 << 30,
        version: int = 3,
    ) -> None:
        self.files: dict[bytes, bytearray] = {}
        self.folders: dict[bytes, list[bytes]] = {}
        self.counts: Counter[Kind] = Counter()
        self.sizes_written: list[int] = []
        self.most_waiting = 0
        self.takes_at_once = 1 << 30
        self.reorders = False
        self.says: Callable[[bytes], bytes] = lambda answer: answer
        self._refuse = refuse
        self._extensions = extensions
        self._limits = limits
        self._most_read = most_read
        self._version = version
        self._handles: dict[bytes, Any] = {}
        self._in = bytearray()
        self._out = bytearray()
        self.closed = False

    def send(self, data: memoryview) -> int:
        if self.closed:
            raise LostError
        taken = data[: self.takes_at_once]
        self._in += taken
        self.most_waiting = max(self.most_waiting, len(self._in))
        return len(taken)

    def recv(self, size: int) -> bytes:
        answers = [self.says(_frame(self._answer(request))) for request in self._requests()]
        for answer in reversed(answers) if self.reorders else answers:
            self._out += answer
        if self.closed or not self._out:
            raise LostError
        given = bytes(self._out[:size])
        del self._out[:size]
        return given

    def recv_ready(self) -> bool:
        return bool(self._out)

    def close(self) -> None:
        self.closed = True

    def _requests(self) -> Iterator[bytes]:
        while len(self._in) >= 4 and len(self._in) >= 4 + (length := int.from_bytes(self._in[:4], "big")):
            request = bytes(self._in[4 : 4 + length])
            del self._in[: 4 + length]
            yield request

    def _answer(self, request: bytes) -> bytes:
        kind = Kind(request[0])
        if kind is Kind.INIT:
            pairs = b"".join(_string(name) + _string(b"1") for name in sorted(self._extensions))
            return struct.pack(">BI", Kind.VERSION, self._version) + pairs
        number, body = request[1:5], request[5:]
        self.counts[kind] += 1
        code = self._refuse(kind, self.counts[kind])
        if code is not None:
            return _status(number, code)
        serve = getattr(self, f"_{kind.name.lower()}")
        answer: bytes = serve(number, body)
        return answer

    def _open(self, number: bytes, body: bytes) -> bytes:
        path, rest = _cut(body)
        flags = int.from_bytes(rest[:4], "big")
        if flags & 0x08:
            self.files.setdefault(path, bytearray())
        if path not in self.files:
            return _status(number, 2)
        if flags & 0x10:
            self.files[path].clear()
        return self._handle(number, self.files[path])

    def _opendir(self, number: bytes, body: bytes) -> bytes:
        path, _ = _cut(body)
        return self._handle(number, self.folders[path]) if path in self.folders else _status(number, 2)

    def _handle(self, number: bytes, opened: Any) -> bytes:
        handle = b"h%d" % (len(self._handles) + 1)
        self._handles[handle] = opened
        return bytes([Kind.HANDLE]) + number + _string(handle)

    def _write(self, number: bytes, body: bytes) -> bytes:
        handle, rest = _cut(body)
        offset = int.from_bytes(rest[:8], "big")
        data, _ = _cut(rest[8:])
        self.sizes_written.append(len(data))
        file = self._handles[handle]
        file.extend(bytes(max(0, offset - len(file))))
        file[offset : offset + len(data)] = data
        return _status(number, 0)

    def _read(self, number: bytes, body: bytes) -> bytes:
        handle, rest = _cut(body)
        offset, size = struct.unpack(">QI", rest)
        data = bytes(self._handles[handle][offset : offset + min(size, self._most_read)])
        return bytes([Kind.DATA]) + number + _string(data) if data else _status(number, 1)

    def _readdir(self, number: bytes, body: bytes) -> bytes:
        handle, _ = _cut(body)
        names = list(self._handles[handle])
        self._handles[handle].clear()
        entries = b"".join(_string(name) + _string(b"-rw") + struct.pack(">IQ", 1, 7) for name in names)
        return bytes([Kind.NAME]) + number + struct.pack(">I", len(names)) + entries if names else _status(number, 1)

    def _fstat(self, number: bytes, body: bytes) -> bytes:
        return self._attributes(number, self._handles[_cut(body)[0]])

    def _lstat(self, number: bytes, body: bytes) -> bytes:
        path, _ = _cut(body)
        return self._attributes(number, self.files[path]) if path in self.files else _status(number, 2)

    def _attributes(self, number: bytes, file: bytearray) -> bytes:
        every_field = struct.pack(">IQIIIIII", 0x8000000F, len(file), 1, 1, 0o100644, 1, 1, 1)
        return bytes([Kind.ATTRS]) + number + every_field + _string(b"a@b") + _string(b"c")

    def _close(self, number: bytes, _body: bytes) -> bytes:
        return _status(number, 0)

    def _rename(self, number: bytes, body: bytes) -> bytes:
        old, rest = _cut(body)
        new, _ = _cut(rest)
        if old not in self.files:
            return _status(number, 2)
        if new in self.files:
            return _status(number, 4)
        self.files[new] = self.files.pop(old)
        return _status(number, 0)

    def _remove(self, number: bytes, body: bytes) -> bytes:
        return _status(number, 0 if self.files.pop(_cut(body)[0], None) is not None else 2)

    def _extended(self, number: bytes, body: bytes) -> bytes:
        name, _ = _cut(body)
        if name not in self._extensions:
            return _status(number, 8)
        if name == LIMITS:
            return bytes([Kind.EXTENDED_REPLY]) + number + struct.pack(">QQQQ", 1 << 20, *self._limits, 100)
        return _status(number, 0)


def _cut(body: bytes) -> tuple[bytes, bytes]:
    size = int.from_bytes(body[:4], "big")
    return body[4 : 4 + size], body[4 + size :]


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _status(number: bytes, code: int) -> bytes:
    return bytes([Kind.STATUS]) + number + struct.pack(">I", code) + _string(b"text") + _string(b"en")


def _frame(packet: bytes) -> bytes:
    return len(packet).to_bytes(4, "big") + packet

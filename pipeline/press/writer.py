"""Writes a PDF as it comes: streams go to the file at once, small objects are gathered into object streams.

Nothing is kept but offsets, so that memory does not grow with pages drawn. pikepdf's page list is quadratic in pages
and its object model costs ten times the drawing; this is the part of PDF that imposing needs and no more. The same
calls give the same bytes: the file id is the digest of what was written.
"""

import hashlib
import sys
import zlib
from array import array
from typing import BinaryIO

# Level 1 is within 2 % of level 6 on addresses and bars, in half the time.
COMPRESSION = 1
# A slug line of its own shrinks by nothing, in the time that an address takes.
WORTH_COMPRESSING = 256
OBJECTS_PER_STREAM = 128
PAGES_PER_NODE = 64

_FREE, _PLAIN, _PACKED = 0, 1, 2


class PdfWriter:
    """One PDF 1.6 file. Objects are numbered by `reserve` or as they come; `close` writes page tree and table."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._digest = hashlib.sha256()
        self._size = 0
        # Per object: kind, offset or number of its object stream, index inside that stream.
        self._kinds = array("B", [_FREE])
        self._where = array("Q", [0])
        self._index = array("H", [65535])
        self._pending: list[tuple[int, bytes]] = []
        self._kids: list[int] = []
        self._nodes: list[tuple[int, int]] = []
        self._node = 0
        self._tree = self.reserve()
        self._write(b"%PDF-1.6\n%\xe2\xe3\xcf\xd3\n")

    def digest(self) -> bytes:
        """Of all that was written so far."""
        return self._digest.digest()

    def reserve(self) -> int:
        self._kinds.append(_FREE)
        self._where.append(0)
        self._index.append(0)
        return len(self._kinds) - 1

    def add(self, body: bytes, number: int | None = None) -> int:
        """One object that is not a stream. Gives its number."""
        number = number if number is not None else self.reserve()
        self._pending.append((number, body))
        if len(self._pending) >= OBJECTS_PER_STREAM:
            self._flush()
        return number

    def stream(self, entries: bytes, data: bytes, *, number: int | None = None, compress: bool = True) -> int:
        """One stream; `entries` are those of its dictionary but for Length, and Filter where `compress` adds it."""
        number = number if number is not None else self.reserve()
        if compress and len(data) >= WORTH_COMPRESSING:
            data = zlib.compress(data, COMPRESSION)
            entries += b"/Filter/FlateDecode"
        self._kinds[number], self._where[number] = _PLAIN, self._size
        head = b"%d 0 obj\n<<%b/Length %d>>stream\n" % (number, entries, len(data))
        self._write(head + data + b"\nendstream\nendobj\n")
        return number

    def page(self, entries: bytes) -> int:
        """One page, in the order of calls; `entries` are those of its dictionary but for Type and Parent."""
        if not self._kids:
            self._node = self.reserve()
        number = self.add(b"<</Type/Page/Parent %d 0 R%b>>" % (self._node, entries))
        self._kids.append(number)
        if len(self._kids) == PAGES_PER_NODE:
            self._end_node()
        return number

    def close(self, *, info: bytes, catalog: bytes = b"") -> None:
        """Write what is left. `info` is the body of the document information dictionary."""
        self._end_node()
        nodes = b" ".join(b"%d 0 R" % number for number, _ in self._nodes)
        pages = sum(count for _, count in self._nodes)
        self.add(b"<</Type/Pages/Count %d/Kids[%b]>>" % (pages, nodes), self._tree)
        root = self.add(b"<</Type/Catalog/Pages %d 0 R%b>>" % (self._tree, catalog))
        about = self.add(b"<<%b>>" % info)
        self._flush()
        self._table(root, about)

    def _end_node(self) -> None:
        if self._kids:
            kids = b" ".join(b"%d 0 R" % kid for kid in self._kids)
            self.add(
                b"<</Type/Pages/Parent %d 0 R/Count %d/Kids[%b]>>" % (self._tree, len(self._kids), kids), self._node
            )
            self._nodes.append((self._node, len(self._kids)))
            self._kids = []

    def _flush(self) -> None:
        if not self._pending:
            return
        packed, self._pending = self._pending, []
        holder = self.reserve()
        table, position = [], 0
        for index, (number, body) in enumerate(packed):
            self._kinds[number], self._where[number], self._index[number] = _PACKED, holder, index
            table.append(b"%d %d" % (number, position))
            position += len(body) + 1
        first = b" ".join(table) + b"\n"
        data = first + b"\n".join(body for _, body in packed)
        self.stream(b"/Type/ObjStm/N %d/First %d" % (len(packed), len(first)), data, number=holder)

    def _table(self, root: int, info: int) -> None:
        number = self.reserve()
        start = self._size
        self._kinds[number], self._where[number] = _PLAIN, start
        data = self._rows()
        file_id = self._digest.hexdigest()[:32].encode()
        entries = b"/Type/XRef/W[1 5 2]/Size %d/Root %d 0 R/Info %d 0 R/ID[<%b><%b>]" % (
            len(self._kinds), root, info, file_id, file_id,
        )  # fmt: skip
        self.stream(entries, data, number=number)
        self._write(b"startxref\n%d\n%%%%EOF\n" % start)

    def _rows(self) -> bytes:
        """Kind, offset and index of each object in one, five and two bytes, column by column: no object is made for a row."""
        rows = bytearray(8 * len(self._kinds))
        where, index = array("Q", self._where), array("H", self._index)
        if sys.byteorder == "little":
            where.byteswap()
            index.byteswap()
        wide, narrow = where.tobytes(), index.tobytes()
        rows[0::8] = self._kinds.tobytes()
        for byte in range(5):
            rows[1 + byte :: 8] = wide[3 + byte :: 8]
        for byte in range(2):
            rows[6 + byte :: 8] = narrow[byte::2]
        return bytes(rows)

    def _write(self, data: bytes) -> None:
        self._out.write(data)
        self._digest.update(data)
        self._size += len(data)


def literal(text: str) -> bytes:
    """A text string for dictionaries, as UTF-16 in hexadecimal: no escapes to get wrong."""
    return b"<%b>" % (b"\xfe\xff" + text.encode("utf-16-be")).hex().encode()

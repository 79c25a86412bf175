"""Whether fax data in a PDF (CCITTFaxDecode) is a picture: viewers draw whatever they make of it, and say nothing.

libtiff, given the data as a TIFF file, does name the rows that it cannot make out, on stderr. Not found are rows that are wrong and
yet decode, and what is lost before a mark that ends the picture. Not judged is what libtiff does not read: rows of Group 4 that
each begin with a byte of their own.
"""

import os
import re
import struct
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import BytesIO

import pikepdf
from PIL import Image

from pipeline.press.limits import MOST_PIXELS

# More rows than any artwork has, and than are worth a line each of what libtiff says.
_MOST_ROWS = 65_535
# A fax may have lost some rows on its way, and some writers leave the last ones out: viewers show the rest. The lines that tell
# of the second number of rows fit a pipe.
_TOLERATED, _MOST_LOST = 0.05, 500
_LOST = re.compile(rb"^Fax.*(?:Bad code word|Uncompressed data).* at line (\d+) of strip", re.MULTILINE)

# Before each row of Group 3, after zeros, or before none (ISO 32000-1, table 11); two at the end.
_MARK = "000000000001"
_MARKED, _END = re.compile("0{11,}1"), re.compile("0{11,}1{1,2}0{11,}1")
_ENDS_WITHIN = 24
# What begins no row, wherever in it a decoder begins to read.
_NO_ROW, _NO_ROW_OF_GROUP_4 = "0000000010", "1110000001"
_RUN_LENGTHS, _GROUP_3, _GROUP_4 = 2, 3, 4


@dataclass(frozen=True)
class Fax:
    """Data, and what its filter's parameters say of it (ISO 32000-1, table 11)."""

    data: bytes
    width: int
    height: int
    k: int = 0
    byte_aligned: bool = False

    @classmethod
    def of(cls, image: pikepdf.Stream, data: bytes) -> "Fax":
        """`data` is the image's as its other filters leave it for the last one."""
        given = image.get("/DecodeParms")
        said = given[-1] if isinstance(given, pikepdf.Array) and len(given) else given
        if not isinstance(said, pikepdf.Dictionary):
            return cls(data, width=1728, height=int(image.Height))
        return cls(
            data,
            width=int(said.get("/Columns", 1728)),
            height=min(int(said.get("/Rows", 0)) or int(image.Height), int(image.Height)),
            k=int(said.get("/K", 0)),
            byte_aligned=bool(said.get("/EncodedByteAlign", False)),
        )

    @property
    def is_damaged(self) -> bool:
        judged = 0 < self.height <= _MOST_ROWS and 0 < self.width <= MOST_PIXELS // self.height
        if not judged or (self.k < 0 and self.byte_aligned):
            return False
        return self._lost_rows() > min(_TOLERATED * self.height + 1, _MOST_LOST)

    def _lost_rows(self) -> int:
        if not self.data.strip(b"\0"):
            return self.height
        with _said_on_stderr() as said, warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            try:
                with Image.open(BytesIO(self._as_tiff()), formats=["TIFF"]) as opened:
                    opened.load()
            except OSError:
                return self.height
        lost = [int(line) for line in _LOST.findall(b"".join(said))]
        # Each row of Group 4 is told by the one above it, so that all is lost from the first on.
        return self.height - lost[0] if lost and self.k < 0 else len(lost)

    def _as_tiff(self) -> bytes:
        """One strip, with the tags that it needs (TIFF 6.0, sections 3, 10 and 11)."""
        data = self.data + self._tail()
        tags = {
            256: self.width, 257: self.height, 258: 1, 259: self._compression, 262: 0, 273: 0, 277: 1, 278: self.height,
            279: len(data), 292: int(self.k > 0),
        }  # fmt: skip
        tags[273] = 8 + 2 + 12 * len(tags) + 4
        entries = b"".join(struct.pack("<HHLL", tag, 4, 1, value) for tag, value in tags.items())
        return struct.pack("<2sHLH", b"II", 42, 8, len(tags)) + entries + bytes(4) + data

    @property
    def _compression(self) -> int:
        if self.k < 0:
            return _GROUP_4
        return _RUN_LENGTHS if self.byte_aligned and not self._is_marked else _GROUP_3

    def _tail(self) -> bytes:
        """For a decoder that runs out of the data: what it must complain of, or empty rows where the data says that it ends."""
        mark = _MARK + "1" * (self.k > 0) if self._is_marked else ""
        row = mark if self._has_end else _NO_ROW_OF_GROUP_4 if self.k < 0 else mark + _NO_ROW
        return _bytes(row * (self.height + 1))

    @property
    def _is_marked(self) -> bool:
        return self.k > 0 or (self.k == 0 and _MARKED.match(_bits(self.data[:_ENDS_WITHIN])) is not None)

    @property
    def _has_end(self) -> bool:
        return _END.search(_bits(self.data[-_ENDS_WITHIN:])) is not None


def _bits(data: bytes) -> str:
    return f"{int.from_bytes(data):0{8 * len(data)}b}"


def _bytes(bits: str) -> bytes:
    return int(bits.ljust(-(-len(bits) // 8) * 8, "0") or "0", 2).to_bytes(-(-len(bits) // 8))


@contextmanager
def _said_on_stderr() -> Iterator[list[bytes]]:
    """What C libraries say meanwhile, as far as a pipe holds it; known once it is over. Other threads are not heard then."""
    said = list[bytes]()
    sys.stderr.flush()
    out, into = os.pipe()
    kept = os.dup(2)
    for end in (out, into):
        os.set_blocking(end, False)
    os.dup2(into, 2)
    try:
        yield said
    finally:
        os.dup2(kept, 2)
        os.close(into)
        os.close(kept)
        with suppress(BlockingIOError):
            while part := os.read(out, 1 << 16):
                said.append(part)
        os.close(out)

"""A Type 1 program, as far as its names and its glyphs' advances go (Adobe Type 1 Font Format, chapters 2, 6 and 7).

Its first part is clear text, its second is encrypted, and has each glyph's drawing, encrypted once more.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from fontTools.misc.eexec import decrypt, encrypt
from fontTools.misc.psCharStrings import T1CharString, encodeIntT1

from pipeline.press.fonts.encodings import STANDARD
from pipeline.press.fonts.program import NamedGlyphs, Widths, agrees

_PART_KEY, _DRAWING_KEY = 55665, 4330
# What is left of a drawing after its advance where it paints nothing: `hsbw endchar`.
_EMPTY = b"\r\x0e"
_RANDOM = 4
"""Bytes before each encrypted part that mean nothing, unless `lenIV` says otherwise of drawings."""
# A glyph's name, how long its drawing is, and the word that reads it, with one space.
_DRAWING = re.compile(rb"[^/]{0,64}/(\S+)\s+(\d+)\s+\S+ ")
_CODE = re.compile(rb"dup\s+(\d+)\s*/(\S+)\s+put")
_MARK = b"\x80"
_BETWEEN = re.compile(rb"\bcurrentfile\s+eexec(?:\r\n|\s)")
_LAST_PART, _LONGEST_LAST_PART = re.compile(rb"(?:0\s*){512}cleartomark"), 2000
_MATRIX = re.compile(rb"/FontMatrix\s*\[\s*([-+.\deE]+)")


def parted(data: bytes, clear: int, hidden: int) -> tuple[bytes, int, int]:
    """A program and how long its first two parts are, where these are not as said: by what stands between the parts."""
    if hidden and not data.startswith(_MARK) and data[:clear].rstrip().endswith(b"eexec"):
        return data, clear, hidden
    data = _without_marks(data)
    found = _BETWEEN.search(data)
    if found is None:
        raise ValueError("not the parts of a program")
    at = data.rfind(b"cleartomark")
    end = _LAST_PART.search(data, max(found.end(), at - _LONGEST_LAST_PART)) if at >= 0 else None
    return data, found.end(), (end.start() if end is not None else len(data)) - found.end()


def _without_marks(data: bytes) -> bytes:
    """As font files for PCs have them: before each part a byte, the part's kind and its length."""
    parts = list[bytes]()
    while data[:1] == _MARK and data[1:2] in (b"\1", b"\2"):
        size = int.from_bytes(data[2:6], "little")
        parts.append(data[6 : 6 + size])
        data = data[6 + size :]
    return b"".join(parts) or data


@dataclass(frozen=True)
class _Drawing:
    """`size` and `body` are where its length and it stand in the second part; `code` follows the bytes that mean nothing.
    These are None where it is not encrypted.
    """

    size: slice
    body: slice
    random: bytes | None
    code: bytes

    def head(self) -> tuple[int, int, int]:
        """The side bearing, the advance, and where they end. Raises `ValueError` where these are not plain numbers."""
        reader = T1CharString(bytecode=self.code)
        bearing, _, end = reader.getToken(0)
        advance, _, end = reader.getToken(end)
        operator, _, _ = reader.getToken(end)
        if not isinstance(bearing, int) or not isinstance(advance, int) or operator != "hsbw":
            raise ValueError("a glyph does not begin with its advance")
        return bearing, advance, end

    def encrypted(self, advance: int) -> bytes:
        bearing, _, end = self.head()
        code = encodeIntT1(bearing) + encodeIntT1(advance) + self.code[end:]
        return code if self.random is None else bytes(encrypt(self.random + code, _DRAWING_KEY)[0])


class Type1(NamedGlyphs):
    def __init__(self, data: bytes, clear: int, hidden: int) -> None:
        """`clear` and `hidden` are the lengths of the first two parts."""
        self._clear, self._rest = data[:clear], data[clear + hidden :]
        part = data[clear : clear + hidden]
        if not self._clear.rstrip().endswith(b"eexec"):
            raise ValueError("not the parts of a program")
        # Readers take the second part in hexadecimal digits too, though a PDF must not have it so (ISO 32000-1, 9.9).
        self._is_hexadecimal = re.fullmatch(rb"[0-9A-Fa-f\s]{4}", part[:4]) is not None
        self._hidden: bytes = decrypt(bytes.fromhex(part.decode()) if self._is_hexadecimal else part, _PART_KEY)[0]
        self._drawings = dict(self._read())
        if not self._drawings:
            raise ValueError("no drawings")
        own = {int(code): name.decode("latin-1") for code, name in _CODE.findall(self._clear)}
        super().__init__(self._drawings, own or STANDARD)

    def _read(self) -> list[tuple[str, _Drawing]]:
        lengths = re.search(rb"/lenIV\s+(-?\d+)", self._hidden)
        random = int(lengths[1]) if lengths else _RANDOM
        found, at = list[tuple[str, _Drawing]](), self._hidden.index(b"/CharStrings") + len(b"/CharStrings")
        while (entry := _DRAWING.match(self._hidden, at)) is not None:
            at = entry.end() + int(entry[2])
            code: bytes = self._hidden[entry.end() : at]
            # Below nothing, they are not encrypted.
            meant = decrypt(code, _DRAWING_KEY)[0] if random >= 0 else b""
            parts = (meant[:random], meant[random:]) if random >= 0 else (None, code)
            drawing = _Drawing(slice(*entry.span(2)), slice(entry.end(), at), *parts)
            found.append((entry[1].decode("latin-1"), drawing))
        return found

    def by_number(self, cid: int) -> str | None:  # noqa: ARG002  # its glyphs have names alone
        return None

    def has_number(self, cid: int) -> bool:  # noqa: ARG002
        return True

    def missing_is_blank(self) -> bool:
        drawing = self._drawings.get(".notdef")
        return drawing is None or drawing.code[drawing.head()[2] :] == _EMPTY

    @property
    def _scale(self) -> float:
        """Thousandths for each of a glyph's units."""
        matrix = _MATRIX.search(self._clear)
        return 1000 * (float(matrix[1]) if matrix else 0.001)

    def advance(self, glyph: str) -> float:
        return self._drawings[glyph].head()[1] * self._scale

    def with_widths(self, declared: Widths) -> bytes | None:
        wrong = {
            glyph: round(widths[0] / self._scale)
            for glyph, widths in declared.items()
            if not agrees(self.advance(glyph), widths)
        }
        if not wrong and not self._is_hexadecimal:
            return None
        changed = self._with_advances(wrong)
        after = Type1(changed, len(self._clear), len(changed) - len(self._clear) - len(self._rest))
        return changed if self._drawn() == after._drawn() else None

    def _with_advances(self, advances: Mapping[str, int]) -> bytes:
        drawings = [(self._drawings[glyph], advance) for glyph, advance in advances.items()]
        hidden = self._hidden
        # From the last to the first, so that those before stay where they are.
        for drawing, advance in sorted(drawings, key=lambda one: one[0].size.start, reverse=True):
            new = drawing.encrypted(advance)
            between = hidden[drawing.size.stop : drawing.body.start]
            hidden = hidden[: drawing.size.start] + b"%d" % len(new) + between + new + hidden[drawing.body.stop :]
        return self._clear + bytes(encrypt(hidden, _PART_KEY)[0]) + self._rest

    def _drawn(self) -> dict[str, bytes]:
        """Each glyph's drawing after its advance."""
        return {glyph: drawing.code[drawing.head()[2] :] for glyph, drawing in self._drawings.items()}

"""Type 1 programs, as far as the checklist asks: which glyph a code shows, and what each glyph draws (Adobe Type 1 Font Format)."""

import re
from collections.abc import Iterator
from typing import Any

from fontTools.encodings.StandardEncoding import StandardEncoding
from fontTools.misc.eexec import decrypt
from fontTools.misc.psCharStrings import T1CharString
from fontTools.pens.basePen import NullPen
from fontTools.pens.recordingPen import RecordingPen

_GLYPH = re.compile(rb"/(\S+)\s+(\d+)\s+\S+ ")
_SUBROUTINE = re.compile(rb"dup\s+(\d+)\s+(\d+)\s+\S+ ")


class Type1Program:
    def __init__(self, program: bytes) -> None:
        clear, _, rest = program.partition(b"eexec")
        hidden = decrypt(_binary(rest.lstrip()), 55665)[0]
        private, _, glyphs = hidden.partition(b"/CharStrings")
        random = re.search(rb"/lenIV\s+(-?\d+)", private)
        self._random = int(random[1]) if random else 4
        subroutines = {int(at): code for at, code in _entries(_SUBROUTINE, private.partition(b"/Subrs")[2])}
        self._subroutines = [self._read(subroutines.get(at, b"")) for at in range(max(subroutines, default=-1) + 1)]
        self._glyphs = {name.decode("latin-1"): code for name, code in _entries(_GLYPH, glyphs)}
        matrix = re.search(rb"/FontMatrix\s*\[\s*(\S+)", clear)
        self._scale = 1000 * float(matrix[1]) if matrix else 1.0
        own = {int(code): name.decode("latin-1") for code, name in re.findall(rb"dup\s+(\d+)\s*/(\S+)\s+put", clear)}
        self.encoding: list[str] = [own.get(code, ".notdef") for code in range(256)] if own else StandardEncoding

    def width(self, name: str) -> float | None:
        if name == ".notdef" or name not in self._glyphs:
            return None
        glyph = self._read(self._glyphs[name])
        glyph.draw(NullPen())
        return float(glyph.width * self._scale)

    def missing_paints(self) -> bool:
        """Whether anything is painted for a glyph that is missing."""
        pen = RecordingPen()
        self._read(self._glyphs[".notdef"]).draw(pen)
        return bool({"lineTo", "curveTo"} & {step for step, _ in pen.value})

    def _read(self, encrypted: bytes) -> Any:
        code = decrypt(encrypted, 4330)[0][self._random :] if self._random >= 0 else encrypted
        return T1CharString(code if encrypted else b"\x0b", subrs=getattr(self, "_subroutines", None))


def _binary(part: bytes) -> bytes:
    if re.fullmatch(rb"[0-9A-Fa-f]{4}", part[:4]) is None:
        return part
    digits = re.sub(rb"\s", b"", part.partition(b"cleartomark")[0])
    return bytes.fromhex(digits[: len(digits) // 2 * 2].decode())


def _entries(head: re.Pattern[bytes], text: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Each with a head that says how long it is. What stands between them are words, and no such heads."""
    at = 0
    while (found := head.search(text, at)) is not None:
        at = found.end() + int(found[2])
        yield found[1], text[found.end() : at]

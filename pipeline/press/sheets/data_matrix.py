"""Data Matrix ECC 200 symbols (ISO/IEC 16022), square, of 10 to 48 modules: the two-dimensional code that inserters read.

Text mode packs three of the small letters, digits and blanks that ids are made of into two codewords; what it has no short form
for takes two values, and what is no ASCII is refused.
"""

from collections.abc import Callable, Iterator
from functools import cache
from operator import itemgetter
from typing import NamedTuple

Rows = tuple[bytes, ...]
"""From the top, each from the left, a byte a module; 1 is black. The quiet zone of one module is not among them."""


class _Size(NamedTuple):
    """Modules along one side, data regions along one side, and codewords of data and of error correction (table 7)."""

    modules: int
    regions: int
    data: int
    check: int


_SIZES = tuple(
    _Size(*row)
    for row in (
        (10, 1, 3, 5), (12, 1, 5, 7), (14, 1, 8, 10), (16, 1, 12, 12), (18, 1, 18, 14), (20, 1, 22, 18), (22, 1, 30, 20),
        (24, 1, 36, 24), (26, 1, 44, 28), (32, 2, 62, 36), (36, 2, 86, 42), (40, 2, 114, 48), (44, 2, 144, 56),
        (48, 2, 174, 68),
    )
)  # fmt: skip

_TO_TEXT, _BACK_TO_ASCII, _PAD = 239, 254, 129
_SHIFT_1, _SHIFT_2, _SHIFT_3 = 0, 1, 2
_SECOND = "!\"#$%&'()*+,-./:;<=>?@[\\]^_"


def encode(text: str, *, least: int = 10) -> Rows:
    """The smallest symbol of at least `least` modules that holds the text. Raises `ValueError` for one that none holds."""
    if not text.isascii():
        raise ValueError("a Data Matrix code here holds ASCII alone")
    words = _words(text)
    size = next((size for size in _SIZES if size.modules >= least and size.data >= len(words)), None)
    if size is None:
        raise ValueError(f"{len(text)} characters are more than a code of {_SIZES[-1].modules} modules holds")
    padded = _padded(words, size.data)
    return _drawn(bytes([*padded, *_check_words(padded, size.check)]), size)


def _words(text: str) -> list[int]:
    """In text mode, then back to ASCII for what does not fill a triple."""
    values, done, whole = list[int](), 0, 0
    for at, character in enumerate(text, start=1):
        values += _VALUES[character]
        if len(values) % 3 == 0:
            done, whole = at, len(values)
    # The characters of an unfinished end follow one by one.
    return [_TO_TEXT, *_packed(values[:whole]), _BACK_TO_ASCII, *(ord(character) + 1 for character in text[done:])]


def _values(code: int) -> tuple[int, ...]:
    character = chr(code)
    if character == " ":
        return (3,)
    if character.isdigit():
        return (code - ord("0") + 4,)
    if "a" <= character <= "z":
        return (code - ord("a") + 14,)
    if character in _SECOND:
        return _SHIFT_2, _SECOND.index(character)
    if code < 32:
        return _SHIFT_1, code
    return _SHIFT_3, "`ABCDEFGHIJKLMNOPQRSTUVWXYZ{|}~\x7f".index(character)


_VALUES = {chr(code): _values(code) for code in range(128)}


def _packed(values: list[int]) -> Iterator[int]:
    for first in range(0, len(values), 3):
        one, two, three = values[first : first + 3]
        both = 1600 * one + 40 * two + three + 1
        yield from divmod(both, 256)


def _padded(words: list[int], length: int) -> list[int]:
    """Filled up by 129, each but the first turned by its place, so that no pattern comes out of it (annex B)."""
    padded = [*words, *([_PAD] if len(words) < length else [])]
    while len(padded) < length:
        turned = _PAD + (149 * (len(padded) + 1)) % 253 + 1
        padded.append(turned if turned <= 254 else turned - 254)
    return padded


@cache
def _powers() -> tuple[list[int], dict[int, int]]:
    """Of 2 in the field of 256 over x⁸ + x⁵ + x³ + x² + 1, and the logarithms."""
    powers = [1]
    while len(powers) < 255:
        doubled = powers[-1] << 1
        powers.append(doubled ^ 0x12D if doubled > 255 else doubled)
    return powers, {power: at for at, power in enumerate(powers)}


def _times(one: int, other: int) -> int:
    powers, logs = _powers()
    return powers[(logs[one] + logs[other]) % 255] if one and other else 0


@cache
def _multiples(check: int) -> tuple[int, ...]:
    """Each multiple of the generator polynomial, without its leading term, as one number: a codeword costs one look-up."""
    generator = [1]
    for at in range(1, check + 1):
        root = _powers()[0][at]
        generator = [low ^ _times(high, root) for low, high in zip([*generator, 0], [0, *generator], strict=True)]
    return tuple(int.from_bytes(bytes(_times(factor, term) for term in generator[1:])) for factor in range(256))


def _check_words(words: list[int], check: int) -> bytes:
    """Reed-Solomon: what remains of the words over the generator. Sizes up to 48 modules are one block."""
    multiples, keep, rest = _multiples(check), (1 << 8 * (check - 1)) - 1, 0
    for word in words:
        top = rest >> 8 * (check - 1)
        rest = (rest & keep) << 8 ^ multiples[word ^ top]
    return rest.to_bytes(check)


def _drawn(words: bytes, size: _Size) -> Rows:
    # A thousand modules: picked in one go from the bits, and from a white and a black one behind them.
    bits = format(int.from_bytes(words), f"0{8 * len(words)}b").encode() + b"01"
    flat = bytes(_picked(size)(bits)).translate(_AS_NUMBERS)
    return tuple(flat[start : start + size.modules] for start in range(0, len(flat), size.modules))


_AS_NUMBERS = bytes.maketrans(b"01", b"\0\1")


@cache
def _picked(size: _Size) -> Callable[[bytes], tuple[int, ...]]:
    """Module by module, row by row: which of the bits it is."""
    bits = 8 * (size.data + size.check)
    order = [bits + black for row in _finders(size) for black in row]
    for at, (row, column) in enumerate(_places(size)):
        order[row * size.modules + column] = at
    return itemgetter(*order)


def _finders(size: _Size) -> list[list[bool]]:
    """Around each region: an L of black at the left and the foot, black and white by turns at the head and the right."""
    each, field = size.modules // size.regions, _field(size)
    rows = [[False] * size.modules for _ in range(size.modules)]
    for row in range(size.modules):
        for column in range(size.modules):
            y, x = row % each, column % each
            left, foot, head, right = x == 0, y == each - 1, y == 0, x == each - 1
            rows[row][column] = left or foot or (head and x % 2 == 0) or (right and y % 2 == 1)
    if field % 4 == 2:
        # No codeword reaches the field's last corner.
        last = size.modules - 2
        rows[last][last] = rows[last - 1][last - 1] = True
    return rows


def _field(size: _Size) -> int:
    """Modules along one side that hold data."""
    return size.modules - 2 * size.regions


def _places(size: _Size) -> tuple[tuple[int, int], ...]:
    """Row and column of each bit, in the order of the codewords and from the highest bit of each."""
    each = size.modules // size.regions - 2
    return tuple(
        (row + 1 + 2 * (row // each), column + 1 + 2 * (column // each))
        for row, column in _Placing(_field(size)).in_order()
    )


class _Placing:
    """The walk through the field, diagonal by diagonal, in steps of a codeword's shape (annex F)."""

    _SHAPE = ((-2, -2), (-2, -1), (-1, -2), (-1, -1), (-1, 0), (0, -2), (0, -1), (0, 0))

    def __init__(self, field: int) -> None:
        self._field = field
        self._taken: set[tuple[int, int]] = set()
        self._order: list[tuple[int, int]] = []

    def in_order(self) -> list[tuple[int, int]]:
        field, row, column = self._field, 4, 0
        while row < field or column < field:
            self._corners(row, column)
            row, column = self._up(row, column)
            row, column = self._down(row + 1, column + 3)
            row, column = row + 3, column + 1
        return self._order

    def _up(self, row: int, column: int) -> tuple[int, int]:
        while True:
            if row < self._field and column >= 0 and (row, column) not in self._taken:
                self._shape(row, column)
            row, column = row - 2, column + 2
            if row < 0 or column >= self._field:
                return row, column

    def _down(self, row: int, column: int) -> tuple[int, int]:
        while True:
            if row >= 0 and column < self._field and (row, column) not in self._taken:
                self._shape(row, column)
            row, column = row + 2, column - 2
            if row >= self._field or column < 0:
                return row, column

    def _shape(self, row: int, column: int) -> None:
        for down, right in self._SHAPE:
            self._put(row + down, column + right)

    def _put(self, row: int, column: int) -> None:
        """What hangs over the upper or left edge comes in again at the other, shifted."""
        field = self._field
        if row < 0:
            row, column = row + field, column + 4 - (field + 4) % 8
        if column < 0:
            row, column = row + 4 - (field + 4) % 8, column + field
        self._taken.add((row, column))
        self._order.append((row, column))

    def _corners(self, row: int, column: int) -> None:
        """The four shapes that a codeword takes around the corners of some sizes."""
        field, last = self._field, self._field - 1
        if (row, column) == (field, 0):
            self._all(((last, 0), (last, 1), (last, 2), (0, last - 1), (0, last), (1, last), (2, last), (3, last)))
        if (row, column) == (field - 2, 0) and field % 4:
            self._all(
                (
                    (last - 2, 0),
                    (last - 1, 0),
                    (last, 0),
                    (0, last - 3),
                    (0, last - 2),
                    (0, last - 1),
                    (0, last),
                    (1, last),
                )
            )
        if (row, column) == (field - 2, 0) and field % 8 == 4:
            self._all(
                ((last - 2, 0), (last - 1, 0), (last, 0), (0, last - 1), (0, last), (1, last), (2, last), (3, last))
            )
        if (row, column) == (field + 4, 2) and not field % 8:
            self._all(
                (
                    (last, 0),
                    (last, last),
                    (0, last - 2),
                    (0, last - 1),
                    (0, last),
                    (1, last - 2),
                    (1, last - 1),
                    (1, last),
                )
            )

    def _all(self, places: tuple[tuple[int, int], ...]) -> None:
        for place in places:
            self._taken.add(place)
            self._order.append(place)

"""Reads an Intelligent Mail barcode back, sharing neither code nor tables with the encoder under test.

Where bits stand in the bars is taken from reportlab's transcription of USPS-B-3200; the characters are made here from strings;
the frame check sequence is worked out
bit by bit. What both sides get wrong alike must be wrong in three places.
"""

from collections.abc import Iterator
from itertools import combinations

from reportlab.graphics.barcode.usps4s import USPS_4State

_BITS_OF_BAR = {"T": "00", "D": "10", "A": "01", "F": "11"}
# Tracking codes without routing, then those with 5, 9 and 11 digits, each so many.
_ROUTINGS = ((0, 1), (5, 10**5), (9, 10**9), (11, 10**11))


class UnreadableError(ValueError):
    """These bars are no barcode."""


def decode(bars: str) -> tuple[str, str]:
    """Tracking code and routing of 65 letters F, A, D and T. Raises `UnreadableError`."""
    if len(bars) != 65 or set(bars) - set(_BITS_OF_BAR):
        raise UnreadableError(f"{len(bars)} bars, or letters other than FADT")
    read = [_codeword(character) for character in _characters(bars)]
    numbers = [number for number, _ in read]
    check = sum(inverted << index for index, (_, inverted) in enumerate(read))
    if numbers[0] >= 659:
        numbers[0] -= 659
        check |= 1 << 10
    if numbers[0] >= 659 or numbers[9] % 2:
        raise UnreadableError("a codeword that no payload has")
    payload = 0
    for number in numbers[:9]:
        payload = payload * 1365 + number
    payload = payload * 636 + numbers[9] // 2
    if payload >> 102 or _frame_check(payload.to_bytes(13, "big")) != check:
        raise UnreadableError("the frame check sequence does not match")
    return _digits(payload)


def _characters(bars: str) -> list[str]:
    """Ten strings of 13 bits, the highest first."""
    bits = [["?"] * 13 for _ in range(10)]
    for bar, (down, down_bit, up, up_bit) in zip(bars, USPS_4State.table4, strict=True):
        bits[down][12 - down_bit], bits[up][12 - up_bit] = _BITS_OF_BAR[bar]
    return ["".join(one) for one in bits]


def _codeword(character: str) -> tuple[int, bool]:
    """Its number, and whether it came inverted."""
    inverted = character.count("1") > 6
    upright = character.translate(str.maketrans("01", "10")) if inverted else character
    if upright not in _CODEWORDS:
        raise UnreadableError("a character that no codeword has")
    return _CODEWORDS[upright], inverted


def _table(ones: int) -> Iterator[str]:
    made = {"".join("1" if n in chosen else "0" for n in range(13)) for chosen in combinations(range(13), ones)}
    palindromes = {one for one in made if one == one[::-1]}
    for one in sorted({min(one, one[::-1]) for one in made - palindromes}):
        yield from (one, one[::-1])
    yield from sorted(palindromes, reverse=True)


_CODEWORDS = {character: number for number, character in enumerate([*_table(5), *_table(2)])}


def _frame_check(payload: bytes) -> int:
    check = 0x7FF
    for index, byte in enumerate(payload):
        data, bits = byte << 3, 8
        if index == 0:
            data, bits = byte << 5, 6
        for _ in range(bits):
            check = (check << 1) ^ 0x0F35 if (check ^ data) & 0x400 else check << 1
            check &= 0x7FF
            data <<= 1
    return check


def _digits(payload: int) -> tuple[str, str]:
    payload, serial = divmod(payload, 10**18)
    payload, second = divmod(payload, 5)
    payload, first = divmod(payload, 10)
    for digits, count in _ROUTINGS:
        if payload < count:
            return f"{first}{second}{serial:018d}", f"{payload:0{digits}d}" if digits else ""
        payload -= count
    raise UnreadableError("a routing beyond 11 digits")

"""The tables of USPS-B-3200 that the barcode is made by, put together from the parts that the standard describes.

A codeword (0 to 1364) chooses a character: 13 bits of which five or two are set. Its bits stand in ascenders and descenders
all over the barcode. `strokes` joins both steps, so that an encoder looks up once per codeword what it adds to the bars.
"""

from collections.abc import Iterable, Iterator

BARS = 65
CHARACTERS = 10
BITS = 13
POLYNOMIAL = 0x0F35
CRC_BITS = 11
# Payload: 102 bits, taken as 13 bytes of which the first has only its lower six.
PAYLOAD_BYTES = 13
PAYLOAD_BITS = 102

# For each character A to J, where its bits 0 to 12 stand: in the ascender of bar n (from 1), or at -n in its descender.
PLACES = (
    (2, -6, 13, -16, 21, 30, -34, -40, -45, 48, 52, 56, -62),  # A
    (22, -18, 39, -41, 11, -57, 54, 50, 7, 32, -2, 62, -26),  # B
    (40, -35, 57, -52, 49, -7, -24, 17, 3, -63, 29, -44, 12),  # C
    (47, 5, 35, -39, -30, 42, -15, 60, 20, -10, -65, -54, 23),  # D
    (-20, 41, -46, 1, -8, 51, -29, -61, 34, 15, 25, -37, 58),  # E
    (-51, -25, 19, 64, -56, -4, 44, 31, -28, -36, -47, -11, 6),  # F
    (-33, 37, -21, -9, -17, -49, 59, 14, -64, 26, -42, 4, -53),  # G
    (-60, -14, -1, -27, 38, 61, 10, 24, -50, 55, -19, -32, 45),  # H
    (27, 46, 65, -59, -31, -12, 16, -43, -55, -5, 9, -22, 36),  # I
    (63, -58, 53, -48, 43, -38, 33, 28, -23, 18, -13, 8, -3),  # J
)
DESCENDS, ASCENDS = 1, 2


def characters() -> list[int]:
    """The 1,365 characters by codeword: 1,287 of five bits, then 78 of two."""
    return [*_chosen(5), *_chosen(2)]


def _chosen(bits: int) -> Iterator[int]:
    """Characters of so many bits: those that read differently backwards in pairs, rising, then the mirror images, falling."""
    symmetric: list[int] = []
    for character in range(1 << BITS):
        if character.bit_count() != bits:
            continue
        mirrored = int(f"{character:0{BITS}b}"[::-1], 2)
        if mirrored == character:
            symmetric.append(character)
        elif mirrored > character:
            yield character
            yield mirrored
    yield from reversed(symmetric)


def strokes() -> tuple[list[list[int]], list[int]]:
    """What each codeword adds to the bars, by character position; and what a frame check sequence inverts.

    The bars are one number with a byte for each, the first bar highest: `DESCENDS`, `ASCENDS`, both or neither.
    """
    wanted, half = characters(), 7
    by_position, whole = [], []
    for places in PLACES:
        bits = [_stroke(place) for place in places]
        low, high = _subsets(bits[:half]), _subsets(bits[half:])
        by_position.append([low[one & 0x7F] | high[one >> half] for one in wanted])
        whole.append(sum(bits))
    return by_position, _subsets(whole)


def _stroke(place: int) -> int:
    shape = ASCENDS if place > 0 else DESCENDS
    return shape << (8 * (BARS - abs(place)))


def _subsets(parts: Iterable[int]) -> list[int]:
    """The exclusive or of the parts that each number chooses by its bits, the lowest standing for the first part."""
    found = [0]
    for part in parts:
        found += [part ^ before for before in found]
    return found


def check_tables() -> tuple[int, list[list[int]]]:
    """The frame check sequence of an all-zero payload, and what each value of each byte changes in it.

    The remainder is linear: a payload's is the exclusive or of what its bytes change, whichever other bytes it has.
    """
    basis = _remainder(0)
    tables = []
    for index in range(PAYLOAD_BYTES):
        lowest = 8 * (PAYLOAD_BYTES - 1 - index)
        tables.append(_subsets(_remainder(1 << (lowest + bit)) ^ basis for bit in range(8)))
    return basis, tables


def _remainder(payload: int) -> int:
    check, top = (1 << CRC_BITS) - 1, 1 << (CRC_BITS - 1)
    for bit in reversed(range(PAYLOAD_BITS)):
        feeds = bool(check & top) ^ bool(payload >> bit & 1)
        check = (check << 1 & 0x7FF) ^ (POLYNOMIAL & 0x7FF if feeds else 0)
    return check

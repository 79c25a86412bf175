"""Sets a block of address lines: at the wanted size if all fit, else smaller, what then does not fit also narrower."""

from collections.abc import Sequence

from pipeline.press.geometry import numbers
from pipeline.press.typeface import UnprintableError, address_typeface, escaped, printable, squeeze


class UnsettableError(Exception):
    """A block that cannot be printed as it is. The message gives the line's number and none of its text."""


def set_block(lines: Sequence[str], *, font: str, room_pt: float, sizes_pt: tuple[float, float]) -> bytes:
    """Text operators for `lines`, `sizes_pt` being the wanted and the smallest size.

    Expects the leading to be set, the wanted size to be selected, and the place to be one line above the first
    baseline: `'` moves down before it prints. Leaves the wanted size selected. Raises `UnsettableError`.
    """
    encoded = [_codes(line, number) for number, line in enumerate(lines, start=1)]
    face, (wanted, smallest) = address_typeface(), sizes_pt
    if all(face.width_pt(codes, wanted) <= room_pt for codes in encoded):
        return b"".join([b"(%b)'" % escaped(codes) for codes in encoded])
    # One size for the whole block, so that it reads as one.
    set_small = [_squeezed(codes, number, smallest, room_pt=room_pt) for number, codes in enumerate(encoded, start=1)]
    before, after = (f"/{font} {numbers(size)} Tf".encode() for size in (smallest, wanted))
    return before + b"".join(set_small) + after


def _codes(line: str, number: int) -> bytes:
    try:
        return printable(line)
    except UnprintableError as error:
        raise UnsettableError(f"line {number}: {error}") from error


def _squeezed(codes: bytes, number: int, size_pt: float, *, room_pt: float) -> bytes:
    narrower = squeeze(address_typeface().width_pt(codes, size_pt), room_pt)
    if narrower is None:
        raise UnsettableError(
            f"line {number}: {len(codes)} characters do not fit in {room_pt / 72:.2f} in at {size_pt:g} pt"
        )
    shown = b"(%b)'" % escaped(codes)
    return shown if narrower == 1 else b" %b Tz%b100 Tz" % (numbers(narrower * 100).encode(), shown)

"""Sets a block of address lines: each at the wanted size if it fits, else smaller, else narrower, else not at all."""

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
    return b"".join(
        _one_line(line, number, font=font, room_pt=room_pt, sizes_pt=sizes_pt)
        for number, line in enumerate(lines, start=1)
    )


def _one_line(line: str, number: int, *, font: str, room_pt: float, sizes_pt: tuple[float, float]) -> bytes:
    wanted, smallest = sizes_pt
    try:
        codes = printable(line)
    except UnprintableError as error:
        raise UnsettableError(f"line {number}: {error}") from error
    if address_typeface().width_pt(codes, wanted) <= room_pt:
        return b"(%b)'" % escaped(codes)
    narrower = squeeze(address_typeface().width_pt(codes, smallest), room_pt)
    if narrower is None:
        raise UnsettableError(
            f"line {number}: {len(codes)} characters do not fit in {room_pt / 72:.2f} in at {smallest:g} pt"
        )
    before = f"/{font} {numbers(smallest)} Tf {numbers(narrower * 100)} Tz"
    after = f"/{font} {numbers(wanted)} Tf 100 Tz"
    return b"%b(%b)'%b" % (before.encode(), escaped(codes), after.encode())

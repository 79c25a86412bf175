"""An address as it is printed, and whether it can be."""

from collections.abc import Mapping, Sequence

from pipeline.press.sheets.address_side import check_lines, check_sender
from pipeline.press.typesetting import UnsettableError
from pipeline.products import Product


def printed_lines(address: Mapping[str, str], product: Product) -> tuple[str, ...]:
    """Capitals, no empty lines, the ZIP+4 with its hyphen. `address` is one as given or as standardized.

    Where that is a line more than the product has, street and unit are one.
    """
    zip4 = address.get("zip4", "")
    zip_code = address.get("zip5") or address.get("zip", "")
    last = f"{address['city']} {address['state']} {zip_code}" + (f"-{zip4}" if zip4 else "")
    who, street = (address.get("name", ""), address.get("company", "")), (address["line1"], address.get("line2", ""))
    lines = tuple(line.upper() for line in (*who, *street, last) if line)
    if len(lines) > product.address_lines:
        lines = tuple(line.upper() for line in (*who, " ".join(filter(None, street)), last) if line)
    return lines


def why_unprintable(address: Mapping[str, str], product: Product, *, sender: bool = False) -> str | None:
    """What is wrong with a recipient's lines, or with a sender's; names the line's number and none of its text."""
    return why_lines_unprintable(printed_lines(address, product), product, sender=sender)


def why_lines_unprintable(lines: Sequence[str], product: Product, *, sender: bool = False) -> str | None:
    """As `why_unprintable`, of lines as they would be printed."""
    try:
        (check_sender if sender else check_lines)(lines, product)
    except UnsettableError as error:
        return str(error)
    return None

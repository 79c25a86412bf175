"""The zones of one side as the product table has them, each with its name, for whatever draws or checks them."""

from dataclasses import dataclass
from typing import Literal

from pipeline.products import Box, Product, Side

Kind = Literal["ink_free", "indicia", "return_address", "address", "barcode_clear", "glue", "sheet_mark"]


@dataclass(frozen=True)
class Zone:
    kind: Kind
    title: str
    box: Box


def zones(product: Product, side: Side) -> tuple[Zone, ...]:
    """Outermost first, so that drawing them in turn covers nothing."""
    found: list[tuple[Kind, str, Box | None]] = []
    if side == product.address_side:
        found += [
            ("barcode_clear", "USPS barcode clear zone", product.barcode_clear),
            ("ink_free", "ink-free: printed white", product.ink_free),
            ("indicia", "postage", product.indicia),
            ("return_address", "return address", product.return_address),
            ("address", "barcode and address", product.address),
        ]
    if side == product.glue_side:
        found.append(("glue", "glue: keep free of ink", product.glue))
    if product.envelope is not None:
        found.append(("sheet_mark", "sheet mark: printed white", product.sheet_mark))
    return tuple(Zone(kind, title, box) for kind, title, box in found if box is not None)


def side_title(product: Product, side: Side) -> str:
    title = product.side_titles[0 if side == "front" else 1]
    return f"{title}, address side" if side == product.address_side else title

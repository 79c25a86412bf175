"""What stays white whatever the artwork has there: the strip that is glued, and the ground of the mark on each sheet.

The white zone under the address is not among it: that is printed where there is an address.
"""

from collections.abc import Iterator

from pipeline.press.geometry import Rect, bleed_rect, on_piece, trim_rect
from pipeline.press.slots import Face
from pipeline.products import Product


def white_areas(product: Product, face: Face) -> Iterator[Rect]:
    """On one side of the piece, in points on the bleed page."""
    if product.glue is not None and face == product.glue_side:
        yield _with_bleed(on_piece(product.glue, product), product)
    if product.sheet_mark is not None and face == product.address_side:
        yield on_piece(product.sheet_mark, product)


def _with_bleed(area: Rect, product: Product) -> Rect:
    """On to the page's edge where the area ends at the trim, so that no ink shows there when the cut drifts."""
    trim, page = trim_rect(product), bleed_rect(product)
    x = page.x_pt if area.x_pt <= trim.x_pt + 1e-6 else area.x_pt
    y = page.y_pt if area.y_pt <= trim.y_pt + 1e-6 else area.y_pt
    right = page.right_pt if area.right_pt >= trim.right_pt - 1e-6 else area.right_pt
    top = page.top_pt if area.top_pt >= trim.top_pt - 1e-6 else area.top_pt
    return Rect(x, y, right - x, top - y)

"""The ancillary service endorsement, such as RETURN SERVICE REQUESTED: which, and where it stands with its clearance.

DMM 102.4 and 202.4: in type of 8 pt or more, reading as the address does, with 1/4 in free on all sides, and below the return
address, which is required. It stands there and above the barcode. What the artwork leaves is too low for a return address
of usual size as well: that is set higher up and, where it has many lines, smaller.
"""

from dataclasses import dataclass

from pipeline.errors import Permanent
from pipeline.models.profile import Postage
from pipeline.press.geometry import Rect, numbers, on_piece, pt
from pipeline.press.typeface import NARROWEST, address_typeface, show
from pipeline.products import Product

TEXTS = {
    "address": "ADDRESS SERVICE REQUESTED",
    "return": "RETURN SERVICE REQUESTED",
    "change": "CHANGE SERVICE REQUESTED",
    "electronic": "ELECTRONIC SERVICE REQUESTED",
    "temp_return": "TEMP-RETURN SERVICE REQUESTED",
}
SIZE_PT = 8.0
CLEAR_PT = pt(0.25)
# Below the baseline: the tail of the Q, and of commas above. In parts of the type size.
TAIL = 0.16
# Between the white zone's upper edge and the return address.
INSET_PT = 1.5
PITCH = 1.2


def endorsement_text(postage: Postage, mail_class: str) -> str:
    """Empty where the printer's postage asks for none."""
    return TEXTS.get(postage.endorsement(mail_class), "")


@dataclass(frozen=True)
class Endorsement:
    """At its place on one product's address side: `left_pt` and `baseline_pt` of the text, which is `wide` times as wide as set."""

    text: str
    left_pt: float
    baseline_pt: float
    wide: float
    ceiling_pt: float
    """The white zone's upper edge: what is above the endorsement stands between its clearance and here."""

    def draw(self, font: str) -> bytes:
        shown = show(self.text, font=font, size_pt=SIZE_PT, at=(self.left_pt, self.baseline_pt))
        return f"q {numbers(100 * self.wide)} Tz {shown}Q\n".encode()

    def return_size_pt(self, lines: int, wanted_pt: float) -> float:
        """The size of a return address of so many lines above it."""
        room = self.ceiling_pt - INSET_PT - self._top_pt - CLEAR_PT
        return min(wanted_pt, room / (address_typeface().cap_height / 1000 + PITCH * (lines - 1) + TAIL))

    @property
    def _top_pt(self) -> float:
        return self.baseline_pt + SIZE_PT * address_typeface().cap_height / 1000


def place_endorsement(text: str, product: Product, bars_top_pt: float) -> Endorsement:
    """`bars_top_pt` is the upper end of the barcode. Raises `Permanent` for a product that cannot bear one."""
    if product.envelope is not None:
        raise Permanent(
            "endorsement_hidden",
            f"{product.name} goes into an envelope, where an endorsement is not seen; have the envelope printed with it, "
            "and set the printer's postage.endorsement fields to none",
        )
    zone, sender = on_piece(product.ink_free, product), on_piece(product.return_address, product)
    left = max(sender.x_pt, zone.x_pt + CLEAR_PT)
    width = address_typeface().width_pt(text.encode("ascii"), SIZE_PT)
    wide = min(1.0, (_right_pt(product, zone) - left) / width)
    if wide < NARROWEST:
        raise ValueError(f"{text} does not fit beside the postage of {product.name}")
    baseline = bars_top_pt + CLEAR_PT + TAIL * SIZE_PT
    return Endorsement(text, left, baseline, wide, zone.top_pt)


def _right_pt(product: Product, zone: Rect) -> float:
    """Where its clearance from the postage, or from the artwork, begins."""
    edge = on_piece(product.indicia, product).x_pt if product.indicia else zone.right_pt
    return edge - CLEAR_PT

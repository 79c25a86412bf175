"""What can be ordered: one table of geometry, weight and caliper that everything else reads.

Units: inches, from the top left corner of the *trim*, x to the right and y down. `pipeline.press.geometry` converts to PDF
points once. Ink-free zone and indicia box: measured on the market leader's 4x6 template, less its 0.125 in of bleed. The
address block is raised by 0.06 in from where that template has it, so that its last line stands inside the USPS OCR read
area, which begins 0.625 in above the trim (DMM 202.2.1).
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle in inches from the top left of the trim."""

    x_in: float
    y_in: float
    width_in: float
    height_in: float

    @property
    def right_in(self) -> float:
        return self.x_in + self.width_in

    @property
    def bottom_in(self) -> float:
        return self.y_in + self.height_in


@dataclass(frozen=True)
class Product:
    """One thing that can be ordered. The address side is the back."""

    name: str
    title: str
    trim_width_in: float
    trim_height_in: float
    bleed_in: float
    safe_in: float
    ink_free: Box
    indicia: Box
    address: Box
    stock: str
    weight_oz: float
    caliper_in: float
    min_ppi: int

    @property
    def bleed_width_in(self) -> float:
        return self.trim_width_in + 2 * self.bleed_in

    @property
    def bleed_height_in(self) -> float:
        return self.trim_height_in + 2 * self.bleed_in


POSTCARD_4X6 = Product(
    name="postcard_4x6",
    title="Postcard 4 x 6 in",
    trim_width_in=6.0,
    trim_height_in=4.0,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(2.5665, 1.5, 3.2835, 2.375),
    indicia=Box(4.7639, 1.6736, 0.7847, 0.6423),
    # The IMb and up to five lines at 1/6 in below it; the baseline of the fifth stands 0.636 in above the trim. The right edge
    # keeps the 1/2 in side margin of the OCR read area; the barcode of 2.685 in fits.
    address=Box(2.725, 2.38, 2.775, 1.0),
    stock="cover_120lb",
    weight_oz=0.2,
    caliper_in=0.014,
    min_ppi=300,
)

PRODUCTS: dict[str, Product] = {POSTCARD_4X6.name: POSTCARD_4X6}

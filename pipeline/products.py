"""What can be ordered: one table of geometry, stock and first prices that everything else reads.

Units: inches, from the top left corner of the *trim*, x to the right and y down. `pipeline.press.geometry` converts to PDF
points once. Zones and indicia boxes: measured on the market leader's templates, less their 0.125 in of bleed. Address
blocks are raised by 0.06 in from where those templates have them, so that the last line stands inside the USPS OCR read
area, which begins 0.625 in above the trim (DMM 202.2.1).
"""

from dataclasses import dataclass
from typing import Literal

Side = Literal["front", "back"]
SizeClass = Literal["card", "commercial_card", "letter"]
Sides = Literal["simplex", "duplex"]
"""Whether the pages of a document are printed on one side of each sheet, or on both."""


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
class Stock:
    """A paper. Weights and calipers are those of common uncoated text and one-side coated cover sheets."""

    grams_per_m2: float
    caliper_in: float


STOCKS: dict[str, Stock] = {
    "cover_120lb": Stock(325.0, 0.014),
    "cover_80lb": Stock(216.0, 0.0095),
    "text_60lb": Stock(89.0, 0.0046),
}


@dataclass(frozen=True)
class Fold:
    """A fold as one side shows it: `level` at a distance from the top, `upright` from the left."""

    side: Side
    direction: Literal["level", "upright"]
    at_in: float


@dataclass(frozen=True)
class Envelope:
    """What a letter goes into. Windows are from the envelope's own top left.

    `sheet` is the folded sheet as it lies in there at rest, left and down; it may slide by `slide_x_in` to the right and
    `slide_y_in` up, and address and barcode must show at either end.
    """

    name: str
    width_in: float
    height_in: float
    address_window: Box
    return_window: Box
    sheet: Box
    slide_x_in: float
    slide_y_in: float
    weight_oz: float
    caliper_in: float


@dataclass(frozen=True)
class Product:
    """One thing that can be ordered.

    `ink_free`, `indicia`, `address` and `return_address` lie on the `address_side`; `face` is the part of that side which
    is the mailpiece's face once folded. `indicia` is None where the envelope bears the postage. The other side is printed
    with its head to the same end, or to the foot where `head_to_foot`. `glue` and `sheet_mark` are left free of ink, too.
    A product of several sheets is a *document*: its artwork is one file of all pages, printed as a set of sheets. Each sheet
    after the first costs `further_sheet_cents` more.
    """

    name: str
    title: str
    trim_width_in: float
    trim_height_in: float
    bleed_in: float
    safe_in: float
    ink_free: Box
    indicia: Box | None
    address: Box
    return_address: Box
    face: Box
    stock: str
    size_class: SizeClass
    first_prices_cents: tuple[tuple[str, int], ...]
    min_ppi: int = 300
    address_side: Side = "back"
    side_titles: tuple[str, str] = ("front", "back")
    address_lines: int = 5
    most_sheets: int = 1
    further_sheet_cents: int = 0
    layers: int = 1
    folds: tuple[Fold, ...] = ()
    glue: Box | None = None
    glue_side: Side = "front"
    sheet_mark: Box | None = None
    envelope: Envelope | None = None
    head_to_foot: bool = False

    @property
    def bleed_width_in(self) -> float:
        return self.trim_width_in + 2 * self.bleed_in

    @property
    def bleed_height_in(self) -> float:
        return self.trim_height_in + 2 * self.bleed_in

    @property
    def is_document(self) -> bool:
        return self.most_sheets > 1

    @property
    def most_pages(self) -> int:
        """Of one file of artwork: a side of a card, or both sides of every sheet."""
        return 2 * self.most_sheets if self.is_document else 1

    @property
    def barcode_clear(self) -> Box | None:
        """The USPS barcode clear zone, 4-3/4 x 5/8 in at the face's lower right (Publication 28, A1); an envelope has its own."""
        if self.envelope is not None:
            return None
        return Box(self.face.right_in - 4.75, self.face.bottom_in - 0.625, 4.75, 0.625)

    @property
    def weight_oz(self) -> float:
        """Of a piece of one sheet, as mailed."""
        return self.weight_of(1)

    @property
    def caliper_in(self) -> float:
        """Of a piece of one sheet, as mailed."""
        return self.thickness_of(1)

    def weight_of(self, sheets: int) -> float:
        """In ounces, with the envelope."""
        square_m = self.trim_width_in * self.trim_height_in * _SQUARE_M
        paper = sheets * square_m * STOCKS[self.stock].grams_per_m2 / _GRAMS_PER_OZ
        return round(paper + (self.envelope.weight_oz if self.envelope else 0), 3)

    def thickness_of(self, sheets: int) -> float:
        """In inches, folded, with the envelope's two walls."""
        paper = sheets * self.layers * STOCKS[self.stock].caliper_in
        return round(paper + (2 * self.envelope.caliper_in if self.envelope else 0), 4)


def sheets_of(pages: int, sides: str) -> int:
    """How many sheets a document of so many pages takes; `sides` is one of `Sides`."""
    return pages if sides == "simplex" else -(-pages // 2)


_SQUARE_M = 0.0254**2
_GRAMS_PER_OZ = 28.3495

# The IMb and up to five lines at 1/6 in below it; the baseline of the fifth stands 0.636 in above the trim. Right edges keep
# the 1/2 in side margin of the OCR read area.
POSTCARD_4X6 = Product(
    name="postcard_4x6",
    title="Postcard 4 x 6 in",
    trim_width_in=6.0,
    trim_height_in=4.0,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(2.5665, 1.5, 3.2835, 2.375),
    indicia=Box(4.7639, 1.6736, 0.7847, 0.6423),
    address=Box(2.725, 2.38, 2.775, 1.0),
    return_address=Box(2.725, 1.6736, 1.9789, 0.6423),
    face=Box(0, 0, 6.0, 4.0),
    stock="cover_120lb",
    size_class="card",
    first_prices_cents=(("first_class", 79), ("marketing", 65)),
)

POSTCARD_6X9 = Product(
    name="postcard_6x9",
    title="Postcard 6 x 9 in",
    trim_width_in=9.0,
    trim_height_in=6.0,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(4.85, 3.5, 4.0, 2.375),
    indicia=Box(7.7639, 3.6733, 0.7847, 0.6424),
    address=Box(5.392, 4.38, 3.108, 1.0),
    return_address=Box(5.392, 3.6733, 2.3119, 0.6424),
    face=Box(0, 0, 9.0, 6.0),
    stock="cover_120lb",
    # Card price at First-Class commercial rates alone, and up to 0.016 in thick.
    size_class="commercial_card",
    first_prices_cents=(("first_class", 99), ("marketing", 83)),
)

POSTCARD_6X11 = Product(
    name="postcard_6x11",
    title="Postcard 6 x 11 in",
    trim_width_in=11.0,
    trim_height_in=6.0,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(6.85, 3.5, 4.0, 2.375),
    indicia=Box(9.7639, 3.6733, 0.7847, 0.6424),
    address=Box(7.392, 4.38, 3.108, 1.0),
    return_address=Box(7.392, 3.6733, 2.3119, 0.6424),
    face=Box(0, 0, 11.0, 6.0),
    stock="cover_120lb",
    size_class="letter",
    first_prices_cents=(("first_class", 129), ("marketing", 97)),
)

# Folded in three with the address out, the middle panel of 4 in the tallest: in an envelope of 4.125 in it may slide up by
# 0.125 in, and by 1 in to the right.
NO10_DOUBLE_WINDOW = Envelope(
    name="no10_double_window",
    width_in=9.5,
    height_in=4.125,
    address_window=Box(0.625, 2.125, 4.0, 1.0),
    return_window=Box(0.625, 0.875, 3.25, 0.875),
    sheet=Box(0, 0.375, 8.5, 3.75),
    slide_x_in=1.0,
    slide_y_in=0.125,
    weight_oz=0.22,
    caliper_in=0.005,
)

LETTER = Product(
    name="letter",
    title="Letter 8.5 x 11 in in a #10 envelope",
    trim_width_in=8.5,
    trim_height_in=11.0,
    # Cut sheets: there is no bleed, and the press images no nearer to the edge than the safe line.
    bleed_in=0.0,
    safe_in=0.0625,
    ink_free=Box(0.6, 0.84, 3.15, 2.0),
    indicia=None,
    # Both stay in their windows, wherever the sheet lies in the envelope.
    address=Box(0.78, 1.905, 2.785, 0.8),
    return_address=Box(0.78, 0.875, 2.095, 0.48),
    face=Box(0, 0, 8.5, 3.75),
    stock="text_60lb",
    size_class="letter",
    first_prices_cents=(("first_class", 109), ("marketing", 89)),
    address_side="front",
    address_lines=4,
    most_sheets=6,
    further_sheet_cents=12,
    layers=3,
    folds=(Fold("front", "level", 3.75), Fold("front", "level", 7.75)),
    # The code itself is 0.4 in square, in the middle (`pipeline.press.sheets.sheet_mark`).
    sheet_mark=Box(0.0868, 10.413, 0.5, 0.5),
    envelope=NO10_DOUBLE_WINDOW,
)

# Folded self-mailers may be 6 in high; both fold to 5.94 in, so that no cutter's drift makes one a flat (DMM 201.3.14).
SELF_MAILER_6X18 = Product(
    name="self_mailer_6x18",
    title="Self-mailer 6 x 18 in",
    trim_width_in=18.0,
    trim_height_in=5.94,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(4.85, 3.44, 4.0, 2.375),
    indicia=Box(7.7639, 3.6133, 0.7847, 0.6424),
    address=Box(5.392, 4.32, 3.108, 1.0),
    return_address=Box(5.392, 3.6133, 2.3119, 0.6424),
    face=Box(0, 0, 9.0, 5.94),
    stock="cover_80lb",
    size_class="letter",
    first_prices_cents=(("first_class", 149), ("marketing", 117)),
    side_titles=("inside", "outside"),
    layers=2,
    folds=(Fold("back", "upright", 9.0), Fold("front", "upright", 9.0)),
    glue=Box(17.55, 0, 0.45, 5.94),
)

SELF_MAILER_11X9 = Product(
    name="self_mailer_11x9",
    title="Self-mailer 11 x 9 in",
    trim_width_in=9.0,
    trim_height_in=11.0,
    bleed_in=0.125,
    safe_in=0.125,
    ink_free=Box(4.875, 3.415, 4.0, 2.375),
    indicia=Box(7.7889, 3.5883, 0.7847, 0.6424),
    address=Box(5.417, 4.32, 3.083, 1.0),
    return_address=Box(5.417, 3.5883, 2.3119, 0.6424),
    face=Box(0, 0, 9.0, 5.94),
    stock="cover_80lb",
    size_class="letter",
    first_prices_cents=(("first_class", 145), ("marketing", 113)),
    side_titles=("inside", "outside"),
    layers=2,
    folds=(Fold("back", "level", 5.94), Fold("front", "level", 5.06)),
    # The short panel's edge comes to lie 10.12 in from the top of the inside; the glue stands just above it.
    glue=Box(0, 9.645, 9.0, 0.45),
    head_to_foot=True,
)

PRODUCTS: dict[str, Product] = {
    product.name: product
    for product in (POSTCARD_4X6, POSTCARD_6X9, POSTCARD_6X11, LETTER, SELF_MAILER_6X18, SELF_MAILER_11X9)
}

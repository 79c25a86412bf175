"""Inches from the top left of the trim become PDF points from the lower left of the bleed page: here only."""

from dataclasses import dataclass

from pipeline.products import Box, Product

POINTS_PER_INCH = 72.0


@dataclass(frozen=True)
class Rect:
    """A rectangle in points from the lower left of the page or form that it is on."""

    x_pt: float
    y_pt: float
    width_pt: float
    height_pt: float

    @property
    def right_pt(self) -> float:
        return self.x_pt + self.width_pt

    @property
    def top_pt(self) -> float:
        return self.y_pt + self.height_pt

    def grown(self, by_pt: float) -> "Rect":
        return Rect(self.x_pt - by_pt, self.y_pt - by_pt, self.width_pt + 2 * by_pt, self.height_pt + 2 * by_pt)

    def holds(self, inner: "Rect", by_pt: float = 0.0) -> bool:
        """Whether `inner` lies inside, or beyond it by at most `by_pt`."""
        room = self.grown(by_pt)
        level = room.x_pt <= inner.x_pt and room.right_pt >= inner.right_pt
        return level and room.y_pt <= inner.y_pt and room.top_pt >= inner.top_pt

    def inset(self, x_pt: float, y_pt: float) -> "Rect":
        return Rect(self.x_pt + x_pt, self.y_pt + y_pt, self.width_pt - 2 * x_pt, self.height_pt - 2 * y_pt)

    def moved(self, x_pt: float, y_pt: float) -> "Rect":
        return Rect(self.x_pt + x_pt, self.y_pt + y_pt, self.width_pt, self.height_pt)

    def array(self) -> str:
        """As a PDF rectangle array."""
        return f"[{numbers(self.x_pt, self.y_pt, self.right_pt, self.top_pt)}]"

    def path(self) -> str:
        """As operands of `re`."""
        return numbers(self.x_pt, self.y_pt, self.width_pt, self.height_pt)


def pt(inches: float) -> float:
    return inches * POINTS_PER_INCH


def inches(points: float) -> float:
    return points / POINTS_PER_INCH


def bleed_rect(product: Product) -> Rect:
    """The whole of one side, bleed and all; its lower left corner is the origin of everything drawn on a piece."""
    return Rect(0, 0, pt(product.bleed_width_in), pt(product.bleed_height_in))


def trim_rect(product: Product) -> Rect:
    return bleed_rect(product).grown(-pt(product.bleed_in))


def on_piece(box: Box, product: Product) -> Rect:
    """A box of the product table, on the bleed page."""
    bottom_in = product.bleed_in + product.trim_height_in - box.bottom_in
    return Rect(pt(product.bleed_in + box.x_in), pt(bottom_in), pt(box.width_in), pt(box.height_in))


def numbers(*values: float) -> str:
    """PDF operands with at most four decimals: a ten-thousandth of a point is below any press's grid."""
    return " ".join(_number(value) for value in values)


def _number(value: float) -> str:
    text = f"{value:.4f}".rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text

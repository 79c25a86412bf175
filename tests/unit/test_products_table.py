"""The product table against what the post asks: sizes, weights, and clearances of address, barcode and indicia."""

import pytest

from pipeline.press.sheets.bars import FULL_PT, LENGTH_PT
from pipeline.products import PRODUCTS, STOCKS, Box, Product

BARS_IN = LENGTH_PT / 72

every_product = pytest.mark.parametrize("product", PRODUCTS.values(), ids=lambda product: product.name)
on_their_own = pytest.mark.parametrize(
    "product", [one for one in PRODUCTS.values() if one.envelope is None], ids=lambda product: product.name
)


def holds(outer: Box, inner: Box, by_in: float = 0.0) -> bool:
    slack = by_in - 1e-6
    return (
        inner.x_in - outer.x_in >= slack
        and inner.y_in - outer.y_in >= slack
        and outer.right_in - inner.right_in >= slack
        and outer.bottom_in - inner.bottom_in >= slack
    )


def apart(one: Box, other: Box) -> bool:
    return (
        one.right_in <= other.x_in
        or other.right_in <= one.x_in
        or one.bottom_in <= other.y_in
        or other.bottom_in <= one.y_in
    )


def mailpiece_in(product: Product) -> tuple[float, float]:
    """Length and height as mailed."""
    return (
        (product.envelope.width_in, product.envelope.height_in)
        if product.envelope
        else (product.face.width_in, product.face.height_in)
    )


@every_product
def test_the_mailpiece_has_the_size_of_its_class(product: Product) -> None:
    """Letters: DMM 201.1.1; cards: 101.6.2, and up to 6 x 9 in at commercial First-Class prices since August 2021."""
    length, height = mailpiece_in(product)
    longest, tallest = {"card": (6.0, 4.25), "commercial_card": (9.0, 6.0), "letter": (11.5, 6.125)}[product.size_class]
    assert 5 <= length <= longest
    assert 3.5 <= height <= tallest
    assert 1.3 <= length / height <= 2.5


@every_product
@pytest.mark.parametrize("sheets", ["fewest", "most"])
def test_thickness_and_weight_are_machinable(product: Product, sheets: str) -> None:
    """Cards 0.007 to 0.016 in; letters to 0.25 in and 3.5 oz, and at least 0.009 in when over 4.25 x 6 in."""
    count = product.most_sheets if sheets == "most" else 1
    length, height = mailpiece_in(product)
    least = 0.009 if height > 4.25 or length > 6 else 0.007
    most = 0.25 if product.size_class == "letter" else 0.016
    assert least <= product.thickness_of(count) <= most
    assert 0.1 <= product.weight_of(count) <= 3.5


def test_self_mailers_fold_to_just_under_six_inches() -> None:
    """Folded self-mailers: at most 6 in high and 10.5 in long, the open panel within 1 in of the top (DMM 201.3.14)."""
    folded = [product for product in PRODUCTS.values() if product.name.startswith("self_mailer")]
    assert len(folded) == 2
    for product in folded:
        assert 5.9 <= product.face.height_in < 6
        assert product.face.width_in <= 10.5
        assert product.weight_oz <= 3
    level = {fold.side: fold.at_in for fold in PRODUCTS["self_mailer_11x9"].folds}
    short = PRODUCTS["self_mailer_11x9"].trim_height_in - level["back"]
    assert level["front"] == pytest.approx(short), "the sheet is turned over head to foot"
    assert level["back"] - short < 1


@on_their_own
def test_address_and_barcode_lie_in_the_ocr_read_area(product: Product) -> None:
    """1/2 in from either side of the face, 5/8 to 2-3/4 in above its foot (DMM 202.2.1)."""
    face = product.face
    area = Box(face.x_in + 0.5, face.bottom_in - 2.75, face.width_in - 1.0, 2.75 - 0.625)
    # The block's foot stands a hair below the last baseline.
    assert holds(Box(area.x_in, area.y_in, area.width_in, area.height_in + 0.016), product.address)


@on_their_own
def test_the_barcode_has_its_clearance_inside_the_white_zone(product: Product) -> None:
    """1/8 in at either end, 0.028 in above and below (QSG 201a)."""
    bars = Box(product.address.x_in, product.address.y_in, BARS_IN, FULL_PT / 72)
    assert product.address.width_in >= BARS_IN
    assert holds(product.ink_free, Box(bars.x_in, bars.y_in, bars.width_in, bars.height_in), 0.125 - 0.0001)
    assert product.indicia is not None
    assert product.address.y_in - product.indicia.bottom_in >= 0.028


@every_product
def test_what_is_printed_on_the_address_side_fits_and_keeps_apart(product: Product) -> None:
    printed = [product.address, product.return_address, *([product.indicia] if product.indicia else [])]
    assert all(holds(product.ink_free, box) for box in printed)
    assert all(apart(one, other) for at, one in enumerate(printed) for other in printed[at + 1 :])
    assert holds(product.face, product.ink_free)
    sheet = Box(0, 0, product.trim_width_in, product.trim_height_in)
    assert holds(sheet, product.face)
    for box in (product.glue, product.sheet_mark):
        assert box is None or (holds(sheet, box) and apart(box, product.ink_free))
    for fold in product.folds:
        assert 0 < fold.at_in < (product.trim_height_in if fold.direction == "level" else product.trim_width_in)


@pytest.mark.parametrize("slide_x", ["left", "right"])
@pytest.mark.parametrize("slide_y", ["down", "up"])
def test_a_letter_shows_its_addresses_wherever_it_lies_in_its_envelope(slide_x: str, slide_y: str) -> None:
    """The barcode with 1/8 in at its ends and 0.028 in above, whichever way the sheet has slid (DMM 202.5.8)."""
    letter = PRODUCTS["letter"]
    envelope = letter.envelope
    assert envelope is not None
    assert envelope.sheet.width_in + envelope.slide_x_in == pytest.approx(envelope.width_in)
    x = envelope.sheet.x_in + (envelope.slide_x_in if slide_x == "right" else 0)
    y = envelope.sheet.y_in - (envelope.slide_y_in if slide_y == "up" else 0)

    def shown(box: Box) -> Box:
        return Box(box.x_in + x, box.y_in + y, box.width_in, box.height_in)

    bars = shown(Box(letter.address.x_in, letter.address.y_in, BARS_IN, FULL_PT / 72))
    window = envelope.address_window
    assert bars.x_in - window.x_in >= 0.125
    assert window.right_in - bars.right_in >= 0.125
    assert bars.y_in - window.y_in >= 0.028
    assert holds(window, shown(letter.address))
    assert holds(envelope.return_window, shown(letter.return_address))


@every_product
def test_prices_and_stock_are_known(product: Product) -> None:
    assert dict(product.first_prices_cents).keys() == {"first_class", "marketing"}
    assert product.stock in STOCKS

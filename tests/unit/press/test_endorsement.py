"""The ancillary service endorsement: in its type, with its clearance on every product, and only where it may stand."""

from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image, ImageChops

from pipeline.errors import Permanent
from pipeline.models.profile import Imposition, Postage
from pipeline.press.creative.normalize import normalize
from pipeline.press.geometry import bleed_rect, on_piece
from pipeline.press.job import Placed
from pipeline.press.picture import render
from pipeline.press.proofs.proof import address_side_pdf
from pipeline.press.sheets.address_lines import why_lines_unprintable
from pipeline.press.sheets.address_side import RETURN_SIZE_PT, AddressSide
from pipeline.press.sheets.bars import FULL_PT
from pipeline.press.sheets.endorsement import TEXTS, place_endorsement
from pipeline.press.sheets.impose import impose
from pipeline.press.sheets.xjdf import NAMESPACE
from pipeline.products import LETTER, POSTCARD_4X6, PRODUCTS, Product
from tests.unit.press import artwork_files
from tests.unit.press.jobs import PERMIT, make_job, make_pieces
from tests.unit.press.seeing import text_within

PPI = 300
CLEAR_IN = 0.25
# 8 pt, as the height of capitals of the USPS's own measure (DMM 202.2.1: 0.080 in).
LEAST_HEIGHT_IN = 0.08
BEARING = [product for product in PRODUCTS.values() if product.envelope is None]
SENDERS = {
    3: ("HARBOR BOOKS", "3 QUAY ST", "BOISE ID 83702-1234"),
    4: ("QUENTIN QUAY, JR", "HARBOR BOOKS", "3 QUAY ST STE 4", "BOISE ID 83702-1234"),
    5: ("QUENTIN QUAY, JR", "HARBOR BOOKS", "12345 QUAY ST, PIER 9", "STE 4", "BOISE ID 83702-1234"),
}


def _postage(endorsement: str, **changes: object) -> Postage:
    return PERMIT.model_copy(update={"endorsement_first_class": endorsement, **changes})


def _piece(lines: int) -> Placed:
    piece = make_pieces(1, Imposition(mode="one_up"))[0]
    full = ("ADA LOVELACE QQ", "ANALYTICAL ENGINES", "185 BERRY ST", "STE 6100", "SAN FRANCISCO CA 94107-1234")
    return piece._replace(return_address=SENDERS[lines], address=full)


def _shown(product: Product, art: Path, endorsement: str, lines: int) -> Image.Image:
    return render(address_side_pdf(product, art, _piece(lines), _postage(endorsement), "first_class"), PPI)


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Artwork with ink wherever artwork may have any, by product."""
    folder = tmp_path_factory.mktemp("dark")
    made = {}
    for product in BEARING:
        normalize(
            artwork_files.plain(folder / f"{product.name}.given", product), product, folder / f"{product.name}.pdf"
        )
        made[product.name] = folder / f"{product.name}.pdf"
    return made


def _printed(
    product: Product, art: Path, endorsement: str, lines: int
) -> tuple[Image.Image, tuple[int, int, int, int]]:
    """The address side in greys, and where the endorsement's own ink lies: below the return address, where nothing else is."""
    with_it = _shown(product, art, endorsement, lines).convert("L")
    scale = PPI / 72
    bars = on_piece(product.address, product)
    height = bleed_rect(product).height_pt
    # The column under the return address, from the barcode's clearance up, holds nothing but the endorsement.
    without = _shown(product, art, "none", lines).convert("L")
    left, right = (on_piece(product.return_address, product).x_pt, bars.right_pt)
    band = (round((left - 2) * scale), 0, round(right * scale), round((height - bars.top_pt + 1) * scale))
    inked = ImageChops.subtract(without.crop(band), with_it.crop(band)).point(lambda value: 255 if value > 40 else 0)
    # The return address has moved up: the endorsement is the lowest line of what was added.
    rows = [y for y in range(inked.height) if inked.crop((0, y, inked.width, y + 1)).getbbox()]
    last = rows[-1]
    first = last
    while first - 1 in rows or first - 2 in rows:
        first -= 1
    box = inked.crop((0, first, inked.width, last + 1)).getbbox()
    assert box is not None
    return with_it, (band[0] + box[0], first, band[0] + box[2], last + 1)


@pytest.mark.parametrize("lines", SENDERS)
@pytest.mark.parametrize("endorsement", TEXTS)
@pytest.mark.parametrize("product", BEARING, ids=lambda product: product.name)
def test_a_quarter_inch_is_free_all_around(
    dark: dict[str, Path], product: Product, endorsement: str, lines: int
) -> None:
    image, (left, top, right, bottom) = _printed(product, dark[product.name], endorsement, lines)
    # The outermost row and column of a letter are half covered.
    clear = round(CLEAR_IN * PPI) - 1
    assert (bottom - top) / PPI >= LEAST_HEIGHT_IN - 1 / PPI
    around = image.crop((left - clear, top - clear, right + clear, bottom + clear))
    inner = Image.new("L", (right - left, bottom - top), 255)
    assert around.crop((clear, clear, clear + inner.width, clear + inner.height)).getextrema()[0] < 60
    around.paste(inner, (clear, clear))
    assert around.getextrema()[0] > 180
    # It would not be free in a little more: the measure is of what is there.
    wider = image.crop((left - 3 * clear, top - 3 * clear, right + 3 * clear, bottom + 3 * clear))
    wider.paste(Image.new("L", (inner.width + 2 * clear, inner.height + 2 * clear), 255), (2 * clear, 2 * clear))
    assert wider.getextrema()[0] < 100


@pytest.mark.parametrize("product", BEARING, ids=lambda product: product.name)
def test_it_stands_below_the_return_address_and_above_the_barcode(
    dark: dict[str, Path], tmp_path: Path, product: Product
) -> None:
    file = tmp_path / "side.pdf"
    file.write_bytes(address_side_pdf(product, dark[product.name], _piece(4), _postage("change"), "first_class"))
    zone = on_piece(product.ink_free, product)
    words = text_within(file, 0, zone).replace("\r", "")
    order = [words.index(part) for part in ("QUENTIN QUAY", "3 QUAY ST STE 4", "BOISE ID", "CHANGE SERVICE REQUESTED")]
    assert order == sorted(order)
    assert "ADA LOVELACE" in words


@pytest.mark.parametrize("product", BEARING, ids=lambda product: product.name)
def test_four_lines_above_it_can_still_be_read(product: Product) -> None:
    bars_top_pt = AddressSide(product, ()).bars_place()[1] + FULL_PT
    assert place_endorsement(TEXTS["return"], product, bars_top_pt).return_size_pt(4, RETURN_SIZE_PT) > 4.8


@pytest.mark.parametrize("product", BEARING, ids=lambda product: product.name)
def test_a_sender_that_is_let_in_can_stand_above_one(product: Product) -> None:
    sender = ("QUENTIN QUAY", "HARBOR BOOKS", "12345 NORTHWEST QUAY STREET", "STE", "BOISE ID 83702-1234")
    side = AddressSide(product, (), TEXTS["return"])
    longest = 0
    for more in range(60):
        lines = (*sender[:3], sender[3] + " 1" * more, sender[4])
        if why_lines_unprintable(lines, product, sender=True) is None:
            assert side.return_address(_piece(5)._replace(return_address=lines))
            longest = more
    assert 5 < longest < 50
    # Each of them would do alone.
    said = why_lines_unprintable((*sender[:2], "A QUAY STREET " * 3, "A PIER " * 7, sender[4]), product, sender=True)
    assert said == "lines 3 and 4 are too long to share one, as five lines have to on some pieces"


def test_without_a_return_address_there_is_none(dark: dict[str, Path], tmp_path: Path) -> None:
    piece = _piece(3)._replace(return_address=())
    file = tmp_path / "side.pdf"
    file.write_bytes(address_side_pdf(POSTCARD_4X6, dark["postcard_4x6"], piece, _postage("return"), "first_class"))
    assert "REQUESTED" not in text_within(file, 0, bleed_rect(POSTCARD_4X6))


def test_each_class_has_its_own(dark: dict[str, Path], tmp_path: Path) -> None:
    postage = _postage("return", endorsement_marketing="change")
    for mail_class, text in (("first_class", "RETURN SERVICE"), ("marketing", "CHANGE SERVICE")):
        file = tmp_path / f"{mail_class}.pdf"
        file.write_bytes(address_side_pdf(POSTCARD_4X6, dark["postcard_4x6"], _piece(3), postage, mail_class))
        assert text in text_within(file, 0, bleed_rect(POSTCARD_4X6))


def test_what_goes_into_an_envelope_cannot_bear_one() -> None:
    with pytest.raises(Permanent) as caught:
        address_side_pdf(LETTER, None, _piece(3), _postage("return"), "first_class")
    assert caught.value.code == "endorsement_hidden"
    assert "envelope" in str(caught.value)


def test_sheets_ticket_and_machine_ticket_tell_it(artwork: dict[str, Path], tmp_path: Path) -> None:
    imposition = Imposition()
    files = {}
    for endorsement in ("none", "address"):
        job = make_job(artwork, make_pieces(9, imposition), imposition=imposition, postage=_postage(endorsement))
        made = impose(job, tmp_path / endorsement)
        files[endorsement] = {file.name.removeprefix(job.stem): file for file in made.files}
    text = "ADDRESS SERVICE REQUESTED"
    whole = bleed_rect(POSTCARD_4X6).grown(2000)
    back = text_within(files["address"][".pdf"], 1, whole)
    assert back.count(text) == back.count("ADA LOVELACE") > 0
    assert text not in text_within(files["none"][".pdf"], 1, whole)
    assert text in text_within(files["address"]["-ticket.pdf"], 0, whole)
    assert text_within(files["address"]["-proof.pdf"], 1, whole).count(text) == 1
    said = [one.text for one in ElementTree.parse(files["address"][".xjdf"]).iter(f"{{{NAMESPACE}}}Comment")]
    assert text in said

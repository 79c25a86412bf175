"""The barcode against published vectors, reportlab's encoder and a reader of our own; and what must not become bars at all."""

import random
from collections.abc import Iterator

import pytest
from reportlab.graphics.barcode.usps4s import USPS_4State

from pipeline.address.imb import encode, tracking_code
from tests.unit.address.imb_reader import UnreadableError, decode

# The first four stand in USPS-B-3200, the others come from the encoder that USPS offers on PostalPro.
VECTORS = {
    ("01234567094987654321", ""): "ATTFATTDTTADTAATTDTDTATTDAFDDFADFDFTFFFFFTATFAAAATDFFTDAADFTFDTDT",
    ("01234567094987654321", "01234"): "DTTAFADDTTFTDTFTFDTDDADADAFADFATDDFTAAAFDTTADFAAATDFDTDFADDDTDFFT",
    ("01234567094987654321", "012345678"): "ADFTTAFDTTTTFATTADTAAATFTFTATDAAAFDDADATATDTDTTDFDTDATADADTDFFTFA",
    ("01234567094987654321", "01234567891"): "AADTFFDFTDADTAADAATFDTDDAAADDTDTTDAFADADDDTFFFDDTTTADFAAADFTDAADA",
    ("23270592831482031240", "96713024817"): "DDADATADTAATDTTTDFDTTFTFFADTFTDFTATAAFTTFATDAATATDATATFADAADDTFDT",
    ("53379777234994544928", "51135759461"): "DAFDTDAFFDFTDADTDDFTTFDTATATFFFDFTTFFFTFDDTDAAFATDFTFDFDTTTDTTFDA",
    ("40120111574675115924", "621766091"): "ADFFTATTAFTTFTAADTFFATDTDFDDDTTAAFDTDDDFAAFATAFDFDTDTATDDATTADADA",
    ("62789641258963214569", "42563"): "DTTFAATAADFDFDTADDTFAFADAADTATDDTFATTTATDATDFDATDDDTATATAFADTDFAD",
}  # fmt: skip


def pieces(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Tracking codes and routings of all lengths, the same for one seed; every eighth at an end of its range."""
    chance = random.Random(seed)
    for number in range(count):
        digits = (0, 5, 9, 11)[number % 4]
        serial = chance.choice([0, 10**18 - 1]) if number % 8 == 0 else chance.randrange(10**18)
        last = chance.choice([0, 10**digits - 1]) if number % 8 == 3 else chance.randrange(10**digits)
        yield f"{chance.randrange(10)}{chance.randrange(5)}{serial:018d}", f"{last:0{digits}d}" if digits else ""


@pytest.mark.parametrize(("given", "bars"), VECTORS.items(), ids=lambda one: one[1] if isinstance(one, tuple) else "")
def test_published_vectors(given: tuple[str, str], bars: str) -> None:
    assert encode(*given) == bars
    assert decode(bars) == given


def test_all_bars_are_those_of_reportlab() -> None:
    for tracking, routing in pieces(6_000, seed=20_260_131):
        assert encode(tracking, routing) == USPS_4State(tracking, routing).barcodes, (tracking, routing)


def test_what_was_encoded_is_read_back() -> None:
    for given in pieces(4_000, seed=7):
        assert decode(encode(*given)) == given


def test_no_flipped_bar_is_read() -> None:
    for given in pieces(16, seed=11):
        bars = encode(*given)
        for place, bar in enumerate(bars):
            for wrong in set("FADT") - {bar}:
                with pytest.raises(UnreadableError):
                    decode(bars[:place] + wrong + bars[place + 1 :])


def test_bars_are_not_read_backwards() -> None:
    upside_down = str.maketrans("AD", "DA")
    for given in pieces(200, seed=13):
        with pytest.raises(UnreadableError):
            decode(encode(*given)[::-1].translate(upside_down))


@pytest.mark.parametrize(
    "tracking",
    [
        "", "0123456709498765432", "012345670949876543210", "05234567094987654321", "0123456709498765432A",
        "0123456709498765432\n", " 1234567094987654321", "+1234567094987654321", "0١234567094987654321",
    ],
)  # fmt: skip
def test_tracking_codes_that_are_none(tracking: str) -> None:
    with pytest.raises(ValueError, match="tracking code"):
        encode(tracking, "")


@pytest.mark.parametrize(
    "routing",
    [
        "1",
        "1234",
        "123456",
        "1234567890",
        "012345678912",
        " 1234",
        "+1234",
        "-1234",
        "1_234",
        "1234\n",
        "1234٥",
        "83702-1234",
    ],
)
def test_routings_that_are_none(routing: str) -> None:
    with pytest.raises(ValueError, match="routing"):
        encode("01234567094987654321", routing)


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("270", "899999", 0), "00270899999000000000"),
        (("310", "000001", 999_999_999), "00310000001999999999"),
        (("270", "900000001", 42), "00270900000001000042"),
        (("271", "999999999", 999_999), "00271999999999999999"),
    ],
)
def test_tracking_codes(given: tuple[str, str, int], code: str) -> None:
    assert tracking_code(*given) == code
    assert decode(encode(code, "83702")) == (code, "83702")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("27", "899999", 0), "service type"),
        (("2700", "899999", 0), "service type"),
        (("27٠", "899999", 0), "service type"),
        (("270", "900000", 0), "mailer id"),
        (("270", "899999999", 0), "mailer id"),
        (("270", "89999", 0), "mailer id"),
        (("270", "", 0), "mailer id"),
        (("270", "899999", 10**9), "serial"),
        (("270", "900000001", 10**6), "serial"),
        (("270", "899999", -1), "serial"),
    ],
)
def test_tracking_codes_that_cannot_be(given: tuple[str, str, int], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        tracking_code(*given)

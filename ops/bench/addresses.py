"""Addresses on one core: standardizing offline, and Intelligent Mail barcodes beside reportlab's in the same run.

`python -m ops.bench.addresses`. Standardizing is asked in the chunks of 500 that the stage claims, of addresses that all differ.
"""

import itertools
import time
from collections.abc import Callable, Iterator, Sequence

from reportlab.graphics.barcode.usps4s import USPS_4State

from adapters.addresses.offline import OfflineStandardizer
from ops.bench.figures import Figure, print_figures
from pipeline.address.imb import encode, tracking_code
from pipeline.ports import Address

TITLE = "Addresses and barcodes, one core"
CHUNK = 500
_ADDRESSES = 20_000
_BARCODES = 40_000
_PEER_BARCODES = 4_000
# The best of so many runs counts: whatever else the machine does only ever takes time away.
_RUNS = 3
_STREETS = (
    "North Main Street", "Elm St.", "SE Martin Luther King Jr Blvd", "Oak Ridge Court", "County Rd 441", "W 42nd St", "Broadway",
)  # fmt: skip
_UNITS = (("", ""), (" Apt 4", ""), ("", "Suite 200"), ("", ""), (", #12", ""), ("", ""))
_CITIES = (("Boise", "ID", "83702"), ("St. Louis", "Missouri", "63101-1234"), ("San Francisco", "CA", "94107"))


def measure() -> list[Figure]:
    """Standardizing, then encoding beside reportlab."""
    given = list(people(_ADDRESSES))
    standardizer = OfflineStandardizer()
    chunks = [given[start : start + CHUNK] for start in range(0, len(given), CHUNK)]
    standardized = _rate(len(given), lambda: [standardizer.standardize(chunk) for chunk in chunks])
    pieces = list(_pieces(_BARCODES))
    ours = _rate(len(pieces), lambda: [encode(*piece) for piece in pieces])
    some = pieces[:_PEER_BARCODES]
    theirs = _rate(len(some), lambda: [USPS_4State(*piece).barcodes for piece in some])
    beside = f"reportlab {theirs:,.0f}/s, {ours / theirs:.1f} x"
    return [
        Figure("addresses standardized offline", f"{standardized:,.0f}/s/core", goal=">= 20,000/s/core"),
        Figure("IMb encoded", f"{ours:,.0f}/s/core", beside, ">= 40,000/s/core"),
    ]


def _rate(count: int, work: Callable[[], object]) -> float:
    """A second, by processor time: the figure is a core's, however many share it at the moment."""
    took_s = []
    for _ in range(_RUNS):
        began = time.process_time()
        work()
        took_s.append(time.process_time() - began)
    return count / min(took_s)


def people(count: int) -> Iterator[Address]:
    """Addresses that all differ, as people write them."""
    ways = itertools.cycle(itertools.product(_STREETS, _UNITS, _CITIES))
    for number, (street, (unit, line2), (city, state, zip_code)) in zip(range(count), ways, strict=False):
        if number % 20 == 0:
            street, unit, line2 = "PO Box", f" {number}", ""
            yield Address(f"Person {number}", street + unit, city, state, zip_code, line2)
        else:
            yield Address(f"Person {number}", f"{number} {street}{unit}", city, state, zip_code, line2, "Engine Co.")


def _pieces(count: int) -> Iterator[Sequence[str]]:
    routings = itertools.cycle(("83702", "631011234", "94107174100"))
    for number, routing in zip(range(count), routings, strict=False):
        yield tracking_code("270", "899999", number * 7919), routing


if __name__ == "__main__":
    print_figures(TITLE, measure())

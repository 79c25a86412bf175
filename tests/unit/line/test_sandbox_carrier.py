"""The simulated carrier: a journey follows from the barcode and the moment of mailing."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.carrier import DELIVERY_CODES, Posted, SandboxCarrier
from pipeline.lifecycle import Status
from pipeline.ports import Scan
from pipeline.stages.scan_meaning import meaning

MAILED = datetime(2026, 3, 3, 19, 0, tzinfo=UTC)
IMBS = st.integers(0, 10**9 - 1).map(lambda serial: f"00310899999{serial:09d}837021705")


def scans(imb: str, after: timedelta) -> list[Scan]:
    def find(imbs: Sequence[str]) -> Mapping[str, Posted]:
        return {one: Posted(MAILED, MAILED + after) for one in imbs}

    return SandboxCarrier(find).scans([imb])[imb]


def test_a_piece_that_is_not_mailed_was_never_scanned() -> None:
    assert SandboxCarrier(lambda _: {}).scans(["a", "b"]) == {"a": [], "b": []}


def test_nothing_is_scanned_ahead_of_the_line_clock() -> None:
    imb = "00310899999000000001837021705"
    for hours in range(72):
        assert all(scan.at <= MAILED + timedelta(hours=hours) for scan in scans(imb, timedelta(hours=hours)))


@given(IMBS)
def test_every_journey_ends_delivered_within_three_days_and_never_goes_back(imb: str) -> None:
    journey = scans(imb, timedelta(days=3))
    shown = [meaning(scan, DELIVERY_CODES) for scan in journey]
    walk = [Status.IN_TRANSIT, Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.OUT_FOR_DELIVERY, Status.DELIVERED]
    assert shown == walk
    times = [scan.at for scan in journey]
    assert times == sorted(times)
    assert times[0] > MAILED
    assert {scan.facility_zip for scan in journey} == {"83702"}


@given(IMBS, st.integers(0, 72))
def test_asking_earlier_gives_the_beginning_of_the_same_journey(imb: str, hours: int) -> None:
    early, whole = scans(imb, timedelta(hours=hours)), scans(imb, timedelta(days=3))
    assert early == whole[: len(early)]


def test_pieces_travel_at_a_pace_of_their_own() -> None:
    arrivals = {scans(f"00310899999{n:09d}83702", timedelta(days=3))[-1].at for n in range(20)}
    assert len(arrivals) == 20

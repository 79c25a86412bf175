"""What a scan is evidence of."""

from datetime import UTC, datetime

import pytest

from pipeline.lifecycle import Status
from pipeline.ports import Scan
from pipeline.stages.scan_meaning import meaning

AT = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("Phase 0 - Origin Processing Cancelation of Postage", Status.IN_TRANSIT),
        ("Phase 1a - Origin Primary Processing", Status.IN_TRANSIT),
        ("Phase 2c - Destination MMP Primary Processing", Status.IN_TRANSIT),
        ("Phase 3a - Destination SCF Secondary", Status.IN_TRANSIT),
        ("Phase 3 Carrier Sort", Status.IN_TRANSIT),  # the C is a word's, not the phase's
        ("PHASE 3B - Destination", Status.OUT_FOR_DELIVERY),
        ("Phase 3c - Destination Sequenced Carrier Sortation", Status.OUT_FOR_DELIVERY),
        ("Phase 4c - Delivery", Status.OUT_FOR_DELIVERY),
        ("PARS forwarding", Status.REROUTED),
        ("Phase 2a - FPARS", Status.REROUTED),
        ("Stop the clock", None),
        ("", None),
    ],
)
def test_the_phase_of_a_machine_scan_says_how_far_a_piece_is(phase: str, status: Status | None) -> None:
    assert meaning(Scan("0" * 20, AT, "918", phase, "A", "83702"), {"DLV"}) is status


def test_only_a_logical_event_with_a_known_code_is_a_delivery() -> None:
    def said(code: str, handling: str, phase: str = "Phase 4c - Delivery") -> Status | None:
        return meaning(Scan("0" * 20, AT, code, phase, handling, "83702"), {"DLV"})

    assert said("DLV", "L") is Status.DELIVERED
    assert said("DLV", "A") is Status.OUT_FOR_DELIVERY
    assert said("DLV", "S") is Status.OUT_FOR_DELIVERY
    assert said("918", "L") is Status.OUT_FOR_DELIVERY
    assert said("DLV", "L", "Phase 2a") is Status.IN_TRANSIT

"""What a carrier's scan is evidence of.

Phases are those of Informed Visibility (IV-MTR): 0 to 2c is processing on the way, 3b and 3c sortation to the carrier's walk,
4c delivery, PARS and FPARS forwarding. "Delivered" is never a physical scan of a letter: it is a logical event (handling L), told
when the carrier leaves the delivery area. Which operation codes tell delivery from departure is not published: they are a setting.
"""

import re
from collections.abc import Collection

from pipeline.lifecycle import Status
from pipeline.ports import Scan

_PHASE = re.compile(r"phase\s*(\d)\s*([a-c]?)\b", re.IGNORECASE)
_SORTED_TO_WALK = {("3", "b"), ("3", "c"), ("4", "c")}


def meaning(scan: Scan, delivery_codes: Collection[str]) -> Status | None:
    """The status that this scan shows, or None where it shows none."""
    if "PARS" in scan.phase.upper():
        return Status.REROUTED
    phase = _PHASE.search(scan.phase)
    if phase is None:
        return None
    digit, letter = phase[1], phase[2].lower()
    if digit == "4" and scan.handling == "L" and scan.code in delivery_codes:
        return Status.DELIVERED
    if (digit, letter) in _SORTED_TO_WALK:
        return Status.OUT_FOR_DELIVERY
    return Status.IN_TRANSIT if digit in "0123" else None

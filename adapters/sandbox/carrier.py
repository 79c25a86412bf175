"""The simulated carrier of test accounts: every mailed piece has a journey of its own, on the account's line clock.

A journey follows from the barcode and the moment of mailing alone, so that asking twice gives the same scans.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.ports import Scan


@dataclass(frozen=True)
class Posted:
    """A piece that the sandbox's printer has mailed, and where its account's line clock stands."""

    mailed_at: datetime
    line_now: datetime


FindPosted = Callable[[Sequence[str]], Mapping[str, Posted]]
"""Those of the given IMbs that are mailed."""

# Operation, phase, handling, and the hours after the step before between which it comes (IV-MTR vocabulary). DBCS operations:
# 891 outgoing primary, 894 incoming SCF, 918 and 919 the two passes of delivery sequencing; 4c is the logical delivery.
_JOURNEY = (
    ("891", "Phase 1a - Origin Primary Processing", "A", 4, 9),
    ("894", "Phase 2b - Destination SCF Processing", "A", 14, 26),
    ("918", "Phase 3c - Destination Sequenced Carrier Sortation", "A", 4, 8),
    ("919", "Phase 3c - Destination Sequenced Carrier Sortation", "A", 1, 2),
    ("DLV", "Phase 4c - Delivery", "L", 5, 10),
)
DELIVERY_CODES = frozenset({"DLV"})
"""The operation code by which this carrier tells a logical delivery. The post does not publish its own."""


class SandboxCarrier:
    """Scans of test pieces, up to where each account's line clock stands."""

    name = "sandbox"

    def __init__(self, find_posted: FindPosted) -> None:
        self._find_posted = find_posted

    def scans(self, imbs: Sequence[str]) -> dict[str, list[Scan]]:
        """All scans of each full IMb so far. One that is not mailed yet has an empty list."""
        posted = self._find_posted(imbs)
        return {imb: _seen(imb, posted[imb]) if imb in posted else [] for imb in imbs}


def _seen(imb: str, posted: Posted) -> list[Scan]:
    chance = random.Random(imb)  # noqa: S311  # a journey, not a secret
    at, seen = posted.mailed_at, []
    for code, phase, handling, least_h, most_h in _JOURNEY:
        at += timedelta(hours=chance.uniform(least_h, most_h))
        if at > posted.line_now:
            break
        seen.append(Scan(imb, at, code, phase, handling, facility_zip=imb[20:25], machine="DBCS-SANDBOX"))
    return seen

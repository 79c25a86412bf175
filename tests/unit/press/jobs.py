"""Jobs to impose: pieces with real barcodes, placed as the line places them, on artwork that the test names."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.address.imb import tracking_code
from pipeline.models.profile import Imposition, Postage
from pipeline.press.job import Job, Placed
from pipeline.press.sheets.layout import plan_places
from pipeline.products import POSTCARD_4X6

PERMIT = Postage(mailer_id="123456", permit_number="1042", permit_city="Boise", permit_state="ID")
ROUTINGS = ("94107", "941071234", "94107123499", "")


def make_pieces(
    count: int, imposition: Imposition, *, fronts: Sequence[str] = ("front",), back: str | None = "back"
) -> tuple[Placed, ...]:
    """In mailing order, the fronts by turns."""
    places = plan_places(count, POSTCARD_4X6, imposition)
    return tuple(_piece(number, place, fronts, back) for number, place in enumerate(places, start=1))


def _piece(number: int, place: tuple[int, int, int], fronts: Sequence[str], back: str | None) -> Placed:
    return Placed(
        piece_id=f"ml_{number:05}",
        sheet=place[0],
        slot=place[1],
        stack_position=place[2],
        imb=tracking_code("310", "123456", number) + ROUTINGS[number % len(ROUTINGS)],
        address=(f"ADA LOVELACE {number}", "185 BERRY ST STE 6100", "SAN FRANCISCO CA 94107-1234"),
        return_address=("HARBOR BOOKS", "3 QUAY ST", "BOISE ID 83702"),
        front=fronts[(number - 1) % len(fronts)],
        back=back,
        recipient_hash=f"{number:064x}",
    )


def make_job(
    artwork: dict[str, Path], pieces: Sequence[Placed], *, imposition: Imposition | None = None, **changes: Any
) -> Job:
    given: dict[str, Any] = {
        "stem": "bt_01harbor_r00",
        "batch_id": "bt_01harbor",
        "revision": 0,
        "product": POSTCARD_4X6.name,
        "mail_class": "first_class",
        "frozen_at": datetime(2026, 3, 2, 15, 30, tzinfo=UTC),
        "mail_by": datetime(2026, 3, 3, 22, 0, tzinfo=UTC),
        "zone": "America/Boise",
        "printer": "Snake River Print",
        "contact": "press desk, 208-555-0100",
        "imposition": imposition or Imposition(),
        "postage": PERMIT,
        "artwork": artwork,
        "pieces": tuple(pieces),
    }
    return Job(**(given | changes))

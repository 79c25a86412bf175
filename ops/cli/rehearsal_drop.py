"""A drop for practice: a printer's own sheets, with pieces that are crossed out and addressed to nobody."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from pipeline.address.imb import tracking_code
from pipeline.models.profile import PrinterProfile
from pipeline.press.job import Job, Placed
from pipeline.press.process import child
from pipeline.press.sheets.layout import plan_places
from pipeline.products import PRODUCTS, Product
from pipeline.stages.impose import named_file, ready_body

_NOBODY = "000000"
"""A mailer id that nobody has, so that no barcode of a rehearsal is one of a piece in the mail."""
_CONTACT = "REHEARSAL: print it or not, mail nothing, destroy what is printed."
_MAIL_WITHIN = timedelta(hours=24)


@dataclass(frozen=True)
class PracticeDrop:
    """Its files and its ready file; `pieces` are the ids of the manifest."""

    stem: str
    files: tuple[Path, ...]
    ready: str
    pieces: tuple[str, ...]

    @property
    def digest(self) -> str:
        return sha256(self.ready.encode()).hexdigest()


def make_drop(
    profile: PrinterProfile, name: str, stem: str, now: datetime, folder: Path, *, pieces: int, broken: bool
) -> PracticeDrop:
    """The drop in `folder`, of the first product that the printer makes. What the ready file of a broken one says of its sheets is
    wrong.
    """
    product = PRODUCTS[profile.products[0]]
    artwork = folder / "artwork.pdf"
    child.normalize(_draw(product, folder / "drawn.pdf"), product, artwork)
    job = Job(
        stem=stem,
        batch_id=stem.rpartition("_")[0],
        revision=0,
        product=product.name,
        mail_class=profile.classes[0],
        frozen_at=now,
        mail_by=now + _MAIL_WITHIN,
        zone=profile.floor.zone,
        printer=name,
        contact=_CONTACT,
        imposition=profile.imposition,
        postage=profile.postage,
        artwork={"crossed": artwork},
        pieces=_pieces(profile, product, pieces),
    )
    imposed = child.impose(job, folder / "drop")
    files = [named_file(path) for path in imposed.files]
    if broken:
        files[0]["sha256"] = "0" * 64
    return PracticeDrop(stem, imposed.files, ready_body(job, imposed, files), tuple(one.piece_id for one in job.pieces))


def _pieces(profile: PrinterProfile, product: Product, count: int) -> tuple[Placed, ...]:
    stid = profile.postage.stid(profile.classes[0])
    return tuple(
        Placed(
            piece_id=f"practice_{number + 1}",
            sheet=sheet,
            slot=slot,
            stack_position=position,
            imb=tracking_code(stid, _NOBODY, number) + "00000",
            address=(f"REHEARSAL {number + 1} OF {count}", "DO NOT MAIL", "1 NOWHERE ST", "NOWHERE ZZ 00000"),
            return_address=(),
            front="crossed",
            back=None,
            recipient_hash=sha256(str(number).encode()).hexdigest(),
        )
        for number, (sheet, slot, position) in enumerate(plan_places(count, product, profile.imposition))
    )


def _draw(product: Product, path: Path) -> Path:
    """A page with a cross in its lower part."""
    from reportlab.pdfgen.canvas import Canvas

    width, height = 72 * product.bleed_width_in, 72 * product.bleed_height_in
    canvas = Canvas(str(path), pagesize=(width, height))
    canvas.setStrokeColorCMYK(0, 0, 0, 1)
    canvas.setLineWidth(6)
    for low, high in ((0.1, 0.4), (0.4, 0.1)):
        canvas.line(0.1 * width, low * height, 0.9 * width, high * height)
    canvas.showPage()
    canvas.save()
    return path


def said_of(ready: str) -> dict[str, int]:
    """How many pieces and sheets a ready file names."""
    body = json.loads(ready)
    return {"pieces": body["pieces"], "sheets": body["sheets"]}

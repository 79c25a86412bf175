"""The work of `mailstream impose`: standardizes the rows, prepares the artwork beside that, and imposes what can be mailed."""

import gc
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from ops.cli.artwork import SharedArtwork, Warned
from ops.cli.documents import sheets_in_set
from ops.cli.failure import CommandError
from ops.cli.impose_options import Serials
from ops.cli.mailable import part_rows, reasons, write_rejects
from ops.cli.pages import Pages, is_template, make_pages
from ops.cli.progress import progress
from ops.cli.sides import Sides
from pipeline.address.imb import tracking_code
from pipeline.models.profile import PrinterProfile
from pipeline.press.job import Imposed, Job, Placed
from pipeline.press.process import child
from pipeline.press.sheets.layout import places_in_order
from pipeline.products import Product, Side
from pipeline.sla.calendar import due_at


@dataclass(frozen=True)
class Order:
    """The options, understood. `artwork` is as given; `sender` are the lines of the return address, in order.

    `printer` is how the sheets are to be; nothing is sent to it.
    """

    product: Product
    artwork: dict[Side, Path]
    sides: Sides | None
    printer: PrinterProfile
    mail_class: str
    serials: Serials
    sender: tuple[str, ...]
    stem: str
    frozen_at: datetime
    zone: ZoneInfo

    @property
    def two_sided(self) -> bool:
        return self.sides is not Sides.SIMPLEX if self.product.is_document else "back" in self.artwork


@dataclass(frozen=True)
class Outcome:
    """`files` are all that was written, `rejected` how many rows could not be mailed, `warnings` what to know of the artwork."""

    imposed: Imposed
    files: tuple[Path, ...]
    rejected: int
    warnings: tuple[Warned, ...]


def run(order: Order, recipients: str, out: Path) -> Outcome:
    """Raises `CommandError` where nothing can be mailed, and `Permanent` as imposing does."""
    templates = {side: path for side, path in order.artwork.items() if is_template(path)}
    shared = [(side, path) for side, path in order.artwork.items() if side not in templates]
    with (
        tempfile.TemporaryDirectory(prefix="mailstream-impose-") as work,
        progress() as told,
        _uncollected(),
        SharedArtwork(shared, order.product, Path(work)) as artwork,
    ):
        parted = part_rows(recipients, order.product, told, keep_rows=bool(templates))
        if not parted.good:
            artwork.ready()  # what is wrong with it is to be said first
            raise CommandError(f"no row of {recipients} can be mailed", details=reasons(parted.rejected))
        pages = make_pages(templates, parted, order.product, Path(work), told)
        each = _sheets_in_set(order, artwork, pages)
        pieces = _place(order, pages, each)  # beside the artwork that is still prepared
        job = _job(order, artwork.ready() | pages.artwork, pieces, each)
        told.say(f"imposing {len(job.pieces)} pieces")
        imposed = child.impose(job, out)
        warnings = (*artwork.warnings(), *pages.warnings)
    rejected = [*parted.rejected, *pages.rejected]
    files = (*imposed.files, *write_rejects(out / f"{order.stem}-rejects.csv", rejected))
    return Outcome(imposed, files, len(rejected), warnings)


@contextmanager
def _uncollected() -> Iterator[None]:
    """Rows and pieces refer to nothing that refers back; looking for that among so many of them takes a tenth of the time."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _sheets_in_set(order: Order, artwork: SharedArtwork, pages: Pages) -> int:
    """Only a document's artwork has to be there for that."""
    if not order.product.is_document:
        return 1
    files = [*artwork.ready().values(), *pages.artwork.values()]
    return sheets_in_set(files, order.product, order.sides or Sides.DUPLEX)


def _place(order: Order, pages: Pages, sheets: int) -> tuple[Placed, ...]:
    good, product, serials = pages.good, order.product, order.serials
    room = serials.last - serials.first + 1
    if room < len(good):
        raise CommandError(f"{len(good)} pieces need as many serials, and --serials has {room}: give a longer range")
    places = places_in_order(len(good), product, order.printer.imposition, sheets=sheets)
    fronts = pages.names.get("front", ["front"] * len(good))
    backs: Sequence[str | None] = pages.names.get("back", ["back" if order.two_sided else None] * len(good))
    if product.is_document:
        backs = fronts if order.two_sided else [None] * len(good)
    return tuple(
        Placed(
            piece_id=f"row_{one.line}",
            sheet=sheet,
            slot=slot,
            stack_position=position,
            imb=tracking_code(serials.stid, serials.mailer_id, serials.first + at) + one.routing,
            address=one.lines,
            return_address=order.sender,
            front=fronts[at],
            back=backs[at],
            recipient_hash="",  # there is no key to keep it by, and one made up here would make each run another manifest
        )
        for at, (one, (sheet, slot, position)) in enumerate(zip(good, places, strict=True))
    )


def _job(order: Order, artwork: dict[str, Path], pieces: tuple[Placed, ...], sheets: int) -> Job:
    return Job(
        stem=order.stem,
        batch_id=order.stem,
        revision=0,
        product=order.product.name,
        mail_class=order.mail_class,
        frozen_at=order.frozen_at,
        mail_by=due_at(order.frozen_at, order.zone),
        zone=order.zone.key,
        printer="",
        contact=order.printer.contact,
        imposition=order.printer.imposition,
        postage=order.printer.postage,
        artwork=artwork,
        pieces=pieces,
        sheets_per_piece=sheets,
    )

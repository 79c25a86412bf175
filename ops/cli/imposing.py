"""The work of `mailstream impose`: standardizes the rows, prepares the artwork beside that, and imposes what can be mailed."""

import csv
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from adapters.addresses.offline import OfflineStandardizer
from ops.cli.addresses import CHUNK, fault_text
from ops.cli.artwork import SharedArtwork, Warned
from ops.cli.documents import sheets_in_set
from ops.cli.failure import CommandError
from ops.cli.impose_options import Serials
from ops.cli.pages import Mailed, Pages, is_template, make_pages
from ops.cli.progress import Told, progress
from ops.cli.recipients import chunks, read_rows
from ops.cli.sides import Sides
from pipeline.address.imb import tracking_code
from pipeline.models.profile import Imposition, Postage
from pipeline.ports import Standardized
from pipeline.press.job import Imposed, Job, Placed
from pipeline.press.process import child
from pipeline.press.sheets.address_lines import printed_lines
from pipeline.press.sheets.layout import plan_places
from pipeline.products import Product, Side
from pipeline.sla.calendar import due_at


@dataclass(frozen=True)
class Order:
    """The options, understood. `artwork` is as given; `sender` are the lines of the return address, in order."""

    product: Product
    artwork: dict[Side, Path]
    sides: Sides | None
    imposition: Imposition
    postage: Postage
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
        SharedArtwork(shared, order.product, Path(work)) as artwork,
    ):
        good, rejected = _read(recipients, told)
        if not good:
            artwork.ready()  # what is wrong with it is to be said first
            raise CommandError(f"no row of {recipients} can be mailed: `mailstream addresses standardize` says why")
        pages = make_pages(templates, good, order.product, Path(work), told)
        each = _sheets_in_set(order, artwork, pages)
        pieces = _place(order, pages, each)
        told.say(f"imposing {len(pieces)} pieces")
        imposed = child.impose(_job(order, artwork.ready() | pages.artwork, pieces, each), out)
        warnings = (*artwork.warnings(), *pages.warnings)
    rejected += pages.rejected
    files = (*imposed.files, *_write_rejects(out / f"{order.stem}-rejects.csv", rejected))
    return Outcome(imposed, files, len(rejected), warnings)


def _sheets_in_set(order: Order, artwork: SharedArtwork, pages: Pages) -> int:
    """Only a document's artwork has to be there for that."""
    if not order.product.is_document:
        return 1
    files = [*artwork.ready().values(), *pages.artwork.values()]
    return sheets_in_set(files, order.product, order.sides or Sides.DUPLEX)


def _read(path: str, told: Told) -> tuple[list[Mailed], list[Mailed]]:
    """Rows that can be mailed, in the order of the post, and rows that cannot."""
    standardizer = OfflineStandardizer()
    good: list[Mailed] = []
    rejected: list[Mailed] = []
    with read_rows(path) as read:
        for chunk in chunks(read.rows, CHUNK):
            for row, answer in zip(chunk, standardizer.standardize([row.address for row in chunk]), strict=True):
                (good if answer.deliverable else rejected).append((row, answer))
            told.count("standardizing addresses", len(good) + len(rejected))
    good.sort(key=lambda pair: (pair[1].zip5, _routing(pair[1]), pair[0].line))
    return good, rejected


def _place(order: Order, pages: Pages, sheets: int) -> tuple[Placed, ...]:
    good, product, serials = pages.good, order.product, order.serials
    room = serials.last - serials.first + 1
    if room < len(good):
        raise CommandError(f"{len(good)} pieces need as many serials, and --serials has {room}: give a longer range")
    places = plan_places(len(good), product, order.imposition, sheets=sheets)
    fronts = pages.names.get("front", ["front"] * len(good))
    backs: Sequence[str | None] = pages.names.get("back", ["back" if order.two_sided else None] * len(good))
    if product.is_document:
        backs = fronts if order.two_sided else [None] * len(good)
    return tuple(
        Placed(
            piece_id=f"row_{row.line}",
            sheet=sheet,
            slot=slot,
            stack_position=position,
            imb=tracking_code(serials.stid, serials.mailer_id, serials.first + at) + _routing(answer),
            address=printed_lines(vars(answer), product),
            return_address=order.sender,
            front=fronts[at],
            back=backs[at],
            recipient_hash="",  # there is no key to keep it by, and one made up here would make each run another manifest
        )
        for at, ((row, answer), (sheet, slot, position)) in enumerate(zip(good, places, strict=True))
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
        contact="",
        imposition=order.imposition,
        postage=order.postage,
        artwork=artwork,
        pieces=pieces,
        sheets_per_piece=sheets,
    )


def _routing(answer: Standardized) -> str:
    return answer.zip5 + answer.zip4 + answer.delivery_point if answer.zip4 else answer.zip5


def _write_rejects(path: Path, rejected: Sequence[Mailed]) -> list[Path]:
    """The rows as they were, with their line and the reasons; no file where there are none."""
    if not rejected:
        path.unlink(missing_ok=True)
        return []
    columns = list(dict.fromkeys(name for row, _ in rejected for name in row.columns))
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["line", *columns, "reasons"], restval="")
        out.writeheader()
        for row, answer in rejected:
            out.writerow({**row.values, "line": row.line, "reasons": fault_text(answer.faults)})
    return [path]

"""`mailstream impose`: artwork and a list of recipients become press-ready sheets, without a service or a database."""

import csv
import re
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_bytes
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from adapters.addresses.offline import OfflineStandardizer
from ops.cli.addresses import CHUNK, fault_text
from ops.cli.apps import new_app
from ops.cli.documents import check_sides, sheets_in_set
from ops.cli.failure import CommandError, Exit
from ops.cli.html import is_html, make_page, read_html
from ops.cli.output import Json, print_json, print_record, say
from ops.cli.pages import Pages, is_template, make_pages
from ops.cli.preflight import existing, product_named
from ops.cli.profiles import profile_faults
from ops.cli.progress import Told, progress
from ops.cli.recipients import Row, chunks, read_rows
from ops.cli.sides import Sides
from ops.cli.sizes import width_and_height
from pipeline.address.imb import tracking_code
from pipeline.address.recipient_hash import recipient_hash
from pipeline.clock import machine_clock
from pipeline.models.profile import Imposition, Marks, Postage, Sheet
from pipeline.models.profile_check import as_line
from pipeline.models.service_types import default_stid, endorsement_faults
from pipeline.ports import Standardized
from pipeline.press import child
from pipeline.press.address_lines import printed_lines
from pipeline.press.address_side import LINES
from pipeline.press.job import Imposed, Job, Placed
from pipeline.press.layout import plan_places
from pipeline.products import Product, Side
from pipeline.sla.calendar import due_at

app = new_app()

# What a 13x19 digital press leaves blank along its edges, in all.
_BLANK_WIDTH_IN, _BLANK_HEIGHT_IN = 0.28, 0.31
NO_MARKS = Marks(crop=False, slug=False, registration=False, color_bar=False)


@dataclass(frozen=True)
class Serials:
    """The IMb serials from `first` up to and including `last`, all of one mailer id."""

    mailer_id: str
    stid: str
    first: int
    last: int


@app.command()
def impose(
    product: Annotated[str, typer.Option(help="Such as postcard_4x6.")],
    front: Annotated[Path, typer.Option(help="The artwork of the front; HTML has its fields filled from the columns.")],
    recipients: Annotated[str, typer.Option(help="CSV or JSON Lines: name, company, line1, line2, city, state, zip.")],
    sheet: Annotated[str, typer.Option(help="The press sheet in inches, such as 13x19.")],
    out: Annotated[Path, typer.Option(help="The folder for the sheets; it is made when it is new.")],
    mailer_id: Annotated[str, typer.Option(help="The mailer id that the USPS gave you; 6 or 9 digits.")],
    serials: Annotated[str, typer.Option(help="The IMb serials to use, FIRST-LAST; none may have been used before.")],
    back: Annotated[Path | None, typer.Option(help="The artwork of the address side; none for a letter.")] = None,
    imageable: Annotated[
        str | None, typer.Option(help="What the press can print of the sheet, such as 12.72x18.69.")
    ] = None,
    gutter: Annotated[float, typer.Option(min=0, help="Inches between two bleeds.")] = 0.0,
    sides: Annotated[
        Sides | None, typer.Option(help="Of a letter, whose front holds all pages; without it, duplex.")
    ] = None,
    marks: Annotated[bool, typer.Option(help="Crop marks, slug, targets and colour bar; none on cut sheets.")] = True,
    mail_class: Annotated[str, typer.Option("--class", help="first_class or marketing.")] = "first_class",
    stid: Annotated[
        str | None,
        typer.Option(help="The service type; without it, 310 first class, 311 marketing; 040, 042 endorsed."),
    ] = None,
    endorsement: Annotated[
        str, typer.Option(help="The endorsement to print: none, address, return, change, electronic or temp_return.")
    ] = "none",
    return_address: Annotated[
        str, typer.Option(help="Up to five lines, with semicolons between them; an endorsement needs one.")
    ] = "",
    postage: Annotated[str, typer.Option(help="permit, meter or stamp.")] = "permit",
    permit_number: Annotated[str, typer.Option(help="For permit postage.")] = "",
    permit_city: Annotated[str, typer.Option(help="For permit postage.")] = "",
    permit_state: Annotated[str, typer.Option(help="For permit postage.")] = "",
    stem: Annotated[str, typer.Option(help="The name of the files.")] = "batch_r00",
    zone: Annotated[str, typer.Option(help="The time zone of the ticket.")] = "America/New_York",
    frozen_at: Annotated[
        str | None, typer.Option(help="The time to print on sheets and ticket; without it, now.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write press sheets, manifest, ticket and proof; rows that cannot be mailed go to STEM-rejects.csv with the reasons."""
    card = product_named(product)
    check_sides(card, sides, two_sided=back is not None)
    artwork: dict[Side, Path] = {"front": existing(front)}
    if back is not None:
        artwork["back"] = existing(back)
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", stem):
        raise CommandError(f"--stem {stem}: up to 40 letters, digits, - and _", Exit.USAGE)
    with profile_faults("the options have", "correct what is named"):
        wanted = Imposition(sheet=_sheet(sheet, imageable), gutter_in=gutter, marks=Marks() if marks else NO_MARKS)
        paid = Postage.model_validate({
            "method": postage, "permit_number": permit_number, "permit_city": permit_city, "permit_state": permit_state,
            "mailer_id": mailer_id, **_service(mail_class, endorsement, stid),
        })  # fmt: skip
    _check_service(paid, card)
    sender = _sender(return_address, paid.endorsement(mail_class))
    numbers = _serials(serials, mailer_id, paid.stid(mail_class))
    moment = _moment(frozen_at)
    with (
        tempfile.TemporaryDirectory(prefix="mailstream-impose-") as work,
        progress() as told,
        ThreadPoolExecutor() as pool,
    ):
        templates = {side: path for side, path in artwork.items() if is_template(path)}
        still = {side: path for side, path in artwork.items() if side not in templates}
        # In processes of their own, while the addresses are read in this one.
        preparing = {
            side: pool.submit(_prepare, path, card, side, Path(work, f"{side}.pdf")) for side, path in still.items()
        }
        good, rejected = _read(recipients, told)
        prepared: dict[str, Path] = {side: ready.result() for side, ready in preparing.items()}
        if not good:
            raise CommandError(f"no row of {recipients} can be mailed: `mailstream addresses standardize` says why")
        pages = make_pages(templates, good, card, Path(work), told)
        rejected += pages.rejected
        all_artwork = prepared | pages.artwork
        each = sheets_in_set(all_artwork.values(), card, sides or Sides.DUPLEX)
        job = Job(
            stem=stem,
            batch_id=stem,
            revision=0,
            product=product,
            mail_class=mail_class,
            frozen_at=moment,
            mail_by=due_at(moment, _zone(zone)),
            zone=zone,
            printer="",
            contact="",
            imposition=wanted,
            postage=paid,
            artwork=all_artwork,
            pieces=_place(
                pages, numbers, card, wanted, sender=sender, sheets=each,
                two_sided=sides is not Sides.SIMPLEX if card.is_document else back is not None,
            ),
            sheets_per_piece=each,
        )  # fmt: skip
        told.say(f"imposing {len(job.pieces)} pieces")
        imposed = child.impose(job, out)
    files = [*imposed.files, *_write_rejects(out / f"{stem}-rejects.csv", rejected)]
    _tell(imposed, files, len(rejected), numbers, as_json)


def _read(path: str, told: Told) -> tuple[list[tuple[Row, Standardized]], list[tuple[Row, Standardized]]]:
    """Rows that can be mailed, in the order of the post, and rows that cannot."""
    standardizer = OfflineStandardizer()
    good: list[tuple[Row, Standardized]] = []
    rejected: list[tuple[Row, Standardized]] = []
    with read_rows(path) as read:
        for chunk in chunks(read.rows, CHUNK):
            for row, answer in zip(chunk, standardizer.standardize([row.address for row in chunk]), strict=True):
                (good if answer.deliverable else rejected).append((row, answer))
            told.count("standardizing addresses", len(good) + len(rejected))
    good.sort(key=lambda pair: (pair[1].zip5, _routing(pair[1]), pair[0].line))
    return good, rejected


def _prepare(artwork: Path, product: Product, side: Side, normalized: Path) -> Path:
    source = artwork
    if is_html(artwork):
        source = normalized
        report = make_page(read_html(artwork)[0], product, side, source)
    else:
        report = child.inspect(artwork, product)
    if not report.ok:
        lines = tuple(f"{fault.code}: {fault.detail} {fault.remedy}" for fault in report.findings)
        raise CommandError(f"{artwork} cannot be printed as {product.name}", details=lines)
    child.normalize(source, product, normalized)
    return normalized


def _place(
    pages: Pages,
    serials: Serials,
    product: Product,
    imposition: Imposition,
    *,
    sender: tuple[str, ...],
    sheets: int,
    two_sided: bool,
) -> tuple[Placed, ...]:
    good, room = pages.good, serials.last - serials.first + 1
    if room < len(good):
        raise CommandError(f"{len(good)} pieces need as many serials, and --serials has {room}: give a longer range")
    # The hash has no meaning beyond this job: its key is thrown away.
    pepper = token_bytes(32)
    places = plan_places(len(good), product, imposition, sheets=sheets)
    fronts = pages.names.get("front", ["front"] * len(good))
    backs: Sequence[str | None] = pages.names.get("back", ["back" if two_sided else None] * len(good))
    if product.is_document:
        backs = fronts if two_sided else [None] * len(good)
    return tuple(
        Placed(
            piece_id=f"row_{row.line}",
            sheet=sheet,
            slot=slot,
            stack_position=position,
            imb=tracking_code(serials.stid, serials.mailer_id, serials.first + at) + _routing(answer),
            address=printed_lines(vars(answer), product),
            return_address=sender,
            front=fronts[at],
            back=backs[at],
            recipient_hash=recipient_hash(vars(row.address), pepper),
        )
        for at, ((row, answer), (sheet, slot, position)) in enumerate(zip(good, places, strict=True))
    )


def _routing(answer: Standardized) -> str:
    return answer.zip5 + answer.zip4 + answer.delivery_point if answer.zip4 else answer.zip5


def _write_rejects(path: Path, rejected: Sequence[tuple[Row, Standardized]]) -> list[Path]:
    """The rows as they were, with their line and the reasons; no file where there are none."""
    if not rejected:
        path.unlink(missing_ok=True)
        return []
    columns = list(dict.fromkeys(name for row, _ in rejected for name in row.values))
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.DictWriter(file, ["line", *columns, "reasons"], restval="")
        out.writeheader()
        for row, answer in rejected:
            out.writerow({**row.values, "line": row.line, "reasons": fault_text(answer.faults)})
    return [path]


def _tell(imposed: Imposed, files: Sequence[Path], rejected: int, serials: Serials, as_json: bool) -> None:
    last = serials.first + imposed.pieces - 1
    shown = {
        "pieces": imposed.pieces,
        "sheets": imposed.sheets,
        "rejected": rejected,
        "mailer_id": serials.mailer_id,
        "serials_used": f"{serials.first}-{last}",
        "files": [str(file) for file in files],
    }
    if as_json:
        print_json(shown)
    else:
        print_record(shown)
    say(
        f"keep a note that serials {serials.first} to {last} of {serials.mailer_id} are used: a serial must not come twice"
    )


def _sheet(size: str, imageable: str | None) -> Sheet:
    width, height = width_and_height("--sheet", size)
    inner = (
        (width - _BLANK_WIDTH_IN, height - _BLANK_HEIGHT_IN)
        if imageable is None
        else width_and_height("--imageable", imageable)
    )
    return Sheet(width_in=width, height_in=height, imageable_width_in=inner[0], imageable_height_in=inner[1])


def _serials(text: str, mailer_id: str, stid: str) -> Serials:
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise CommandError(f"--serials {text}: write it as FIRST-LAST, such as 1000-1999", Exit.USAGE)
    serials = Serials(mailer_id, stid, int(found[1]), int(found[2]))
    try:
        tracking_code(stid, mailer_id, serials.last)
    except ValueError as error:
        raise CommandError(f"--serials, --mailer-id or --stid: {error}", Exit.USAGE) from error
    return serials


def _service(mail_class: str, endorsement: str, stid: str | None) -> dict[str, str]:
    """What is asked of the post, in words and in the barcode, as fields of a printer's postage."""
    if mail_class not in ("first_class", "marketing"):
        raise CommandError(f"--class {mail_class}: give first_class or marketing", Exit.USAGE)
    wanted = stid or default_stid(mail_class, endorsement)
    if wanted is None:
        raise CommandError("--endorsement electronic needs the --stid of an ACS service", Exit.USAGE)
    return {f"endorsement_{mail_class}": endorsement, f"stid_{mail_class}": wanted}


def _check_service(paid: Postage, product: Product) -> None:
    faults = tuple(as_line(fault) for fault in endorsement_faults(paid))
    if faults:
        raise CommandError("--endorsement and --stid ask the post for different things", Exit.USAGE, details=faults)
    if product.envelope and {paid.endorsement_first_class, paid.endorsement_marketing} != {"none"}:
        raise CommandError(
            f"{product.name} goes into an envelope: leave --endorsement out, and have the envelope printed with it",
            Exit.USAGE,
        )


def _sender(text: str, endorsement: str) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in text.split(";") if line.strip())
    if len(lines) > LINES:
        raise CommandError(f"--return-address has {len(lines)} lines; {LINES} is the most", Exit.USAGE)
    if endorsement != "none" and not lines:
        raise CommandError("an endorsement needs a return address: give --return-address", Exit.USAGE)
    return lines


def _moment(text: str | None) -> datetime:
    if text is None:
        return machine_clock()
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--frozen-at {text}: give a time such as 2026-11-24T15:00Z", Exit.USAGE) from error
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise CommandError(f"--zone {name}: give an IANA name such as America/Chicago", Exit.USAGE) from error

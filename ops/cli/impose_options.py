"""The options of `mailstream impose` that have to be understood: sizes, serials, what is asked of the post, times."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ops.cli.failure import CommandError, Exit
from ops.cli.sizes import width_and_height
from pipeline.address.imb import tracking_code
from pipeline.clock import machine_clock
from pipeline.models.profile import Postage, Sheet
from pipeline.models.profile_check import as_line
from pipeline.models.service_types import default_stid, endorsement_faults
from pipeline.press.sheets.address_lines import why_lines_unprintable
from pipeline.press.sheets.address_side import LINES
from pipeline.products import Product

# What a 13x19 digital press leaves blank along its edges, in all.
_BLANK_WIDTH_IN, _BLANK_HEIGHT_IN = 0.28, 0.31


@dataclass(frozen=True)
class Serials:
    """The IMb serials from `first` up to and including `last`, all of one mailer id."""

    mailer_id: str
    stid: str
    first: int
    last: int


def sheet_of(size: str, imageable: str | None) -> Sheet:
    width, height = width_and_height("--sheet", size)
    inner = (
        (width - _BLANK_WIDTH_IN, height - _BLANK_HEIGHT_IN)
        if imageable is None
        else width_and_height("--imageable", imageable)
    )
    return Sheet(width_in=width, height_in=height, imageable_width_in=inner[0], imageable_height_in=inner[1])


def serials_of(text: str, mailer_id: str, stid: str) -> Serials:
    found = re.fullmatch(r"(\d{1,9})-(\d{1,9})", text)
    if found is None or int(found[1]) > int(found[2]):
        raise CommandError(f"--serials {text}: write it as FIRST-LAST, such as 1000-1999", Exit.USAGE)
    serials = Serials(mailer_id, stid, int(found[1]), int(found[2]))
    try:
        tracking_code(stid, mailer_id, serials.last)
    except ValueError as error:
        raise CommandError(f"--serials, --mailer-id or --stid: {error}", Exit.USAGE) from error
    return serials


def service_of(mail_class: str, endorsement: str, stid: str | None) -> dict[str, str]:
    """What is asked of the post, in words and in the barcode, as fields of a printer's postage."""
    if mail_class not in ("first_class", "marketing"):
        raise CommandError(f"--class {mail_class}: give first_class or marketing", Exit.USAGE)
    wanted = stid or default_stid(mail_class, endorsement)
    if wanted is None:
        raise CommandError("--endorsement electronic needs the --stid of an ACS service", Exit.USAGE)
    return {f"endorsement_{mail_class}": endorsement, f"stid_{mail_class}": wanted}


def check_service(paid: Postage, product: Product) -> None:
    faults = tuple(as_line(fault) for fault in endorsement_faults(paid))
    if faults:
        raise CommandError("--endorsement and --stid ask the post for different things", Exit.USAGE, details=faults)
    if product.envelope and {paid.endorsement_first_class, paid.endorsement_marketing} != {"none"}:
        raise CommandError(
            f"{product.name} goes into an envelope: leave --endorsement out, and have the envelope printed with it",
            Exit.USAGE,
        )


def sender_of(text: str, endorsement: str, product: Product) -> tuple[str, ...]:
    lines = tuple(line.strip() for line in text.split(";") if line.strip())
    if len(lines) > LINES:
        raise CommandError(f"--return-address has {len(lines)} lines; {LINES} is the most", Exit.USAGE)
    if endorsement != "none" and not lines:
        raise CommandError("an endorsement needs a return address: give --return-address", Exit.USAGE)
    why = why_lines_unprintable(lines, product, sender=True) if lines else None
    if why is not None:
        raise CommandError(f"--return-address cannot be printed: {why}; shorten it, or leave lines out", Exit.USAGE)
    return lines


def moment_of(text: str | None) -> datetime:
    if text is None:
        return machine_clock()
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"--frozen-at {text}: give a time such as 2026-11-24T15:00Z", Exit.USAGE) from error
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise CommandError(f"--zone {name}: give an IANA name such as America/Chicago", Exit.USAGE) from error

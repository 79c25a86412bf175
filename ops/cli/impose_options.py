"""The options of `mailstream impose` that have to be understood: the printer, serials, what is asked of the post, times."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from ops.cli.failure import CommandError, Exit
from ops.cli.profiles import profile_faults, read_json
from ops.cli.sizes import width_and_height
from pipeline.address.imb import tracking_code
from pipeline.clock import machine_clock
from pipeline.models.profile import Postage, PrinterProfile
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


@dataclass(frozen=True)
class SheetOptions:
    """What the options say of the sheets; None where they say nothing."""

    sheet: str | None
    imageable: str | None
    gutter: float | None
    marks: bool | None
    one_up: bool

    def changes(self) -> dict[str, Any]:
        """As fields of a printer's imposition."""
        if self.one_up and (self.sheet or self.imageable):
            raise CommandError("--one-up makes single pieces: leave --sheet and --imageable out", Exit.USAGE)
        told: dict[str, Any] = {"mode": "one_up"} if self.one_up else {"mode": "imposed"} if self.sheet else {}
        told["sheet"] = self._sheet()
        if self.gutter is not None:
            told["gutter_in"] = self.gutter
        if self.marks is not None:
            told["marks"] = dict.fromkeys(("crop", "slug", "registration", "color_bar"), self.marks)
            told["marks"] |= {} if self.marks else {"barcode": False}
        return told

    def _sheet(self) -> dict[str, float]:
        told = {}
        inner = width_and_height("--imageable", self.imageable) if self.imageable else None
        if self.sheet:
            width, height = width_and_height("--sheet", self.sheet)
            told = {"width_in": width, "height_in": height}
            inner = inner or (width - _BLANK_WIDTH_IN, height - _BLANK_HEIGHT_IN)
        return told | (dict(zip(("imageable_width_in", "imageable_height_in"), inner, strict=True)) if inner else {})


@dataclass(frozen=True)
class PostageOptions:
    """What the options say of postage and of what is asked of the post; None where they say nothing."""

    mailer_id: str | None
    method: str | None
    permit_number: str | None
    permit_city: str | None
    permit_state: str | None
    mail_class: str
    endorsement: str | None
    stid: str | None

    def changes(self) -> dict[str, str]:
        """As fields of a printer's postage."""
        told = {
            "mailer_id": self.mailer_id, "method": self.method, "permit_number": self.permit_number,
            "permit_city": self.permit_city, "permit_state": self.permit_state,
            f"endorsement_{self.mail_class}": self.endorsement, f"stid_{self.mail_class}": self._stid(),
        }  # fmt: skip
        return {field: value for field, value in told.items() if value is not None}

    def _stid(self) -> str | None:
        if self.stid is not None or self.endorsement is None:
            return self.stid
        wanted = default_stid(self.mail_class, self.endorsement)
        if wanted is None:
            raise CommandError("--endorsement electronic needs the --stid of an ACS service", Exit.USAGE)
        return wanted


def printer_of(profile: str | None, sheets: SheetOptions, paid: PostageOptions) -> PrinterProfile:
    """The printer of `--profile`, or one with the defaults; what other options say goes before what it says."""
    if profile is None and not (sheets.sheet or sheets.one_up):
        raise CommandError("--sheet is missing: give --sheet 13x19, --one-up, or a printer's --profile", Exit.USAGE)
    if profile is None and paid.mailer_id is None:
        raise CommandError("--mailer-id is missing: give it, or a printer's --profile", Exit.USAGE)
    data = {} if profile is None else read_json(profile)
    if not isinstance(data, dict):
        raise CommandError(f"--profile {profile}: write the profile as one JSON object")
    # Nothing is sent anywhere, so that it need not say where.
    whole = _changed({"transport": {"kind": "sandbox"}} | data, {
        "imposition": sheets.changes(), "postage": paid.changes(),
    })  # fmt: skip
    subject = "the options have" if profile is None else f"--profile {profile}, with the other options, has"
    with profile_faults(subject, "correct what is named"):
        return PrinterProfile.model_validate(whole)


def _changed(before: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """With all that `changes` names; what is no object where one has to be is left for the check of the whole."""
    after = dict(before)
    for name, change in changes.items():
        part = before.get(name, {})
        if not isinstance(change, dict):
            after[name] = change
        elif isinstance(part, dict):
            after[name] = _changed(part, change)
    return after


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


def class_of(text: str) -> str:
    if text not in ("first_class", "marketing"):
        raise CommandError(f"--class {text}: give first_class or marketing", Exit.USAGE)
    return text


def check_service(paid: Postage, mail_class: str, product: Product) -> None:
    faults = tuple(as_line(fault) for fault in endorsement_faults(paid))
    if faults:
        raise CommandError("endorsement and service type ask the post for different things", Exit.USAGE, details=faults)
    if product.envelope and paid.endorsement(mail_class) != "none":
        raise CommandError(
            f"{product.name} goes into an envelope: give --endorsement none, and have the envelope printed with it",
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


def stem_of(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name):
        raise CommandError(f"--stem {name}: up to 40 letters, digits, - and _", Exit.USAGE)
    return name


def zone_of(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise CommandError(f"--zone {name}: give an IANA name such as America/Chicago", Exit.USAGE) from error

"""How one printer wants its work: the whole profile, kept as data in the printer's row and validated here at the edge.

Inches for sheets and marks, minutes for times, local clock times in the printer's zone. Defaults are those of a 13x19 digital
press with permit imprint.
"""

from collections.abc import Mapping
from datetime import date, time
from functools import cache
from itertools import pairwise
from posixpath import normpath
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

# Finding them reads the whole zone folder, and profiles are read at every tick.
_zones = cache(available_timezones)

# Bounds are wide: they keep a slip of the finger from stopping the plan for all printers.
Inches = Annotated[float, Field(ge=0, le=100)]
Offset = Annotated[float, Field(ge=-2, le=2)]
Minutes = Annotated[int, Field(ge=0, le=7 * 24 * 60)]
Count = Annotated[int, Field(ge=1, le=10_000_000)]

# What a 13x19 digital press prints of its sheet.
_IMAGED_WIDTH_IN, _IMAGED_HEIGHT_IN = 12.72, 18.69


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @field_validator("*")
    @classmethod
    def _is_printable(cls, value: Any) -> Any:
        """No database keeps a NUL, and no ticket has a glyph for the others."""
        words = value if isinstance(value, tuple) else (value,)
        if any(isinstance(word, str) and not word.isprintable() for word in words):
            raise ValueError("has control characters; remove them")
        return value


class Sheet(_Part):
    """The press sheet; `imageable_*` is what the press can print, centred unless the gripper takes more."""

    width_in: Inches = 13.0
    height_in: Inches = 19.0
    imageable_width_in: Inches = _IMAGED_WIDTH_IN
    imageable_height_in: Inches = _IMAGED_HEIGHT_IN
    gripper_in: Inches = 0.0
    gripper_edge: Literal["foot", "head", "left", "right"] = "foot"

    @model_validator(mode="before")
    @classmethod
    def _images_no_more_than_there_is(cls, data: Any) -> Any:
        """Of a sheet that is smaller than what is usually imaged, and of which nobody says more, all is imageable."""
        if not isinstance(data, dict):
            return data
        least = {}
        for side, usual in (("width", _IMAGED_WIDTH_IN), ("height", _IMAGED_HEIGHT_IN)):
            whole = data.get(f"{side}_in")
            if isinstance(whole, int | float) and 0 <= whole < usual:
                least[f"imageable_{side}_in"] = whole
        return {**least, **data}


class Marks(_Part):
    """What is printed beside the pieces. `finisher_program` is what the barcode says; without it, the sheet's number."""

    crop: bool = True
    crop_length_in: Inches = 0.11
    crop_offset_in: Inches = 0.0
    slug: bool = True
    registration: bool = True
    color_bar: bool = True
    barcode: bool = False
    finisher_program: str = Field(default="", pattern=r"^\d{0,6}$")


class Imposition(_Part):
    """How pieces lie on the sheet, or that they come one-up for a printer that imposes them itself.

    `gutter_in` is between two bleeds. Where that costs pieces, neighbours may instead stand `shared_gutter_in` from trim to trim
    and share it as bleed; None: never. `columns` and `rows` ask for a grid of one's own. `stack_depth` is the sheets in one lift of
    the cutter; without it, all sheets are one lift. Work styles but `sheetwise` print fronts and backs on both sides.
    """

    mode: Literal["imposed", "one_up"] = "imposed"
    sheet: Sheet = Sheet()
    columns: int | None = Field(default=None, ge=1, le=50)
    rows: int | None = Field(default=None, ge=1, le=50)
    gutter_in: Inches = 0.0
    shared_gutter_in: Inches | None = 0.1875
    marks: Marks = Marks()
    work_style: Literal["sheetwise", "work_and_turn", "work_and_tumble"] = "sheetwise"
    back_turn: Literal["long_edge", "short_edge"] = "long_edge"
    backs: Literal["head_to_head", "head_to_foot"] = "head_to_head"
    back_offset_x_in: Offset = 0.0
    back_offset_y_in: Offset = 0.0
    order: Literal["cut_and_stack", "across"] = "cut_and_stack"
    stack_depth: Count | None = None
    max_sheets_per_file: Count = 2000
    # Files that would be larger are split at fewer sheets; what one set of sheets needs is the least that can be asked for.
    max_bytes_per_file: int | None = Field(default=None, ge=100_000, le=1_000_000_000_000)
    # What the press puts on the side that bears no address, which takes ink and postmark.
    coating: Literal["none", "aqueous", "dull_varnish", "gloss_varnish", "uv"] = "none"
    output_intent: Literal["none", "TR006"] = "TR006"
    # PDF/VT-1, in one-up files alone: a page of a press sheet belongs to many records.
    document_parts: bool = True


class Postage(_Part):
    method: Literal["permit", "meter", "stamp"] = "permit"
    permit_number: str = Field(default="", max_length=12)
    permit_city: str = Field(default="", max_length=28)
    permit_state: str = Field(default="", max_length=2)
    mark_text: str = Field(default="US POSTAGE PAID", max_length=40)
    mailer_id: str = Field(pattern=r"^(\d{6}|9\d{8})$")
    crid: str = Field(default="", max_length=12)
    stid_first_class: str = Field(default="310", pattern=r"^\d{3}$")
    stid_marketing: str = Field(default="311", pattern=r"^\d{3}$")
    # The ancillary service endorsement printed on the address side, as in ADDRESS SERVICE REQUESTED (DMM 507.1.5).
    endorsement_first_class: Literal["none", "address", "return", "change", "electronic", "temp_return"] = "none"
    endorsement_marketing: Literal["none", "address", "return", "change", "electronic"] = "none"
    # A permit imprint mailing needs 200 pieces (DMM 604.5.1.2); stamps and meters have no minimum.
    min_pieces_first_class: int = Field(default=0, ge=0, le=10_000_000)
    min_pieces_marketing: int = Field(default=0, ge=0, le=10_000_000)
    presort_by: Literal["printer", "bureau", "none"] = "none"
    imb_by: Literal["us", "bureau"] = "us"
    induction: str = Field(default="", max_length=80)

    @field_validator("mailer_id")
    @classmethod
    def _six_digit_ids_start_below_nine(cls, value: str) -> str:
        if len(value) == 6 and value.startswith("9"):
            raise ValueError("a 6-digit mailer id begins with 0 to 8; ids that begin with 9 have 9 digits")
        return value

    def min_pieces(self, mail_class: str) -> int:
        """The fewest pieces a batch of this class may have."""
        return self.min_pieces_first_class if mail_class == "first_class" else self.min_pieces_marketing

    def stid(self, mail_class: str) -> str:
        return self.stid_first_class if mail_class == "first_class" else self.stid_marketing

    def endorsement(self, mail_class: str) -> str:
        """The first word of the endorsement that pieces of this class bear, or "none"."""
        return self.endorsement_first_class if mail_class == "first_class" else self.endorsement_marketing


class Quirks(_Part):
    """What a server cannot do, or announces and does wrongly. What it does not announce is never asked for, and needs no quirk.

    `no_limits` writes in requests of 32,000 bytes, which every server takes. `no_part_names` writes files under their own names at
    once: some stores make a copy of every file that is renamed. The ready file is renamed there too, since that is the hand-over.
    """

    no_fsync: bool = False
    no_limits: bool = False
    no_part_names: bool = False


class Sftp(_Part):
    """Where and as whom. `fingerprints` are pinned (SHA256:…), two while the printer rotates its key.

    `connections` is how many one process has open at a time, in use or kept for a minute, each of up to `channels` sessions:
    together they must stay under what the server allows an account, which is often ten.
    """

    kind: Literal["sftp"] = "sftp"
    host: str
    port: int = Field(default=22, ge=1, le=65535)
    username: str
    fingerprints: tuple[Annotated[str, Field(pattern=r"^SHA256:[A-Za-z0-9+/]{43}$")], ...] = Field(
        min_length=1, max_length=4
    )
    key_file: str = Field(description="private key, in the folder keys of the installation's home: keys/NAME")
    inbox: str = "in"
    outbox: str = "out"
    connections: int = Field(default=2, ge=1, le=8)
    channels: int = Field(default=4, ge=1, le=8)
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    quirks: Quirks = Quirks()

    @field_validator("fingerprints")
    @classmethod
    def _fingerprints_differ(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) < len(value):
            raise ValueError("one fingerprint stands there twice; give the old key's and the new one's, or one alone")
        return value

    def shares_outbox(self, other: "Sftp") -> bool:
        """Whether both name one folder of one account: whoever asks first would take the acknowledgements of both."""
        return self._outbox_place() == other._outbox_place()

    @property
    def account(self) -> tuple[str, int, str]:
        """Whatever else two profiles say, this is one account of one server."""
        return self.host.lower(), self.port, self.username

    def _outbox_place(self) -> tuple[tuple[str, int, str], str]:
        # Most accounts begin at the root of what they see, where `/out` and `out` are one.
        return self.account, normpath(self.outbox).strip("/")


class Sandbox(_Part):
    """The simulated printer of test accounts; times are on the account's line clock."""

    kind: Literal["sandbox"] = "sandbox"
    accept_minutes: Minutes = 5
    print_minutes: Minutes = 60
    mail_minutes: Minutes = 240


class Floor(_Part):
    """Hours, trucks and speed: what the scheduler plans with. Hours that close no later than they open end on the next day."""

    zone: str = "America/New_York"
    opens: time = time(6, 0)
    closes: time = time(22, 0)
    trucks: tuple[time, ...] = (time(11, 0), time(17, 0), time(20, 30))
    lead_minutes: Minutes = 75
    sheets_per_hour: Count = 6000
    setup_minutes: Minutes = 4
    max_sheets_per_batch: Count = 600
    # Further opening hours of the same days, and days on which neither press nor truck runs.
    extra_hours: tuple[tuple[time, time], ...] = ()
    closed_weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = Field(default=(), description="0 is Monday")
    closed_dates: tuple[date, ...] = ()
    # A batch closes at this many full sheets; without a number, at those that keep set-up under a sixth of press time.
    # It never waits longer than `max_wait_s` for its first piece.
    fill_sheets: Count | None = None
    max_files_per_batch: Count | None = None
    max_pieces_per_batch: Count | None = None
    max_wait_s: int | None = Field(default=None, ge=0, le=7 * 24 * 3600)
    ack_minutes: Minutes = 20
    # What a sheet costs off the press, and what a piece costs beside it: cut, folded, inserted.
    cost_cents_per_sheet: float = Field(default=6.0, ge=0, le=1_000_000)
    cost_cents_per_piece: float = Field(default=0.0, ge=0, le=1_000_000)
    spoilage: float = Field(default=0.015, ge=0, lt=1)

    @field_validator("zone")
    @classmethod
    def _zone_is_known(cls, value: str) -> str:
        if value not in _zones():
            raise ValueError("unknown time zone; use an IANA name such as America/Chicago")
        return value

    @property
    def zoneinfo(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


class Contact(_Part):
    """Whom to ask, once a printer has not done what is due for `after_minutes`."""

    name: str = Field(min_length=1, max_length=80)
    phone: str = Field(default="", pattern=r"^(\+?[0-9][0-9 ().x-]{6,30})?$")
    email: str = Field(default="", pattern=r"^([^@\s]{1,64}@[^@\s]{1,190})?$")
    after_minutes: Minutes = 0

    @model_validator(mode="after")
    def _can_be_reached(self) -> "Contact":
        if not (self.phone or self.email):
            raise ValueError("give a phone or an email, so that this person can be reached")
        return self

    def __str__(self) -> str:
        return ", ".join(part for part in (self.name, self.phone, self.email) if part)


class PrinterProfile(_Part):
    """Everything that differs from one printer to the next.

    `contact` is a line for the press operator, on every ticket; `escalation` is for us, the first to ask first. A printer that
    does not take drops by renaming the ready file gives no proof of not having taken one (`takes_by_renaming`).
    """

    products: tuple[str, ...] = ("postcard_4x6",)
    stocks: tuple[str, ...] = ("cover_120lb",)
    classes: tuple[Literal["first_class", "marketing"], ...] = ("first_class", "marketing")
    transport: Annotated[Sftp | Sandbox, Field(discriminator="kind")]
    imposition: Imposition = Imposition()
    postage: Postage
    floor: Floor = Floor()
    ack_format: Literal["json", "csv"] = "json"  # agreed on, and judged in a rehearsal; either is read at any time
    contact: str = Field(default="", max_length=200)
    escalation: tuple[Contact, ...] = Field(default=(), max_length=8)
    takes_by_renaming: bool = True

    @field_validator("escalation")
    @classmethod
    def _later_ones_come_later(cls, value: tuple[Contact, ...]) -> tuple[Contact, ...]:
        if any(one.after_minutes >= other.after_minutes for one, other in pairwise(value)):
            raise ValueError("each after_minutes must be greater than the one before: put who is asked first first")
        return value

    def to_ask(self, waited_minutes: float) -> str:
        """Whom to ask after so long, as a line of text: the last on the list whose time has come."""
        due = [one for one in self.escalation if one.after_minutes <= waited_minutes]
        asked = due[-1] if due else self.escalation[0] if self.escalation else None
        return str(asked) if asked else self.contact

    @field_validator("postage")
    @classmethod
    def _permit_is_whole(cls, value: Postage) -> Postage:
        if value.method == "permit" and not (value.permit_number and value.permit_city and value.permit_state):
            raise ValueError(
                "a permit needs permit_number, permit_city and permit_state; or set method to meter or stamp"
            )
        return value


def proves_by_renaming(profile: Mapping[str, Any]) -> bool:
    """Whether a printer with this stored profile, valid or not, takes drops by renaming, so that a won recall proves something."""
    return profile.get("takes_by_renaming", True) is True

"""The bodies that operators send. Whatever they do is kept with its reason."""

from datetime import date
from typing import Annotated, Any

from pydantic import Field, StringConstraints, WithJsonSchema

from api.schemas import CLEAN, Body
from pipeline.models.profile_check import PRINTER_NAME

Reason = Annotated[str, StringConstraints(min_length=1, max_length=500, pattern=CLEAN, strip_whitespace=True)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=CLEAN)]


class ReasonIn(Body):
    reason: Reason


class SettleIn(Body):
    """Whether the printer has what is in doubt, by its own word.

    With `even_if_taken`, what is said not to be taken is given up whatever the printer has said and made of it, as when it has
    burned down: all that is not in the mail is made again.
    """

    taken: bool
    even_if_taken: bool = False
    reason: Reason


class RerouteIn(Body):
    printer: Name
    reason: Reason


class SplitIn(Body):
    """`keep` pieces, the next-due, stay at the printer; the others go to `printer`, or wait for the plan."""

    keep: int = Field(ge=1, le=10_000_000)
    printer: Name | None = None
    reason: Reason


Profile = Annotated[
    dict[str, Any], WithJsonSchema({"type": "object", "description": "As the schema PrinterProfile has it"})
]
Changes = Annotated[
    dict[str, Any],
    WithJsonSchema(
        {
            "type": "object",
            "description": "A JSON Merge Patch (RFC 7396) of the profile: what is named changes, and null gives the default back.",
        }
    ),
]


class PrinterIn(Body):
    name: Annotated[str, StringConstraints(pattern=PRINTER_NAME)] = Field(
        description="Up to 40 letters, digits, - and _, for good"
    )
    profile: Profile
    reason: Reason


class PrinterChange(Body):
    """With `revision`, nothing is changed where the printer is no longer at that one."""

    profile: Changes
    revision: int | None = Field(default=None, ge=1)
    reason: Reason


class HoldIn(Body):
    mail: Name
    code: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z_]{1,39}$")] = Field(
        default="operator", description="A word that programs read, such as duplicate or approval"
    )
    reason: Reason


class ExcuseIn(Body):
    """Pieces, a whole batch, or all live pieces that miss for a cause, of one product or of all."""

    mail: list[Name] | None = Field(default=None, min_length=1, max_length=1_000)
    batch: Name | None = None
    cause: Name | None = None
    product: Name | None = None
    reason: Reason


class SuspensionIn(Body):
    """Days, the last included, on which a printer mails nothing, or nothing goes to ZIP codes that begin with `zip3`."""

    first: date = Field(strict=False)
    last: date = Field(strict=False)
    printer: Name | None = None
    zip3: Annotated[str, StringConstraints(pattern=r"^\d{3}$")] | None = None
    reason: Reason

"""The bodies that senders send. Strict: nothing is converted, and what is not known is refused.

A null is the same as leaving the field out.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from pipeline.lifecycle import EVENT_TYPES
from pipeline.press.html.merge import NAME

CLEAN = r"^[^\x00-\x1f\x7f]*$"
"""No control characters: no printer has glyphs for them, and PostgreSQL keeps no NUL."""

MOST_METADATA = 50


def _text(most: int, *, least: int = 0) -> Any:
    return StringConstraints(min_length=least, max_length=most, pattern=CLEAN)


MOST_BASE64 = 8 * 1024 * 1024
MOST_HTML = 4 * 1024 * 1024
_LINES = r"^[^\x00-\x08\x0b-\x1f\x7f]*$"
_MERGE_SCHEMA = {
    "type": "object",
    "maxProperties": 100,
    "propertyNames": {"type": "string", "pattern": f"^{NAME}$"},
    "additionalProperties": {"type": "string", "maxLength": 100_000, "pattern": _LINES},
    "description": "The values of the fields, `{{name}}`, in sides that are HTML. Every field needs one; others are ignored.",
}
MergeName = Annotated[str, StringConstraints(pattern=f"^{NAME}$")]
MergeValue = Annotated[str, StringConstraints(max_length=100_000, pattern=_LINES)]
Merge = Annotated[dict[MergeName, MergeValue], Field(max_length=100), WithJsonSchema(_MERGE_SCHEMA)]

METADATA_KEY = re.compile(r'[^\x00-\x1f\x7f\[\]"\\]{1,40}')
MetadataKey = Annotated[str, StringConstraints(min_length=1, max_length=40, pattern=rf"^{METADATA_KEY.pattern}$")]
MetadataValue = Annotated[str, _text(500)]
# Written out, since what pydantic derives lets through keys that it refuses.
_METADATA_SCHEMA = {
    "type": "object",
    "maxProperties": MOST_METADATA,
    "propertyNames": {"type": "string", "pattern": f"^{METADATA_KEY.pattern}$"},
    "additionalProperties": {"type": "string", "maxLength": 500, "pattern": CLEAN},
    "description": "Your own data, given back with the piece and in its events.",
}
Metadata = Annotated[
    dict[MetadataKey, MetadataValue], Field(max_length=MOST_METADATA), WithJsonSchema(_METADATA_SCHEMA)
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class AddressIn(Body):
    """Who and where. `name` or `company` is needed."""

    name: Annotated[str, _text(50)] | None = None
    company: Annotated[str, _text(50)] | None = None
    line1: Annotated[str, _text(64, least=1)]
    line2: Annotated[str, _text(64)] | None = None
    city: Annotated[str, _text(50, least=1)]
    state: Annotated[str, _text(40, least=1)]
    zip: Annotated[str, _text(10, least=1)]
    country: Annotated[str, _text(60)] | None = Field(default=None, description="US, which is the only country")

    def fields(self) -> dict[str, str]:
        """As `pipeline.ports.Address` has them."""
        return {
            name: getattr(self, name) or "" for name in ("name", "company", "line1", "line2", "city", "state", "zip")
        }


_HTML = (
    "HTML and CSS of a page with its bleed, such as 6.25 x 4.25 in; a letter may fill several. It may have fields, `{{name}}`, "
    "that `merge` fills. Nothing is loaded: pictures, fonts and style sheets stand in it, as `data:` URLs. Scripts are not run."
)


class SideIn(Body):
    """The artwork of one side, in exactly one of these ways. A file part of a multipart body is another."""

    creative: Annotated[str, _text(64, least=1)] | None = None
    base64: str | None = Field(default=None, max_length=MOST_BASE64)
    url: Annotated[str, _text(2000)] | None = None
    html: str | None = Field(default=None, max_length=MOST_HTML, description=_HTML)

    def given(self) -> dict[str, str]:
        named = {"creative": self.creative, "base64": self.base64, "url": self.url, "html": self.html}
        return {name: value for name, value in named.items() if value is not None}


class PieceIn(Body):
    """One piece as sent."""

    product: Annotated[str, _text(40, least=1)] = Field(description="A product of GET /v1/products")
    to: AddressIn
    from_: AddressIn | None = Field(default=None, alias="from")
    front: SideIn | None = None
    back: SideIn | None = None
    sides: Literal["simplex", "duplex"] | None = Field(
        default=None, description="Of a letter, whose front holds all pages: on fronts alone, or on both sides (duplex)"
    )
    merge: Merge | None = None
    class_: Literal["first_class", "marketing"] | None = Field(default=None, alias="class")
    deliverability: Literal["strict", "normal", "relaxed"] | None = Field(
        default=None,
        description="An undeliverable address is rejected, unless this is relaxed. If it is strict, an address that we correct in "
        "more than its spelling is held until its sender releases it.",
    )
    send_on: Annotated[str, _text(10)] | None = Field(
        default=None, description="A date, YYYY-MM-DD, in the account's zone"
    )
    metadata: Metadata | None = None
    external_id: Annotated[str, _text(64, least=1)] | None = None


class CreativeIn(Body):
    """Artwork for one side of a product, as base64 or as HTML."""

    product: Annotated[str, _text(40, least=1)]
    base64: str | None = Field(default=None, max_length=MOST_BASE64)
    html: str | None = Field(default=None, max_length=MOST_HTML, description=_HTML)
    merge: Merge | None = Field(
        default=None, description="Samples for the fields of `html`, to check it and for its proof."
    )


class CreativePart(Body):
    """The field that goes with a file part."""

    product: Annotated[str, _text(40, least=1)]


def _known_pattern(value: str) -> str:
    known = value in EVENT_TYPES or value == "*" or (value.endswith(".*") and value[:-1] in ("mail.",))
    if not known:
        raise PydanticCustomError("invalid_value", "There is no such event type.")
    return value


EventPattern = Annotated[str, _text(60, least=1), AfterValidator(_known_pattern)]


class EndpointIn(Body):
    url: Annotated[str, _text(2000, least=1)]
    events: list[EventPattern] | None = Field(default=None, min_length=1, max_length=30)
    ordered: bool | None = None
    description: Annotated[str, _text(200)] | None = None


class EndpointChange(Body):
    """What is left out stays as it is. `disabled` false starts deliveries again."""

    url: Annotated[str, _text(2000, least=1)] | None = None
    events: list[EventPattern] | None = Field(default=None, min_length=1, max_length=30)
    ordered: bool | None = None
    description: Annotated[str, _text(200)] | None = None
    disabled: bool | None = None


class ClockChange(Body):
    """How the sandbox clock is to go on: at most one of `advance_s` and `advance_to`, and a rate."""

    advance_s: float | None = Field(default=None, gt=0, le=366 * 86_400, allow_inf_nan=False)
    advance_to: Annotated[str, _text(40)] | None = Field(default=None, description="A time with its zone, RFC 3339")
    rate: float | None = Field(default=None, ge=0, le=10_000_000, allow_inf_nan=False)

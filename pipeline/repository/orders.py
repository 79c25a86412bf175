"""What a sender ordered, checked as far as that goes without the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.products import Sides
from pipeline.repository.accounts import Sender
from pipeline.repository.answers import Once, Scope


@dataclass(frozen=True)
class Artwork:
    """A file that passed preflight and lies in storage under `source_key`; `report` is what preflight said."""

    sha256: str
    size_bytes: int
    kind: str
    report: Mapping[str, Any]
    source_key: str


Side = str | Artwork
"""One side of a piece: the id of a creative, or artwork that came with the order."""


@dataclass(frozen=True)
class Order:
    """One piece as ordered. `to` and `from_` have the fields of `pipeline.ports.Address`.

    `print_sides` is how a document is printed, of which `front` is the whole.
    """

    sender: Sender
    request_id: str
    once: Once | None
    product: str
    mail_class: str
    deliverability: str
    send_on: date | None
    metadata: Mapping[str, str]
    external_id: str | None
    to: Mapping[str, str]
    from_: Mapping[str, str] | None
    front: Side
    back: Side | None
    print_sides: Sides = "duplex"

    @property
    def scope(self) -> Scope | None:
        return (self.sender.account_id, self.sender.mode, self.once.key) if self.once else None

    @property
    def external_scope(self) -> Scope | None:
        return (self.sender.account_id, self.sender.mode, self.external_id) if self.external_id is not None else None

    @property
    def sides(self) -> dict[str, Side]:
        return {"/front": self.front} | ({"/back": self.back} if self.back is not None else {})

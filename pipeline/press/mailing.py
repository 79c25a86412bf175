"""What is printed on one piece beside its artwork, as it crosses into the press process for a proof."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.models.profile import Postage


@dataclass(frozen=True)
class Mailing:
    """What is printed on one piece. `imb` is empty before the piece has one; `postage` None before it has a printer.

    `sides` is how a document is printed.
    """

    address: tuple[str, ...]
    return_address: tuple[str, ...] = ()
    imb: str = ""
    mail_class: str = "first_class"
    postage: Postage | None = None
    sides: str = "duplex"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"postage": self.postage.model_dump(mode="json") if self.postage else None}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Mailing":
        return cls(
            address=tuple(data["address"]),
            return_address=tuple(data["return_address"]),
            imb=data["imb"],
            mail_class=data["mail_class"],
            postage=Postage.model_validate(data["postage"]) if data["postage"] else None,
            sides=data["sides"],
        )

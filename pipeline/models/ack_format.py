"""An acknowledgement file as a value, or the reasons why it cannot be read. Printers are not trusted to write it well."""

import json
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from pipeline.errors import Fault

AckState = Literal["accepted", "rejected", "printed", "spoiled", "destroyed", "inserted", "mailed"]


class AckBody(BaseModel):
    """`pieces` lists what the state is of; without it, it is of the whole drop."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    drop: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,40}$")]
    state: AckState
    at: AwareDatetime
    pieces: tuple[Annotated[str, Field(pattern=r"^[!-~]{1,64}$")], ...] | None = None
    reason: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""  # PostgreSQL keeps no NUL
    digest: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None


@dataclass(frozen=True)
class Unreadable:
    faults: tuple[Fault, ...]


def read_ack(name: str, body: bytes) -> AckBody | Unreadable:
    """The acknowledgement in a JSON file."""
    try:
        return AckBody.model_validate(json.loads(body))
    except ValidationError as error:
        faults = (
            Fault(
                "ack_field",
                "/" + "/".join(map(str, one["loc"])),
                one["msg"],
                "write the field as the interface describes it",
            )
            for one in error.errors(include_url=False, include_input=False)
        )
        return Unreadable(tuple(faults))
    except (ValueError, RecursionError):
        return Unreadable((Fault("ack_unreadable", "", f"{name} is not JSON", "write one JSON object a file"),))

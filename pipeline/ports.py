"""What the line asks of the outside world. Each port has a real adapter and a local one that pass the same contract tests.

Every method raises `Transient` or `Permanent` (see `pipeline.errors`) for what the other side does wrong.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pipeline.errors import Fault


class Address(NamedTuple):
    """An address as a sender wrote it. A tuple, since lists have them by the million."""

    name: str
    line1: str
    city: str
    state: str
    zip: str
    line2: str = ""
    company: str = ""


@dataclass(frozen=True)
class Standardized:
    """An address as the post wants it, or the reasons why it cannot be.

    `zip4` and `delivery_point` are empty where the standardizer does not know them. `faults` is not empty when the address is
    undeliverable; their pointers are relative to the address (`/zip`).
    """

    name: str
    company: str
    line1: str
    line2: str
    city: str
    state: str
    zip5: str
    zip4: str = ""
    delivery_point: str = ""
    corrections: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def deliverable(self) -> bool:
        return not self.faults


class AddressStandardizer(Protocol):
    name: str

    def standardize(self, addresses: Sequence[Address]) -> list[Standardized]:
        """One answer per address, in order."""
        ...


class Lies(StrEnum):
    """What of a hand-over lies at the printer."""

    NOTHING = "nothing"
    PART = "part"
    READY = "ready"
    TAKEN = "taken"
    RECALLED = "recalled"


@dataclass(frozen=True)
class AckFile:
    """One acknowledgement file, as it came."""

    name: str
    body: bytes


class Printer(Protocol):
    """A printer's `in/` and `out/`. Names are plain file names; `stem` is the drop's, such as `bt_01j…_r00`."""

    def put(self, stem: str, files: Sequence[Path]) -> None:
        """Each file is there under its own name, whole, when this returns. Repeating it changes nothing."""
        ...

    def stage_ready(self, part: str, body: bytes) -> None:
        """Write the ready file under the name `part`, which no printer looks at."""
        ...

    def hand_over(self, stem: str, part: str) -> None:
        """Rename `part` to `STEM.ready`: from here on the printer may take the drop.

        Raises `InDoubt` when the rename was sent and its answer never came, `Permanent("part_missing")` when `part` is gone.
        """
        ...

    def clear_parts(self, stem: str) -> None:
        """Remove what attempts that died have left of a drop's ready file. Only for a drop that is handed over: no attempt of it
        has a rename to make any more."""
        ...

    def look(self, stem: str, part: str) -> Lies:
        """What lies in `in/` of this drop; the furthest state wins."""
        ...

    def recall(self, stem: str, part: str) -> bool:
        """Rename the ready file away before the printer takes it; False when the printer was first."""
        ...

    def recall_part(self, stem: str, part: str) -> bool:
        """Rename away a part that was not handed over, and nothing else; True where that proves that it never was and never will
        be, however the printer takes drops. False where it is gone, or was gone before: that proves nothing."""
        ...

    def acks(self, limit: int, *, but: Collection[str] = ()) -> list[AckFile]:
        """Up to `limit` acknowledgement files from `out/`, oldest name first, `but` those of these names; fewer of large ones."""
        ...

    def settle_ack(self, name: str, *, good: bool) -> None:
        """Move an acknowledgement that is recorded to `out/done/`, or to `out/error/`. Repeating it changes nothing."""
        ...

    def close(self) -> None: ...


def is_of_printer(code: str) -> bool:
    """Whether an error is of this one printer, or of our way to it: with another one, the work would not have failed so."""
    return code.startswith("printer_") or code in ("host_key_changed", "file_exists")


@dataclass(frozen=True)
class Scan:
    """One carrier record for one piece, `handling` "A" actual, "L" logical, "S" assumed. `at` is aware UTC."""

    imb: str
    at: datetime
    code: str
    phase: str
    handling: str
    facility_zip: str
    facility_city: str = ""
    facility_state: str = ""
    machine: str = ""


class Carrier(Protocol):
    name: str

    def scans(self, imbs: Sequence[str]) -> dict[str, list[Scan]]:
        """All scans known of each full IMb (20 digits and routing). An IMb never scanned has an empty list."""
        ...


@dataclass(frozen=True)
class Outgoing:
    """One webhook to be sent: `secrets` are tried newest first by the receiver, all sign."""

    delivery_id: str
    event_id: str
    url: str
    body: bytes
    secrets: tuple[str, ...]
    attempt: int
    event_type: str = ""


@dataclass(frozen=True)
class Attempt:
    """How one try ended. `status_code` is None where no answer came; `error` is coarse, for the sender to see."""

    delivery_id: str
    delivered: bool
    status_code: int | None
    error: str
    duration_ms: int
    retry_after_s: float | None = None
    gone: bool = False
    response: str = ""


class WebhookSender(Protocol):
    def check(self, url: str) -> tuple[Fault, ...]:
        """Why this URL may not be a webhook target; empty when it may."""
        ...

    def send(self, outgoing: Sequence[Outgoing], now: datetime) -> list[Attempt]:
        """Try each once, side by side. Never raises for what a receiver does.

        One that could not be tried in time, since its receiver keeps others waiting, is missing from the answer.
        """
        ...


class Storage(Protocol):
    """Files by key. Keys are relative, with `/`, and begin with the mode."""

    def put(self, key: str, source: Path) -> None:
        """Whole and durable when this returns. Repeating it with the same bytes changes nothing."""
        ...

    def fetch(self, key: str) -> Path:
        """A local path to read from. Raises `Permanent("missing_file")`."""
        ...

    def exists(self, key: str) -> bool: ...

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Note:
    """A message for the doorbell: look at `stage` of `mode`; `only` names rows that must be tried apart from others."""

    stage: str
    mode: str
    only: tuple[str, ...] = ()


class Doorbell(Protocol):
    """Says "look here" to a stage. May lose or repeat: the rows are the truth."""

    def ring(self, note: Note) -> None: ...


@dataclass(frozen=True)
class Evidence:
    """Why a piece may be said to be where it is; kept with the event."""

    kind: str
    data: Mapping[str, Any] = field(default_factory=dict)

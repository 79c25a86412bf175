"""The outside world of a line in memory: it remembers what it was asked, and fails where a test says so."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from pipeline.errors import Fault, Permanent, Transient
from pipeline.ports import AckFile, Address, Attempt, Lies, Note, Outgoing, Scan, Standardized
from pipeline.press.job import Imposed, Job
from pipeline.products import Product

ZIP4, DELIVERY_POINT = "1705", "25"


class KilledError(Exception):
    """The worker died here: nothing of the line catches this."""


class Bell:
    """Remembers who was called, until the notes are taken."""

    def __init__(self) -> None:
        self.notes: list[Note] = []

    def ring(self, note: Note) -> None:
        self.notes.append(note)

    def take(self) -> list[Note]:
        """What was rung since the last time, each once, in the order of ringing."""
        taken, self.notes = list(dict.fromkeys(self.notes)), []
        return taken


class Standardizer:
    """Accepts everything, unless the recipient is called `Undeliverable`, `Down` or `Poison`; `Swapped` has its lines swapped."""

    name = "fake"

    def __init__(self) -> None:
        self.chunks: list[int] = []

    def standardize(self, addresses: Sequence[Address]) -> list[Standardized]:
        self.chunks.append(len(addresses))
        names = {address.name for address in addresses}
        if "Poison" in names:
            raise KilledError
        if "Down" in names:
            raise Transient("addresses_unavailable", "the standardizer does not answer", retry_after_s=90)
        return [_standardized(address) for address in addresses]


def _standardized(address: Address) -> Standardized:
    faults = (Fault("unknown_street", "/line1", "no such street", "correct the street"),)
    return Standardized(
        name=address.name,
        company=address.company,
        line1=address.line1.upper(),
        line2=address.line2,
        city=address.city.upper(),
        state=address.state,
        zip5=address.zip,
        zip4=ZIP4,
        delivery_point=DELIVERY_POINT,
        corrections=("street_abbreviated", "lines_reordered") if address.name == "Swapped" else ("street_abbreviated",),
        faults=faults if address.name == "Undeliverable" else (),
    )


@dataclass
class FakePrinter:
    """A printer's `in/` and `out/` as dictionaries. `traps` fail a step once, `before` or `after` its effect."""

    inbox: dict[str, bytes] = field(default_factory=dict)
    outbox: dict[str, bytes] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    handed_over: list[str] = field(default_factory=list)
    traps: dict[tuple[str, str], Any] = field(default_factory=dict)

    def put(self, stem: str, files: Sequence[Path]) -> None:  # noqa: ARG002
        with self._trapped("put"):
            self.inbox |= {file.name: file.read_bytes() for file in files}

    def stage_ready(self, part: str, body: bytes) -> None:
        with self._trapped("stage_ready"):
            self.inbox[part] = body

    def hand_over(self, stem: str, part: str) -> None:
        with self._trapped("hand_over"):
            if part not in self.inbox:
                raise Permanent("part_missing", f"{part} is not there")
            self.inbox[f"{stem}.ready"] = self.inbox.pop(part)
            self.handed_over.append(stem)

    def clear_parts(self, stem: str) -> None:
        with self._trapped("clear_parts"):
            left = [name for name in self.inbox if name.startswith(f"{stem}.") and name.endswith(".ready.part")]
            for name in left:
                del self.inbox[name]

    def look(self, stem: str, part: str) -> Lies:
        with self._trapped("look"):
            for name, lies in (
                (f"{stem}.taken", Lies.TAKEN),
                (f"{stem}.ready", Lies.READY),
                (f"{stem}.recalled", Lies.RECALLED),
                (part, Lies.PART),
            ):
                if name in self.inbox:
                    return lies
            return Lies.NOTHING

    def recall(self, stem: str, part: str) -> bool:
        with self._trapped("recall"):
            for name in (f"{stem}.ready", part):
                if name in self.inbox:
                    self.inbox[f"{stem}.recalled"] = self.inbox.pop(name)
        return self.look(stem, part) is Lies.RECALLED

    def recall_part(self, stem: str, part: str) -> bool:
        with self._trapped("recall_part"):
            if self.look(stem, part) is not Lies.PART:
                return False
            self.inbox[f"{stem}.recalled"] = self.inbox.pop(part)
        return True

    def acks(self, limit: int, *, but: Collection[str] = ()) -> list[AckFile]:
        with self._trapped("acks"):
            return [AckFile(name, self.outbox[name]) for name in sorted(self.outbox.keys() - set(but))[:limit]]

    def settle_ack(self, name: str, *, good: bool) -> None:
        with self._trapped("settle_ack"):
            if self.outbox.pop(name, None) is not None:
                (self.done if good else self.refused).add(name)

    def close(self) -> None:
        """There is nothing to close."""

    def take(self, stem: str) -> bytes:
        """What the press operator does: take the drop off the shelf."""
        body = self.inbox.pop(f"{stem}.ready")
        self.inbox[f"{stem}.taken"] = body
        return body

    @contextmanager
    def _trapped(self, step: str) -> Iterator[None]:
        self._spring(step, "before")
        yield
        self._spring(step, "after")

    def _spring(self, step: str, when: str) -> None:
        trap = self.traps.pop((step, when), None)
        if isinstance(trap, BaseException):
            raise trap
        if trap is not None:
            trap()


class FakePrinters:
    """One printer in memory for each row."""

    def __init__(self) -> None:
        self._printers: dict[str, FakePrinter] = defaultdict(FakePrinter)

    def __getitem__(self, printer_id: str) -> FakePrinter:
        return self._printers[printer_id]

    @contextmanager
    def open(self, printer: Any) -> Iterator[FakePrinter]:
        yield self[printer.id]


class FakeCarrier:
    """Tells the scans that a test adds, all of them every time, as the post does."""

    name = "fake"

    def __init__(self) -> None:
        self.told: dict[str, list[Scan]] = defaultdict(list)
        self.down = False
        self.asked: list[int] = []

    def scans(self, imbs: Sequence[str]) -> dict[str, list[Scan]]:
        self.asked.append(len(imbs))
        if self.down:
            raise Transient("carrier_unavailable", "no scans today")
        return {imb: list(self.told[imb]) for imb in imbs}


class FakeWebhooks:
    """Delivers everything, unless `answers` has something else for the URL: a status code, or None for no answer."""

    def __init__(self) -> None:
        self.sent: list[Outgoing] = []
        self.answers: dict[str, int | None] = {}
        self.retry_after_s: float | None = None

    def check(self, url: str) -> tuple[Fault, ...]:  # noqa: ARG002
        return ()

    def send(self, outgoing: Sequence[Outgoing], now: datetime) -> list[Attempt]:  # noqa: ARG002
        self.sent += outgoing
        return [self._attempt(one) for one in outgoing]

    def _attempt(self, one: Outgoing) -> Attempt:
        code = self.answers.get(one.url, 200)
        delivered = code is not None and code < 300
        error = "" if delivered else "no_answer" if code is None else "status"
        return Attempt(one.delivery_id, delivered, code, error, 7, self.retry_after_s, gone=code == 410)


class Imposer:
    """Writes a small sheet file and a manifest. `edition` changes the bytes, as a new version of the press side would."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []
        self.edition = 1

    def __call__(self, job: Job, folder: Path) -> Imposed:
        self.jobs.append(job)
        sheets, manifest = folder / f"{job.stem}.pdf", folder / f"{job.stem}.csv"
        sheets.write_bytes(f"%PDF edition {self.edition} of {job.stem}".encode())
        manifest.write_text("".join(f"{one.piece_id},{one.imb}\n" for one in job.pieces))
        return Imposed((sheets, manifest), 1 + max(one.sheet for one in job.pieces), len(job.pieces))


def normalize(source: Path, product: Product, out: Path) -> None:
    body = source.read_bytes()
    if body.startswith(b"bad"):
        fault = Fault("unreadable_artwork", "", "the file is torn", "export it again")
        raise Permanent("unreadable_artwork", "the artwork cannot be read", faults=(fault,))
    out.write_bytes(b"normalized " + body)


def proof(source: Path, product: Product, out: Path) -> None:
    out.write_bytes(b"proof of " + source.read_bytes())

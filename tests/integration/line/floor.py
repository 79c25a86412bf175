"""Two printers as folders with the simulated press at each, beside a line whose steps fail where a test says so."""

import csv
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.sandbox.folder import FolderPrinter
from ops.simulators.printer.journal import Journal
from ops.simulators.printer.press import Pace, Press
from pipeline.clock import Clock
from pipeline.ports import AckFile, Lies
from pipeline.press.job import Imposed, Job

PACE = Pace(accept_s=60, print_s=600, mail_s=600, spoil=0.15, seed=7)


class Shop:
    """One printer: its folder, its press and the press's own journal; `traps` are the failures to come, by step and moment."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self.folder, self._clock = folder, clock
        self.traps: dict[tuple[str, str], BaseException] = {}
        self.journal = Journal(folder / "journal.jsonl", clock)
        self.press = Press(folder, self.journal, folder / "trays", name=folder.name, pace=PACE)

    def open(self) -> "TrappedPrinter":
        return TrappedPrinter(self.folder, self._clock(), self.traps)

    def events(self) -> list[dict[str, Any]]:
        return self.journal._read()

    def inbox(self, suffix: str) -> list[Path]:
        return sorted((self.folder / "in").glob(f"*{suffix}"))


class TrappedPrinter(FolderPrinter):
    """A folder whose steps fail once where a trap is set, before or after their effect."""

    def __init__(self, folder: Path, now: Any, traps: dict[tuple[str, str], BaseException]) -> None:
        super().__init__(folder, now)
        self._traps = traps

    @contextmanager
    def _trapped(self, step: str) -> Iterator[None]:
        self._spring(step, "before")
        yield
        self._spring(step, "after")

    def _spring(self, step: str, when: str) -> None:
        if trap := self._traps.pop((step, when), None):
            raise trap

    def put(self, stem: str, files: Sequence[Path]) -> None:
        with self._trapped("put"):
            super().put(stem, files)

    def stage_ready(self, part: str, body: bytes) -> None:
        with self._trapped("stage_ready"):
            super().stage_ready(part, body)

    def hand_over(self, stem: str, part: str) -> None:
        with self._trapped("hand_over"):
            super().hand_over(stem, part)

    def look(self, stem: str, part: str) -> Lies:
        with self._trapped("look"):
            return super().look(stem, part)

    def recall(self, stem: str, part: str) -> bool:
        with self._trapped("recall"):
            return super().recall(stem, part)

    def acks(self, limit: int) -> list[AckFile]:
        with self._trapped("acks"):
            return super().acks(limit)

    def settle_ack(self, name: str, *, good: bool) -> None:
        with self._trapped("settle_ack"):
            super().settle_ack(name, good=good)


class Shops:
    """The directory of a line: a shop for each row of `printers`."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root, self._clock = root, clock
        self.by_id: dict[str, Shop] = {}

    def add(self, printer_id: str) -> Shop:
        folder = self._root / printer_id
        folder.mkdir(parents=True)
        self.by_id[printer_id] = Shop(folder, self._clock)
        return self.by_id[printer_id]

    @contextmanager
    def open(self, printer: Any) -> Iterator[TrappedPrinter]:
        yield self.by_id[printer.id].open()

    def close(self) -> None:
        for shop in self.by_id.values():
            shop.journal.close()


def impose(job: Job, folder: Path) -> Imposed:
    """A drop that a press can check: a sheet file, and a manifest with its head."""
    sheets, manifest = folder / f"{job.stem}.pdf", folder / f"{job.stem}.csv"
    sheets.write_bytes(f"%PDF of {job.stem}".encode())
    with manifest.open("w", newline="", encoding="ascii") as file:
        rows = csv.writer(file)
        rows.writerow(("piece_id", "imb"))
        rows.writerows((one.piece_id, one.imb) for one in job.pieces)
    return Imposed((sheets, manifest), 1 + max(one.sheet for one in job.pieces), len(job.pieces))


def by_kind(shops: Shops) -> dict[str, list[dict[str, Any]]]:
    """What all presses wrote down, by kind of event."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for shop in shops.by_id.values():
        for event in shop.events():
            found[event["event"]].append(event)
    return found

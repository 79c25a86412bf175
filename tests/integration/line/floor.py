"""Two printers as folders with the simulated press at each, beside a line whose steps fail where a test says so."""

import csv
import itertools
import json
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from adapters.sandbox.folder import FolderPrinter
from ops.simulators.printer.journal import Journal
from ops.simulators.printer.press import Misdeed, Pace, Press
from pipeline.clock import Clock
from pipeline.errors import Transient
from pipeline.ports import AckFile, Lies
from pipeline.press.job import Imposed, Job


class ReadingPress(Press):
    """Reads a ready file and leaves it where it is; what it has read it keeps where nobody else looks."""

    def _take(self, ready: Path) -> None:
        if ready.stem not in self._known:
            self._enter(Path(shutil.copyfile(ready, self._taken(ready.stem))))

    def _taken(self, stem: str) -> Path:
        return self._in.parent / f"{stem}.read"


PACE = Pace(accept_s=60, print_s=600, mail_s=600, spoil=0.15, seed=7)
Trap = BaseException | Callable[[], None]


class Shop:
    """One printer: its folder, its press and the press's own journal, and people who say things by hand.

    `traps` are the failures to come, by step and moment; while it is `down`, every step fails. `gone` are copies (piece, drop)
    that will never be made here, `rejected` the drops that people refused while they lay on the shelf. One that `reads` does not
    take drops by renaming.
    """

    def __init__(self, folder: Path, clock: Clock, *, form: str = "json") -> None:
        self.folder, self._clock, self._form = folder, clock, form
        self.traps: dict[tuple[str, str], Trap] = {}
        self.down = False
        self.reads = False
        self.gone: set[tuple[str, str]] = set()
        self.rejected: set[str] = set()
        self._numbers = itertools.count(1)
        self._start(())

    def restart(self, misdeeds: Collection[Misdeed] = ()) -> None:
        """The press stops, and starts again from its journal; from now on it does these things wrong."""
        self.journal.close()
        self._start(misdeeds)

    def _start(self, misdeeds: Collection[Misdeed]) -> None:
        self.journal = Journal(self.folder / "journal.jsonl", self._clock)
        self.press = (ReadingPress if self.reads else Press)(
            self.folder,
            self.journal,
            self.folder / "trays",
            name=self.folder.name,
            pace=PACE,
            misdeeds=misdeeds,
            form=self._form,
        )

    def open(self) -> "TrappedPrinter":
        if self.down:
            raise Transient("printer_unreachable", "no route")
        return TrappedPrinter(self.folder, self._clock(), self.traps)

    def work(self) -> None:
        """Whatever is due at the press."""
        self.press.step()

    def events(self) -> list[dict[str, Any]]:
        return self.journal._read()

    def inbox(self, suffix: str) -> list[Path]:
        return sorted((self.folder / "in").glob(f"*{suffix}"))

    @property
    def taken(self) -> list[Path]:
        """What tells in its inbox that it has a drop, to whom may believe it."""
        return self.inbox(".ready" if self.reads else ".taken")

    def settled(self, name: str) -> bool:
        """Whether an acknowledgement was read, and something in it was good."""
        return (self.folder / "out" / "done" / name).exists()

    def say(self, stem: str, state: str, *, skew: timedelta = timedelta(), **more: Any) -> None:
        """An acknowledgement written by hand."""
        body = {"drop": stem, "state": state, "at": (self._clock() + skew).isoformat(), **more}
        self.post(json.dumps(body).encode())

    def post(self, body: bytes) -> None:
        (self.folder / "out" / f"by-hand-{next(self._numbers):04}.ack.json").write_bytes(body)


class TrappedPrinter(FolderPrinter):
    """A folder whose steps go wrong once where a trap is set, before or after their effect: an error, or something that happens
    elsewhere at that very moment."""

    def __init__(self, folder: Path, now: Any, traps: dict[tuple[str, str], Trap]) -> None:
        super().__init__(folder, now)
        self._traps = traps

    @contextmanager
    def _trapped(self, step: str) -> Iterator[None]:
        self._spring(step, "before")
        yield
        self._spring(step, "after")

    def _spring(self, step: str, when: str) -> None:
        trap = self._traps.pop((step, when), None)
        if isinstance(trap, BaseException):
            raise trap
        if trap is not None:
            trap()

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

    def recall_part(self, stem: str, part: str) -> bool:
        with self._trapped("recall_part"):
            return super().recall_part(stem, part)

    def acks(self, limit: int, *, but: Collection[str] = ()) -> list[AckFile]:
        with self._trapped("acks"):
            return super().acks(limit, but=but)

    def settle_ack(self, name: str, *, good: bool) -> None:
        with self._trapped("settle_ack"):
            super().settle_ack(name, good=good)


class Shops:
    """The directory of a line: a shop for each row of `printers`."""

    def __init__(self, root: Path, clock: Clock) -> None:
        self._root, self._clock = root, clock
        self.by_id: dict[str, Shop] = {}

    def add(self, printer_id: str, *, form: str = "json") -> Shop:
        folder = self._root / printer_id
        folder.mkdir(parents=True)
        self.by_id[printer_id] = Shop(folder, self._clock, form=form)
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

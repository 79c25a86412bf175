"""The shop: takes drops, checks, prints and mails them, and says so. Every step is in the journal before it has any effect.

A step looks at what the journal says and at the time, so that a press that was killed goes on where it was: it prints no piece
twice and forgets no drop that it took.
"""

import random
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Any

from ops.simulators.printer.journal import Event, Journal
from ops.simulators.printer.paperwork import Piece, WrongDropError, check_drop, write_ack, write_tray

_LONGEST_REASON = 500


@dataclass(frozen=True)
class Pace:
    """Seconds from taken to accepted, from there to printed, from there to mailed; and the share of pieces spoiled."""

    accept_s: float = 0.5
    print_s: float = 1.0
    mail_s: float = 1.0
    spoil: float = 0.01
    seed: int = 1


class Misdeed(StrEnum):
    """What a press does wrong when it is told to."""

    REFUSE = "refuse"  # it rejects every drop
    HALF_PRINT = "half-print"  # it prints the first half of a drop and never speaks of the rest
    SILENT = "silent"  # it takes, prints and mails, and says nothing
    SLOW = "slow"  # it takes twenty times as long
    WRONG_DIGEST = "wrong-digest"  # it acknowledges another ready file than it took
    DUPLICATE_ACKS = "duplicate-acks"  # it says everything twice, in two files
    CLOCK_SKEW = "clock-skew"  # its acknowledgements name times that are two hours ahead


_SLOWER = 20.0
_SKEW = timedelta(hours=2)


@dataclass
class _Drop:
    """What the journal says of one drop: its state since `at`, and each piece off the press with whether it was good."""

    stem: str
    digest: str
    at: datetime
    state: str = "taken"
    reason: str = ""
    pieces: list[Piece] = field(default_factory=list)
    printed: dict[str, bool] = field(default_factory=dict)
    due: dict[str, datetime] = field(default_factory=dict)
    """Acknowledgements that are not in `out/` yet, each with the time that it names."""
    needs_tray: bool = False

    @property
    def good(self) -> list[Piece]:
        return [piece for piece in self.pieces if self.printed.get(piece.id)]

    @property
    def spoiled(self) -> list[str]:
        return [piece.id for piece in self.pieces if self.printed.get(piece.id) is False]

    @property
    def is_over(self) -> bool:
        ended = self.state in ("rejected", "mailed") or (self.state == "printed" and not self.good)
        return ended and not self.due and not self.needs_tray


class Press:
    """One press at `folder`, the printer's account with its `in/` and `out/`; from `trays` the carrier collects."""

    def __init__(
        self,
        folder: Path,
        journal: Journal,
        trays: Path,
        *,
        name: str,
        pace: Pace,
        misdeeds: Collection[Misdeed] = (),
        form: str = "json",
    ) -> None:
        self._misdeeds, self._form = frozenset(misdeeds), form
        self._in, self._out, self._trays = folder / "in", folder / "out", trays
        self._journal = journal
        self._name = name
        self._pace = pace
        self._known: set[str] = set()
        self._open: dict[str, _Drop] = {}
        for place in (self._in, self._out, trays):
            place.mkdir(parents=True, exist_ok=True)
        for event in journal.past:
            self._learn(event)
        for taken in sorted(self._in.glob("*.taken")):
            # Killed between the renaming and the journal.
            if taken.stem not in self._known:
                self._enter(taken)

    def step(self) -> None:
        """Everything that is due now."""
        for ready in sorted(self._in.glob("*.ready")):
            self._take(ready)
        for drop in list(self._open.values()):
            while self._move_on(drop):
                pass
            self._speak(drop)
            if drop.is_over:
                del self._open[drop.stem]

    def destroy(self, stem: str, pieces: Collection[str]) -> None:
        """What came off the press good and had to be destroyed before it was mailed; the next step says so."""
        drop = self._open.get(stem)
        if drop is None or drop.state != "printed":
            return
        lost = [piece for piece in drop.good if piece.id in pieces]
        self._note(*({"event": "spoiled", "drop": stem, "piece": piece.id, "imb": piece.imb} for piece in lost))

    def _take(self, ready: Path) -> None:
        """The renaming takes the drop, unless its owner was first to rename it away."""
        if ready.stem in self._known:
            self._note({"event": "repeated", "drop": ready.stem})
            ready.replace(ready.with_suffix(".repeated"))
            return
        try:
            taken = ready.rename(self._taken(ready.stem))
        except FileNotFoundError:
            return
        self._enter(taken)

    def _taken(self, stem: str) -> Path:
        """The ready file of a drop that it has."""
        return self._in / f"{stem}.taken"

    def _enter(self, taken: Path) -> None:
        self._note({"event": "taken", "drop": taken.stem, "digest": sha256(taken.read_bytes()).hexdigest()})

    def _move_on(self, drop: _Drop) -> bool:
        """The next state, once its time has come."""
        steps = {
            "taken": (self._pace.accept_s, self._check),
            "accepted": (self._pace.print_s, self._print),
            "printed": (self._pace.mail_s, self._mail),
        }
        if drop.state not in steps:
            return False
        seconds, step = steps[drop.state]
        if Misdeed.SLOW in self._misdeeds:
            seconds *= _SLOWER
        if self._journal.now() < drop.at + timedelta(seconds=seconds):
            return False
        return step(drop)

    def _check(self, drop: _Drop) -> bool:
        try:
            if Misdeed.REFUSE in self._misdeeds:
                raise WrongDropError("this press refuses whatever it is given")
            pieces = check_drop(self._in, self._taken(drop.stem).read_bytes())
        except (WrongDropError, OSError) as error:
            self._note({"event": "rejected", "drop": drop.stem, "reason": str(error)[:_LONGEST_REASON]})
        else:
            listed = [[piece.id, piece.imb] for piece in pieces]
            self._note({"event": "accepted", "drop": drop.stem, "pieces": listed})
        return True

    def _print(self, drop: _Drop) -> bool:
        """Prints what is not in the journal yet: a crash may have come in the middle of the run."""
        wanted = drop.pieces[: (len(drop.pieces) + 1) // 2] if Misdeed.HALF_PRINT in self._misdeeds else drop.pieces
        rest = [piece for piece in wanted if piece.id not in drop.printed]
        run = [
            {"event": self._outcome(drop, piece), "drop": drop.stem, "piece": piece.id, "imb": piece.imb}
            for piece in rest
        ]
        self._note(*run, {"event": "finished", "drop": drop.stem})
        return True

    def _outcome(self, drop: _Drop, piece: Piece) -> str:
        """By chance, but the same chance whenever it is asked."""
        chance = random.Random(f"{self._pace.seed} {drop.stem} {piece.id}").random()  # noqa: S311  # spoilage, not a secret
        return "spoiled" if chance < self._pace.spoil else "printed"

    def _mail(self, drop: _Drop) -> bool:
        if not drop.good:
            return False
        self._note({"event": "mailed", "drop": drop.stem})
        return True

    def _speak(self, drop: _Drop) -> None:
        """Writes what is due, then notes that it is written. Killed in between, it writes the same under the same name."""
        if drop.needs_tray:
            name = write_tray(self._trays, drop.stem, drop.good, self._name, drop.at)
            self._note({"event": "trayed", "drop": drop.stem, "file": name})
        if Misdeed.SILENT in self._misdeeds:
            drop.due.clear()
        for state, at in list(drop.due.items()):
            said = at + _SKEW if Misdeed.CLOCK_SKEW in self._misdeeds else at
            twice = Misdeed.DUPLICATE_ACKS in self._misdeeds
            name = write_ack(self._out, self._ack(drop, state), said, form=self._form, twice=twice)
            self._note({"event": "said", "drop": drop.stem, "state": state, "file": name})

    def _ack(self, drop: _Drop, state: str) -> dict[str, Any]:
        digest = drop.digest[::-1] if Misdeed.WRONG_DIGEST in self._misdeeds else drop.digest
        ack: dict[str, Any] = {"drop": drop.stem, "state": state, "digest": digest}
        if state == "rejected":
            ack["reason"] = drop.reason
        elif state == "spoiled":
            ack["pieces"] = drop.spoiled
        elif drop.printed and len(drop.good) < len(drop.pieces):
            # What is said of a whole drop is said of the spoiled pieces too.
            ack["pieces"] = [piece.id for piece in (drop.pieces if state == "accepted" else drop.good)]
        return ack

    def _note(self, *events: Event) -> None:
        for event in self._journal.write(events):
            self._learn(event)

    def _learn(self, event: Event) -> None:
        """What an event means, whether it was just written or read after a restart."""
        stem, kind, at = event["drop"], event["event"], datetime.fromisoformat(event["at"])
        if kind == "taken":
            self._known.add(stem)
            self._open[stem] = _Drop(stem, event["digest"], at)
        if stem not in self._open or kind == "repeated":
            return
        drop = self._open[stem]
        if kind in ("printed", "spoiled"):
            drop.printed[event["piece"]] = kind == "printed"
            if kind == "spoiled":
                drop.due["spoiled"] = at
        elif kind == "said":
            drop.due.pop(event["state"], None)
        elif kind == "trayed":
            drop.needs_tray = False
        elif kind != "taken":
            _reach(drop, event, at)


def _reach(drop: _Drop, event: Event, at: datetime) -> None:
    """The drop is in a new state, which is to be acknowledged."""
    drop.state = "printed" if event["event"] == "finished" else event["event"]
    drop.at = at
    drop.reason = event.get("reason", "")
    drop.pieces = [Piece(*piece) for piece in event["pieces"]] if "pieces" in event else drop.pieces
    drop.needs_tray = drop.state == "mailed"
    if drop.state != "printed" or drop.good:
        drop.due[drop.state] = at

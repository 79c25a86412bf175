"""Judges what a print shop says of a drop for practice, against ops/printers.md."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from ops.cli.checks import Check
from pipeline.models.ack_files import read_acks
from pipeline.models.ack_format import AckBody
from pipeline.models.profile_check import as_line
from pipeline.ports import AckFile

_SKEW = timedelta(minutes=2)
"""Times within so much of ours are believed."""
_MADE = ("printed", "inserted", "mailed")
_LOST = ("spoiled", "destroyed")


class Rehearsal:
    """`hear` takes each acknowledgement file once; `checks` says how it stands. Times are line time, which here is real time.

    A `broken` drop is one that must be rejected. `takes` is whether the printer takes drops by renaming, `form` how it is to write.
    """

    def __init__(
        self, stem: str, digest: str, pieces: tuple[str, ...], at: datetime, *, form: str, takes: bool, broken: bool
    ) -> None:
        self._stem, self._digest, self._pieces, self._at = stem, digest, pieces, at
        self._form, self._takes, self._broken = form, takes, broken
        self._said: list[tuple[str, AckBody]] = []
        self._faults: list[str] = []
        self._names: list[str] = []
        self._states: dict[str, str] = {}
        self._unclear: set[str] = set()  # of which a good line has to tell
        self.taken_at: datetime | None = None

    def hear(self, file: AckFile, now: datetime) -> bool:
        """Whether the line would find anything good in it."""
        reading = read_acks(file.name, file.body)
        self._names.append(file.name)
        self._faults += [f"{file.name}: {as_line(fault)}" for fault in reading.faults]
        good = [ack for ack in reading.acks if self._is_good(file.name, ack, now)]
        self._said += [(file.name, ack) for ack in good]
        refused = reading.words_of(ack for ack in reading.acks if ack not in good)
        # As the line does: of single pieces first, and of the whole drop but for those that were lost or need a word of their own.
        for ack in sorted(good, key=lambda one: one.pieces is None):
            left_out = self._unclear.union(refused)
            rest = [one for one in self._pieces if self._states.get(one) not in _LOST and one not in left_out]
            of = rest if ack.pieces is None else ack.pieces
            for piece in of:
                self._learn(file.name, piece, ack.state)
            if ack.state != "accepted":
                self._unclear.difference_update(ack.pieces or ())
        self._unclear.update(one for one in refused if self._states.get(one) not in ("mailed", *_LOST))
        return bool(good)

    @property
    def is_over(self) -> bool:
        """Nothing more is to come."""
        states = {ack.state for _, ack in self._said}
        return "rejected" in states or (bool(self._states) and not self._unfinished())

    def checks(self) -> Iterator[Check]:
        if self._takes:
            taken = self.taken_at is not None
            yield Check(
                "taken", taken, self._after(self.taken_at) if taken else f"{self._stem}.ready was not renamed to .taken"
            )
        yield self._answer()
        yield Check(
            "written", not self._faults, "; ".join(self._faults) or f"{len(self._names)} files, all of them readable"
        )
        others = [name for name in self._names if not name.endswith(f".{self._form}")]
        agreed = f"as agreed, in {self._form.upper()}"
        yield Check("form", not others, f"not {agreed}: {', '.join(others)}" if others else agreed)
        if not self._broken:
            yield self._printing()
            yield self._single()
            yield self._end()

    def _answer(self) -> Check:
        """The first word, which is of the whole drop."""
        wanted = "rejected" if self._broken else "accepted"
        if not self._said:
            return Check(wanted, False, f"no file in out/ whose name begins with {self._stem} said anything good")
        name, first = self._said[0]
        if first.state != wanted:
            why = (
                "its sheets are not those that the ready file names"
                if self._broken
                else f"reason: {first.reason or 'none'}"
            )
            return Check(wanted, False, f"{name} says {first.state} first; {why}")
        if wanted == "rejected" and not first.reason:
            return Check(wanted, False, f"{name} gives no reason, which people will ask for")
        proof = "with the ready file's digest" if first.digest else "without a digest, which is optional"
        return Check(wanted, True, f"{self._after(first.at)}, {proof}")

    def _printing(self) -> Check:
        made = [piece for piece, state in self._states.items() if state in (*_MADE, *_LOST)]
        told = sorted({ack.state for _, ack in self._said} & {"printed", *_LOST})
        if "printed" not in told:
            return Check(
                "printed", False, f"printed was never said; {len(made)} of {len(self._pieces)} pieces are past it"
            )
        return Check("printed", True, f"{' and '.join(told)}, of {len(made)} of {len(self._pieces)} pieces")

    def _single(self) -> Check:
        """How a shop names single pieces shows only where it does; done wrongly, it would speak of the whole drop."""
        named = {piece for _, ack in self._said for piece in ack.pieces or ()}
        if not named:
            return Check(
                "single pieces", False, "nothing was said of a single piece: spoil one, or list what is printed"
            )
        return Check("single pieces", True, f"{len(named)} of {len(self._pieces)} pieces were named")

    def _end(self) -> Check:
        left = self._unfinished()
        if left:
            some = ", ".join(left[:5]) + (" …" if len(left) > 5 else "")
            return Check(
                "mailed", False, f"{len(left)} pieces are short, neither mailed nor spoiled or destroyed: {some}"
            )
        lost = sum(state in _LOST for state in self._states.values())
        return Check("mailed", True, f"{len(self._pieces) - lost} mailed, {lost} spoiled or destroyed")

    def _is_good(self, name: str, ack: AckBody, now: datetime) -> bool:
        wrong = []
        if ack.drop != self._stem:
            wrong.append(f"it speaks of {ack.drop}")
        if ack.digest not in (None, self._digest):
            wrong.append("its digest is not that of the ready file")
        if not self._at - _SKEW <= ack.at <= now + _SKEW:
            wrong.append(
                f"at is {ack.at.isoformat()}, which is not between the hand-over and now: the clock or the zone is wrong"
            )
        if ack.state in _LOST and ack.pieces is None:
            wrong.append(f"{ack.state} needs the list of pieces")
        strange = [piece for piece in ack.pieces or () if piece not in self._pieces]
        if strange:
            wrong.append(f"{strange[0]} is no piece of the manifest")
        self._faults += [f"{name}: {one}" for one in wrong]
        return not wrong

    def _learn(self, name: str, piece: str, state: str) -> None:
        before = self._states.get(piece)
        if before in _LOST and state in _MADE:
            self._faults.append(f"{name}: {piece} is {state} after it was {before}: never list a piece as both")
        else:
            self._states[piece] = state

    def _unfinished(self) -> list[str]:
        return [piece for piece in self._pieces if self._states.get(piece) not in ("mailed", *_LOST)]

    def _after(self, at: datetime | None) -> str:
        return "" if at is None else f"{max(0, round((at - self._at).total_seconds()))} s after the hand-over"

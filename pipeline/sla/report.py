"""The report on the promise: what was kept, excused and missed, how long each stage took, and why a piece was late.

Pure, and fed one piece at a time, so that a million pieces cost no more memory than a thousand. All times are line time.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from pipeline.lifecycle import PROMISE_KEPT_BY, PROMISE_OPEN, PROMISE_VOIDED_BY, Cause, Status
from pipeline.repository.history import History, Made, Moved
from pipeline.sla.durations import Durations, rounded_s

STAGES = (Status.CREATED, Status.HELD, Status.READY, Status.BATCHED, Status.SENT, Status.PRINTED)
"""A stage is the status in which a piece waits for it; its time is how long the piece was in that status."""

DIMENSIONS = ("printer", "product", "account", "hour")
STAGED = ("printer", "account")
"""The dimensions of which each stage is timed apart."""

MOST_MISSES = 1_000
"""How many misses a report lists; all are counted."""

_CAUSES = {
    Status.CREATED: Cause("not_ready", "address or artwork was not settled"),
    Status.HELD: Cause("held", "it was held for a decision"),
    Status.READY: Cause("not_batched", "no batch had taken it"),
    Status.BATCHED: Cause("not_sent", "its drop was not at the printer"),
    Status.SENT: Cause("not_printed", "the printer had not printed it"),
    Status.PRINTED: Cause("not_mailed", "it was printed and not mailed"),
}
_ON_ITS_WAY = PROMISE_OPEN - {Status.CREATED, Status.HELD}
_HOLDS_WHILE = {
    "printer_silent": frozenset({Status.SENT}),
    "press_behind": frozenset({Status.BATCHED, Status.SENT}),
}
"""What was foreseen is not why a piece missed that has come further since, or was held."""

_SCANNED = frozenset({Status.IN_TRANSIT, Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.RETURNED, Status.REROUTED})


Moment = TypeVar("Moment", datetime, float)
"""A time, or seconds since the epoch where a simulation judges millions."""


class Verdict(StrEnum):
    """`VOID` was called off in time, `OPEN` has time left, or stands still while its sender holds it: neither counts."""

    KEPT = "kept"
    EXCUSED = "excused"
    MISSED = "missed"
    VOID = "void"
    OPEN = "open"


@dataclass(frozen=True)
class Miss:
    """A promise not kept. `mailed_at` is None while the piece is not mailed; `reason` is there for an excused one."""

    piece_id: str
    account: str
    product: str
    printer: str | None
    due_at: datetime
    mailed_at: datetime | None
    cause: str
    detail: str
    excuse: str | None


@dataclass
class Tally:
    """The counts of one group, and the times from acceptance to mailing."""

    verdicts: Counter[Verdict] = field(default_factory=Counter)
    whole: Durations = field(default_factory=Durations)

    def as_dict(self) -> dict[str, Any]:
        counts: dict[str, Any] = {verdict.value: self.verdicts[verdict] for verdict in Verdict}
        return {**counts, "kept_share": self.kept_share, "accepted_to_mailed": self.whole.as_dict()}

    @property
    def kept_share(self) -> float | None:
        """Of the promises that had to be kept and were not excused, in millionths and rounded down; None where there were none."""
        kept = self.verdicts[Verdict.KEPT]
        judged = kept + self.verdicts[Verdict.MISSED]
        return 1_000_000 * kept // judged / 1_000_000 if judged else None


class Report:
    """Counts promises as they are added. `zone` is that of the hours of acceptance, `made` what each printer made and spoiled."""

    def __init__(self, zone: ZoneInfo, made: Mapping[str, Made] | None = None) -> None:
        self._zone = zone
        self._made = made or {}
        self.scan_lags: dict[str, Durations] = defaultdict(Durations)
        self.total = Tally()
        self.groups: dict[str, dict[str, Tally]] = {name: defaultdict(Tally) for name in DIMENSIONS}
        self.stages = _stages()
        self.stages_by: dict[str, dict[str, dict[Status, Durations]]] = {name: defaultdict(_stages) for name in STAGED}
        self.causes: Counter[str] = Counter()
        self.misses: list[Miss] = []

    def add(self, history: History) -> Miss | None:
        """Count one promise; returns it as a miss where it was not kept, excused or not."""
        verdict, mailed_at = judge(history)
        whole_s = None if mailed_at is None else rounded_s(max(mailed_at - history.accepted_at, timedelta()))
        for tally in self._tallies(history):
            tally.verdicts[verdict] += 1
            if whole_s is not None:
                tally.whole.add(whole_s)
        whose = {"printer": history.printer or "none", "account": history.account}
        times = [self.stages, *(self.stages_by[name][whose[name]] for name in STAGED)]
        for stage, duration in stage_times(history).items():
            seconds = rounded_s(duration)
            for stages in times:
                stages[stage].add(seconds)
        lag = first_scan_lag(history)
        if lag is not None:
            self.scan_lags[history.printer or "none"].add(rounded_s(lag))
        if verdict not in (Verdict.MISSED, Verdict.EXCUSED):
            return None
        miss = _miss(history, mailed_at)
        self.causes[miss.cause] += 1
        if len(self.misses) < MOST_MISSES:
            self.misses.append(miss)
        return miss

    def as_dict(self) -> dict[str, Any]:
        """As JSON holds it, times still `datetime`; durations are seconds."""
        listed = self.total.verdicts[Verdict.MISSED] + self.total.verdicts[Verdict.EXCUSED]
        return {
            "total": self.total.as_dict(),
            "stages": _stages_dict(self.stages),
            "stages_by": {
                name: {key: _stages_dict(self.stages_by[name][key]) for key in sorted(self.stages_by[name])}
                for name in STAGED
            },
            "by": {name: {key: tally.as_dict() for key, tally in _sorted(self.groups[name])} for name in DIMENSIONS},
            "printers": {name: self._printer(name) for name in sorted({*self.scan_lags, *self._made})},
            "possible_duplicates": sum(made.doubled for made in self._made.values()),
            "causes": dict(self.causes.most_common()),
            "misses": [vars(miss) for miss in self.misses],
            "misses_left_off": listed - len(self.misses),
        }

    def _printer(self, name: str) -> dict[str, Any]:
        made = self._made.get(name, Made(0, 0))
        share = round(made.spoiled / made.pieces, 6) if made.pieces else None
        lag = self.scan_lags.get(name, Durations()).as_dict()
        return {
            "made": made.pieces,
            "spoiled": made.spoiled,
            "spoiled_share": share,
            "possible_duplicates": made.doubled,
            "first_scan_lag": lag,
        }

    def _tallies(self, history: History) -> list[Tally]:
        hour = history.accepted_at.astimezone(self._zone)
        keys = (history.printer or "none", history.product, history.account, f"{hour:%H}:00")
        return [self.total, *(self.groups[name][key] for name, key in zip(DIMENSIONS, keys, strict=True))]


@dataclass(frozen=True)
class Shown:
    """A report as `Report.as_dict` gives it, with what it is of: `start` up to but not including `end`, shown in `zone`."""

    report: Mapping[str, Any]
    mode: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    account: str | None = None

    @property
    def title(self) -> str:
        return "The promise: mailed within 24 hours"

    @property
    def scope(self) -> str:
        start, end = (f"{at.astimezone(self.zone):%Y-%m-%d %H:%M}" for at in (self.start, self.end))
        whose = "all accounts" if self.account is None else f"account {self.account}"
        return f"Promises of {self.mode} mail that fell due from {start} to {end} ({self.zone.key}), {whose}"


def judge(history: History) -> tuple[Verdict, datetime | None]:
    """How a promise ended, and when the piece was mailed, by the earliest evidence for it, whenever that came."""
    mailed_at = min((move.at for move in history.moves if move.status in PROMISE_KEPT_BY), default=None)
    verdict = ended(history.due_at, mailed_at, excused=history.excuse is not None)
    if verdict is Verdict.KEPT:
        return verdict, mailed_at
    stopped = mailed_at is None and history.stopped
    if any(move.status in PROMISE_VOIDED_BY and (stopped or move.at <= history.due_at) for move in history.moves):
        return Verdict.VOID, mailed_at
    if stopped or (mailed_at is None and history.now <= history.due_at):
        return Verdict.OPEN, None
    return verdict, mailed_at


def ended(due: Moment, mailed: Moment | None, *, excused: bool) -> Verdict:
    """How a promise ended that nobody called off; `mailed` is None where it is over and the piece is not mailed."""
    if mailed is not None and mailed <= due:
        return Verdict.KEPT
    return Verdict.EXCUSED if excused else Verdict.MISSED


def stage_times(history: History) -> dict[Status, timedelta]:
    """How long the piece was in each stage that it has left; stages that it came to twice are added up.

    While a piece may not be frozen yet, by its sender's cancel window or `send_on`, it does not count as waiting for a batch.
    """
    times: dict[Status, timedelta] = {}
    for move, after in zip(history.moves, history.moves[1:], strict=False):
        if move.status not in PROMISE_OPEN:
            continue
        start = max(move.at, history.freeze_from) if move.status is Status.READY else move.at
        # An acknowledgement's own time may lie before that of the move which it follows.
        times[move.status] = times.get(move.status, timedelta()) + max(after.at - start, timedelta())
    return times


def first_scan_lag(history: History) -> timedelta | None:
    """From the printer's word that it mailed the piece to the carrier's first scan; None without both."""
    mailed_at = next((move.at for move in history.moves if move.status is Status.MAILED), None)
    scanned_at = min((move.at for move in history.moves if move.status in _SCANNED), default=None)
    if mailed_at is None or scanned_at is None:
        return None
    return max(scanned_at - mailed_at, timedelta())


def _miss(history: History, mailed_at: datetime | None) -> Miss:
    cause, detail = _cause(history)
    return Miss(
        history.piece_id,
        history.account,
        history.product,
        history.printer,
        history.due_at,
        mailed_at,
        cause,
        detail,
        history.excuse,
    )


def _cause(history: History) -> Cause:
    """What was foreseen, if that still held; else where the piece stood when its time was up, and what had thrown it back."""
    before = [move for move in history.moves if move.at <= history.due_at]
    status = before[-1].status if before else Status.CREATED
    if history.cause is not None and status in _HOLDS_WHILE.get(history.cause.code, _ON_ITS_WAY):
        return history.cause
    thrown_back = next((told for move in reversed(before) if (told := _thrown_back(move)) is not None), None)
    if thrown_back is not None and status is Status.READY:
        return thrown_back
    cause = _CAUSES.get(status) or Cause("unknown", f"it was {status} when its time was up")
    return cause if thrown_back is None else cause._replace(detail=f"{cause.detail}; before that, {thrown_back.detail}")


def _thrown_back(move: Moved) -> Cause | None:
    if move.refusal is not None:
        return Cause("refused", f"its printer refused the drop: {move.refusal}")
    return None if move.taken_back is None else Cause("taken_back", f"its drop was taken back: {move.taken_back}")


def _stages() -> dict[Status, Durations]:
    return {stage: Durations() for stage in STAGES}


def _stages_dict(stages: Mapping[Status, Durations]) -> dict[str, Any]:
    return {stage.value: times.as_dict() for stage, times in stages.items()}


def _sorted(tallies: Mapping[str, Tally]) -> list[tuple[str, Tally]]:
    return sorted(tallies.items())

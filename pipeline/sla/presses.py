"""A printer as the planner sees it: what it can make and how fast, the work it has, its health, and its deadlines."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from pipeline.lifecycle import Standing
from pipeline.models.profile import Floor, PrinterProfile
from pipeline.sla.lots import BatchKey
from pipeline.sla.shifts import Shifts, shifts, worked_on

LINE_OVERHEAD = timedelta(minutes=5)
"""From freezing to the whole drop at the printer: imposing and sending."""

ACK_GRACE = timedelta(minutes=10)
"""How long after its own latest time an acknowledgement may still be on its way."""

SLOWEST = timedelta(hours=2)
HEARD = 3
"""By how many drops, the last ones that it spoke of, a printer is judged slow or quick to speak."""

REPRINT_ROUNDS = 2
"""Spoiled pieces are printed again, and 1 or 2 in 100 of those once more: only so few of a million are left then."""

EPSILON_S = 1e-3
"""Moments that are nearer to each other than this are the same."""

_OVERHEAD_S = LINE_OVERHEAD.total_seconds()
_SETUP_SHARE = 5  # a batch of this many times its set-up spends a sixth of press time on it


@dataclass(frozen=True)
class Pace:
    """How a printer makes one product."""

    n_up: int
    sheets_per_hour: float
    cents_per_sheet: float


@dataclass(frozen=True)
class Committed:
    """A batch that was given to the printer and, as far as we know, is not printed. `at` is when it was frozen."""

    product: str
    sheets: int
    at: datetime


@dataclass(frozen=True)
class Press:
    """`queue` is in the order of freezing; `printed_at` is when the last batch was printed, where that is known.

    `unacknowledged_since` is when the oldest drop of which the printer has not said a word was handed over. `heard_after` is the
    longest that it lately took to say the first word of a drop; None where it never did. A cooling one is open again at `back_at`.
    """

    printer_id: str
    account_id: str | None
    profile: PrinterProfile
    pace: Mapping[str, Pace]
    queue: tuple[Committed, ...] = ()
    standing: Standing = Standing.OPEN
    unacknowledged_since: datetime | None = None
    heard_after: timedelta | None = None
    printed_at: datetime | None = None
    back_at: datetime | None = None
    name: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.name or self.printer_id

    @property
    def floor(self) -> Floor:
        return self.profile.floor

    def lacks(self, key: BatchKey) -> bool:
        """Whether it can never make batches of this key."""
        return (
            self.account_id != key.account_id
            or key.product not in self.pace
            or key.stock not in self.profile.stocks
            or key.mail_class not in self.profile.classes
            or self.most_pieces(key.product, key.sheets) < max(1, self.profile.postage.min_pieces(key.mail_class))
        )

    def most_pieces(self, product: str, sheets: int) -> int:
        """The biggest batch of pieces of so many sheets: by the printer's own cap, by its files, or by pieces."""
        floor, n_up = self.floor, self.pace[product].n_up
        most = floor.max_sheets_per_batch
        if floor.max_files_per_batch is not None:
            # No file parts a set.
            most = min(
                most, floor.max_files_per_batch * max(self.profile.imposition.max_sheets_per_file // sheets, 1) * sheets
            )
        if floor.max_pieces_per_batch is not None:
            most = min(most, floor.max_pieces_per_batch // n_up * sheets)
        return most // sheets * n_up

    def well_filled_sheets(self, product: str) -> int:
        floor = self.floor
        by_setup = round(_SETUP_SHARE * floor.setup_minutes / 60 * self.pace[product].sheets_per_hour)
        return max(1, min(floor.fill_sheets or by_setup, floor.max_sheets_per_batch))

    def late_at(self) -> datetime | None:
        """When its silence begins to mean that something is wrong there."""
        since = self.unacknowledged_since
        return None if since is None else worked_on(self.floor, since, self.speaks_within() + ACK_GRACE)

    def speaks_within(self) -> timedelta:
        """How long an acknowledgement takes: by its own word, or as long as it lately took where that is longer.

        A slow printer is not a dead one; but longer than `SLOWEST` is an outage, from which nothing follows for the next drop.
        """
        said = timedelta(minutes=self.floor.ack_minutes)
        return max(said, min(self.heard_after, SLOWEST)) if self.heard_after else said


class Caution(NamedTuple):
    """How much to spare: trucks that may fail, and rounds of reprinting that may be needed."""

    spare_trucks: int
    rounds: int


CAUTIONS = (Caution(1, 1), Caution(0, REPRINT_ROUNDS), Caution(0, 1), Caution(0, 0))
"""From the safest deadline to the last one that can hold at all."""


class Deadline(NamedTuple):
    """The worked second by which pieces have to be printed, and the truck for which. `kept` is whether that keeps the promise."""

    cut: float
    truck: float
    spare: bool = False
    kept: bool = True


class Rate(NamedTuple):
    """How a press makes the pieces of a key: `n_up` at once in `sheet_s`, on one sheet each or on several of a letter.

    A batch has at most `most` pieces and at least `fewest`; from `well_filled` on it is worth its set-up.
    """

    n_up: int
    sheet_s: float
    piece_s: float
    most: int
    fewest: int
    well_filled: int


class _Rates(dict[BatchKey, Rate]):
    """Worked out when they are first asked for: a plan asks many thousand times."""

    def __init__(self, press: Press) -> None:
        super().__init__()
        self._press = press
        self._made: dict[tuple[str, int], Rate] = {}

    def __missing__(self, key: BatchKey) -> Rate:
        made = key.product, key.sheets
        if made not in self._made:
            self._made[made] = self._rate(*made)
        fewest = self._press.profile.postage.min_pieces(key.mail_class)
        self[key] = rate = self._made[made]._replace(fewest=fewest) if fewest > 1 else self._made[made]
        return rate

    def _rate(self, product: str, sheets: int) -> Rate:
        press, pace = self._press, self._press.pace[product]
        most = press.most_pieces(product, sheets)
        filled = -(-press.well_filled_sheets(product) // sheets) * pace.n_up
        sheet_s = sheets * 3600.0 / pace.sheets_per_hour
        return Rate(pace.n_up, sheet_s, sheet_s / pace.n_up, most, 1, min(filled, most))


class _Deadlines(dict[float, Deadline | None]):
    """By due time, worked out when they are first asked for."""

    def __init__(self, bench: "Bench", caution: Caution) -> None:
        super().__init__()
        self._bench, self._caution = bench, caution

    def __missing__(self, due: float) -> Deadline | None:
        bench, spare = self._bench, self._caution.spare_trucks
        truck = bisect_right(bench.trucks, due) - 1 - spare
        cut, leaves = bench.cuts[self._caution.rounds][truck], bench.trucks[truck]
        self[due] = made = Deadline(cut, leaves, spare > 0) if truck >= 0 else None
        return made


class Bench:
    """A press during one planning: `base` is the worked second from which a further batch could be printed.

    One that is `open` can be planned for; one that is `away` is given nothing now, and by and by what nobody else can keep.
    """

    def __init__(self, press: Press, now: datetime) -> None:
        at = now.timestamp()
        self.press = press
        self.shifts: Shifts = shifts(press.floor, now)
        self.rates = _Rates(press)
        self._stocks, self._classes = press.profile.stocks, press.profile.classes
        self._deadlines = {caution: _Deadlines(self, caution) for caution in CAUTIONS}
        self.away = press.standing is Standing.COOLING and press.back_at is not None
        begins = max(at, press.back_at.timestamp()) if press.back_at else at
        self.earliest = self.shifts.worked(begins + _OVERHEAD_S)
        self.base = max(self.earliest, _queue_end(press, self.shifts))
        self.trucks = self.shifts.trucks_after(at)
        self.setup_s = 60.0 * press.floor.setup_minutes
        self.least_s = min((3600.0 / pace.sheets_per_hour for pace in press.pace.values()), default=0.0)
        late_at = press.late_at()
        self.late = self.away or (late_at is not None and now >= late_at)
        usable = press.standing is Standing.OPEN or self.away
        self.open = usable and bool(self.trucks) and bool(self.shifts.opens)
        gone = len(self.shifts.trucks) - len(self.trucks)
        self.cuts = [cuts[gone:] for cuts in _cuts(self.shifts, press.floor.lead_minutes, _reprint_s(press))]

    @property
    def shut(self) -> str:
        """Why it is not open, as the rest of a sentence that begins with its name."""
        if self.press.standing is not Standing.OPEN and not self.away:
            return self.press.standing.told
        return "has no truck in the days to come" if self.shifts.opens else "is closed"

    def takes(self, key: BatchKey) -> bool:
        """Whether it can ever make batches of this key."""
        if not (key.product in self.press.pace and key.stock in self._stocks and key.mail_class in self._classes):
            return False
        return self.press.account_id == key.account_id and self.rates[key].most >= self.rates[key].fewest

    def deadline(self, due: float, caution: Caution) -> Deadline | None:
        """By when it must have printed what is due then; None where it has no such truck."""
        return self._deadlines[caution][due]

    def run_s(self, key: BatchKey, pieces: int) -> float:
        """Press time of so many pieces, in whole sheets, without set-up."""
        rate = self.rates[key]
        return -(-pieces // rate.n_up) * rate.sheet_s

    def piece_cents(self, key: BatchKey) -> float:
        """What a piece costs, its part of a sheet and its own."""
        pace = self.press.pace[key.product]
        return key.sheets * pace.cents_per_sheet / pace.n_up + self.press.floor.cost_cents_per_piece

    def free_at(self) -> float:
        """When a further batch could be on the press, in epoch seconds."""
        return self.shifts.latest(self.base)

    def close_by(self, worked: float) -> float:
        """The last moment for freezing a batch that has to be on the press at that worked second."""
        return self.shifts.latest(worked) - _OVERHEAD_S

    def truck_for(self, worked: float) -> float:
        """The first truck that takes what is printed at that worked second; the last one known where none does."""
        return min(self.first_truck(worked), self.trucks[-1])

    def first_truck(self, worked: float) -> float:
        """The same; infinite where none does. What is due no later than it cannot be kept."""
        first = bisect_left(self.cuts[0], worked - EPSILON_S)
        return self.trucks[first] if first < len(self.trucks) else float("inf")


@lru_cache(maxsize=4096)
def _cuts(hours: Shifts, lead_minutes: int, round_s: float) -> list[list[float]]:
    """For each number of reprinting rounds to spare, and each truck: the worked second by which it must be printed."""
    leads = [60.0 * lead_minutes + rounds * round_s for rounds in range(REPRINT_ROUNDS + 1)]
    return [[hours.worked(truck - lead_s) for truck in hours.trucks] for lead_s in leads]


def _queue_end(press: Press, hours: Shifts) -> float:
    if not hours.opens:
        return 0.0
    end = 0.0 if press.printed_at is None else hours.worked(press.printed_at.timestamp())
    for batch in press.queue:
        pace = press.pace.get(batch.product)
        speed = press.floor.sheets_per_hour if pace is None else pace.sheets_per_hour
        start = max(end, hours.worked(batch.at.timestamp() + _OVERHEAD_S))
        end = start + 60.0 * press.floor.setup_minutes + 3600.0 * batch.sheets / speed
    return end


def _reprint_s(press: Press) -> float:
    """What one round of reprinting may take: the word that pieces are spoiled, the drop, and the batch that is on the press."""
    floor = press.floor
    if not floor.spoilage:
        return 0.0
    runs = (3600.0 * press.well_filled_sheets(name) / pace.sheets_per_hour for name, pace in press.pace.items())
    return press.speaks_within().total_seconds() + 60.0 * floor.setup_minutes + _OVERHEAD_S + max(runs, default=0.0)

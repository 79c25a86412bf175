"""The board: for each truck of each printer what is due, how far it is, and by when something can still be done about it.

Pure: counts, printers and the line clock in, rows out. A light is green only where the printer was heard of lately and the plan is
fresh: what nobody has looked at is not in order.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.lifecycle import Standing
from pipeline.sla.lanes import Lane
from pipeline.sla.lots import BatchKey
from pipeline.sla.presses import ACK_GRACE, CAUTIONS, Bench, Press
from pipeline.sla.work import Meant, Step, Work, as_time

TIGHT = timedelta(minutes=15)
"""Less than this to spare is a risk."""

ASKED_WITHIN = timedelta(minutes=5)
"""A printer that we have not asked for so long may have spoken."""


class Light(StrEnum):
    """From the worst to the best."""

    LATE = "late"
    RISK = "risk"
    STALE = "stale"
    OK = "ok"


@dataclass(frozen=True)
class Shop:
    """A printer as the board sees it, in machine time. `made` is how many pieces in `RATE_OVER`, None where it never says."""

    name: str
    press: Press
    heard_at: datetime | None
    asked_at: datetime | None
    made: int | None


@dataclass(frozen=True)
class Unread:
    """A printer whose profile cannot be read: nothing of its trucks can be foreseen, and nobody else can tell what it has."""

    printer_id: str
    name: str
    heard_at: datetime | None


@dataclass(frozen=True)
class Miss:
    """Pieces of an account that will miss."""

    account: str
    pieces: int


@dataclass(frozen=True)
class TruckRow:
    """One truck; times are aware. `finish` is when its last piece would be printed; rates are pieces an hour; ages are seconds.

    A truck that has left has a row while pieces planned for it are not said to be mailed.
    """

    printer: str
    zone: str
    truck: datetime
    leaves_in_s: float
    latest_start: datetime | None
    last_reroute: datetime | None
    steps: Mapping[Step, int]
    needed_per_hour: float | None
    made_per_hour: float | None
    finish: datetime | None
    misses: tuple[Miss, ...]
    reprints: int
    short: int
    ack_age_s: float | None
    light: Light
    why: tuple[str, ...]
    batches: tuple[str, ...]


class Floor:
    """All printers with what they have to do, at one moment. `fresh` is whether the tick and its plan can be believed."""

    def __init__(
        self,
        shops: Sequence[Shop],
        works: Sequence[Work],
        meant: Sequence[Meant],
        now: datetime,
        *,
        fresh: bool = True,
        unread: Sequence[Unread] = (),
    ) -> None:
        self._now = now
        self._fresh = fresh
        self._unread = {one: [work for work in works if work.printer_id == one.printer_id] for one in unread}
        self._shops = {shop.press.printer_id: shop for shop in shops}
        self._benches = {printer_id: Bench(shop.press, now) for printer_id, shop in self._shops.items()}
        self._lanes = {
            printer_id: Lane(
                bench,
                [work for work in works if work.printer_id == printer_id],
                [one for one in meant if one.printer_id == printer_id],
                now,
                made=self._shops[printer_id].made,
            )
            for printer_id, bench in self._benches.items()
        }

    def suspects(self) -> dict[str, datetime]:
        """Batches some of whose pieces will miss: those that are due before the truck that is told here, which is their first."""
        return {batch_id: truck for lane in self._lanes.values() for batch_id, truck in lane.suspects().items()}

    def rows(self, misses: Mapping[str, Mapping[str, int]]) -> list[TruckRow]:
        """Soonest first; `misses` are the pieces that will miss, by batch and account."""
        rows = [
            self._row(printer_id, truck, misses) for printer_id, lane in self._lanes.items() for truck in lane.trucks()
        ]
        rows += [
            self._unread_row(one, truck, [work for work in works if work.mail_by == truck])
            for one, works in self._unread.items()
            for truck in sorted({work.mail_by for work in works})
        ]
        return sorted(rows, key=lambda row: (row.truck, row.printer))

    def _row(self, printer_id: str, truck: datetime, misses: Mapping[str, Mapping[str, int]]) -> TruckRow:
        shop, lane, now = self._shops[printer_id], self._lanes[printer_id], self._now
        works, meant = lane.of(truck)
        steps = {step: sum(work.steps.get(step, 0) for work in works) for step in Step}
        steps[Step.WAITING] = sum(one.pieces for one in meant)
        missing: dict[str, int] = defaultdict(int)
        for work in works:
            for account, pieces in misses.get(work.batch_id, {}).items():
                missing[account] += pieces
        heard_s = None if shop.heard_at is None else (now - shop.heard_at).total_seconds()
        light, why = self._judge(shop, truck, bool(missing))
        return TruckRow(
            printer=shop.name,
            zone=shop.press.floor.zone,
            truck=truck,
            leaves_in_s=(truck - now).total_seconds(),
            latest_start=lane.latest_start(truck),
            last_reroute=self._last_reroute(printer_id, works, meant),
            steps=steps,
            needed_per_hour=lane.needed_per_hour(truck),
            made_per_hour=lane.made_per_hour,
            finish=lane.finish(truck),
            misses=tuple(Miss(*one) for one in sorted(missing.items(), key=lambda one: (-one[1], one[0]))),
            reprints=sum(work.reprints for work in works),
            short=sum(work.short for work in works),
            ack_age_s=heard_s,
            light=light,
            why=why,
            batches=tuple(work.batch_id for work in works),
        )

    def _unread_row(self, one: Unread, truck: datetime, works: Sequence[Work]) -> TruckRow:
        """What is known without the printer's profile: its batches, and how far they are."""
        open_ = any(work.open for work in works)
        return TruckRow(
            printer=one.name,
            zone="UTC",
            truck=truck,
            leaves_in_s=(truck - self._now).total_seconds(),
            latest_start=None,
            last_reroute=None,
            steps={step: sum(work.steps.get(step, 0) for work in works) for step in Step},
            needed_per_hour=None,
            made_per_hour=None,
            finish=None,
            misses=(),
            reprints=sum(work.reprints for work in works),
            short=sum(work.short for work in works),
            ack_age_s=None if one.heard_at is None else (self._now - one.heard_at).total_seconds(),
            light=Light.LATE if open_ and truck <= self._now else Light.RISK if open_ else Light.STALE,
            why=("its printer has a profile that cannot be read",),
            batches=tuple(work.batch_id for work in works),
        )

    def _judge(self, shop: Shop, truck: datetime, missing: bool) -> tuple[Light, tuple[str, ...]]:
        lane, now = self._lanes[shop.press.printer_id], self._now
        works, _ = lane.of(truck)
        late, risk = [], []
        spare = lane.spare(truck)
        if spare is not None and spare < timedelta():
            late.append(f"misses its cut by {_span(-spare)}")
        elif spare is not None and spare < TIGHT:
            risk.append(f"only {_span(spare)} to spare")
        if truck <= now and any(work.open for work in works):
            told_by = truck + shop.press.speaks_within() + ACK_GRACE
            (late if now > told_by else risk).append("has left, and not all is said to be on it")
        if missing and not late:
            late.append("pieces will miss")
        if shop.press.standing not in (Standing.OPEN, Standing.COOLING):
            risk.append(f"its printer {shop.press.standing.told}")
        needed, made = lane.needed_per_hour(truck), lane.made_per_hour
        if needed is not None and made is not None and lane.busy and needed > made:
            risk.append("makes fewer an hour than it needs")
        if doubted := sum(work.in_doubt for work in works):
            risk.append(f"{doubted} in doubt")
        if short := sum(work.short for work in works):
            risk.append(f"{short} short")
        stale = self._stale(shop)
        light = Light.LATE if late else Light.RISK if risk else Light.STALE if stale else Light.OK
        return light, (*late, *risk, *stale)

    def _stale(self, shop: Shop) -> list[str]:
        """Why what is known of a printer is not to be relied on.

        It has to be asked as long as it has anything that is not loaded. Its silence is a sign only while there is something to
        print: from then until the truck leaves it has nothing to say, and what it does not say after that is a risk of its own.
        """
        found = [] if self._fresh else ["the plan is not fresh"]
        works = self._lanes[shop.press.printer_id].works
        if any(work.handed_over for work in works) and (
            shop.asked_at is None or self._now - shop.asked_at > ASKED_WITHIN
        ):
            return [*found, "its acknowledgements are not asked for"]
        there = [work for work in works if work.at_printer]
        if not there:
            return found
        since = shop.heard_at or min(work.frozen_at for work in there)
        if self._now - since > shop.press.speaks_within() + ACK_GRACE:
            found.append(f"nothing heard for {_span(self._now - since)}")
        return found

    def _last_reroute(self, printer_id: str, works: Sequence[Work], meant: Sequence[Meant]) -> datetime | None:
        """Until when all that is not printed could go elsewhere and be in time; None where there is nothing, or it cannot."""
        pieces: dict[BatchKey, int] = defaultdict(int)
        due: dict[BatchKey, datetime] = {}
        wanted = [(work.key, work.unprinted, work.due_at) for work in works if work.unprinted]
        for key, count, due_at in [*wanted, *((one.key, one.pieces, one.first_due) for one in meant)]:
            pieces[key] += count
            due[key] = min(due_at, due.get(key, due_at))
        others = [bench for other, bench in self._benches.items() if other != printer_id]
        lasts = [_last_freeze(others, key, count, due[key]) for key, count in pieces.items()]
        known = [last for last in lasts if last is not None]
        return min(known) if known and len(known) == len(lasts) else None


def meant_for_trucks(
    dues: Mapping[BatchKey, Sequence[tuple[float, int]]],
    waits: Sequence[tuple[BatchKey, str, int]],
    trucks: Mapping[str, Sequence[float]],
) -> list[Meant]:
    """What waits, by printer and truck: `dues` as the backlog has them, `waits` (key, printer, pieces) as the plan spreads them.

    A printer gets its part of every due time. `trucks` are epoch seconds, ascending, by printer; one without any gets nothing.
    """
    found: dict[tuple[str, BatchKey, float], float] = defaultdict(float)
    first: dict[tuple[str, BatchKey, float], float] = {}
    for key, printer_id, pieces in waits:
        leaving = trucks.get(printer_id, ())
        all_ = sum(count for _, count in dues.get(key, ()))
        if not leaving or not all_:
            continue
        for due, count in dues[key]:
            truck = max((one for one in leaving if one <= due), default=leaving[0])
            found[printer_id, key, truck] += count * pieces / all_
            first.setdefault((printer_id, key, truck), due)
    return [
        Meant(printer_id, key, as_time(truck), round(count), as_time(first[printer_id, key, truck]))
        for (printer_id, key, truck), count in found.items()
        if round(count)
    ]


def _last_freeze(benches: Sequence[Bench], key: BatchKey, pieces: int, due_at: datetime) -> datetime | None:
    """The last moment for freezing these pieces for one of these presses."""
    lasts = []
    for bench in benches:
        if bench.press.lacks(key) or not bench.open:
            continue
        due, work_s = bench.deadline(due_at.timestamp(), CAUTIONS[-1]), bench.setup_s + bench.run_s(key, pieces)
        if due is not None and bench.base + work_s <= due.cut:
            lasts.append(bench.close_by(due.cut - work_s))
    return as_time(max(lasts)) if lasts else None


def _span(span: timedelta) -> str:
    minutes = max(1, round(span.total_seconds() / 60))
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d}"

"""One printer's work in the order in which its press takes it: when each batch is printed, and what that leaves before each truck.

Work is in worked seconds of the press, as the planner has it; where the press was slower lately than its profile says, it is
taken to stay so.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from pipeline.sla.presses import ACK_GRACE, EPSILON_S, LINE_OVERHEAD, Bench
from pipeline.sla.work import RATE_OVER, Meant, Work, as_time

NO_TRUCK = timedelta(days=30)
"""What no truck in sight takes counts as mailed so far away."""

_SLOWEST = 0.2
"""A press that made less than this part of what it can is not slow but stopped, which its acknowledgements tell."""


class Lane:
    """`works` are a printer's open batches, `meant` what waits for it; `made` is what it made in `RATE_OVER`, None if unknown."""

    def __init__(
        self, bench: Bench, works: Sequence[Work], meant: Sequence[Meant], now: datetime, *, made: int | None
    ) -> None:
        self._bench = bench
        self._now = now
        self._at = bench.shifts.worked(now.timestamp()) if bench.shifts.opens else 0.0
        self.works = sorted(works, key=lambda work: (work.frozen_at, work.batch_id))
        self.meant = sorted(meant, key=lambda one: one.truck)
        self.made_per_hour = None if made is None else made * (timedelta(hours=1) / RATE_OVER)
        unprinted = [work for work in self.works if work.unprinted]
        # Only what had work for all that time shows what it can do.
        self.busy = bool(unprinted) and unprinted[0].frozen_at + LINE_OVERHEAD <= now - RATE_OVER
        self._pace = self._slowed(unprinted)
        self._done = self._ends()

    def trucks(self) -> list[datetime]:
        """The trucks for which there is something, the soonest first."""
        return sorted({work.mail_by for work in self.works} | {one.truck for one in self.meant})

    def of(self, truck: datetime) -> tuple[list[Work], list[Meant]]:
        return [one for one in self.works if one.mail_by == truck], [one for one in self.meant if one.truck == truck]

    def finish(self, truck: datetime) -> datetime | None:
        """When the last piece for a truck is printed, as far as can be foreseen; None where all are."""
        end = self._last(truck)
        return None if end is None else as_time(self._bench.shifts.moment(end))

    def spare(self, truck: datetime) -> timedelta | None:
        """Press time between the last print and the truck's cut; negative when it is late; None where nothing is to print."""
        end = self._last(truck)
        return None if end is None else timedelta(seconds=self._cut(truck) - end)

    def latest_start(self, truck: datetime) -> datetime | None:
        """When the press has to begin with what this and earlier trucks take, at its full speed; None where nothing is to print."""
        work_s = self._work_until(truck)
        if not work_s or not self._bench.shifts.opens:
            return None
        return as_time(self._bench.shifts.latest(self._cut(truck) - work_s))

    def needed_per_hour(self, truck: datetime) -> float | None:
        """Pieces an open hour for this and earlier trucks; None where nothing is to print, infinite where no time is left."""
        pieces = sum(work.unprinted for work in self.works if work.mail_by <= truck)
        pieces += sum(one.pieces for one in self.meant if one.truck <= truck)
        left_s = self._cut(truck) - self._at
        if not pieces:
            return None
        return 3600.0 * pieces / left_s if left_s > EPSILON_S else float("inf")

    def suspects(self) -> dict[str, datetime]:
        """Batches that no truck takes before their first piece is due, and the first truck that does."""
        found = {}
        for work in self.works:
            if work.open:
                truck = self._truck_of(work)
                if truck > work.due_at:
                    found[work.batch_id] = truck
        return found

    def _truck_of(self, work: Work) -> datetime:
        """The truck on which the last piece of a batch leaves. One that has just left is believed to have what was printed."""
        told_by = work.mail_by + self._bench.press.speaks_within() + ACK_GRACE
        printed = not work.unprinted
        if printed and self._now <= told_by:
            return work.mail_by
        cuts = self._bench.cuts[0]
        ready = self._at if printed else self._done[work.batch_id]
        fits = (
            truck for truck, cut in zip(self._bench.trucks, cuts, strict=True) if printed or cut >= ready - EPSILON_S
        )
        truck = next(fits, None)
        return self._now + NO_TRUCK if truck is None else as_time(truck)

    def _cut(self, truck: datetime) -> float:
        hours = self._bench.shifts
        return hours.worked(truck.timestamp() - 60.0 * self._bench.press.floor.lead_minutes) if hours.opens else 0.0

    def _last(self, truck: datetime) -> float | None:
        works, meant = self.of(truck)
        ends = [self._done[work.batch_id] for work in works if work.unprinted]
        if meant and self._bench.shifts.opens:
            ends.append(self._meant_done(truck))
        return max(ends) if ends and self._bench.shifts.opens else None

    def _meant_done(self, truck: datetime) -> float:
        """What waits is printed behind all batches, and in the order of its trucks."""
        behind = max(self._done.values(), default=max(self._at, self._bench.earliest))
        return behind + sum(self._meant_s(one) for one in self.meant if one.truck <= truck) / self._pace

    def _work_until(self, truck: datetime) -> float:
        works_s = sum(self._work_s(work) for work in self.works if work.mail_by <= truck)
        return works_s + sum(self._meant_s(one) for one in self.meant if one.truck <= truck)

    def _ends(self) -> dict[str, float]:
        """The worked second at which each batch that is not printed will be."""
        ends: dict[str, float] = {}
        at = self._at
        for work in self.works:
            if not work.unprinted:
                continue
            run_s = self._work_s(work) / self._pace
            if not ends and work.at_printer:
                run_s -= min(self._under_way_s(work), run_s)
            at = max(at, self._bench.shifts.worked((work.frozen_at + LINE_OVERHEAD).timestamp())) + run_s
            ends[work.batch_id] = at
        return ends

    def _under_way_s(self, work: Work) -> float:
        """How long the first batch can have been on the press: since it came, or since another was printed."""
        hours, printed_at = self._bench.shifts, self._bench.press.printed_at
        if printed_at is None or work.unprinted < work.pieces:
            return 0.0
        came = hours.worked((work.frozen_at + LINE_OVERHEAD).timestamp())
        return max(0.0, self._at - max(came, hours.worked(printed_at.timestamp())))

    def _slowed(self, unprinted: Sequence[Work]) -> float:
        """What part of its profile's speed the press has."""
        work_s = sum(self._work_s(work) for work in unprinted)
        if not self.busy or not self.made_per_hour or not work_s:
            return 1.0
        able = 3600.0 * sum(work.unprinted for work in unprinted) / work_s
        return min(1.0, max(_SLOWEST, self.made_per_hour / able))

    def _work_s(self, work: Work) -> float:
        """Press time of what is not printed; a batch of which something is has been set up."""
        if not work.unprinted:
            return 0.0
        pace = self._bench.press.pace.get(work.key.product)
        speed = self._bench.press.floor.sheets_per_hour if pace is None else pace.sheets_per_hour
        sheets = -(-work.sheets * work.unprinted // work.pieces)
        begun = work.unprinted < work.pieces and not work.reprints
        return 3600.0 * sheets / speed + (0.0 if begun else self._bench.setup_s)

    def _meant_s(self, one: Meant) -> float:
        if one.key.product not in self._bench.press.pace:
            return 0.0
        return self._bench.setup_s + self._bench.run_s(one.key, one.pieces)

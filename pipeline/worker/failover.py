"""Failover: what a printer cannot be given, or does not speak of, goes to another one that can make it.

Before the hand-over a drop is moved freely; from then on only a won recall moves it, which the stage of that name tries. Where the
printer does not take drops by renaming, that wins only what was not handed over yet. Whatever is moved is planned again, with the
barcode, the indicia and the layout of its new printer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Row

from pipeline.errors import Permanent
from pipeline.lifecycle import DropStatus
from pipeline.models.profile import Floor, PrinterProfile, proves_by_renaming
from pipeline.ports import Doorbell, Note, is_of_printer
from pipeline.press.sheets.layout import n_up
from pipeline.products import PRODUCTS
from pipeline.repository import backlog, stranded
from pipeline.repository.aside import FAILOVER, Aside, set_drop_aside
from pipeline.repository.printers import Deed, record
from pipeline.repository.suspensions import closed_days, read_suspensions
from pipeline.repository.tables import PAGE
from pipeline.sla.calendar import trucks_between
from pipeline.sla.presses import ACK_GRACE, LINE_OVERHEAD
from pipeline.sla.shifts import worked_on
from pipeline.stages.recall import ask_recall
from pipeline.stages.stage import Context
from pipeline.worker.floor import profile_of

log = structlog.get_logger()

OUTAGE = timedelta(minutes=20)
"""A drop that fails for so long since it was first put is moved, however much time is left; one that fails for so long since its
hand-over began is asked back."""

CRAWL = timedelta(minutes=60)
"""A drop whose files are being put for so long fails, even if its printer takes a byte now and then."""

RESERVE = timedelta(minutes=30)
"""It is moved sooner where the last start elsewhere that keeps its promise is no further away than this."""


@dataclass(frozen=True)
class Stranded:
    """A drop that was not handed over, as the rule sees it; `since` is when its printer was first to be given it.

    `failed` is the code of the last failure, if that was the printer's.
    """

    product: str
    stock: str
    mail_class: str
    sheets: int
    since: datetime
    due_at: datetime
    failed: str | None = None
    out_of_use: bool = False


def reason_to_move(drop: Stranded, others: Sequence[PrinterProfile], at: datetime) -> str | None:
    """Why a drop is moved away from its printer at `at`; None while it stays. `others` are the printers that are open.

    It stays where nobody else can make it. It goes at once from a printer that is out of use; after `OUTAGE` from one that cannot
    be given it; and before that, where waiting longer would let the last chance elsewhere pass.
    """
    able = [one for one in others if can_make(one, drop)]
    if not able:
        return None
    if drop.out_of_use:
        return "its printer is out of use"
    if drop.failed is None:
        return None
    if at - drop.since >= OUTAGE:
        return f"it could not be handed over for {_minutes(at - drop.since)} minutes ({drop.failed})"
    starts = [start for one in able if (start := last_start(one, drop, at)) is not None and start >= at]
    if starts and max(starts) - at <= RESERVE:
        return f"another printer keeps its promise only if it starts within {_minutes(max(starts) - at)} minutes ({drop.failed})"
    return None


def can_make(profile: PrinterProfile, drop: Stranded) -> bool:
    """Whether a printer makes what is in this drop."""
    if drop.product not in profile.products or drop.stock not in profile.stocks:
        return False
    if drop.mail_class not in profile.classes or drop.product not in PRODUCTS:
        return False
    try:
        return n_up(PRODUCTS[drop.product], profile.imposition) > 0
    except Permanent:
        return False


def last_start(profile: PrinterProfile, drop: Stranded, at: datetime) -> datetime | None:
    """The latest moment at which this printer can be given the drop's pieces for them to be mailed by `due_at`."""
    floor = profile.floor
    trucks = trucks_between(at, drop.due_at, floor.zoneinfo, floor.trucks)
    if not trucks:
        return None
    printing = timedelta(minutes=floor.setup_minutes, hours=drop.sheets / floor.sheets_per_hour)
    return max(trucks) - timedelta(minutes=floor.lead_minutes) - printing - LINE_OVERHEAD


class Failover:
    """`run` looks at every drop that does not get on. Only live mail has printers that fail."""

    def __init__(self, context: Context, doorbell: Doorbell) -> None:
        self._context = context
        self._doorbell = doorbell

    def run(self) -> None:
        with self._context.db.read() as tx:
            at = self._context.line_clock.read(tx, {""})[""]
            waiting = stranded.waiting_drops(tx, self._context.mode)
            half = stranded.half_handed_over(tx, self._context.mode, at - OUTAGE)
            closed = read_suspensions(tx, at.date())
            unheard = [
                one
                for one in stranded.unheard_drops(tx, self._context.mode, at)
                if at >= _heard_by(one, closed_days(closed, printer=one.printer_id))
            ]
            printers = backlog.open_printers(tx, self._context.mode, None, at) if waiting or half or unheard else []
        profiles = {row.id: profile for row in printers if (profile := profile_of(row)) is not None}
        for drop in waiting:
            self._move(drop, _others(profiles, drop), at)
        for drop in half:
            self._see_to_half(drop, _others(profiles, drop), at)
        for drop in unheard:
            if drop.silent_at is None:
                self._tell_silence(drop, at)
            # Elsewhere a recall proves nothing: what is silent there waits for its printer's word, or an operator's.
            if drop.recall_state is None and proves_by_renaming(drop.profile):
                self._take_back(drop, _others(profiles, drop), at)

    def _move(self, drop: Row[Any], others: Sequence[PrinterProfile], at: datetime) -> None:
        reason = reason_to_move(_stranded(drop, at), others, at)
        if reason is None:
            return
        now = self._context.machine_clock()
        with self._context.db.write() as tx:
            why = Aside(DropStatus.VOID, FAILOVER, reason, at, now)
            freed = set_drop_aside(tx, drop.id, why, ids=self._context.ids)
            if freed is None:
                return
            data = {"drop": drop.stem, "printer": drop.printer, "pieces": len(freed)}
            record(tx, "batch.failover", drop.batch_id, Deed(FAILOVER, now, reason), data, ids=self._context.ids)
        log.warning("drop.moved", drop=drop.stem, printer=drop.printer, reason=reason, pieces=len(freed))

    def _see_to_half(self, drop: Row[Any], others: Sequence[PrinterProfile], at: datetime) -> None:
        """A drop whose rename was made or not: asked back where somebody else can make it, and told of once it fails for long."""
        half = _stranded(drop, at)
        waited = at - drop.handing_over_at
        fails = half.failed is not None and waited >= OUTAGE
        asks = drop.recall_state is None and (half.out_of_use or fails)
        if asks and any(can_make(one, half) for one in others):
            why = f"its hand-over could not be ended for {_minutes(waited)} minutes ({half.failed})"
            self._ask_back(drop, "its printer is out of use" if half.out_of_use else why)
        if fails and self._note_silence(drop, at):
            log.error(
                "drop.half_handed_over",
                drop=drop.stem,
                printer=drop.printer,
                minutes=_minutes(waited),
                code=half.failed,
                runbook="drop-half-handed-over",
            )

    def _note_silence(self, drop: Row[Any], at: datetime) -> bool:
        with self._context.db.write() as tx:
            return stranded.note_silence(tx, drop.id, at)

    def _tell_silence(self, drop: Row[Any], at: datetime) -> None:
        """The pieces' promises are at risk from here on; the alarm comes once a drop."""
        while True:
            with self._context.db.write() as tx:
                now = self._context.machine_clock()
                marked = stranded.mark_silent(tx, drop, at=at, now=now, ids=self._context.ids, limit=PAGE)
            if marked is None:
                log.error(
                    "printer.silent",
                    drop=drop.stem,
                    printer=drop.printer,
                    minutes=_minutes(at - drop.at_printer_since),
                    runbook="printer-silent",
                )
            if marked is None or len(marked) < PAGE:
                return

    def _take_back(self, drop: Row[Any], others: Sequence[PrinterProfile], at: datetime) -> None:
        """Ask for a recall while somebody else can still keep the promise. Where the printer has it, the recall is lost."""
        wanted = _stranded(drop, at)
        starts = [last_start(one, wanted, at) for one in others if can_make(one, wanted)]
        if not any(start is not None and start >= at for start in starts):
            return
        self._ask_back(drop, f"its printer has said nothing for {_minutes(at - drop.at_printer_since)} minutes")

    def _ask_back(self, drop: Row[Any], reason: str) -> None:
        with self._context.db.write() as tx:
            asked = ask_recall(tx, drop.id, FAILOVER, reason)
        if asked:
            self._doorbell.ring(Note("recall", self._context.mode))


def _heard_by(drop: Row[Any], closed: frozenset[date]) -> datetime:
    """When a printer should have spoken of a drop, in the hours in which somebody is there: the planner's own measure."""
    profile = profile_of(drop)
    floor = Floor() if profile is None else profile.floor
    floor = floor.model_copy(update={"closed_dates": tuple(sorted(closed.union(floor.closed_dates)))})
    return worked_on(floor, drop.at_printer_since, timedelta(minutes=floor.ack_minutes) + ACK_GRACE)


def _others(profiles: dict[str, PrinterProfile], drop: Row[Any]) -> list[PrinterProfile]:
    return [profile for printer_id, profile in profiles.items() if printer_id != drop.printer_id]


def _stranded(drop: Row[Any], at: datetime) -> Stranded:
    return Stranded(
        product=drop.product,
        stock=drop.stock,
        mail_class=drop.mail_class,
        sheets=drop.sheets,
        since=drop.putting_since or drop.frozen_at,
        due_at=drop.due_at,
        failed=_failure(drop, at),
        out_of_use=drop.suspended_at is not None or drop.printer_quarantined_at is not None,
    )


def _failure(drop: Row[Any], at: datetime) -> str | None:
    """The code of what keeps a drop from its printer. Where it is of our own making, no other printer would be given it sooner."""
    if drop.tries:
        return drop.last_error if is_of_printer(drop.last_error or "") else None
    crawls = drop.putting_since is not None and at - drop.putting_since >= CRAWL
    return "printer_slow" if crawls else None


def _minutes(span: timedelta) -> int:
    return round(span.total_seconds() / 60)

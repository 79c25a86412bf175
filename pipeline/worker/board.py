"""The board as it stands now: counted in a few statements, laid out by `pipeline.sla.board`."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row

from pipeline.lifecycle import BatchStatus, Cause
from pipeline.repository import board as counts
from pipeline.repository.backlog import known_printers, standing
from pipeline.sla.board import Floor, Miss, Shop, TruckRow, Unread
from pipeline.sla.lots import BatchKey
from pipeline.sla.planner import Shortfall
from pipeline.sla.work import RATE_OVER, Step, Work
from pipeline.worker.floor import profile_of, read_presses
from pipeline.worker.plan_notes import read_note

FRESH_FOR = timedelta(seconds=60)
"""A plan that is older says nothing of what waits now."""

_DOUBLED_FOR = timedelta(days=7)
"""How long the board shows what may be mailed twice: by then the first scans have told. The report counts it for ever."""

_MOST_CAUSES = 8
_NOT_NAMED = "others"
_STEPS = {
    BatchStatus.SENT: Step.SENT,
    BatchStatus.IN_DOUBT: Step.SENT,
    BatchStatus.ACCEPTED: Step.ACCEPTED,
    BatchStatus.PRINTED: Step.PRINTED,
    BatchStatus.MAILED: Step.LOADED,
}
_MADE = {"printed": Step.PRINTED, "inserted": Step.INSERTED, "mailed": Step.LOADED}
_BACKWARDS = (Step.INSERTED, Step.PRINTED, Step.ACCEPTED, Step.SENT)


@dataclass(frozen=True)
class Stuck:
    """Pieces without a batch whose promise will be missed, or that nobody can make, and why."""

    key: BatchKey
    pieces: int
    first_due: datetime
    cause: Cause
    misses: tuple[Miss, ...]


@dataclass(frozen=True)
class Held:
    """Pieces that wait for a decision: why, since when the oldest does, and whose decision that is; and one of them."""

    code: str
    name: str
    pieces: int
    since: datetime
    stops_count: bool
    example: str


@dataclass(frozen=True)
class Doubted:
    """A drop of which nobody can tell whether its printer has it."""

    batch_id: str
    drop: str
    printer: str
    pieces: int
    since: datetime


@dataclass(frozen=True)
class Doubled:
    """A drop that was given up though its printer may have made it; `pieces` of it were made again, and may be mailed twice."""

    batch_id: str
    drop: str
    printer: str
    pieces: int
    since: datetime


@dataclass(frozen=True)
class PrinterLine:
    """`state` is its standing, or invalid where its profile cannot be read."""

    name: str
    state: str
    heard_at: datetime | None
    trouble: str | None = None


@dataclass(frozen=True)
class Board:
    """`planned_at` is None where no plan was ever made; `fresh` says whether the tick goes on and its plan is new."""

    at: datetime
    planned_at: datetime | None
    fresh: bool
    waiting: int
    trucks: tuple[TruckRow, ...]
    stuck: tuple[Stuck, ...]
    held: tuple[Held, ...]
    doubted: tuple[Doubted, ...]
    doubled: tuple[Doubled, ...]
    printers: tuple[PrinterLine, ...]


@dataclass(frozen=True)
class Suspect:
    """A batch some of whose pieces will miss: those that are due before `truck`, the first that can take them."""

    batch_id: str
    truck: datetime
    cause: Cause


def suspects(tx: Connection, now: datetime) -> Iterator[Suspect]:
    """Of live mail, by what is known of its printers now."""
    works = {work.batch_id: work for work in _works(tx, now)}
    if not works:
        return
    shops, _ = _shops(tx, known_printers(tx, "live", None, now), counts.printed_since(tx, now - RATE_OVER), now)
    names = {shop.press.printer_id: shop.name for shop in shops}
    for batch_id, truck in Floor(shops, list(works.values()), [], now).suspects().items():
        name = names[works[batch_id].printer_id]
        if works[batch_id].unprinted:
            cause = Cause("press_behind", f"{name} cannot have it printed in time for the last truck before it is due")
        else:
            cause = Cause("left_behind", f"{name} has not said that the truck took it")
        yield Suspect(batch_id, truck, cause)


def look(tx: Connection, now: datetime) -> Board:
    """The board of live mail, whose line clock is the machine clock."""
    rows = known_printers(tx, "live", None, now)
    made = counts.printed_since(tx, now - RATE_OVER)
    shops, broken = _shops(tx, rows, made, now)
    noted, leads_until = read_note(tx), counts.tick_until(tx)
    fresh = noted is not None and now - noted.at <= FRESH_FOR and leads_until is not None and leads_until > now
    known = {shop.press.printer_id for shop in shops}
    works = _works(tx, now)
    meant = [one for one in noted.meant if one.printer_id in known] if noted else []
    unread = [Unread(row.id, row.name, row.last_ack_at) for row in rows if row.id in broken]
    floor = Floor(shops, works, meant, now, fresh=fresh, unread=unread)
    return Board(
        at=now,
        planned_at=noted.at if noted else None,
        fresh=fresh,
        waiting=noted.waiting if noted else 0,
        trucks=tuple(floor.rows(_misses(tx, works, floor.suspects()))),
        stuck=tuple(_stuck(tx, noted.shortfalls if noted else ())),
        held=tuple(_held(row) for row in counts.open_holds(tx)),
        doubted=tuple(
            Doubted(row.batch_id, row.stem, row.name, row.pieces, row.handing_over_at)
            for row in counts.doubted_drops(tx)
        ),
        doubled=tuple(
            Doubled(row.batch_id, row.stem, row.name, row.pieces, row.set_aside_at)
            for row in counts.doubled_drops(tx, now - _DOUBLED_FOR)
        ),
        printers=tuple(PrinterLine(row.name, _state(row, broken), row.last_ack_at, row.trouble) for row in rows),
    )


def _shops(
    tx: Connection, rows: Sequence[Row[Any]], made: Mapping[str, int], now: datetime
) -> tuple[list[Shop], set[str]]:
    """The printers, and the ids of those whose profile cannot be read."""
    broken = {row.id for row in rows if profile_of(row) is None}
    readable = [row for row in rows if row.id not in broken]
    shops = [
        Shop(
            name=row.name,
            press=press,
            heard_at=row.last_ack_at,
            asked_at=_asked_at(row, now),
            # A printer that was heard of and printed nothing in that time made none.
            made=None if row.last_ack_at is None else made.get(row.id, 0),
        )
        for row, press in zip(readable, read_presses(tx, readable, now), strict=True)
    ]
    return shops, broken


def _asked_at(row: Row[Any], now: datetime) -> datetime | None:
    """A printer is asked again at `poll_at`: while that lies ahead, it was asked lately, unless asking failed."""
    if row.poll_at is None or row.tries:
        return None
    asked: datetime = min(row.poll_at, now)
    return asked


def _state(row: Row[Any], broken: set[str]) -> str:
    return "invalid" if row.id in broken else standing(row).value


def _works(tx: Connection, now: datetime) -> list[Work]:
    rows = counts.open_batches(tx, now)
    places: dict[str, list[Row[Any]]] = defaultdict(list)
    counted = [row.id for row in rows if row.by_piece and row.status != BatchStatus.MAILED]
    for place in counts.places(tx, counted) if counted else ():
        places[place.batch_id].append(place)
    left = [row.id for row in rows if row.status == BatchStatus.PRINTED and row.mail_by <= now]
    gone = counts.gone(tx, left) if left else {}
    return [_work(row, places.get(row.id), gone.get(row.id, 0)) for row in rows]


def _work(row: Row[Any], places: Sequence[Row[Any]] | None, gone: int) -> Work:
    steps: dict[Step, int] = defaultdict(int)
    reprints = short = 0
    if places is None:
        steps[_whole(row)] = row.pieces
    for place in places or ():
        unmade = place.all - place.printed - place.inserted - place.mailed
        steps[_unmade(place)] += unmade
        for state, step in _MADE.items():
            steps[step] += getattr(place, state)
        reprints += unmade if place.revision else 0
        # Others of the same revision have gone on without them.
        short += unmade if place.inserted or place.mailed else 0
    _load(steps, gone)
    key = BatchKey("live", None, row.product, row.stock, row.mail_class, row.sheets_per_piece)
    return Work(
        batch_id=row.id,
        printer_id=row.printer_id,
        key=key,
        frozen_at=row.frozen_at,
        due_at=row.due_at,
        mail_by=row.mail_by,
        pieces=row.pieces,
        sheets=row.sheets,
        steps=dict(steps),
        reprints=reprints,
        short=short,
        in_doubt=row.status == BatchStatus.IN_DOUBT,
    )


def _whole(row: Row[Any]) -> Step:
    """How far a batch is whose pieces are all equally far."""
    status = BatchStatus(row.status)
    made = None if row.made is None or status is BatchStatus.MAILED else _MADE[counts.MADE[row.made]]
    return made or _STEPS.get(status, Step.UNSENT)


def _unmade(place: Row[Any]) -> Step:
    return Step.ACCEPTED if not place.revision else Step.UNSENT if place.unsent else Step.SENT


def _load(steps: dict[Step, int], gone: int) -> None:
    """What the carrier has, it has, though the printer did not say so."""
    more = max(0, gone - steps[Step.LOADED])
    for step in _BACKWARDS:
        moved = min(more, steps[step])
        steps[step] -= moved
        steps[Step.LOADED] += moved
        more -= moved


def _misses(tx: Connection, works: Sequence[Work], suspects: Mapping[str, datetime]) -> dict[str, Mapping[str, int]]:
    """By batch and account. Beyond so many pieces it is not said whose they are: then it is everybody's."""
    asked: dict[str, datetime] = {}
    found: dict[str, Mapping[str, int]] = {}
    left = counts.MOST_NAMED
    for work in sorted((work for work in works if work.batch_id in suspects), key=lambda work: work.due_at):
        if work.open <= left:
            asked[work.batch_id] = suspects[work.batch_id]
            left -= work.open
        else:
            found[work.batch_id] = {_NOT_NAMED: work.open}
    return found | dict(counts.misses(tx, asked))


def _stuck(tx: Connection, shortfalls: Sequence[Shortfall]) -> list[Stuck]:
    first = sorted(shortfalls, key=lambda one: one.first_due)[:_MOST_CAUSES]
    each = counts.MOST_NAMED // _MOST_CAUSES
    return [
        Stuck(one.key, one.pieces, one.first_due, one.cause, _whose(tx, one, min(one.pieces, each))) for one in first
    ]


def _whose(tx: Connection, one: Shortfall, looked_at: int) -> tuple[Miss, ...]:
    key = one.key
    this = counts.of_key(key.product, key.stock, key.mail_class, key.sheets)
    named = tuple(Miss(row.name, row.pieces) for row in counts.waiting_accounts(tx, this, one.first_due, looked_at))
    return named if looked_at == one.pieces else (*named, Miss(_NOT_NAMED, one.pieces - looked_at))


def _held(row: Row[Any]) -> Held:
    return Held(row.code, row.name if row.stops_count else row.by, row.pieces, row.since, row.stops_count, row.example)

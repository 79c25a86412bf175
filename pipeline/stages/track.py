"""Track: ask the carrier for scans and move pieces by them. Late, repeated and out-of-order scans change nothing wrongly."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, update

from pipeline.errors import Transient
from pipeline.lifecycle import (
    ENDED,
    PROMISE_KEPT_BY,
    REACHED_FROM,
    Basis,
    Move,
    SlaState,
    Snapshot,
    Status,
    promise_after,
)
from pipeline.ports import Carrier, Scan
from pipeline.repository.batches import end_doubt
from pipeline.repository.claims import FREED
from pipeline.repository.many import insert_many
from pipeline.repository.moves import correct, move, snapshot_in
from pipeline.repository.tables import pieces, scans
from pipeline.stages.scan_meaning import meaning
from pipeline.stages.stage import Context, Done

GIVE_UP = timedelta(days=45)
"""How long after acceptance a carrier is asked; an IMb may come again after 45 days (USPS)."""
_IN_ORDER = (Status.IN_TRANSIT, Status.REROUTED, Status.OUT_FOR_DELIVERY, Status.DELIVERED, Status.RETURNED)
_NOT_MAILED = (Status.BATCHED, Status.SENT, Status.PRINTED)


class Track:
    name = "track"
    table = pieces
    limit = 500

    def __init__(self, context: Context, carrier: Carrier, *, poll_s: float, delivery_codes: Collection[str]) -> None:
        self._context = context
        self._carrier = carrier
        self._poll = timedelta(seconds=poll_s)
        self._delivery_codes = delivery_codes

    def where(self) -> ColumnElement[bool]:
        reached = self._context.line_clock.reached(pieces.c.poll_at, pieces.c.account_id)
        return and_(pieces.c.mode == self._context.mode, pieces.c.poll_at.is_not(None), reached)

    def order_by(self) -> Sequence[ColumnElement[Any]]:
        return (pieces.c.poll_at,)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        try:
            found = self._carrier.scans([row.imb for row in rows])
        except Transient as error:
            return Done(lambda _tx, _now: (), later={row.id: error for row in rows})
        return Done(lambda tx, now: self._save(tx, rows, found, now))

    def _save(
        self, tx: Connection, rows: Sequence[Row[Any]], found: Mapping[str, list[Scan]], now: datetime
    ) -> set[str]:
        self._keep(tx, rows, found, now)
        at = self._context.line_clock.read(tx, {row.account_id for row in rows})
        standing = {row.id: snapshot_in(row) for row in rows}
        told = {row.id: self._first_of_each(found.get(row.imb, [])) for row in rows}
        settled: set[str] = set()
        for status in _IN_ORDER:
            wishes = [
                self._wish(piece, status, told[piece.id][status], at[piece.account_id])
                for piece in standing.values()
                if _shows(told[piece.id], piece.status, status)
            ]
            moved = move(tx, wishes, now=now, ids=self._context.ids)
            standing.update({wish.piece.id: _after(wish) for wish in wishes if wish.piece.id in moved})
            settled |= moved
        end_doubt(tx, settled, now=now)
        self._correct(tx, standing.values(), told, now)
        return settled | self._ask_again(tx, rows, at)

    def _correct(
        self, tx: Connection, standing: Iterable[Snapshot], told: Mapping[str, Mapping[Status, Scan]], now: datetime
    ) -> None:
        """A scan from before `due_at` keeps the promise, even where later ones came first."""
        late = [
            (piece, first.at, {"scan": _dedup(first), "basis": Basis.SCAN})
            for piece in standing
            if piece.sla_state is SlaState.BREACHED and piece.status in PROMISE_KEPT_BY and told[piece.id]
            for first in [min(told[piece.id].values(), key=lambda one: one.at)]
            if first.at <= piece.due_at
        ]
        correct(tx, late, now=now, ids=self._context.ids)

    def _first_of_each(self, history: Collection[Scan]) -> dict[Status, Scan]:
        """The earliest scan that shows each status."""
        first: dict[Status, Scan] = {}
        for scan in sorted(history, key=lambda one: one.at, reverse=True):
            shown = meaning(scan, self._delivery_codes)
            if shown is not None:
                first[shown] = scan
        return first

    def _wish(self, piece: Snapshot, to: Status, scan: Scan, line_now: datetime) -> Move:
        sets: dict[str, Any] = {"poll_at": None if to in ENDED else line_now + self._poll}
        if piece.status in _NOT_MAILED:
            sets |= {"mailed_at": scan.at, "mailed_basis": Basis.SCAN}
        if to is Status.DELIVERED:
            sets["delivered_basis"] = Basis.SCAN
        evidence = {"scan": _dedup(scan), "code": scan.code, "phase": scan.phase, "basis": Basis.SCAN}
        return Move(piece, to, scan.at, evidence, sets)

    def _keep(self, tx: Connection, rows: Sequence[Row[Any]], found: Mapping[str, list[Scan]], now: datetime) -> None:
        """Every scan is kept once, however often it is told."""
        new = [self._scan_row(row, scan, now) for row in rows for scan in found.get(row.imb, [])]
        if new:
            insert, parameters = insert_many(tx, scans, new)
            once = insert.on_conflict_do_nothing(index_elements=["piece_id", "dedup"])
            tx.execute(once.returning(scans.c.id), parameters)

    def _scan_row(self, row: Row[Any], scan: Scan, now: datetime) -> dict[str, Any]:
        return {
            "id": self._context.ids.new("sc"),
            "piece_id": row.id,
            "mode": row.mode,
            "dedup": _dedup(scan),
            "at": scan.at,
            "code": scan.code,
            "phase": scan.phase,
            "handling": scan.handling,
            "facility_zip": scan.facility_zip,
            "facility_city": scan.facility_city,
            "facility_state": scan.facility_state,
            "machine": scan.machine,
            "received_at": now,
        }

    def _ask_again(self, tx: Connection, rows: Sequence[Row[Any]], at: Mapping[str, datetime]) -> set[str]:
        """When to look at those that did not move; a piece nobody has heard of for `GIVE_UP` is left alone."""
        saved: set[str] = set()
        for account_id in sorted({row.account_id for row in rows}):
            line_now = at[account_id]
            mine = and_(pieces.c.claim_token == rows[0].claim_token, pieces.c.account_id == account_id)
            for old, next_poll in ((True, None), (False, line_now + self._poll)):
                aged = pieces.c.accepted_at < line_now - GIVE_UP
                later = update(pieces).where(mine, aged if old else ~aged).values(poll_at=next_poll, **FREED)
                saved |= set(tx.execute(later.returning(pieces.c.id)).scalars())
        return saved


def _shows(told: Mapping[Status, Scan], now: Status, to: Status) -> bool:
    """Whether the scans move a piece on. A detour and the way on lead to each other: the later scan decides, once."""
    if to not in told or now not in REACHED_FROM[to]:
        return False
    return Status.REROUTED not in (now, to) or now not in told or told[to].at > told[now].at


def _after(done: Move) -> Snapshot:
    state, extra = promise_after(done)
    return done.piece._replace(status=done.to, sla_state=state, revision=done.piece.revision + (2 if extra else 1))


def _dedup(scan: Scan) -> str:
    key = (scan.imb[:20], scan.at.isoformat(), scan.code, scan.facility_zip, scan.handling)
    return sha256("|".join(key).encode()).hexdigest()[:32]

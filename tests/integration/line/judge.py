"""The truth about a print floor, from the presses' own journals, and what of the line's rows does not agree with it.

What the journals say of a copy stands; what people at a shop said of copies that they will never make is in `Shop.gone`. Only an
operator's recorded decision that a drop was not taken explains a copy in that drop, and only of the pieces that it names.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from pipeline.models.profile import Floor
from pipeline.repository.counts import revision_counts
from pipeline.repository.tables import acks, audit, batches, drops, events, neighbours, pieces, placements, printers
from pipeline.sla.presses import ACK_GRACE
from tests.integration.line.floor import Shop, Shops
from tests.integration.line.world import World

Copy = tuple[str, str]
"""A piece in a drop."""


@dataclass
class Ledger:
    """What the journals of all presses come to."""

    digests: dict[str, str] = field(default_factory=dict)
    accepted: set[str] = field(default_factory=set)
    rejected: dict[str, str] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    mailed: set[str] = field(default_factory=set)
    repeated: list[str] = field(default_factory=list)
    printed: set[Copy] = field(default_factory=set)
    """Off the press good, whatever became of it since."""
    spoiled: set[Copy] = field(default_factory=set)
    said: dict[str, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))
    """The file of each state, by drop."""

    def good(self, stem: str) -> list[str]:
        return sorted(piece for piece, drop in self.printed - self.spoiled if drop == stem)


def read(shop: Shop, into: Ledger | None = None) -> Ledger:
    ledger = into or Ledger()
    for event in shop.events():
        _enter(ledger, event)
    return ledger


def read_all(shops: Shops) -> Ledger:
    ledger = Ledger()
    for shop in shops.by_id.values():
        read(shop, ledger)
    return ledger


def _enter(ledger: Ledger, event: dict[str, Any]) -> None:
    stem, kind = event["drop"], event["event"]
    if kind == "taken":
        ledger.digests[stem] = event["digest"]
    elif kind == "rejected":
        ledger.rejected[stem] = event["reason"]
    elif kind == "repeated":
        ledger.repeated.append(stem)
    elif kind == "said":
        ledger.said[stem][event["state"]] = event["file"]
    elif kind in ("printed", "spoiled"):
        getattr(ledger, kind).add((event["piece"], stem))
    elif kind in ("accepted", "finished", "mailed"):
        getattr(ledger, kind).add(stem)


@dataclass(frozen=True)
class Placed:
    """Every place that a piece ever had, and the drop that it was in."""

    place: Row[Any]
    drop: Row[Any]


class Judge:
    def __init__(self, world: World, shops: Shops) -> None:
        self._world = world
        self._shops = shops

    def faults(self) -> Iterator[str]:
        """What must not be so, at any moment."""
        ledger = read_all(self._shops)
        placed = self._placed()
        yield from (f"{stem} was ready again after it was taken" for stem in ledger.repeated)
        yield from self._made_twice(ledger, placed)
        yield from self._lost(placed)
        yield from self._without_evidence(ledger)

    def faults_at_rest(self) -> Iterator[str]:
        """What must not be so once every bell was answered."""
        now = self._world.clock()
        late = timedelta(minutes=Floor().ack_minutes) + ACK_GRACE
        heard = {row.drop_stem for row in self._world.rows(acks, acks.c.state.is_not(None))}
        asked = {row.id for row in self._world.rows(printers) if row.poll_at and (row.poll_at > now or row.tries)}
        silent = {
            row.batch_id
            for row in self._world.rows(drops, drops.c.status == "sent", drops.c.revision == 0)
            if row.stem not in heard and (row.sent_at or row.handing_over_at) + late <= now and row.printer_id in asked
        }
        for row in self._world.rows(pieces, pieces.c.status == "sent", pieces.c.sla_state == "on_track"):
            if row.batch_id in silent and self._revision(row.id) == 0:
                yield f"{row.id} is on track, and its printer is silent"

    def faults_in_the_end(self) -> Iterator[str]:
        """What must not be so when every piece is mailed and everything is told."""
        ledger = read_all(self._shops)
        for row in self._world.rows(pieces):
            yield from self._history(row, ledger)
        for row in self._world.rows(batches, batches.c.status.not_in(["mailed", "void", "recalled", "refused"])):
            yield f"batch {row.id} is {row.status} in the end"
        yield from self._duplicates_untold(ledger)
        for row in self._world.rows(batches):
            yield from self._unaccounted(row.id)

    def overridden(self) -> set[Copy]:
        """Copies that an operator decided were not there, by the audit alone."""
        decided = self._world.rows(audit, audit.c.action == "batch.settle")
        return {
            (piece, stem) for row in decided for piece in row.data["possible_duplicates"] for stem in row.data["drops"]
        }

    def _broken_words(self) -> set[str]:
        """Drops that a shop rejected by hand while they lay on its shelf. If its press takes one before the word is read, the line
        can only believe it, and tell of what is made all the same.
        """
        return {stem for shop in self._shops.by_id.values() for stem in shop.rejected}

    def copies(self, ledger: Ledger, placed: list[Placed]) -> dict[str, set[str]]:
        """By piece, the drops in which there is a copy of it, or will be."""
        gone = {copy for shop in self._shops.by_id.values() for copy in shop.gone}
        found = defaultdict(set)
        for one in placed:
            copy = (one.place.piece_id, one.drop.stem)
            there = one.drop.stem in ledger.digests and one.drop.stem not in ledger.rejected
            if there and copy not in ledger.spoiled and copy not in gone:
                found[copy[0]].add(copy[1])
        return found

    def _placed(self) -> list[Placed]:
        by_place = {(row.batch_id, row.revision): row for row in self._world.rows(drops)}
        return [Placed(row, by_place[row.batch_id, row.revision]) for row in self._world.rows(placements)]

    def _made_twice(self, ledger: Ledger, placed: list[Placed]) -> Iterator[str]:
        overridden = self.overridden()
        broken = self._broken_words()
        for piece, stems in self.copies(ledger, placed).items():
            unexplained = {stem for stem in stems if (piece, stem) not in overridden and stem not in broken}
            if len(unexplained) > 1:
                yield f"{piece} is made in {sorted(unexplained)}"

    def _lost(self, placed: list[Placed]) -> Iterator[str]:
        """A piece is free, or it has one place in a drop that is still to make it, or has made it."""
        live = defaultdict(list)
        for one in placed:
            if one.place.live:
                live[one.place.piece_id].append(one)
        for row in self._world.rows(pieces):
            places = live[row.id]
            if len(places) != (row.status != "ready"):
                yield f"{row.id} is {row.status} and has {len(places)} places"
            for one in places:
                if one.drop.status in ("void", "recalled", "refused") and one.place.outcome is None:
                    yield f"{row.id} is placed in {one.drop.stem}, which is {one.drop.status}"
                if one.drop.batch_id != row.batch_id or one.place.imb != row.imb:
                    yield f"{row.id} is placed in {one.drop.stem} under another barcode or batch"

    def _without_evidence(self, ledger: Ledger) -> Iterator[str]:
        lying = {path.stem for shop in self._shops.by_id.values() for suffix in (".ready", ".recalled")
                 for path in shop.inbox(suffix)}  # fmt: skip
        decided = self._world.rows(audit, audit.c.action == "batch.settle")
        trusted = {stem for row in decided if row.data["taken"] for stem in row.data["drops"]}
        last = {row.piece_id: row for row in self._world.rows(events, events.c.type == "mail.sent")}
        for row in self._world.rows(pieces, pieces.c.status == "sent"):
            stem = self._last(row.id, "mail.sent").evidence["drop"] if row.id in last else None
            if stem not in ledger.digests and stem not in lying and stem not in trusted:
                yield f"{row.id} is sent, and {stem} is not at its printer"
        for row in self._world.rows(pieces, pieces.c.status.in_(["printed", "mailed"])):
            stem = self._last(row.id, f"mail.{row.status}").evidence["drop"]
            yield from _untrue(row.id, row.status, stem, ledger)

    def _history(self, row: Row[Any], ledger: Ledger) -> Iterator[str]:
        told = self._world.events(row.id)
        if [one.sequence for one in told] != list(range(1, len(told) + 1)):
            yield f"{row.id} has the sequences {[one.sequence for one in told]}"
        mailed = [one for one in told if one.type == "mail.mailed"]
        if row.status != "mailed" or len(mailed) != 1:
            yield f"{row.id} is {row.status} and was mailed {len(mailed)} times"
        for one in told:
            if one.type in ("mail.printed", "mail.mailed"):
                yield from _untrue(row.id, one.status, one.evidence["drop"], ledger)

    def _duplicates_untold(self, ledger: Ledger) -> Iterator[str]:
        """The printer's word of a copy too many was put before an operator; where one had decided so, the history says it.

        A drop that was rejected when some of it was printed keeps those pieces: of a piece that has its place there the copies too
        many are the others.
        """
        overridden, broken = self.overridden(), self._broken_words() & self._put_aside()
        alarms = [row for row in self._world.rows(acks) if any(one["code"] == "drop_set_aside" for one in row.faults)]
        placed = self._placed()
        kept = {(one.place.piece_id, one.drop.stem) for one in placed if one.place.live}
        for piece, stems in self.copies(ledger, placed).items():
            for stem in stems if len(stems) > 1 else ():
                if (piece, stem) not in overridden and (stem not in broken or (piece, stem) in kept):
                    continue
                history = [one.evidence for one in self._world.events(piece)]
                if stem not in broken and not any(
                    one.get("possible_duplicate") and one["drop"] == stem for one in history
                ):
                    yield f"{piece} may be a duplicate in {stem}, and its history does not say so"
                if not any(stem in row.body for row in alarms):
                    yield f"{stem} is printed after all, and nobody was told"

    def _put_aside(self) -> set[str]:
        """Drops that the line made elsewhere; of one that it knows to be taken, a refusal said too late changes nothing."""
        return {row.stem for row in self._world.rows(drops, drops.c.status.in_(("void", "recalled", "refused")))}

    def _unaccounted(self, batch_id: str) -> Iterator[str]:
        """In the end what was sent is what was mailed, spoiled, or went back."""
        with self._world.db.read() as tx:
            for counts in revision_counts(tx, batch_id):
                ended = sum(counts[name] for name in ("mailed", "spoiled", "destroyed", "freed"))
                if ended != counts["placed"]:
                    yield f"of {batch_id} not everything is accounted for: {counts}"

    def _last(self, piece_id: str, type_: str) -> Row[Any]:
        return next(one for one in reversed(self._world.events(piece_id)) if one.type == type_)

    def _revision(self, piece_id: str) -> int:
        [place] = self._world.rows(placements, placements.c.live, placements.c.piece_id == piece_id)
        revision: int = place.revision
        return revision


def _untrue(piece: str, status: str, stem: str, ledger: Ledger) -> Iterator[str]:
    if (piece, stem) not in ledger.printed:
        yield f"{piece} is {status}, and {stem} never printed it"
    elif status == "mailed" and (stem not in ledger.mailed or (piece, stem) in ledger.spoiled):
        yield f"{piece} is mailed, and {stem} did not mail it"


def situations(world: World, shops: Shops) -> Counter[str]:
    """What came about in a run, so that a test can tell that it was not spared everything."""
    ledger = read_all(shops)
    found: Counter[str] = Counter()
    for row in world.rows(drops):
        found[f"drop {row.status}"] += 1
        found["reprint"] += row.revision > 0
        found["reprint rejected"] += row.revision > 0 and row.status == "refused"
        found["silent"] += row.silent_at is not None
        found["read"] += shops.by_id[row.printer_id].reads and row.stem in ledger.digests
        found["recall lost"] += row.recall_state == "lost"
        found["in part refused"] += row.status == "refused" and any(stem == row.stem for _, stem in ledger.printed)
    found["neighbours"] = world.count(neighbours)
    for row in world.rows(acks):
        found["as csv"] += row.name.endswith(".csv") and row.state is not None
        found.update(fault["code"] for fault in row.faults)
    found.update(row.action for row in world.rows(audit))
    found["given up"] = sum(row.data.get("even_if_taken", False) for row in world.rows(audit))
    judge = Judge(world, shops)
    found["duplicate by decision"] = sum(len(stems) > 1 for stems in judge.copies(ledger, judge._placed()).values())
    return found

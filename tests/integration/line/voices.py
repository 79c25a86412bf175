"""What people at two shops say of their drops by hand: truly, late, again, and falsely."""

from datetime import timedelta
from typing import Any

from sqlalchemy import Row

from pipeline.repository.tables import drops, pieces, placements
from tests.integration.line.floor import Shop, Shops
from tests.integration.line.judge import Ledger, read, read_all
from tests.integration.line.world import World


class Voices:
    """They know what lies at their shop and what its journal says; of the line they know what any customer would tell them."""

    def __init__(self, world: World, shops: Shops) -> None:
        self._world = world
        self._shops = shops

    # Truly

    def say_all(self, shop: Shop, skew: timedelta = timedelta()) -> None:
        """All that is so, in its order, with the right digests."""
        ledger = read(shop)
        for stem, digest in ledger.digests.items():
            if stem in ledger.rejected:
                shop.say(stem, "rejected", skew=skew, digest=digest, reason=ledger.rejected[stem])
            elif stem in ledger.accepted:
                shop.say(stem, "accepted", skew=skew, digest=digest)
            good = ledger.good(stem)
            spoiled = sorted(piece for piece, drop in ledger.spoiled if drop == stem)
            for state, listed in (("spoiled", spoiled), ("printed", good), ("mailed", good)):
                if listed and (state != "mailed" or stem in ledger.mailed):
                    shop.say(stem, state, skew=skew, digest=digest, pieces=listed)

    def speak_of_some(self, shop: Shop, state: str) -> None:
        ledger = read(shop)
        for stem in sorted(ledger.finished):
            if some_good := ledger.good(stem)[::2]:
                shop.say(stem, state, pieces=some_good)

    def name_neighbours(self, shop: Shop) -> None:
        """Good pieces of the batch came out again on the sheets of a reprint, and were destroyed."""
        ledger = read(shop)
        for drop in self._world.rows(drops, drops.c.revision > 0):
            if drop.stem in ledger.finished:
                earlier = self._placed(placements.c.batch_id == drop.batch_id, placements.c.revision < drop.revision)
                if neighbours := sorted(earlier - self._placed(*_in(drop))):
                    shop.say(drop.stem, "destroyed", pieces=neighbours)

    def own_up(self, shop: Shop) -> None:
        """What was never printed is said to be spoiled."""
        for stem, never in self._unprinted(shop, read(shop)).items():
            shop.gone |= {(piece, stem) for piece in never}
            if gone := sorted(piece for piece, where in shop.gone if where == stem):
                shop.say(stem, "spoiled", pieces=gone)

    def give_up(self, shop: Shop) -> None:
        """What is printed in part only is rejected, once the word of that part was read."""
        ledger = read(shop)
        for stem, never in self._unprinted(shop, ledger).items():
            if never and shop.settled(ledger.said[stem].get("printed", "nothing")):
                shop.gone |= {(piece, stem) for piece in never}
                shop.say(stem, "rejected", reason="the press broke down")

    def disown(self, shop: Shop) -> None:
        """What the shop is said to have, and never had, is rejected."""
        here = (drops.c.printer_id == shop.folder.name, drops.c.status.in_(["handing_over", "in_doubt", "sent"]))
        lying = {path.name.partition(".")[0] for path in (shop.folder / "in").glob("*.ready*")}
        for drop in self._world.rows(drops, *here):
            if not self.has(drop.stem) and drop.stem not in lying:
                shop.say(drop.stem, "rejected", reason="we never had it")

    def refuse_unseen(self, shop: Shop) -> None:
        """What still lies on the shelf is rejected by hand, before anybody takes it."""
        for ready in shop.inbox(".ready"):
            if not self.has(ready.stem):
                shop.rejected.add(ready.stem)
                shop.say(ready.stem, "rejected", reason="press down")

    def repeat(self, shop: Shop) -> None:
        """Files that were read are laid out again, byte for byte."""
        for path in sorted((shop.folder / "out" / "done").glob("*.json"))[-5:]:
            shop.post(path.read_bytes())

    # Falsely: nothing may come of it

    def lie(self, shop: Shop, drop: Row[Any], state: str) -> None:
        """Of another shop's drop anything; of its own what names a wrong digest, nobody, pieces of others, or spoiled ones."""
        if drop.printer_id != shop.folder.name:
            shop.say(drop.stem, state)
            shop.say(drop.stem, "spoiled", pieces=[row.id for row in self._world.rows(pieces)])
            return
        shop.say(drop.stem, state, digest=64 * "0")
        batch = placements.c.batch_id == drop.batch_id
        others = self._placed(~batch) - self._placed(batch)
        spoiled = self._placed(*_in(drop), placements.c.outcome.in_(["spoiled", "destroyed"]))
        for listed in (["ml_nobody", *sorted(others)], [], sorted(spoiled)):
            shop.say(drop.stem, "mailed", pieces=listed)

    def has(self, stem: str) -> bool:
        """Whether some shop has taken a drop."""
        return stem in read_all(self._shops).digests or any(
            path.stem == stem for shop in self._shops.by_id.values() for path in shop.inbox(".taken")
        )

    def _unprinted(self, shop: Shop, ledger: Ledger) -> dict[str, list[str]]:
        """By finished drop, the pieces that never came off the press."""
        found = {}
        for drop in self._world.rows(drops, drops.c.stem.in_(ledger.finished)):
            ended = {piece for piece, where in ledger.printed | ledger.spoiled | shop.gone if where == drop.stem}
            found[drop.stem] = sorted(self._placed(*_in(drop)) - ended)
        return found

    def _placed(self, *where: Any) -> set[str]:
        return {row.piece_id for row in self._world.rows(placements, *where)}


def _in(drop: Row[Any]) -> tuple[Any, Any]:
    return placements.c.batch_id == drop.batch_id, placements.c.revision == drop.revision

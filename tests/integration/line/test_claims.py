"""Claims: leases, attempts, halves for the dead, and waiting."""

from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Row, text, update

from pipeline.errors import Permanent, Transient
from pipeline.repository import claims
from pipeline.repository.tables import pieces
from pipeline.stages.stage import Done
from pipeline.worker.line import make_line
from tests.integration.line.fakes import KilledError
from tests.integration.line.world import LEASE_S, START, World
from tests.waiting import until

Work = Callable[[Sequence[Row[Any]]], Done]


class Marking:
    """A stage that names the pieces it saw in their `external_id`; `work` may do something else."""

    name = "marking"
    table = pieces
    limit = 8

    def __init__(self, work: Work | None = None) -> None:
        self._work = work or mark
        self.seen: list[list[str]] = []

    def where(self) -> Any:
        return (pieces.c.mode == "live") & pieces.c.external_id.is_(None)

    def order_by(self) -> Sequence[Any]:
        return (pieces.c.due_at, pieces.c.id)

    def work(self, rows: Sequence[Row[Any]]) -> Done:
        self.seen.append(sorted(row.id for row in rows))
        return self._work(rows)


def mark(rows: Sequence[Row[Any]]) -> Done:
    def save(tx: Any, _now: datetime) -> Collection[str]:
        mine = pieces.c.claim_token == rows[0].claim_token
        done = update(pieces).where(mine).values(external_id=pieces.c.id, **claims.FREED)
        return set(tx.execute(done.returning(pieces.c.id)).scalars())

    return Done(save)


def marked(world: World) -> set[str]:
    return {row.id for row in world.rows(pieces, pieces.c.external_id.is_not(None))}


def take(world: World, token: str = "cl_1", *, limit: int = 8, only: Collection[str] = ()) -> list[str]:
    lease = claims.Lease(pieces, token, LEASE_S)
    stage = Marking()
    with world.db.write() as tx:
        rows = claims.claim(
            tx, lease, where=stage.where(), order_by=stage.order_by(), limit=limit, now=world.clock(), only=only
        )
    return sorted(row.id for row in rows)


def bury(world: World) -> list[tuple[str, ...]]:
    with world.db.write() as tx:
        return claims.bury(tx, pieces, mode="live", now=world.clock()).groups


def outlive_leases(world: World) -> None:
    world.clock.advance(timedelta(seconds=LEASE_S + 1))


def test_a_claim_takes_the_first_due_up_to_its_limit_and_counts_the_attempt(world: World) -> None:
    late = world.add_pieces(3)
    early = world.add_pieces(2, due_at=START)
    assert take(world, limit=3) == sorted([*early, min(late)])
    row = world.piece(early[0])
    assert (row.attempt, row.claim_token, row.lease_until) == (1, "cl_1", START + timedelta(seconds=LEASE_S))


def test_what_is_claimed_is_not_claimed_again_until_it_is_let_go(world: World) -> None:
    ids = world.add_pieces(2)
    assert take(world) == sorted(ids)
    assert take(world, "cl_2") == []
    outlive_leases(world)
    assert take(world, "cl_2") == []  # the dead are tried apart from others, never in passing
    with world.db.write() as tx:
        claims.release(tx, claims.Lease(pieces, "cl_1", LEASE_S), ids[:1])
    assert take(world, "cl_2") == ids[:1]
    assert world.piece(ids[0]).attempt == 2


def test_a_renewed_lease_lives_on(world: World) -> None:
    ids = world.add_pieces(2)
    take(world)
    world.clock.advance(timedelta(seconds=LEASE_S - 1))
    with world.db.write() as tx:
        assert claims.renew(tx, claims.Lease(pieces, "cl_1", LEASE_S), world.clock()) == 2
    world.clock.advance(timedelta(seconds=LEASE_S - 1))
    assert bury(world) == []
    assert world.piece(ids[0]).lease_until == START + timedelta(seconds=2 * LEASE_S - 1)


def test_work_that_takes_longer_than_a_lease_keeps_it(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    first_until: list[datetime] = []

    def slow(rows: Sequence[Row[Any]]) -> Done:
        first_until.append(rows[0].lease_until)
        world.clock.advance(timedelta(hours=1))
        until(lambda: world.piece(piece_id).lease_until > first_until[0], "the lease was not renewed")
        return mark(rows)

    stage = Marking(slow)
    line = make_line(world.contexts["live"], world.bell, [stage], lease_s=0.06)
    assert line.run("marking") == 1
    assert marked(world) == {piece_id}


def test_a_worker_whose_lease_ran_out_saves_nothing(world: World) -> None:
    ids = world.add_pieces(3)
    stage = Marking()

    def overtaken(rows: Sequence[Row[Any]]) -> Done:
        outlive_leases(world)
        assert take(world, "cl_other", only=ids) == sorted(ids)
        return mark(rows)

    late = Marking(overtaken)
    make_line(world.contexts["live"], world.bell, [late], lease_s=LEASE_S).run("marking")
    assert marked(world) == set()
    assert {row.claim_token for row in world.rows(pieces)} == {"cl_other"}
    assert {row.attempt for row in world.rows(pieces)} == {2}
    assert stage.seen == []


def poisonous(poison: str) -> Work:
    def work(rows: Sequence[Row[Any]]) -> Done:
        if poison in {row.id for row in rows}:
            raise KilledError
        return mark(rows)

    return work


def test_one_poisonous_row_is_found_in_halves_and_its_neighbours_are_done(world: World) -> None:
    ids = world.add_pieces(8)
    poison = sorted(ids)[5]
    stage = Marking(poisonous(poison))
    line = make_line(world.contexts["live"], world.bell, [stage], lease_s=LEASE_S)
    with pytest.raises(KilledError):
        line.run("marking")
    for _ in range(20):
        outlive_leases(world)
        for group in bury(world):
            try:
                line.run("marking", group)
            except KilledError:
                assert poison in group
    row = world.piece(poison)
    assert marked(world) == set(ids) - {poison}
    assert (row.solo_deaths, row.last_error) == (claims.POISON_DEATHS, "worker_died")
    assert row.quarantined_at is not None
    assert [len(seen) for seen in stage.seen if poison in seen] == [8, 4, 2, 1, 1, 1]
    assert take(world) == []
    assert take(world, only=[poison]) == []


def test_a_row_that_died_alone_is_tried_alone_until_it_succeeds(world: World) -> None:
    first, second = sorted(world.add_pieces(2))
    take(world, only=[first])
    outlive_leases(world)
    assert bury(world) == [(first,)]
    assert world.piece(first).solo_deaths == 1
    assert take(world, "cl_2") == [second]
    assert take(world, "cl_3", only=[first]) == [first]
    with world.db.write() as tx:
        tx.execute(update(pieces).where(pieces.c.id == first).values(**claims.FREED))
    assert bury(world) == []
    assert take(world, "cl_4") == [first]


def test_only_takes_no_row_that_is_alive_or_waits(world: World) -> None:
    held, waiting, free = sorted(world.add_pieces(3))
    take(world, only=[held])
    world.set(pieces, waiting, next_attempt_at=START + timedelta(seconds=5))
    assert take(world, "cl_2", only=[held, waiting, free]) == [free]


def run_failing(world: World, error: Exception) -> None:
    def fail(rows: Sequence[Row[Any]]) -> Done:
        raise error

    stages = [Marking(fail)]
    make_line(world.contexts["live"], world.bell, stages, lease_s=LEASE_S, chance=world.chance).run("marking")


@pytest.mark.parametrize(
    ("error", "waits_s"),
    [
        (Transient("down", "no answer"), [2, 4, 8]),
        (Transient("down", "no answer", retry_after_s=90), [90, 90, 90]),
        (Permanent("refused", "our key is not taken"), [60, 120, 240]),
    ],
)
def test_a_failing_port_makes_the_chunk_wait_longer_each_time(
    world: World, error: Exception, waits_s: list[int]
) -> None:
    ids = world.add_pieces(2)
    for tries, wait_s in enumerate(waits_s, start=1):
        run_failing(world, error)
        for piece_id in ids:
            row = world.piece(piece_id)
            assert row.next_attempt_at == world.clock() + timedelta(seconds=wait_s)
            assert (row.tries, row.claim_token, row.lease_until) == (tries, None, None)
        world.clock.advance(timedelta(seconds=wait_s - 1))
        assert take(world) == []
        world.clock.advance(timedelta(seconds=1))


def test_the_wait_has_an_end() -> None:
    assert claims.backoff(0) == timedelta(seconds=2)
    assert claims.backoff(1_000) == timedelta(seconds=600)


def test_rows_that_are_neither_saved_nor_late_are_let_go(world: World) -> None:
    [piece_id] = world.add_pieces(1)
    line = make_line(
        world.contexts["live"],
        world.bell,
        [Marking(lambda _: Done(lambda _tx, _now: ()))],
        lease_s=LEASE_S,
    )
    assert line.run("marking") == 1
    assert world.piece(piece_id).claim_token is None
    assert take(world) == [piece_id]


def test_a_full_chunk_calls_another_worker(world: World) -> None:
    world.add_pieces(9)
    line = make_line(world.contexts["live"], world.bell, [Marking()], lease_s=LEASE_S)
    assert line.run("marking") == 8
    assert [note.stage for note in world.bell.take()] == ["marking"]
    assert line.run("marking") == 1
    assert world.bell.take() == []


def test_two_that_claim_at_once_take_different_rows(concurrent_world: World) -> None:
    world = concurrent_world
    ids = world.add_pieces(6)
    stage = Marking()

    def claim(tx: Any, token: str) -> set[str]:
        rows = claims.claim(
            tx,
            claims.Lease(pieces, token, LEASE_S),
            where=stage.where(),
            order_by=stage.order_by(),
            limit=4,
            now=world.clock(),
        )
        return {row.id for row in rows}

    with world.db.write() as one, world.db.write() as other:
        other.execute(text("SET LOCAL lock_timeout = '5s'"))
        first, second = claim(one, "cl_1"), claim(other, "cl_2")
    assert len(first) == 4
    assert len(second) == 2
    assert first | second == set(ids)

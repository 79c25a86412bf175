"""A row that kills its worker each time is told once, is listed, and goes on once an operator lets it go."""

from datetime import timedelta
from pathlib import Path

from structlog.testing import capture_logs

from pipeline.repository import quarantine
from pipeline.repository.claims import POISON_DEATHS
from pipeline.repository.printers import Deed
from pipeline.repository.tables import audit, drops, printers
from tests.integration.line.fakes import KilledError
from tests.integration.line.world import LEASE_S, START, World

RUNBOOKS = Path(__file__).parents[3] / "ops" / "runbooks"


def die(world: World, step: str) -> list[str]:
    """Let every worker that comes as far as `step` die, until nobody tries any more; the rows that were told of."""
    told = []
    for _ in range(POISON_DEATHS + 1):
        world.printer().traps[step, "before"] = KilledError()
        with capture_logs() as logs:
            _run(world)
        told += [one for one in logs if one["event"] == "row.quarantined"]
    world.printer().traps.clear()
    assert all((RUNBOOKS / f"{one['runbook']}.md").exists() and one["log_level"] == "error" for one in told)
    return [one["row"] for one in told]


def _run(world: World) -> None:
    world.clock.advance(timedelta(seconds=LEASE_S + 1))
    for _ in range(10):
        world.tick()
        for note in world.bell.take():
            try:
                world.run(note.stage, only=note.only)
            except KilledError:
                return


def let_go(world: World, row_id: str) -> str | None:
    with world.db.write() as tx:
        return quarantine.release(tx, row_id, Deed("cli:ada", world.clock(), "more memory"), ids=world.ids)


def listed(world: World, mode: str = "live") -> list[tuple[str, str, str | None]]:
    with world.db.read() as tx:
        return [(row.kind, row.id, row.name) for row in quarantine.listed(tx, mode)]


def test_a_drop_that_kills_its_worker_is_told_listed_and_let_go(world: World) -> None:
    world.add_printer()
    ids = world.add_ready(2)
    told = die(world, "put")
    drop = world.drop()
    assert told == [drop.id]
    assert listed(world) == [("drop", drop.id, drop.stem)]
    assert listed(world, "test") == []
    assert world.statuses(ids) == {"batched": 2}
    assert let_go(world, drop.id) == "drop"
    world.run_until_quiet()
    assert (world.statuses(ids), listed(world)) == ({"sent": 2}, [])
    [kept] = world.rows(audit)
    assert (kept.action, kept.subject, kept.reason) == ("quarantine.release", drop.id, "more memory")


def test_a_printer_whose_acknowledgements_kill_their_worker_is_heard_again(world: World) -> None:
    world.freeze_and_send(1)
    [north] = world.rows(printers)
    world.clock.advance(timedelta(hours=1))
    assert die(world, "acks") == [north.id]
    assert listed(world) == [("printer", north.id, "north")]
    assert let_go(world, north.id) == "printer"
    world.run_until_quiet()
    assert world.rows(printers)[0].poll_at > world.clock()


def test_what_is_not_quarantined_is_not_let_go(world: World) -> None:
    world.freeze_and_send(1)
    assert let_go(world, world.drop().id) is None
    assert world.count(audit) == 0


def test_the_longest_is_first(world: World) -> None:
    world.freeze_and_send(1)
    [north] = world.rows(printers)
    world.set(printers, north.id, quarantined_at=START, solo_deaths=3)
    world.set(drops, world.drop().id, quarantined_at=START - timedelta(hours=1), solo_deaths=3)
    assert [kind for kind, _, _ in listed(world)] == ["drop", "printer"]

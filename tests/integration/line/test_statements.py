"""What a stage costs: statements a chunk, not statements a piece."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import event

from pipeline.repository.tables import deliveries, pieces
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import SCAN_POLL_S, World

MANY = 1_000
MOST_A_PIECE = 0.1


def statements(world: World, work: Callable[[], object]) -> int:
    """How many statements the database was sent, BEGIN of SQLite included."""
    sent: list[str] = []

    def note(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(world.db.engine, "before_cursor_execute", note)
    try:
        work()
    finally:
        event.remove(world.db.engine, "before_cursor_execute", note)
    return len(sent)


def until_idle(world: World, stage: str) -> Callable[[], None]:
    def run() -> None:
        while world.run(stage):
            pass

    return run


def test_a_thousand_pieces_cost_less_than_a_tenth_of_a_statement_each_at_every_stage(world: World) -> None:
    world.add_printer(max_sheets_per_batch=125)
    world.add_endpoint(events=["mail.mailed"])
    ids = world.add_pieces(MANY)
    cost = {"standardize": statements(world, until_idle(world, "standardize"))}
    assert world.statuses(ids) == {"ready": MANY}
    assert world.schedulers["live"]._leadership.take()
    cost["freeze"] = statements(world, lambda: world.schedulers["live"]._freeze())
    assert world.statuses(ids) == {"batched": MANY}
    for stage in ("impose", "dispatch"):
        cost[stage] = statements(world, until_idle(world, stage))
    assert world.statuses(ids) == {"sent": MANY}
    ack(world, world.drop().stem, "printed")
    ack(world, world.drop().stem, "mailed")
    cost["acknowledge"] = statements(world, until_idle(world, "acknowledge"))
    assert world.statuses(ids) == {"mailed": MANY}
    for row in world.rows(pieces):
        world.carrier.told[row.imb] = [scan(row.imb, world.clock(), "Phase 1a")]
    world.clock.advance(timedelta(seconds=SCAN_POLL_S))
    cost["track"] = statements(world, until_idle(world, "track"))
    assert world.statuses(ids) == {"in_transit": MANY}
    cost["publish"] = statements(world, lambda: world.schedulers["live"]._publish())
    cost["notify"] = statements(world, until_idle(world, "notify"))
    assert world.count(deliveries, deliveries.c.status == "delivered") == MANY
    assert {stage: count for stage, count in cost.items() if count >= MOST_A_PIECE * MANY} == {}

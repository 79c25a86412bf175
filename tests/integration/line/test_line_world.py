"""The whole line, from a created piece to the events that its sender is told."""

from datetime import timedelta

from pipeline.repository.tables import deliveries, pieces
from tests.integration.line.marks import ack, scan
from tests.integration.line.world import World


def test_a_live_piece_goes_from_created_to_delivered(world: World) -> None:
    world.add_printer()
    world.add_endpoint()
    ids = world.add_pieces(3)
    world.run_until_quiet()
    assert world.statuses(ids) == {"sent": 3}
    printer = world.printer()
    [stem] = printer.handed_over
    for state, minutes in (("accepted", 5), ("printed", 30), ("mailed", 90)):
        world.clock.advance(timedelta(minutes=minutes))
        ack(world, stem, state)
        world.run_until_quiet()
    assert world.batch().status == "mailed"
    for row in world.rows(pieces):
        world.carrier.told[row.imb] = [
            scan(row.imb, world.clock() + timedelta(hours=4), "Phase 1a"),
            scan(row.imb, world.clock() + timedelta(hours=30), "Phase 3c"),
            scan(row.imb, world.clock() + timedelta(hours=36), "Phase 4c", code="DLV", handling="L"),
        ]
    world.clock.advance(timedelta(hours=40))
    world.run_until_quiet()
    walk = ["created", "ready", "batched", "sent", "printed", "mailed", "in_transit", "out_for_delivery", "delivered"]
    for piece_id in ids:
        assert world.event_types(piece_id) == walk
        assert [event.sequence for event in world.events(piece_id)] == list(range(1, 10))
        assert world.piece(piece_id).sla_state == "kept"
    assert {row.status for row in world.rows(deliveries)} == {"delivered"}
    assert world.count(deliveries) == 3 * 7  # ready and batched are told to nobody

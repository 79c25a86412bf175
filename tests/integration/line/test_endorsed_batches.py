"""The endorsement is the printer's: pieces that move to another one bear that one's, in words and in the barcode."""

from pipeline.press.sheets.endorsement import endorsement_text
from pipeline.repository.tables import printers
from tests.integration.line.test_failover import imposed_at_north
from tests.integration.line.world import START, World, profile


def test_what_moves_to_another_printer_is_endorsed_as_that_one_asks(world: World) -> None:
    north, _ = imposed_at_north(world)
    asked = {"endorsement_first_class": "return", "stid_first_class": "040"}
    endorsed = profile().postage.model_copy(update=asked)
    south = world.add_printer(name="south")
    world.set(printers, south, profile=profile().model_copy(update={"postage": endorsed}).model_dump(mode="json"))
    world.set(printers, north, suspended_at=START)
    world.run_until_quiet()
    told = [
        (endorsement_text(job.postage, job.mail_class), {piece.imb[2:5] for piece in job.pieces})
        for job in world.imposer.jobs
    ]
    assert told == [("", {"310"}), ("RETURN SERVICE REQUESTED", {"040"})]

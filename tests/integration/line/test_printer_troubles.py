"""What keeps us out of a printer: told once with a runbook, by one worker of many, and over when the same thing works again."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from pipeline.errors import Permanent, PortError, Transient
from pipeline.repository.tables import printers
from pipeline.stages.watched_printers import ALARMS
from tests.integration.line.world import World

RUNBOOKS = Path(__file__).parents[3] / "ops" / "runbooks"
LATER = timedelta(minutes=15)


class Failing(dict[Any, Any]):
    """Each of these steps fails, every time."""

    def __init__(self, **errors: PortError) -> None:
        super().__init__()
        self.errors = errors

    def pop(self, step: Any, default: Any = None) -> Any:
        return self.errors.get(step[0], default) if step[1] == "before" else default


def troubles(world: World) -> list[tuple[Any, ...]]:
    return [(row.trouble, row.trouble_at, row.trouble_since) for row in world.rows(printers)]


def told(world: World, passing: Callable[[], object]) -> list[tuple[str, str]]:
    """The alarms of printers in that time, and where each is; `over` where one has passed."""
    with capture_logs() as logs:
        passing()
    for one in logs:
        if one["event"].startswith("printer.") and one["log_level"] == "error":
            assert one["printer"] == "north"
            assert (RUNBOOKS / f"{one['runbook']}.md").exists()
    events = [one for one in logs if one["event"].startswith("printer.") and "code" in one]
    return [(one["event"].removeprefix("printer."), one["at"]) for one in events]


def hours(world: World, count: int) -> Callable[[], None]:
    def pass_() -> None:
        for _ in range(4 * count):
            world.clock.advance(LATER)
            world.run_until_quiet()

    return pass_


@pytest.mark.parametrize("code", ALARMS)
def test_each_is_told_once_however_often_it_comes_again(world: World, code: str) -> None:
    world.add_printer()
    world.printer().traps = Failing(put=Permanent(code, "no"))
    world.add_ready(1)
    [(event, place)] = told(world, hours(world, 1))
    assert f"printer.{event}" == ALARMS[code][0]
    assert troubles(world)[0][:2] == (code, place)
    assert (RUNBOOKS / f"{ALARMS[code][1]}.md").exists()


def test_it_is_over_when_the_printer_lets_us_in_and_told_anew_when_it_comes_again(world: World) -> None:
    world.freeze_and_send(1)
    changed = Failing(acks=Permanent("host_key_changed", "another key"))
    for _ in range(2):
        world.printer().traps = changed
        assert told(world, hours(world, 1)) == [("host_key_changed", "connection")]
        world.printer().traps = {}
        assert told(world, hours(world, 1)) == [("trouble_over", "connection")]
        assert troubles(world) == [(None, None, None)]


def test_a_rest_or_a_line_that_is_down_neither_tells_nor_ends_it(world: World) -> None:
    world.freeze_and_send(1)
    world.printer().traps = Failing(acks=Permanent("printer_auth_failed", "no"))
    assert told(world, hours(world, 1)) == [("login_refused", "connection")]
    for code in ("printer_resting", "printer_unreachable"):
        world.printer().traps = Failing(acks=Transient(code, "not now"))
        assert told(world, hours(world, 1)) == []
    assert troubles(world)[0][0] == "printer_auth_failed"


def test_an_outbox_that_works_says_nothing_of_the_inbox(world: World) -> None:
    world.freeze_and_send(1)
    world.printer().traps = Failing(put=Permanent("printer_permission", "writing in/x is not allowed"))
    world.add_ready(1)
    assert told(world, hours(world, 1)) == [("permission_lost", "inbox")]
    world.printer().traps = Failing(
        put=Permanent("printer_permission", "no"), acks=Permanent("printer_folder_missing", "out")
    )
    assert told(world, hours(world, 1)) == []
    world.printer().traps = Failing(acks=Permanent("printer_folder_missing", "out"))
    assert told(world, hours(world, 1)) == [("trouble_over", "inbox"), ("folder_missing", "outbox")]

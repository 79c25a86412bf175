"""Twenty thousand pieces through two presses, one of which dies at the worst moment: the report says what the trays say.

It dies when it has taken its drops and said so: nothing can be taken back, and nothing of them is printed.
"""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.repository.history import Span, histories, made_by
from pipeline.repository.tables import batches, drops, pieces
from pipeline.sla.report import Report
from tests.integration.line.floor import Shop, Shops, impose
from tests.integration.line.world import DUE, START, World

PIECES = 20_000
BACK_AT = DUE + timedelta(hours=6)
STEP = timedelta(minutes=20)
_END = DUE + timedelta(days=3)


@pytest.fixture
def shops(world: World, tmp_path: Path) -> Iterator[dict[str, Shop]]:
    """By name. Batches of 2,000 pieces, so that each has several."""
    both = Shops(tmp_path / "printers", world.clock)
    world.printers, world.imposer = both, impose  # type: ignore[assignment]
    world.lines["live"] = world.make_line("live")
    world.schedulers["live"] = world.scheduler("live")
    hours = {"closed_weekdays": [], "max_sheets_per_batch": 250, "sheets_per_hour": 1_000}
    yield {name: both.add(world.add_printer(name=name, **hours)) for name in ("north", "south")}
    both.close()


@pytest.mark.long
def test_the_report_says_what_the_trays_say(world: World, shops: dict[str, Shop]) -> None:
    north, south = shops.values()
    ids = world.add_ready(PIECES)
    world.run_until_quiet()
    for shop in (north, south):
        shop.work()  # takes
    world.clock.advance(timedelta(minutes=2))
    for shop in (north, south):
        shop.work()  # says so
    north.down = True
    while world.clock() < _END and world.statuses(ids) != {"mailed": PIECES}:
        if world.clock() >= BACK_AT:
            north.down = False
            north.work()
        south.work()
        world.run_until_quiet()
        world.clock.advance(STEP)

    trays = {name: _tray(shop) for name, shop in shops.items()}
    mailed = {piece: at for tray in trays.values() for piece, at in tray}
    assert sum(map(len, trays.values())) == len(mailed) == PIECES  # each once
    late = {piece for piece, at in mailed.items() if at > DUE}
    assert 0 < len(late) < PIECES

    span = Span("live", START, _END)
    with world.db.read() as tx:
        report = Report(ZoneInfo("UTC"), made_by(tx, span))
        missed = {miss.piece_id for history in histories(tx, span, now=world.clock()) if (miss := report.add(history))}
    shown = report.as_dict()
    assert missed == late
    assert (shown["total"]["kept"], shown["total"]["missed"]) == (PIECES - len(late), len(late))
    assert shown["causes"] == {"not_printed": len(late)}
    for name, tray in trays.items():
        tally = shown["by"]["printer"][name]
        assert tally["kept"] == sum(at <= DUE for _, at in tray)
        assert tally["missed"] == sum(at > DUE for _, at in tray)
        journal = Counter(event["event"] for event in shops[name].events())
        assert shown["printers"][name]["made"] == journal["printed"] + journal["spoiled"]
        assert shown["printers"][name]["spoiled"] == journal["spoiled"]
    states = Counter(row.sla_state for row in world.rows(pieces))
    assert states == {"kept": PIECES - len(late), "breached": len(late)}
    assert Counter(row.status for row in world.rows(batches)) == {"mailed": len(world.rows(batches))}
    assert world.count(drops, drops.c.status != "sent") == 0


def _tray(shop: Shop) -> list[tuple[str, datetime]]:
    """Each piece that the carrier collected at a shop, and when."""
    lines = [
        json.loads(line) for file in (shop.folder / "trays").glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    return [(line["piece"], datetime.fromisoformat(line["at"]).astimezone(UTC)) for line in lines]

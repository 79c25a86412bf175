"""The simulation: its chance, its bound and its accounts, on days small enough to check."""

import json
from collections import Counter
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest
from PIL import Image

from pipeline.errors import Permanent
from pipeline.sla.simulation.arrivals import Arrival, draw_arrivals
from pipeline.sla.simulation.bound import bound
from pipeline.sla.simulation.chance import binomial, split
from pipeline.sla.simulation.compare import Comparison, compare
from pipeline.sla.simulation.flow import Flow
from pipeline.sla.simulation.plot import plot
from pipeline.sla.simulation.scenario import Scenario, read_scenario
from pipeline.sla.simulation.shop import Shop

SCENARIOS = Path(__file__).parents[3] / "fixtures" / "scenarios"
KEYS = {
    "policy", "pieces", "kept", "kept_share", "excused", "bound_share", "sheet_waste", "cost_cents", "peak_backlog", "batches",
}  # fmt: skip


def silent(step: str, minutes: int) -> None:
    """Nobody watches a test."""


def scenario(name: str = "trickle", **changed: Any) -> Scenario:
    return Scenario.model_validate(json.loads((SCENARIOS / f"{name}.json").read_bytes()) | changed)


@pytest.fixture(scope="module")
def trickle() -> Comparison:
    return compare(scenario(), 7, silent)


@pytest.mark.parametrize(("n", "p"), [(10, 0.3), (2_000, 0.01), (50_000, 0.4), (300, 0.97)])
def test_draws_have_the_mean_and_the_spread_of_the_binomial_law(n: int, p: float) -> None:
    rng = Random(5)
    drawn = [binomial(rng, n, p) for _ in range(2_000)]
    mean = sum(drawn) / len(drawn)
    variance = sum((one - mean) ** 2 for one in drawn) / len(drawn)
    assert mean == pytest.approx(n * p, abs=5 * (n * p * (1 - p) / len(drawn)) ** 0.5)
    assert variance == pytest.approx(n * p * (1 - p), rel=0.2)
    assert all(0 <= one <= n for one in drawn)


def test_a_split_adds_up_and_gives_nothing_to_no_weight() -> None:
    rng = Random(5)
    for n in (0, 1, 7, 100_000):
        parts = split(rng, n, [0.0, 3.0, 1.0, 0.0])
        assert sum(parts) == n
        assert parts[0] == 0


def test_arrivals_are_as_many_as_the_file_says_and_the_same_for_the_same_seed() -> None:
    given = scenario("friday-surge")
    drawn = draw_arrivals(given, 3)
    assert sum(one.pieces for one in drawn) == 950_000
    assert drawn == draw_arrivals(given, 3)
    assert drawn != draw_arrivals(given, 4)
    late = sum(one.pieces for one in drawn if one.late)
    assert late == pytest.approx(0.002 * 950_000, rel=0.1)
    products = Counter[str]()
    for one in drawn:
        products[one.key.product] += one.pieces
    assert products["postcard_6x9"] == pytest.approx(0.3 * 700_000 + 250_000, rel=0.01)


def test_the_most_that_flows_is_the_narrowest_cut() -> None:
    flow = Flow()
    edges = [("s", "a", 4.0), ("s", "b", 2.0), ("a", "b", 1.0), ("a", "t", 2.0), ("b", "t", 4.0)]
    for source, target, most in edges:
        flow.edge(source, target, most)
    assert flow.push("s", "t") == 5.0
    flow.edge("s", "b", 3.0)
    assert flow.push("s", "t") == 1.0


def tiny(pieces: list[tuple[int, int]], *, hours: int = 1) -> int:
    """The bound of a printer that makes 4 pieces an hour from 06:00 on, with trucks at 08:00 and 10:00: (ready, due) hours."""
    printer = {
        "name": "one", "zone": "UTC", "products": {"a": {"n_up": 1, "sheets_per_hour": 4, "cents_per_sheet": 1}},
        "hours": [["06:00", "22:00"]], "trucks": ["08:00", "10:00"], "lead_minutes": 60, "setup_minutes_per_batch": 0,
        "setup_cents_per_batch": 0, "max_sheets_per_batch": 9, "ack_minutes": [0, 0], "spoilage": 0,
    }  # fmt: skip
    made = scenario(
        start="2026-03-03", products={"a": 1}, printers=[printer], arrivals={"zone": "UTC", "hourly_share": [1] * 24}
    )
    start = made.starts_at.timestamp()
    key = made.batch_keys()[0]
    lots = [Arrival(start + 3600 * ready + 300, key, start + 3600 * due, 1, False) for ready, due in pieces]
    return bound(made, lots, [Shop(made.printers[0], made, Random(0))])


@pytest.mark.parametrize("seed", range(12))
def test_the_bound_is_the_most_that_any_choice_of_tiny_pieces_allows(seed: int) -> None:
    rng = Random(seed)
    pieces = [(rng.choice([0, 6, 7, 8]), rng.choice([7, 8, 9, 10, 11])) for _ in range(9)]
    assert tiny(pieces) == max(
        sum(chosen)
        for chosen in product((0, 1), repeat=9)
        if servable([one for one, on in zip(pieces, chosen, strict=True) if on])
    )


def servable(pieces: list[tuple[int, int]]) -> bool:
    """Hall's condition over every span of hours: 4 pieces an hour, from 06:00, until an hour before the last truck."""
    spans = [(max(ready, 6), 9 if due >= 10 else 7 if due >= 8 else 0) for ready, due in pieces]
    return all(
        sum(first >= start and last <= end for first, last in spans) <= 4 * max(0, end - start)
        for start in range(10)
        for end in range(10)
    )


def test_the_planner_keeps_what_can_be_kept_and_wastes_less_than_the_others(trickle: Comparison) -> None:
    mailstream, fixed, full = trickle.outcomes
    assert mailstream.pieces == fixed.pieces == full.pieces == 1_800
    assert mailstream.kept >= max(0.9999 * trickle.bound_pieces, fixed.kept, full.kept)
    assert mailstream.sheet_waste <= min(0.1, fixed.sheet_waste)


def test_the_same_seed_gives_the_same_and_the_json_has_the_agreed_keys(trickle: Comparison) -> None:
    first = trickle.as_dict(1.0)
    assert first == compare(scenario(), 7, silent).as_dict(1.0)
    assert set(first) == {"scenario", "seed", "seconds", "policies"}
    assert [one["policy"] for one in first["policies"]] == ["mailstream", "fixed-interval", "full-sheets-only"]
    assert all(set(one) == KEYS for one in first["policies"])


def test_every_printed_slot_is_a_piece_a_reprint_or_waste() -> None:
    made = scenario()
    spotless = [one.model_copy(update={"spoilage": 0.0}) for one in made.printers]
    for outcome in compare(made.model_copy(update={"printers": tuple(spotless)}), 2, silent).outcomes:
        assert outcome.slots - outcome.empty == outcome.printed
        assert outcome.kept <= outcome.printed <= outcome.pieces


def test_a_printer_that_is_down_is_gone_round_once_its_silence_is_known() -> None:
    made = scenario("printer-down", pieces=60_000)
    mailstream, fixed, full = compare(made, 1, silent).outcomes
    assert mailstream.kept >= 0.9999 * 60_000
    assert mailstream.kept > max(fixed.kept, full.kept)


def test_a_day_without_mail_is_a_day(tmp_path: Path) -> None:
    compared = compare(scenario(pieces=0), 1, silent)
    assert [outcome.kept for outcome in compared.outcomes] == [0, 0, 0]
    assert compared.as_dict(0)["policies"][0]["kept_share"] == 1.0
    plot(compared, tmp_path / "day.png")


def test_the_chart_shows_every_policy(trickle: Comparison, tmp_path: Path) -> None:
    plot(trickle, tmp_path / "day.png")
    with Image.open(tmp_path / "day.png") as image:
        colors = {color for _, color in image.convert("RGB").getcolors(1 << 20) or []}
    assert {(11, 110, 79), (200, 85, 61), (74, 111, 165)} <= colors


def test_a_file_that_is_wrong_says_where(tmp_path: Path) -> None:
    body = json.loads((SCENARIOS / "trickle.json").read_bytes())
    body["printers"][0]["lead_minutes"] = -1
    (tmp_path / "bad.json").write_text(json.dumps(body))
    with pytest.raises(Permanent, match=r"bad.json: printers.0.lead_minutes"):
        read_scenario(tmp_path / "bad.json")


def test_unknown_fields_are_refused_by_their_names(tmp_path: Path) -> None:
    body = json.loads((SCENARIOS / "trickle.json").read_bytes())
    body["printers"][0]["setup_minutes"] = 3
    body["promised"] = "clock"
    (tmp_path / "bad.json").write_text(json.dumps(body))
    with pytest.raises(Permanent) as refused:
        read_scenario(tmp_path / "bad.json")
    assert "printers.0.setup_minutes: there is no such field; promised: there is no such field" in str(refused.value)


@pytest.mark.long
@pytest.mark.parametrize("name", ["plain-day", "friday-surge", "printer-down"])
def test_a_million_pieces_keep_the_goals(name: str) -> None:
    compared = compare(scenario(name), 1, silent)
    mailstream, fixed, full = compared.outcomes
    assert mailstream.kept >= max(0.9999 * compared.bound_pieces, fixed.kept, full.kept)
    assert mailstream.sheet_waste <= min(0.02, fixed.sheet_waste)
